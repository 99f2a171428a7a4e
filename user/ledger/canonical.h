/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line of a ledger, read: is it JSON in the one form that the format allows
 * (scoutgate-ledger(5)), so that to write it again would give the same bytes.
 * One pass, and no memory but the caller's: a verifier reads millions.
 */
#ifndef SG_USER_CANONICAL_H
#define SG_USER_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value as it stands in the line; of a text, what is between its quotation
 * marks. bytes 0 and at NULL: there is none. */
struct canonical_value {
	const char *at;
	size_t bytes;
	char type; /* '"' '0' '{' '[' 't' 'f' 'n' */
};

#define CANONICAL_DEPTH_MAX 16

/* Return whether a line, without its LF, is an object in canonical form. */
bool canonical_is(const char *line, size_t bytes);

/* The value of a key of an object in canonical form. */
struct canonical_value canonical_find(const char *object, size_t bytes,
				      const char *key);

/* The next member of an object in canonical form; *at NULL: the first. False:
 * there is none. The key is as it stands between its quotation marks. */
bool canonical_next(const char *object, size_t bytes, const char **at,
		    struct canonical_value *ret_key,
		    struct canonical_value *ret_value);

/* A member of a canonical object, which is inside of line. */
struct canonical_value canonical_inside(struct canonical_value object,
					const char *key);

bool canonical_is_text(struct canonical_value value, const char *text);
/* A text, with \ and %XX undone, into room for it; -1: it is none, or too long.
 */
int canonical_text(struct canonical_value value, char *ret_text, size_t room);
/* -1: it is no number from 0 on. */
int64_t canonical_number(struct canonical_value value);
/* "S.NNNNNNNNN", nanoseconds; -1: it is none. */
int64_t canonical_time(struct canonical_value value);

#endif
