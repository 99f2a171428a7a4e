/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list that may be long, printed row by row, as a table (table.h) or as JSON:
 * it needs no more room for a million rows than for a few hundred.
 */
#ifndef SG_USER_STREAM_H
#define SG_USER_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stdint.h>

#include "cmd/show.h"
#include "cmd/table.h"

#define STREAM_CELL_BYTES 96

struct stream;

/* name: of the JSON member that is the list. NULL: out of memory. A number
 * stands in JSON as it was set. */
struct stream *stream_begin(const char *name,
			    const struct table_column *columns, size_t count,
			    enum show_form form);

/* Set a cell of the row at hand; one that is not set is absent. */
__attribute__((format(printf, 3, 4))) void
stream_set(struct stream *stream, size_t column, const char *format, ...);

/* The same with a text, which is cut at STREAM_CELL_BYTES - 1, and a number. */
void stream_text(struct stream *stream, size_t column, const char *text);
void stream_number(struct stream *stream, size_t column, uint64_t number);

/* The row is complete. 0 or -ENOMEM. */
int stream_row(struct stream *stream);

/* All rows are; print what is left, and free it. 0 or -ENOMEM. */
int stream_end(struct stream *stream);

#endif
