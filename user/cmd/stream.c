// SPDX-License-Identifier: GPL-2.0-or-later
/* See stream.h. */
#include "cmd/stream.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/printable.h"

struct stream {
	const char *name;
	const struct table_column *columns;
	size_t count;
	struct table *table; /* NULL: it is JSON */
	bool is_one_line;
	char now[TABLE_COLUMNS_MAX][STREAM_CELL_BYTES];
	bool has_rows;
};

struct stream *stream_begin(const char *name,
			    const struct table_column *columns, size_t count,
			    enum show_form form)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	assert(count <= TABLE_COLUMNS_MAX);
	if (!stream)
		return NULL;
	stream->name = name;
	stream->columns = columns;
	stream->count = count;
	stream->is_one_line = form == SHOW_JSON_LINE;
	if (form != SHOW_TABLE)
		return stream;
	stream->table = table_begin(columns, count);
	if (stream->table)
		return stream;
	free(stream);
	return NULL;
}

void stream_text(struct stream *stream, size_t column, const char *text)
{
	char *cell = stream->now[column];

	if (printable_is(text))
		*stpncpy(cell, text, STREAM_CELL_BYTES - 1) = '\0';
	else
		printable_copy(text, cell, STREAM_CELL_BYTES);
}

void stream_set(struct stream *stream, size_t column, const char *format, ...)
{
	char text[STREAM_CELL_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	stream_text(stream, column, text);
}

/* Not by printf(), which takes most of the time of a long list. */
void stream_number(struct stream *stream, size_t column, uint64_t number)
{
	char digits[32];
	size_t at = sizeof(digits);

	digits[--at] = '\0';
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	memcpy(stream->now[column], digits + at, sizeof(digits) - at);
}

static void put(const char *text)
{
	fputs_unlocked(text, stdout);
}

/* Print a text that has no control characters (RFC 8259 7). */
static void put_json_text(const char *text)
{
	put("\"");
	if (!strpbrk(text, "\"\\")) {
		put(text);
		text = "";
	}
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	put("\"");
}

static void begin_json(const struct stream *stream)
{
	printf(stream->is_one_line ? "{\"%s\":[" : "{\n  \"%s\":[",
	       stream->name);
}

static void print_json(const struct stream *stream)
{
	bool is_first = true;

	put(stream->has_rows ? "," : "");
	put(stream->is_one_line ? "{" : "\n    {");
	for (size_t i = 0; i < stream->count; i++) {
		if (!stream->now[i][0])
			continue;
		put(is_first ? "\"" : ",\"");
		put(stream->columns[i].key);
		put("\":");
		is_first = false;
		if (stream->columns[i].kind == TABLE_NUMBER)
			put(stream->now[i]);
		else
			put_json_text(stream->now[i]);
	}
	putchar('}');
}

int stream_row(struct stream *stream)
{
	const char *cells[TABLE_COLUMNS_MAX];
	int r = 0;

	for (size_t i = 0; i < stream->count; i++)
		cells[i] = stream->now[i];
	if (stream->table) {
		r = table_row(stream->table, cells);
	} else {
		if (!stream->has_rows)
			begin_json(stream);
		print_json(stream);
	}
	stream->has_rows = true;
	for (size_t i = 0; i < stream->count; i++)
		stream->now[i][0] = '\0';
	return r;
}

int stream_end(struct stream *stream)
{
	int r = 0;

	if (stream->table) {
		r = table_end(stream->table);
	} else {
		if (!stream->has_rows)
			begin_json(stream);
		puts(stream->is_one_line ? "]}" : "\n  ]\n}");
	}
	free(stream);
	return r;
}
