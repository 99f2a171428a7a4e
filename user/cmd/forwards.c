// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate forwards: rules, with hits. */
#include "cmd/forwards.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/list.h"
#include "config/names.h"
#include "gate/maps.h"
#include "sg_policy.h"
#include "sys/cleanup.h"

static const struct table_column columns[] = {
	{"name", "NAME", TABLE_TEXT, 0},
	{"protocol", "PROTOCOL", TABLE_TEXT, 0},
	{"ports", "PORTS", TABLE_TEXT, 0},
	{"to", "TO", TABLE_TEXT, 0},
	{"from", "FROM", TABLE_TEXT, 0},
	{"admitted", "ADMITTED", TABLE_NUMBER, 0},
	{"refused", "REFUSED", TABLE_NUMBER, 0},
};

static int add_rule(const struct pins *pins, struct json_object *rows,
		    const struct sg_forward *forward)
{
	struct json_object *row;
	uint64_t hits[2]; /* struct sg_hits */
	char text[16];
	int r = maps_sum(pins->map_fds[PINS_hits], &forward->rule, 2, hits);

	if (r)
		return r;
	row = show_add_row(rows);
	show_add_text(row, "name", forward->name);
	show_add_text(row, "protocol", name_of_protocol(forward->protocol));
	show_ports(forward->first, forward->last, text, sizeof(text));
	show_add_text(row, "ports", text);
	show_ports(forward->to_first,
		   forward->to_first + forward->last - forward->first, text,
		   sizeof(text));
	show_add_text(row, "to", text);
	show_add_text(row, "from", forward->has_sources ? "listed" : "any");
	show_add_number(row, "admitted", hits[0]);
	show_add_number(row, "refused", hits[1]);
	return 0;
}

int forwards_add(const struct pins *pins, struct json_object *rows)
{
	struct sg_forward forward;
	struct sg_active active;
	int r = pins_active(pins, &active);

	for (uint32_t position = 0; !r; position++) {
		struct sg_forward_key key = {active.slot, position};

		if (bpf_map_lookup_elem(pins->map_fds[PINS_forwards], &key,
					&forward))
			return errno == ENOENT ? 0 : -errno;
		r = add_rule(pins, rows, &forward);
	}
	return r;
}

void forwards_print(struct json_object *rows)
{
	show_table(rows, columns, sizeof(columns) / sizeof(columns[0]));
}

int verb_forwards(const struct context *context, int count, char **args)
{
	static const struct list list = {
		.name = "forwards",
		.add = forwards_add,
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
	};

	(void)args;
	return list_run(context, count, &list);
}
