/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The common part of commands that print one table of the gate's state. */
#ifndef SG_USER_LIST_H
#define SG_USER_LIST_H

#include "cmd/show.h"
#include "cmd/verb.h"
#include "gate/pins.h"

struct list {
	const char *name; /* of the command, and of the JSON member */
	int (*add)(const struct pins *pins, struct json_object *rows);
	const struct table_column *columns;
	size_t column_count;
};

/* Run such a command; count: of the arguments, of which it takes none.
 * --watch is obeyed (repeat.h). */
int list_run(const struct context *context, int count, const struct list *list);

#endif
