// SPDX-License-Identifier: GPL-2.0-or-later
/* See show.h. */
#include "show.h"

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

static bool is_number(struct json_object *row, const char *key)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(row, key, &value) &&
	       json_object_is_type(value, json_type_int);
}

static int width_of(struct json_object *rows, const struct show_column *column)
{
	size_t width = strlen(column->heading);

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		size_t length = strlen(cell(row, column->key));

		if (length > width)
			width = length;
	}
	return (int)width;
}

/* One line; row NULL: the headings. The last column is not padded. */
static void print_line(struct json_object *rows, struct json_object *row,
		       const struct show_column *columns, size_t count)
{
	struct json_object *first = json_object_array_get_idx(rows, 0);

	for (size_t i = 0; i < count; i++) {
		const struct show_column *column = &columns[i];
		int width = width_of(rows, column);
		const char *text =
			row ? cell(row, column->key) : column->heading;

		if (is_number(first, column->key))
			printf("%*s", width, text);
		else
			printf("%-*s", i + 1 < count ? width : 0, text);
		fputs(i + 1 < count ? "  " : "\n", stdout);
	}
}

void show_table(struct json_object *rows, const struct show_column *columns,
		size_t count)
{
	if (json_object_array_length(rows) == 0) {
		puts("(none)");
		return;
	}
	print_line(rows, NULL, columns, count);
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		print_line(rows, json_object_array_get_idx(rows, i), columns,
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

void show_endpoint(const struct sg_addr *addr, uint16_t port, char *ret_text,
		   size_t bytes)
{
	char text[TEXT_ADDR_BYTES];

	text_from_addr(addr, text, sizeof(text));
	snprintf(ret_text, bytes, text_addr_is_v4(addr) ? "%s:%u" : "[%s]:%u",
		 text, port);
}
