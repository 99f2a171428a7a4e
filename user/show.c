// SPDX-License-Identifier: GPL-2.0-or-later
/* See show.h. */
#include "show.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static void *must(void *value)
{
	if (!value) {
		fputs("scoutgate: out of memory\n", stderr);
		exit(1);
	}
	return value;
}

static const char *cell(struct json_object *row, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(row, key, &value) || !value)
		return "-";
	return json_object_get_string(value);
}

/* How a column is printed; found by one look at every row. */
struct layout {
	int width;
	bool is_number; /* in every row that has it */
};

static struct layout layout_of(struct json_object *rows,
			       const struct show_column *column)
{
	struct layout layout = {.width = (int)strlen(column->heading)};
	struct json_object *value;
	bool has_text = false;

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		int width = (int)strlen(cell(row, column->key));

		if (width > layout.width)
			layout.width = width;
		if (!json_object_object_get_ex(row, column->key, &value))
			continue;
		if (json_object_is_type(value, json_type_int))
			layout.is_number = true;
		else
			has_text = true;
	}
	layout.is_number = layout.is_number && !has_text;
	return layout;
}

/* One line; row NULL: the headings. The last column is not padded. */
static void print_line(struct json_object *row,
		       const struct show_column *columns,
		       const struct layout *layouts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct layout *layout = &layouts[i];
		bool is_last = i + 1 == count;
		const char *text =
			row ? cell(row, columns[i].key) : columns[i].heading;

		if (layout->is_number)
			printf("%*s", layout->width, text);
		else
			printf("%-*s", is_last ? 0 : layout->width, text);
		fputs(is_last ? "\n" : "  ", stdout);
	}
}

void show_table(struct json_object *rows, const struct show_column *columns,
		size_t count)
{
	struct layout layouts[SHOW_COLUMNS_MAX];

	if (json_object_array_length(rows) == 0) {
		puts("(none)");
		return;
	}
	assert(count <= SHOW_COLUMNS_MAX);
	for (size_t i = 0; i < count; i++)
		layouts[i] = layout_of(rows, &columns[i]);
	print_line(NULL, columns, layouts, count);
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		print_line(json_object_array_get_idx(rows, i), columns, layouts,
			   count);
}

void show_json(struct json_object *value)
{
	puts(json_object_to_json_string_ext(
		value,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}

void show_add_text(struct json_object *object, const char *key,
		   const char *text)
{
	json_object_object_add(object, key, must(json_object_new_string(text)));
}

void show_add_number(struct json_object *object, const char *key,
		     uint64_t number)
{
	json_object_object_add(object, key,
			       must(json_object_new_int64((int64_t)number)));
}

void show_add_flag(struct json_object *object, const char *key, bool flag)
{
	json_object_object_add(object, key,
			       must(json_object_new_boolean(flag)));
}

struct json_object *show_add_list(struct json_object *object, const char *key)
{
	struct json_object *list = must(json_object_new_array());

	json_object_object_add(object, key, list);
	return list;
}

struct json_object *show_add_object(struct json_object *object, const char *key)
{
	struct json_object *inner = must(json_object_new_object());

	json_object_object_add(object, key, inner);
	return inner;
}

struct json_object *show_add_row(struct json_object *list)
{
	struct json_object *row = must(json_object_new_object());

	json_object_array_add(list, row);
	return row;
}

void show_ports(uint16_t first, uint16_t last, char *ret_text, size_t bytes)
{
	if (first == last)
		snprintf(ret_text, bytes, "%u", first);
	else
		snprintf(ret_text, bytes, "%u-%u", first, last);
}

void show_endpoint(const union sg_addr *addr, uint16_t port, char *ret_text,
		   size_t bytes)
{
	char text[TEXT_ADDR_BYTES];

	text_from_addr(addr, text, sizeof(text));
	snprintf(ret_text, bytes, text_addr_is_v4(addr) ? "%s:%u" : "[%s]:%u",
		 text, port);
}
