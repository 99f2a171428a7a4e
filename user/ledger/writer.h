/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one writer of a ledger: records are chained, signed at checkpoints, and
 * forced to the disk by a thread of its own, so that a slow disk holds up
 * nobody. See scoutgate-ledger(5).
 *
 * When a record cannot be written, the ledger has a gap: what is lost is
 * counted, a gap is written as soon as there is room, and the writer says what
 * is wrong until then.
 */
#ifndef SG_USER_WRITER_H
#define SG_USER_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/record.h"
#include "sys/fault.h"

/* how a ledger's last segment ended, for its `previous` */
struct writer_previous {
	uint32_t segment; /* 0: there is none */
	uint64_t records;
	char sha256[65];
	char chain[65];
	const char *end; /* "stop", "segment", "killed", "torn" */
	uint64_t torn_bytes;
	char torn_sha256[65];
};

/* Flows of this start, as the records tell, and records that were lost. */
struct writer_balance {
	uint64_t begun, ended, open, lost;
};

struct writer;

/* Become the one writer of a directory, and adopt what is there. most_bytes:
 * that the ledger may have in all; 0: as many as there is room for. NULL with
 * *ret_fault. */
struct writer *writer_open(const char *dir, uint64_t most_bytes,
			   struct fault *ret_fault);

/* Begin a segment with a record `start` of these fields, which are released,
 * before anything is appended. 0 or -errno with *ret_fault. */
int writer_begin(struct writer *writer, struct record *start,
		 struct fault *ret_fault);

/* Return whether its newest segment is still where it was made: a disk may have
 * been taken away, or the directory. */
bool writer_is_there(const struct writer *writer);

/* A record of an event, with its common fields added; it is released. 0, or
 * -errno: it is counted as lost. */
int writer_append(struct writer *writer, const char *event,
		  struct record *record);

/* Sign what there is, if there is any since the last time. */
int writer_checkpoint(struct writer *writer);

/* To be called now and then: a checkpoint that is due, another segment when
 * this one is large or old, an end to a gap. */
void writer_tick(struct writer *writer);

/* The balance of the next checkpoint. */
struct writer_balance *writer_balance(struct writer *writer);

/* The problem, or NULL: there is none. */
const char *writer_problem(const struct writer *writer);
/* The time of the boot clock of the newest record, or later. */
uint64_t writer_now_ns(struct writer *writer);
const char *writer_dir(const struct writer *writer);
uint32_t writer_segment(const struct writer *writer);
const struct writer_previous *writer_previous(const struct writer *writer);

/* A record `stop`, the last checkpoint, and the end: keys are wiped. */
void writer_close(struct writer **writer, const char *why);

#endif
