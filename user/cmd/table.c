// SPDX-License-Identifier: GPL-2.0-or-later
/* See table.h. */
#include "cmd/table.h"

#include <assert.h>
#include <errno.h>
#include <libsmartcols.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "sys/cleanup.h"

#define GAP "  "
#define GAP_WIDTH 2
#define NARROWEST 8 /* a text that is broken has so much at the least */

/* A width is in columns of a terminal; 0: there is no such column. */
struct column {
	struct libscols_column *scols; /* NULL: for JSON alone */
	size_t cell;
	size_t width;
	bool is_hidden;
	bool is_broken;
};

struct table {
	const struct table_column *columns;
	size_t count;
	struct column shown[TABLE_COLUMNS_MAX];
	struct libscols_table *scols;
	struct libscols_line *lines[TABLE_PIECE_ROWS]; /* made when needed */
	size_t line_count;
	size_t rows; /* of lines: those that are not printed yet */
	bool is_laid_out;
};

static int add_columns(struct table *table)
{
	size_t cell = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct table_column *column = &table->columns[i];
		int flags = column->kind == TABLE_NUMBER ? SCOLS_FL_RIGHT : 0;

		if (!column->heading)
			continue;
		table->shown[i].cell = cell++;
		table->shown[i].scols = scols_table_new_column(
			table->scols, column->heading, 0, flags);
		if (!table->shown[i].scols)
			return -ENOMEM;
	}
	return 0;
}

static void release(struct table *table)
{
	scols_unref_table(table->scols);
	free(table);
}

struct table *table_begin(const struct table_column *columns, size_t count)
{
	struct table *table = calloc(1, sizeof(*table));

	assert(count <= TABLE_COLUMNS_MAX);
	if (!table)
		return NULL;
	table->columns = columns;
	table->count = count;
	table->scols = scols_new_table();
	if (!table->scols || add_columns(table) ||
	    scols_table_set_column_separator(table->scols, GAP)) {
		release(table);
		return NULL;
	}
	scols_table_enable_noencoding(table->scols, 1);
	/* it would cut off what does not fit */
	scols_table_set_termforce(table->scols, SCOLS_TERMFORCE_NEVER);
	return table;
}

/* Return how wide standard output is; 0: as wide as need be. */
static size_t terminal_width(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ? 0 : size.ws_col;
}

/* Lines of a text that is broken. */
struct lines {
	char *to;      /* behind what is written */
	char *chance;  /* where the line at hand can end; NULL: nowhere */
	size_t width;  /* of the line at hand */
	size_t behind; /* of that: what is in front of the chance */
};

/* End the line at its last chance, or here. */
static void end_line(struct lines *lines)
{
	if (!lines->chance) {
		*lines->to++ = '\n';
		lines->width = 0;
	} else if (lines->chance[-1] == ' ') {
		lines->chance[-1] = '\n';
		lines->width -= lines->behind;
	} else {
		memmove(lines->chance + 1, lines->chance,
			(size_t)(lines->to - lines->chance));
		*lines->chance = '\n';
		lines->to++;
		lines->width -= lines->behind;
	}
	lines->chance = NULL;
}

/* Return a copy in lines of at most `width`, which end at spaces, hyphens and
 * colons where there are any; NULL: out of memory. */
static char *break_lines(const char *text, size_t width)
{
	size_t bytes = strlen(text);
	char *broken = malloc(2 * bytes + 1);
	struct lines lines = {.to = broken};
	mbstate_t state = {0};

	for (size_t at = 0, some; broken && at < bytes; at += some) {
		wchar_t c = L' ';
		size_t took = mbrtowc(&c, text + at, bytes - at, &state);
		int wide = took == 0 || took > bytes ? 1 : wcwidth(c);

		some = took == 0 || took > bytes ? 1 : took;
		if (lines.width + (size_t)(wide > 0 ? wide : 0) > width &&
		    lines.width) {
			end_line(&lines);
			if (text[at] == ' ' && !lines.width)
				continue; /* the end of the line stands for it
					   */
		}
		memcpy(lines.to, text + at, some);
		lines.to += some;
		lines.width += (size_t)(wide > 0 ? wide : 0);
		if (strchr(" -:", text[at])) {
			lines.chance = lines.to;
			lines.behind = lines.width;
		}
	}
	if (broken)
		*lines.to = '\0';
	return broken;
}

static int set_cell(struct table *table, struct libscols_line *line, size_t i,
		    const char *text)
{
	const struct column *column = &table->shown[i];
	_cleanup_(cleanup_free) char *broken = NULL;

	if (column->is_broken) {
		broken = break_lines(text, column->width);
		if (!broken)
			return -ENOMEM;
		text = broken;
	}
	return scols_line_set_data(line, column->cell, text);
}

static size_t table_width(const struct table *table)
{
	size_t width = 0;

	for (size_t i = 0; i < table->count; i++)
		if (table->shown[i].scols && !table->shown[i].is_hidden)
			width += table->shown[i].width + GAP_WIDTH;
	return width > GAP_WIDTH ? width - GAP_WIDTH : 0;
}

static void hide(struct table *table, size_t room)
{
	for (int rank = 9; rank > 0; rank--)
		for (size_t i = 0; i < table->count; i++)
			if (table->columns[i].rank == rank &&
			    table->shown[i].scols &&
			    table_width(table) > room) {
				table->shown[i].is_hidden = true;
				scols_column_set_flags(table->shown[i].scols,
						       SCOLS_FL_HIDDEN);
			}
}

/* Return the widest text that can be made narrower; NULL: none can. */
static struct column *widest_text(struct table *table)
{
	struct column *widest = NULL;

	for (size_t i = 0; i < table->count; i++) {
		struct column *column = &table->shown[i];

		if (column->scols && !column->is_hidden &&
		    table->columns[i].kind == TABLE_TEXT &&
		    column->width > NARROWEST &&
		    column->width > strlen(table->columns[i].heading) &&
		    (!widest || column->width > widest->width))
			widest = column;
	}
	return widest;
}

/* Break the texts of a column in rows that are there already. */
static int break_column(const struct table *table, const struct column *column)
{
	if (scols_column_set_flags(column->scols, SCOLS_FL_WRAP) ||
	    scols_column_set_wrapfunc(column->scols, scols_wrapnl_chunksize,
				      scols_wrapnl_nextchunk, NULL))
		return -ENOMEM;
	for (size_t row = 0; row < table->rows; row++) {
		struct libscols_cell *cell =
			scols_line_get_cell(table->lines[row], column->cell);
		char *text =
			break_lines(scols_cell_get_data(cell), column->width);

		if (!text || scols_cell_refer_data(cell, text))
			return -ENOMEM;
	}
	return 0;
}

/* Take from the widest texts until all has room. */
static int break_widest(struct table *table, size_t room)
{
	struct column *widest;
	int r = 0;

	while (table_width(table) > room &&
	       (widest = widest_text(table)) != NULL) {
		widest->width--;
		widest->is_broken = true;
	}
	for (size_t i = 0; i < table->count && !r; i++)
		if (table->shown[i].is_broken)
			r = break_column(table, &table->shown[i]);
	return r;
}

/* Let a column have its width in every piece. A hint is obeyed where it is
 * strict; a column that is as wide as its heading is never narrower. */
static void fix_width(const struct column *column, const char *heading)
{
	int flags = scols_column_get_flags(column->scols);

	if (column->width <= strlen(heading))
		return;
	scols_column_set_whint(column->scols, (double)column->width);
	scols_column_set_flags(column->scols, flags | SCOLS_FL_STRICTWIDTH);
}

/* Let the first rows decide how wide each column is. */
static int lay_out(struct table *table)
{
	size_t room = terminal_width();
	char *text = NULL;
	int r = scols_print_table_to_string(table->scols, &text);

	free(text); /* widths are known when it has been printed once */
	if (r)
		return -ENOMEM;
	for (size_t i = 0; i < table->count; i++)
		if (table->shown[i].scols)
			table->shown[i].width =
				scols_column_get_width(table->shown[i].scols);
	if (room) {
		hide(table, room);
		r = break_widest(table, room);
	}
	for (size_t i = 0; i < table->count; i++)
		if (table->shown[i].scols)
			fix_width(&table->shown[i], table->columns[i].heading);
	table->is_laid_out = true;
	return r;
}

static int print_piece(struct table *table)
{
	int r = 0;

	/* those of the piece before that are not used now */
	for (size_t i = table->rows; i < table->line_count; i++)
		scols_table_remove_line(table->scols, table->lines[i]);
	table->line_count = table->rows;
	if (!table->is_laid_out)
		r = lay_out(table);
	else
		scols_table_enable_noheadings(table->scols, 1);
	if (!r && scols_print_table(table->scols))
		r = -ENOMEM;
	table->rows = 0;
	return r;
}

/* Return whether a row can be printed as it is, by the widths that are known:
 * nothing of it is broken, and each byte of it is a column. */
static bool is_plain(const struct table *table, const char *const *cells)
{
	for (size_t i = 0; i < table->count; i++) {
		if (!table->shown[i].scols)
			continue;
		if (table->shown[i].is_broken)
			return false;
		for (const char *at = cells[i]; at && *at; at++)
			if (*at & 0x80)
				return false;
	}
	return true;
}

static const char *cell_text(const char *const *cells, size_t i)
{
	return cells[i] && cells[i][0] ? cells[i] : "-";
}

/* Print a row as libsmartcols would, at a tenth of its cost: a table of a
 * million rows is waited for. */
static void print_plain(const struct table *table, const char *const *cells)
{
	size_t owed = 0; /* blanks, which no line ends with */

	for (size_t i = 0; i < table->count; i++) {
		const struct column *column = &table->shown[i];
		const char *text = cell_text(cells, i);
		size_t width = strlen(text);
		size_t blanks =
			column->width > width ? column->width - width : 0;

		if (!column->scols || column->is_hidden)
			continue;
		if (table->columns[i].kind == TABLE_NUMBER) {
			owed += blanks;
			blanks = 0;
		}
		for (; owed; owed--)
			putchar_unlocked(' ');
		fputs(text, stdout);
		owed = blanks + GAP_WIDTH;
	}
	putchar_unlocked('\n');
}

int table_row(struct table *table, const char *const *cells)
{
	struct libscols_line *line;
	int r = 0;

	if (table->is_laid_out && is_plain(table, cells)) {
		print_plain(table, cells);
		return 0;
	}
	if (table->rows == table->line_count) {
		line = scols_table_new_line(table->scols, NULL);
		if (!line)
			return -ENOMEM;
		table->lines[table->line_count++] = line;
	}
	line = table->lines[table->rows++];
	for (size_t i = 0; i < table->count && !r; i++)
		if (table->shown[i].scols)
			r = set_cell(table, line, i, cell_text(cells, i));
	if (!r && (table->is_laid_out || table->rows == TABLE_PIECE_ROWS))
		r = print_piece(table);
	return r;
}

int table_end(struct table *table)
{
	int r = 0;

	if (table->rows)
		r = print_piece(table);
	else if (!table->is_laid_out)
		puts("(none)");
	release(table);
	return r;
}

int table_paragraph(const char *text)
{
	size_t room = terminal_width();
	_cleanup_(cleanup_free) char *broken =
		break_lines(text, room ? room : strlen(text));

	if (!broken)
		return -ENOMEM;
	puts(broken);
	return 0;
}
