/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every command that prints builds one JSON value; --json prints it as it is,
 * and otherwise its lists of objects are printed as tables.
 */
#ifndef SG_USER_SHOW_H
#define SG_USER_SHOW_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHOW_COLUMNS_MAX 16

struct show_column {
	const char *key;     /* of the row's object */
	const char *heading; /* numbers stand to the right, text to the left */
};

/* Rows (an array of objects) as a table on standard output; absent: "-". */
void show_table(struct json_object *rows, const struct show_column *columns,
		size_t count);
void show_json(struct json_object *value);

/* Members, by type. The object takes no part in errors: out of memory ends
 * the program, as nothing was changed. */
void show_add_text(struct json_object *object, const char *key,
		   const char *text);
void show_add_number(struct json_object *object, const char *key,
		     uint64_t number);
void show_add_flag(struct json_object *object, const char *key, bool flag);

/* A new array that is, or object that is in, a member. */
struct json_object *show_add_list(struct json_object *object, const char *key);
struct json_object *show_add_row(struct json_object *list);
struct json_object *show_add_object(struct json_object *object,
				    const char *key);

/* "22" or "2000-2009" */
void show_ports(uint16_t first, uint16_t last, char *ret_text, size_t bytes);
/* "10.0.3.2:22" */
union sg_addr;
void show_endpoint(const union sg_addr *addr, uint16_t port, char *ret_text,
		   size_t bytes);

static inline void show_release(struct json_object **value)
{
	json_object_put(*value);
}

#endif
