/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of a ledger: NNNNNNNN.jsonl, from 1 on, in its directory, and
 * ledger.jsonl, which names the newest. ledger.id marks the directory as one.
 */
#ifndef SG_USER_SEGMENT_H
#define SG_USER_SEGMENT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/fault.h"

#define SEGMENT_NAME_BYTES 24
#define SEGMENT_ID_CHARS 16
#define SEGMENT_ID_BYTES (SEGMENT_ID_CHARS + 1)
#define SEGMENT_CURRENT "ledger.jsonl"

/* A segment that was purged is NNNNNNNN.leaves: the digest of each line, by
 * which the chain is known still. */
void segment_leaves_name(uint32_t number, char ret_name[SEGMENT_NAME_BYTES]);
void segment_name(uint32_t number, char ret_name[SEGMENT_NAME_BYTES]);
/* The same in a directory. 0, or -ENAMETOOLONG. */
int segment_path(const char *dir, uint32_t number, char ret_path[PATH_MAX]);
int segment_leaves_path(const char *dir, uint32_t number,
			char ret_path[PATH_MAX]);
/* The number of a segment's file, purged or not; 0: it is none. */
uint32_t segment_number(const char *name);

/* The name of the newest, by ledger.jsonl. 0 or -errno. */
int segment_current(const char *dir, char ret_name[SEGMENT_NAME_BYTES]);

/* All that are there, purged or not, in order, for the caller to free. 0 or
 * -errno. */
int segment_list(const char *dir, uint32_t **ret_numbers, size_t *ret_count,
		 struct fault *ret_fault);

/* The id of a directory that is marked as a ledger's. -ENOENT: it is not. */
int segment_read_id(const char *dir, char ret_id[SEGMENT_ID_BYTES]);
/* Be the one who writes there, until the fd is closed. Returns it, or -errno:
 * -EBUSY: another is. */
int segment_lock(const char *dir);
/* Make the directory, if it is not there, and mark it, if it is not. 0, or
 * -errno. */
int segment_mark(const char *dir, char ret_id[SEGMENT_ID_BYTES],
		 struct fault *ret_fault);

/* Lines of a segment, one after the other. */
struct segment_reader;
struct segment_reader *segment_open(const char *path, struct fault *ret_fault);
void segment_close(struct segment_reader **reader);
/* The next line with its LF, which lives until the next call; false: there is
 * none. *ret_whole: it has its LF, and is not too long. */
bool segment_next(struct segment_reader *reader, const char **ret_line,
		  size_t *ret_bytes, bool *ret_whole);

#endif
