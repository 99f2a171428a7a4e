// SPDX-License-Identifier: GPL-2.0-or-later
/* See list.h. */
#include "cmd/list.h"

#include <string.h>

#include "cmd/repeat.h"
#include "sys/cleanup.h"

static int draw(const struct context *context, const void *what)
{
	_cleanup_(show_release) struct json_object *root = NULL;
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	const struct list *list = what;
	struct json_object *rows;
	struct fault fault;
	int r;

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
		show_json(root, repeat_form(context));
	else
		show_table(rows, list->columns, list->column_count);
	return EXIT_OK;
}

int list_run(const struct context *context, int count, const struct list *list)
{
	return count ? verb_usage("%s takes no arguments", list->name)
		     : repeat_run(context, draw, list);
}
