/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A record of the ledger, on its way to be a line: JSON in its one canonical
 * form (scoutgate-ledger(5)): ASCII, keys sorted, no white space, no floating
 * point. Fields are added in any order. One for which memory was lacking makes
 * no line.
 */
#ifndef SG_USER_RECORD_H
#define SG_USER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_FIELDS_MAX 56
#define RECORD_TIME_BYTES 32
#define RECORD_NUMBER_MAX ((INT64_C(1) << 53) - 1)
/* bytes, with the line's end; one that starts has the configuration in it */
#define RECORD_LINE_MAX 65536
#define RECORD_START_MAX (2 * 1024 * 1024)

struct record_field {
	const char *key; /* lives as long as the record */
	size_t first;	 /* of its value in text */
	size_t bytes;
};

struct record {
	struct record_field fields[RECORD_FIELDS_MAX];
	size_t count;
	char *text; /* owned: values, one behind the other */
	size_t bytes, room;
	bool failed;
};

/* All zeros is an empty record. */
void record_release(struct record *record);

/* text NULL: null. What is not printable ASCII becomes %XX, and so does %. */
void record_text(struct record *record, const char *key, const char *text);
/* A number beyond RECORD_NUMBER_MAX, either way, becomes that. */
void record_number(struct record *record, const char *key, int64_t number);
void record_null(struct record *record, const char *key);
void record_flag(struct record *record, const char *key, bool flag);
/* of a clock, nanoseconds: "S.NNNNNNNNN" */
void record_time(struct record *record, const char *key, uint64_t ns);
/* The inner one's fields as an object; it is released. */
void record_object(struct record *record, const char *key,
		   struct record *inner);
/* A value that is canonical JSON already. */
void record_value(struct record *record, const char *key, const char *json);

/* The object as a text to be freed, with `end` behind it; NULL: memory was
 * lacking. */
char *record_print(struct record *record, const char *end, size_t *ret_bytes);

void record_time_text(uint64_t ns, char ret_text[RECORD_TIME_BYTES]);
/* RFC 3339, UTC, milliseconds */
void record_date_text(uint64_t real_ns, char ret_text[RECORD_TIME_BYTES]);

/* A name as a key, which has no %XX of its own and needs no backslash. Cut at
 * room. */
void record_key(const char *name, char *ret_key, size_t room);

/* Undo %XX, in place. */
void record_decode(char *text);

#endif
