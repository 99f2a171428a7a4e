// SPDX-License-Identifier: GPL-2.0-or-later
/* See record.h. */
#include "ledger/record.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sys/clock.h"

void record_release(struct record *record)
{
	free(record->text);
	*record = (struct record){0};
}

static void put(struct record *record, const char *bytes, size_t count)
{
	size_t room = record->room ? record->room : 512;
	char *text;

	while (room - record->bytes < count)
		room *= 2;
	if (room != record->room) {
		text = realloc(record->text, room);
		if (!text) {
			record->failed = true;
			return;
		}
		record->text = text;
		record->room = room;
	}
	memcpy(record->text + record->bytes, bytes, count);
	record->bytes += count;
}

/* Begin a field; what is put until the next belongs to it. */
static struct record_field *begin(struct record *record, const char *key)
{
	struct record_field *field;

	if (record->count == RECORD_FIELDS_MAX) {
		record->failed = true;
		record->count--;
	}
	field = &record->fields[record->count++];
	*field = (struct record_field){.key = key, .first = record->bytes};
	return field;
}

static void put_escaped(struct record *record, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		char escaped[4];

		if (c < ' ' || c > '~' || c == '%') {
			snprintf(escaped, sizeof(escaped), "%%%02X", c);
			put(record, escaped, 3);
			continue;
		}
		if (c == '"' || c == '\\')
			put(record, "\\", 1);
		put(record, text, 1);
	}
}

void record_key(const char *name, char *ret_key, size_t room)
{
	size_t used = 0;

	for (; *name && used + 4 <= room; name++) {
		unsigned char c = (unsigned char)*name;
		bool is_plain = c >= ' ' && c <= '~' && !strchr("%\"\\", c);

		used += (size_t)snprintf(ret_key + used, room - used,
					 is_plain ? "%c" : "%%%02X", c);
	}
	ret_key[used] = '\0';
}

void record_value(struct record *record, const char *key, const char *json)
{
	struct record_field *field = begin(record, key);

	put(record, json, strlen(json));
	field->bytes = record->bytes - field->first;
}

void record_text(struct record *record, const char *key, const char *text)
{
	struct record_field *field;

	if (!text) {
		record_null(record, key);
		return;
	}
	field = begin(record, key);
	put(record, "\"", 1);
	put_escaped(record, text);
	put(record, "\"", 1);
	field->bytes = record->bytes - field->first;
}

void record_number(struct record *record, const char *key, int64_t number)
{
	char text[32];

	if (number > RECORD_NUMBER_MAX)
		number = RECORD_NUMBER_MAX;
	if (number < -RECORD_NUMBER_MAX)
		number = -RECORD_NUMBER_MAX;
	snprintf(text, sizeof(text), "%" PRId64, number);
	record_value(record, key, text);
}

void record_null(struct record *record, const char *key)
{
	record_value(record, key, "null");
}

void record_flag(struct record *record, const char *key, bool flag)
{
	record_value(record, key, flag ? "true" : "false");
}

void record_time(struct record *record, const char *key, uint64_t ns)
{
	char text[RECORD_TIME_BYTES];

	record_time_text(ns, text);
	record_text(record, key, text);
}

void record_object(struct record *record, const char *key, struct record *inner)
{
	char *json = record_print(inner, "", NULL);

	if (json)
		record_value(record, key, json);
	else
		record->failed = true;
	free(json);
	record_release(inner);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct record_field *)a)->key,
		      ((const struct record_field *)b)->key);
}

char *record_print(struct record *record, const char *end, size_t *ret_bytes)
{
	size_t room = record->bytes + strlen(end) + 3;
	char *text, *to;

	for (size_t i = 0; i < record->count; i++)
		room += strlen(record->fields[i].key) + 4;
	text = record->failed ? NULL : malloc(room);
	if (!text)
		return NULL;
	qsort(record->fields, record->count, sizeof(record->fields[0]), by_key);
	to = stpcpy(text, "{");
	for (size_t i = 0; i < record->count; i++) {
		const struct record_field *field = &record->fields[i];

		to += sprintf(to, "%s\"%s\":", i ? "," : "", field->key);
		memcpy(to, record->text + field->first, field->bytes);
		to += field->bytes;
	}
	to = stpcpy(stpcpy(to, "}"), end);
	if (ret_bytes)
		*ret_bytes = (size_t)(to - text);
	return text;
}

void record_time_text(uint64_t ns, char ret_text[RECORD_TIME_BYTES])
{
	snprintf(ret_text, RECORD_TIME_BYTES, "%" PRIu64 ".%09" PRIu64,
		 ns / NS_PER_S, ns % NS_PER_S);
}

void record_date_text(uint64_t real_ns, char ret_text[RECORD_TIME_BYTES])
{
	time_t seconds = (time_t)(real_ns / NS_PER_S);
	char date[RECORD_TIME_BYTES - 8];
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(ret_text, RECORD_TIME_BYTES, "%s.%03uZ", date,
		 (unsigned int)(real_ns % NS_PER_S / 1000000));
}

static int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10;
}

void record_decode(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == '%' && isxdigit((unsigned char)text[1]) &&
		    isxdigit((unsigned char)text[2])) {
			*to++ = (char)(digit(text[1]) << 4 | digit(text[2]));
			text += 2;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}
