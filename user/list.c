// SPDX-License-Identifier: GPL-2.0-or-later
/* See list.h. */
#include "list.h"

#include <string.h>

#include "cleanup.h"

int list_run(const struct context *context, int count, const struct list *list)
{
	_cleanup_(show_release) struct json_object *root = NULL;
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	struct json_object *rows;
	struct fault fault;
	int r;

	if (count)
		return verb_usage("%s takes no arguments", list->name);
	if (pins_open(context->pin_dir, &pins, &fault))
		return verb_fail(&fault);
	root = json_object_new_object();
	rows = show_add_list(root, list->name);
	r = list->add(&pins, rows);
	if (r) {
		fault_set(&fault, r, "%s: reading %s failed: %s",
			  context->pin_dir, list->name, strerror(-r));
		return verb_fail(&fault);
	}
	if (context->json)
		show_json(root, SHOW_JSON);
	else
		show_table(rows, list->columns, list->column_count);
	return EXIT_OK;
}
