// SPDX-License-Identifier: GPL-2.0-or-later
/* See verify_parts.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/record.h"
#include "ledger/verify_parts.h"

static void find_members(struct line *line)
{
	const char *at = NULL;

	line->count = 0;
	while (line->count < MEMBERS_MAX &&
	       canonical_next(line->text, line->bytes - 1, &at,
			      &line->keys[line->count],
			      &line->values[line->count]))
		line->count++;
}

struct canonical_value line_field(const struct line *line, const char *key)
{
	for (size_t i = 0; i < line->count; i++)
		if (canonical_is_text(line->keys[i], key))
			return line->values[i];
	return (struct canonical_value){0};
}

bool line_has_event(const struct line *line, const char *event)
{
	return canonical_is_text(line_field(line, "event"), event);
}

int reading_wrong(struct reading *reading, uint64_t n, const char *why)
{
	reading->verify->wrong =
		(struct verify_wrong){why, reading->segment, n};
	return -1;
}

__attribute__((format(printf, 3, 4))) void
verify_say(struct verify *verify, bool is_against, const char *format, ...)
{
	char **more = reallocarray(verify->said, verify->said_count + 1,
				   sizeof(*verify->said));
	va_list args;

	verify->is_incomplete |= is_against;
	if (!more)
		return;
	verify->said = more;
	va_start(args, format);
	if (vasprintf(&verify->said[verify->said_count], format, args) >= 0)
		verify->said_count++;
	va_end(args);
}

/*
 * Each line: the checks stand in the order in which the first that fails names
 * what is wrong.
 */

bool line_is_hex(struct canonical_value value, size_t chars)
{
	if (value.type != '"' || value.bytes != chars)
		return false;
	for (size_t i = 0; i < chars; i++)
		if (!memchr("0123456789abcdef", value.at[i], 16))
			return false;
	return true;
}

/* "2026-01-31T23:59:59.123Z" */
static bool is_date(struct canonical_value value)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

	if (value.type != '"' || value.bytes != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < value.bytes; i++)
		if (form[i] == 'd' ? value.at[i] < '0' || value.at[i] > '9'
				   : value.at[i] != form[i])
			return false;
	return true;
}

static bool has_form(struct line *line)
{
	if (!canonical_is(line->text, line->bytes - 1))
		return false;
	find_members(line);
	return (line->bytes <= RECORD_LINE_MAX ||
		line_has_event(line, "start")) &&
	       canonical_number(line_field(line, "v")) == 1 &&
	       line_field(line, "event").type == '"' &&
	       canonical_number(line_field(line, "n")) >= 0 &&
	       line_is_hex(line_field(line, "prev"), DIGEST_CHARS) &&
	       is_date(line_field(line, "ts")) &&
	       canonical_time(line_field(line, "boot")) >= 0;
}

int line_check(struct reading *reading, struct line *line)
{
	if (!has_form(line))
		return reading_wrong(reading, reading->n, "format");
	if (canonical_number(line_field(line, "n")) != (int64_t)reading->n)
		return reading_wrong(reading, reading->n, "n");
	if (canonical_is_text(line_field(line, "prev"), reading->chain))
		return 0;
	if (!reading->n)
		return reading_wrong(reading, 0, "chain");
	/* the record before is not what it was */
	reading->verify->records--;
	reading->checkpoints -= reading->ends_signed;
	reading->tail = reading->tail_before;
	memcpy(reading->verify->chain, reading->head_before, DIGEST_BYTES);
	return reading_wrong(reading, reading->n - 1, "chain");
}

void line_check_boot(struct reading *reading, const struct line *line)
{
	int64_t boot_ns = canonical_time(line_field(line, "boot"));

	if (boot_ns < reading->boot_ns)
		verify_say(reading->verify, true,
			   "boot time goes back: segment %u record %" PRIu64,
			   reading->segment, reading->n);
	reading->boot_ns = boot_ns;
}
