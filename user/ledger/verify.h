/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is a ledger whole, and what is proven of it: scoutgate-ledger(5), VERDICT.
 * Files are read once, a line at a time, and need not be ours: nothing of them
 * is believed before it is checked.
 */
#ifndef SG_USER_VERIFY_H
#define SG_USER_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/digest.h"
#include "ledger/segment.h"
#include "sys/fault.h"

#define VERIFY_HEAD_CHARS_MIN 32 /* of a head that was noted on paper */

/* the first record that is not as it should be */
struct verify_wrong {
	const char *why; /* NULL: there is none */
	uint32_t segment;
	uint64_t n;
};

struct verify {
	/* what is held outside of the ledger; NULL: nothing */
	const char *head;
	const char *key;

	char ledger[SEGMENT_ID_BYTES];
	char chain[DIGEST_BYTES]; /* behind the last whole record */
	uint64_t segments, records, checkpoints;
	uint64_t tail; /* records of the newest segment that none signs */
	struct verify_wrong newest; /* the last record that was read */
	struct verify_wrong wrong;
	char **said; /* owned; what is not wrong, and to be known */
	size_t said_count;
	bool is_incomplete; /* some of that is against its being whole */
	bool proves_key, proves_head;
};

/* Verify a directory, or one segment's file. head and key are the caller's to
 * fill in, all else is 0. -errno with *ret_fault: it cannot be read. */
int verify_path(const char *path, struct verify *verify,
		struct fault *ret_fault);
void verify_release(struct verify *verify);

/* "whole", "incomplete" or "broken" */
const char *verify_verdict(const struct verify *verify);

#endif
