// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate drops: what was dropped, by interface and reason. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/list.h"
#include "config/names.h"
#include "gate/maps.h"
#include "sg_reason.h"
#include "sys/cleanup.h"

static const struct table_column columns[] = {
	{"interface", "INTERFACE", TABLE_TEXT, 0},
	{"reason", "REASON", TABLE_TEXT, 0},
	{"packets", "PACKETS", TABLE_NUMBER, 0},
	{"meaning", "MEANING", TABLE_TEXT, 0},
};

struct drop {
	struct sg_drop_key key;
	char interface[IF_NAMESIZE];
};

static int compare(const void *left, const void *right)
{
	const struct drop *a = left;
	const struct drop *b = right;
	int order = strcmp(a->interface, b->interface);

	if (!order && a->key.ifindex != b->key.ifindex) /* both are gone */
		return a->key.ifindex < b->key.ifindex ? -1 : 1;
	return order ? order : (int)a->key.reason - (int)b->key.reason;
}

static int add_drop(struct json_object *rows, int fd, const struct drop *drop)
{
	struct json_object *row;
	uint64_t packets;
	int r = maps_sum(fd, &drop->key, 1, &packets);

	if (r)
		return r;
	row = show_add_row(rows);
	show_add_text(row, "interface", drop->interface);
	show_add_text(row, "reason", name_of_reason(drop->key.reason));
	show_add_number(row, "packets", packets);
	show_add_text(row, "meaning", text_of_reason(drop->key.reason));
	return 0;
}

static int add_drops(const struct pins *pins, struct json_object *rows)
{
	int fd = pins->map_fds[PINS_drops];
	_cleanup_(cleanup_free) struct sg_drop_key *keys = NULL;
	_cleanup_(cleanup_free) struct drop *drops = NULL;
	size_t count;
	int r = maps_keys(fd, sizeof(*keys), (void **)&keys, &count);

	if (r)
		return r;
	drops = calloc(count + 1, sizeof(*drops));
	if (!drops)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		drops[i].key = keys[i];
		pins_interface_name(pins, keys[i].ifindex, drops[i].interface);
	}
	qsort(drops, count, sizeof(*drops), compare);
	for (size_t i = 0; i < count && !r; i++)
		r = add_drop(rows, fd, &drops[i]);
	return r;
}

int verb_drops(const struct context *context, int count, char **args)
{
	static const struct list list = {
		.name = "drops",
		.add = add_drops,
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
	};

	(void)args;
	return list_run(context, count, &list);
}
