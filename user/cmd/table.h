/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables on standard output, laid out by libsmartcols. A table is printed in
 * pieces of TABLE_PIECE_ROWS rows, so that it needs no more room for a million
 * rows than for a few hundred; the first piece decides the widths, and a wider
 * cell widens its own piece alone.
 * On a terminal, what has no room is left out by its rank, and then the widest
 * texts are broken into lines. Anywhere else a table has its whole width.
 * Text is UTF-8 that printable_copy() has made.
 */
#ifndef SG_USER_TABLE_H
#define SG_USER_TABLE_H

#include <stddef.h>

#define TABLE_COLUMNS_MAX 32
#define TABLE_PIECE_ROWS 512

enum table_kind {
	TABLE_TEXT,   /* stands to the left */
	TABLE_NUMBER, /* stands to the right, and is never broken */
};

struct table_column {
	const char *key;     /* of the JSON object */
	const char *heading; /* NULL: for JSON alone */
	enum table_kind kind;
	int rank; /* those of the highest rank go first where the terminal is
		     too narrow; 0: never */
};

struct table;

/* columns: they are to outlive the table. NULL: out of memory. */
struct table *table_begin(const struct table_column *columns, size_t count);

/* Add a row; a cell that is NULL or empty is absent, and printed as "-". 0 or
 * -ENOMEM. */
int table_row(struct table *table, const char *const *cells);

/* All rows are there: print what is left, or "(none)", and free it. 0 or
 * -ENOMEM. */
int table_end(struct table *table);

/* Print a paragraph, in lines that fit the terminal. 0 or -ENOMEM. */
int table_paragraph(const char *text);

#endif
