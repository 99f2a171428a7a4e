// SPDX-License-Identifier: GPL-2.0-or-later
/* See canonical.h. */
#include "ledger/canonical.h"

#include <ctype.h>
#include <string.h>

#include "ledger/record.h"

#define NUMBER_DIGITS_MAX 16
#define NS_DIGITS 9

/* Each skip_ function returns where what it skips ends, or NULL: it is not in
 * the form. */
static const char *skip_value(const char *at, const char *end, int depth);

/* Two upper-case digits behind a %: there is one way to write a byte. */
static bool is_escape(const char *at, const char *end)
{
	static const char digits[] = "0123456789ABCDEF";

	return end - at > 2 && memchr(digits, at[1], 16) &&
	       memchr(digits, at[2], 16);
}

static const char *skip_text(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++) {
		if (*at < ' ' || *at > '~' ||
		    (*at == '%' && !is_escape(at, end)))
			return NULL;
		if (*at != '\\')
			continue;
		at++;
		if (at == end || (*at != '"' && *at != '\\'))
			return NULL;
	}
	return at < end ? at + 1 : NULL;
}

static const char *skip_number(const char *at, const char *end)
{
	bool is_negative = *at == '-';
	const char *first = at + is_negative;
	int64_t number = 0;

	for (at = first; at < end && isdigit((unsigned char)*at) &&
			 at - first <= NUMBER_DIGITS_MAX;
	     at++)
		number = number * 10 + (*at - '0');
	if (at == first || number > RECORD_NUMBER_MAX ||
	    (*first == '0' && (at - first > 1 || is_negative)))
		return NULL;
	return at;
}

static const char *skip_word(const char *at, const char *end, const char *word)
{
	size_t bytes = strlen(word);

	return (size_t)(end - at) >= bytes && memcmp(at, word, bytes) == 0
		       ? at + bytes
		       : NULL;
}

/* A clock may have been set back; nothing else is below 0. */
static bool may_be_negative(const char *key, size_t bytes)
{
	return bytes == 4 && memcmp(key, "step", bytes) == 0;
}

/* In bytewise order, and none twice. */
static bool is_before(const char *a, size_t a_bytes, const char *b,
		      size_t b_bytes)
{
	int order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);

	return order < 0 || (order == 0 && a_bytes < b_bytes);
}

static const char *skip_object(const char *at, const char *end, int depth)
{
	const char *before = NULL;
	size_t before_bytes = 0;

	at++;
	if (at < end && *at == '}')
		return at + 1;
	while (at && at < end && *at == '"') {
		const char *key = at + 1;
		size_t bytes;

		at = skip_text(at, end);
		if (!at || at == end || *at != ':')
			return NULL;
		bytes = (size_t)(at - 1 - key);
		if (before && !is_before(before, before_bytes, key, bytes))
			return NULL;
		before = key;
		before_bytes = bytes;
		at++;
		if (at < end && *at == '-' && !may_be_negative(key, bytes))
			return NULL;
		at = skip_value(at, end, depth);
		if (!at || at == end)
			return NULL;
		if (*at == '}')
			return at + 1;
		if (*at++ != ',')
			return NULL;
	}
	return NULL;
}

static const char *skip_list(const char *at, const char *end, int depth)
{
	at++;
	if (at < end && *at == ']')
		return at + 1;
	while (at && at < end && *at != '-') {
		at = skip_value(at, end, depth);
		if (!at || at == end)
			return NULL;
		if (*at == ']')
			return at + 1;
		if (*at++ != ',')
			return NULL;
	}
	return NULL;
}

static const char *skip_value(const char *at, const char *end, int depth)
{
	if (at == end || depth == CANONICAL_DEPTH_MAX)
		return NULL;
	switch (*at) {
	case '"':
		return skip_text(at, end);
	case '{':
		return skip_object(at, end, depth + 1);
	case '[':
		return skip_list(at, end, depth + 1);
	case 't':
		return skip_word(at, end, "true");
	case 'f':
		return skip_word(at, end, "false");
	case 'n':
		return skip_word(at, end, "null");
	default:
		return skip_number(at, end);
	}
}

bool canonical_is(const char *line, size_t bytes)
{
	return bytes && line[0] == '{' &&
	       skip_value(line, line + bytes, 0) == line + bytes;
}

/* The value from its first byte to behind its last. */
static struct canonical_value value_at(const char *at, const char *behind)
{
	bool is_number = *at == '-' || isdigit((unsigned char)*at);

	return *at == '"' ? (struct canonical_value){at + 1,
						     (size_t)(behind - at - 2),
						     '"'}
			  : (struct canonical_value){at, (size_t)(behind - at),
						     is_number ? '0' : *at};
}

bool canonical_next(const char *object, size_t bytes, const char **at,
		    struct canonical_value *ret_key,
		    struct canonical_value *ret_value)
{
	const char *end = object + bytes;
	const char *key = *at ? *at + 1 : object + 1;
	const char *value, *behind;

	if (key >= end || *key != '"')
		return false;
	value = skip_text(key, end) + 1;
	behind = skip_value(value, end, 0);
	*ret_key = value_at(key, value - 1);
	*ret_value = value_at(value, behind);
	*at = behind; /* at the comma, or the last brace */
	return true;
}

struct canonical_value canonical_find(const char *object, size_t bytes,
				      const char *key)
{
	struct canonical_value name, value;
	const char *at = NULL;

	while (canonical_next(object, bytes, &at, &name, &value))
		if (canonical_is_text(name, key))
			return value;
	return (struct canonical_value){0};
}

struct canonical_value canonical_inside(struct canonical_value object,
					const char *key)
{
	return object.type == '{' ? canonical_find(object.at, object.bytes, key)
				  : (struct canonical_value){0};
}

bool canonical_is_text(struct canonical_value value, const char *text)
{
	return value.type == '"' && strlen(text) == value.bytes &&
	       memcmp(value.at, text, value.bytes) == 0;
}

int canonical_text(struct canonical_value value, char *ret_text, size_t room)
{
	char *to = ret_text;

	if (value.type != '"' || value.bytes >= room)
		return -1;
	for (size_t i = 0; i < value.bytes; i++) {
		i += value.at[i] == '\\';
		*to++ = value.at[i];
	}
	*to = '\0';
	record_decode(ret_text);
	return 0;
}

int64_t canonical_number(struct canonical_value value)
{
	int64_t number = 0;

	if (value.type != '0' || value.at[0] == '-')
		return -1;
	for (size_t i = 0; i < value.bytes; i++)
		number = number * 10 + (value.at[i] - '0');
	return number;
}

int64_t canonical_time(struct canonical_value value)
{
	int64_t ns = 0;
	size_t point;

	if (value.type != '"' || value.bytes < NS_DIGITS + 2 ||
	    value.bytes > NS_DIGITS + 10)
		return -1;
	point = value.bytes - NS_DIGITS - 1;
	if (point > 1 && value.at[0] == '0')
		return -1;
	for (size_t i = 0; i < value.bytes; i++) {
		if (i == point && value.at[i] == '.')
			continue;
		if (i == point || !isdigit((unsigned char)value.at[i]))
			return -1;
		ns = ns * 10 + (value.at[i] - '0');
	}
	return ns;
}
