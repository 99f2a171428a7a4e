/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every command that prints builds one JSON value; --json prints it as it is,
 * and otherwise its lists of objects are printed as tables (table.h).
 */
#ifndef SG_USER_SHOW_H
#define SG_USER_SHOW_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/table.h"

enum show_form {
	SHOW_TABLE,
	SHOW_JSON,
	SHOW_JSON_LINE, /* a document is one line */
};

/* Print on standard output, and add members, by type. Out of memory ends the
 * program, as nothing was changed. */

/* Print rows (an array of objects) as a table. */
void show_table(struct json_object *rows, const struct table_column *columns,
		size_t count);
void show_json(struct json_object *value, enum show_form form);
/* Print a paragraph, in lines that fit the terminal. */
void show_paragraph(const char *text);

/* The text becomes printable (printable.h). */
void show_add_text(struct json_object *object, const char *key,
		   const char *text);
void show_add_number(struct json_object *object, const char *key,
		     uint64_t number);
void show_add_flag(struct json_object *object, const char *key, bool flag);

/* Return the text of a member, or NULL: there is none. */
const char *show_text_of(struct json_object *object, const char *key);

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
