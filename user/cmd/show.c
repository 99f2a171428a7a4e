// SPDX-License-Identifier: GPL-2.0-or-later
/* See show.h. */
#include "cmd/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/cleanup.h"
#include "sys/printable.h"
#include "sys/text.h"

static void end_without_memory(void)
{
	fputs("scoutgate: out of memory\n", stderr);
	exit(1);
}

static void *must(void *value)
{
	if (!value)
		end_without_memory();
	return value;
}

static const char *cell(struct json_object *row, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(row, key, &value) || !value)
		return NULL;
	return json_object_get_string(value);
}

void show_table(struct json_object *rows, const struct table_column *columns,
		size_t count)
{
	struct table *table = must(table_begin(columns, count));
	const char *cells[TABLE_COLUMNS_MAX];

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		for (size_t j = 0; j < count; j++)
			cells[j] = cell(row, columns[j].key);
		if (table_row(table, cells))
			end_without_memory();
	}
	if (table_end(table))
		end_without_memory();
}

void show_json(struct json_object *value, enum show_form form)
{
	int flags = form == SHOW_JSON_LINE ? JSON_C_TO_STRING_PLAIN
					   : JSON_C_TO_STRING_PRETTY;

	puts(json_object_to_json_string_ext(
		value, flags | JSON_C_TO_STRING_NOSLASHESCAPE));
}

void show_paragraph(const char *text)
{
	if (table_paragraph(text))
		end_without_memory();
}

void show_add_text(struct json_object *object, const char *key,
		   const char *text)
{
	_cleanup_(cleanup_free) char *copy = NULL;
	size_t bytes = strlen(text) * PRINTABLE_GROWTH + 1;

	if (!printable_is(text)) {
		copy = must(malloc(bytes));
		printable_copy(text, copy, bytes);
		text = copy;
	}
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

const char *show_text_of(struct json_object *object, const char *key)
{
	return json_object_get_string(json_object_object_get(object, key));
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
