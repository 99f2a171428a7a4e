/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list that may be long, printed row by row, as a table or as JSON: it needs
 * no more room for a million rows than for a few thousand. The widths of the
 * table's columns are those of the first rows; a longer cell pushes the next.
 */
#ifndef SG_USER_STREAM_H
#define SG_USER_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_CELL_BYTES 96
#define STREAM_COLUMNS_MAX 32
#define STREAM_FIRST_ROWS 512

struct stream_column {
	const char *key;     /* of the JSON object */
	const char *heading; /* of the table; NULL: for JSON alone */
	bool is_number;
	int rank; /* those of the highest rank go first where the terminal is
		     too narrow; 0: never */
};

struct stream;

/* name: of the JSON member that is the list. NULL: out of memory. */
struct stream *stream_begin(const char *name,
			    const struct stream_column *columns, size_t count,
			    bool is_json);

/* Set a cell of the row at hand; one that is not set is absent. */
__attribute__((format(printf, 3, 4))) void
stream_set(struct stream *stream, size_t column, const char *format, ...);

/* The row is complete. */
void stream_row(struct stream *stream);

/* All rows are; print what is left, and free it. */
void stream_end(struct stream *stream);

#endif
