// SPDX-License-Identifier: GPL-2.0-or-later
/* See stream.h. */
#include "stream.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef char row[STREAM_COLUMNS_MAX][STREAM_CELL_BYTES];

struct stream {
	const char *name;
	const struct stream_column *columns;
	size_t count;
	bool is_json;
	bool is_hidden[STREAM_COLUMNS_MAX];
	int widths[STREAM_COLUMNS_MAX];
	row now;
	row *first; /* rows that are not printed yet; NULL: they are */
	size_t first_count;
	bool has_rows;
};

struct stream *stream_begin(const char *name,
			    const struct stream_column *columns, size_t count,
			    bool is_json)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->name = name;
	stream->columns = columns;
	stream->count = count;
	stream->is_json = is_json;
	if (is_json)
		return stream;
	stream->first = calloc(STREAM_FIRST_ROWS, sizeof(*stream->first));
	if (stream->first)
		return stream;
	free(stream);
	return NULL;
}

void stream_set(struct stream *stream, size_t column, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(stream->now[column], sizeof(stream->now[column]), format,
		  args);
	va_end(args);
}

/* RFC 8259 7 */
static void put_json_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ')
			printf("\\u%04x", c);
		else if (c == '"' || c == '\\')
			printf("\\%c", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_json(struct stream *stream)
{
	bool is_first = true;

	printf("%s\n    {", stream->has_rows ? "," : "");
	for (size_t i = 0; i < stream->count; i++) {
		if (!stream->now[i][0])
			continue;
		printf("%s\"%s\":", is_first ? "" : ",",
		       stream->columns[i].key);
		is_first = false;
		if (stream->columns[i].is_number)
			fputs(stream->now[i], stdout);
		else
			put_json_text(stream->now[i]);
	}
	putchar('}');
}

/* One line. The last column is not padded. */
static void print_cells(const struct stream *stream, row *cells)
{
	size_t last = 0;

	for (size_t i = 0; i < stream->count; i++)
		if (!stream->is_hidden[i])
			last = i;
	for (size_t i = 0; i <= last; i++) {
		const char *text =
			cells ? (*cells)[i] : stream->columns[i].heading;
		int width = stream->widths[i];

		if (stream->is_hidden[i])
			continue;
		if (!text[0])
			text = "-";
		if (stream->columns[i].is_number)
			printf("%*s", width, text);
		else
			printf("%-*s", i == last ? 0 : width, text);
		fputs(i == last ? "\n" : "  ", stdout);
	}
}

static int table_width(const struct stream *stream)
{
	int width = -2;

	for (size_t i = 0; i < stream->count; i++)
		if (!stream->is_hidden[i])
			width += stream->widths[i] + 2;
	return width;
}

/* Leave out what a terminal has no room for. */
static void fit(struct stream *stream)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return;
	for (int rank = 9; rank > 0; rank--)
		for (size_t i = 0; i < stream->count; i++)
			if (stream->columns[i].rank == rank &&
			    table_width(stream) > size.ws_col)
				stream->is_hidden[i] = true;
}

static void print_first(struct stream *stream)
{
	for (size_t i = 0; i < stream->count; i++) {
		const char *heading = stream->columns[i].heading;

		stream->is_hidden[i] = !heading;
		stream->widths[i] = heading ? (int)strlen(heading) : 0;
		for (size_t j = 0; j < stream->first_count; j++) {
			int width = (int)strlen(stream->first[j][i]);

			if (width > stream->widths[i])
				stream->widths[i] = width;
		}
	}
	fit(stream);
	print_cells(stream, NULL);
	for (size_t j = 0; j < stream->first_count; j++)
		print_cells(stream, &stream->first[j]);
	free(stream->first);
	stream->first = NULL;
}

void stream_row(struct stream *stream)
{
	if (stream->is_json && !stream->has_rows)
		printf("{\n  \"%s\":[", stream->name);
	if (stream->is_json)
		print_json(stream);
	else if (!stream->first)
		print_cells(stream, &stream->now);
	else
		memcpy(stream->first[stream->first_count++], stream->now,
		       sizeof(stream->now));
	if (stream->first_count == STREAM_FIRST_ROWS && stream->first)
		print_first(stream);
	stream->has_rows = true;
	for (size_t i = 0; i < stream->count; i++)
		stream->now[i][0] = '\0';
}

void stream_end(struct stream *stream)
{
	if (stream->is_json && !stream->has_rows)
		printf("{\n  \"%s\":[", stream->name);
	if (stream->is_json)
		puts("\n  ]\n}");
	else if (!stream->has_rows)
		puts("(none)");
	else if (stream->first)
		print_first(stream);
	free(stream->first);
	free(stream);
}
