// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate drops: what was dropped, by interface and reason. */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "list.h"
#include "maps.h"
#include "names.h"
#include "sg_reason.h"

static const struct show_column columns[] = {
	{"interface", "INTERFACE"},
	{"reason", "REASON"},
	{"packets", "PACKETS"},
	{"meaning", "MEANING"},
};

static int by_interface(const void *left, const void *right)
{
	const struct sg_drop_key *a = left;
	const struct sg_drop_key *b = right;

	if (a->ifindex != b->ifindex)
		return a->ifindex < b->ifindex ? -1 : 1;
	return (int)a->reason - (int)b->reason;
}

static int add_drop(struct json_object *rows, int fd,
		    const struct sg_drop_key *key)
{
	struct json_object *row;
	char name[IF_NAMESIZE];
	uint64_t packets;
	int r = maps_sum(fd, key, 1, &packets);

	if (r)
		return r;
	row = show_add_row(rows);
	show_add_text(row, "interface",
		      if_indextoname(key->ifindex, name) ? name : "(gone)");
	show_add_text(row, "reason", name_of_reason(key->reason));
	show_add_number(row, "packets", packets);
	show_add_text(row, "meaning", text_of_reason(key->reason));
	return 0;
}

static int add_drops(const struct pins *pins, struct json_object *rows)
{
	int fd = pins->map_fds[PINS_drops];
	_cleanup_(cleanup_free) struct sg_drop_key *keys = NULL;
	size_t count;
	int r = maps_keys(fd, sizeof(*keys), (void **)&keys, &count);

	if (r)
		return r;
	qsort(keys, count, sizeof(*keys), by_interface);
	for (size_t i = 0; i < count && !r; i++)
		r = add_drop(rows, fd, &keys[i]);
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
