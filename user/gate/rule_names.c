// SPDX-License-Identifier: GPL-2.0-or-later
/* See rule_names.h. */
#include "gate/rule_names.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right)
{
	const struct sg_forward *a = left;
	const struct sg_forward *b = right;

	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

/* Read the rows of a slot, which end where there is no more. */
static int read_slot(const struct pins *pins, struct sg_forward_key key,
		     struct rule_names *names)
{
	size_t room = 0;
	struct sg_forward *grown;

	for (;; key.position++) {
		if (names->count == room) {
			room = room ? room * 2 : 64;
			grown = reallocarray(names->items, room,
					     sizeof(*grown));
			if (!grown)
				return -ENOMEM;
			names->items = grown;
		}
		if (bpf_map_lookup_elem(pins->map_fds[PINS_forwards], &key,
					&names->items[names->count]))
			return errno == ENOENT ? 0 : -errno;
		names->count++;
	}
}

int rule_names_read(const struct pins *pins, struct rule_names *ret_names)
{
	struct rule_names names = {0};
	struct sg_active active;
	int r = pins_active(pins, &active);

	if (r)
		return r;
	r = read_slot(pins, (struct sg_forward_key){.slot = active.slot},
		      &names);
	if (r) {
		rule_names_release(&names);
		return r;
	}
	if (names.count)
		qsort(names.items, names.count, sizeof(*names.items), compare);
	*ret_names = names;
	return 0;
}

void rule_names_release(struct rule_names *names)
{
	free(names->items);
	*names = (struct rule_names){0};
}

const char *rule_names_find(const struct rule_names *names, uint32_t rule)
{
	const struct sg_forward key = {.rule = rule};
	const struct sg_forward *found =
		names->count ? bsearch(&key, names->items, names->count,
				       sizeof(key), compare)
			     : NULL;

	return found ? found->name : NULL;
}

bool rule_names_has(const struct rule_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i].name, name) == 0)
			return true;
	return false;
}
