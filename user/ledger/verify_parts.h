/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of verify.h among themselves. Checks return 0, or -1: the verdict
 * has what is wrong. */
#ifndef SG_USER_VERIFY_PARTS_H
#define SG_USER_VERIFY_PARTS_H

#include "ledger/canonical.h"
#include "ledger/sign.h"
#include "ledger/verify.h"
#include "sys/boot_id.h"

#define KEY_BYTES (SIGN_KEY_BYTES + 1)

/* flows since the last start, as its records tell */
struct tally {
	bool is_known; /* it is read from that start on */
	int64_t before, begun, ended, lost;
};

/* what one segment hands on to the next */
struct hand_over {
	uint32_t segment; /* 0: none was read */
	uint64_t records;
	char sha256[DIGEST_BYTES];
	char chain[DIGEST_BYTES];
	char key[KEY_BYTES]; /* that the last checkpoint announced; "": none */
	bool is_torn;
	bool is_purged;	      /* its chain alone is known */
	const char *torn_why; /* of the first line that is no record */
	uint64_t torn_bytes;  /* from there on */
	char torn_sha256[DIGEST_BYTES];
	bool ends_signed; /* a checkpoint is its last record */
	char event[16];	  /* its last record's before that */
};

/* a segment while it is read */
struct reading {
	struct verify *verify;
	const char *dir; /* NULL: a file alone */
	uint32_t segment;
	bool is_newest;
	struct digest *digest;
	uint64_t n, bytes;
	char chain[DIGEST_BYTES];
	char head_before[DIGEST_BYTES]; /* the newest record */
	char key[KEY_BYTES];		/* due for the next checkpoint */
	char boot_id[BOOT_ID_BYTES];
	int64_t boot_ns;
	uint64_t tail, tail_before, checkpoints;
	struct tally *tally;
	struct hand_over *before;
	char event[16]; /* of the newest record that is no checkpoint */
	bool ends_signed, is_torn;
	const char *torn_why;
	uint64_t torn_bytes;
	struct digest *torn;
};

#define MEMBERS_MAX 64 /* of a line; what is beyond is not asked for */

/* A line under check. Once it is known to be in canonical form its members are
 * found, in one pass. */
struct line {
	const char *text;
	size_t bytes; /* with its LF */
	struct canonical_value keys[MEMBERS_MAX], values[MEMBERS_MAX];
	size_t count;
};

int reading_wrong(struct reading *reading, uint64_t n, const char *why);
/* Say something that is not wrong; is_against: it is against the ledger's being
 * whole. */
__attribute__((format(printf, 3, 4))) void
verify_say(struct verify *verify, bool is_against, const char *format, ...);

/* Of a line that line_check() has passed. */
struct canonical_value line_field(const struct line *line, const char *key);
bool line_has_event(const struct line *line, const char *event);
bool line_is_hex(struct canonical_value value, size_t chars);

/* Its form, and its place behind the record before. */
int line_check(struct reading *reading, struct line *line);
void line_check_boot(struct reading *reading, const struct line *line);

/* The first record of a segment, and how it fits the segment before. */
int first_check(struct reading *reading, const struct line *line);

/* A checkpoint: its note, its signature, and its balance. */
int checkpoint_check(struct reading *reading, const struct line *line);

#endif
