// SPDX-License-Identifier: GPL-2.0-or-later
/* See peers.h. */
#include "ledger/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct peers_item *find(const struct peers *peers,
			       const union sg_addr *addr)
{
	for (size_t i = 0; i < peers->count; i++)
		if (memcmp(&peers->items[i].addr, addr, sizeof(*addr)) == 0)
			return &peers->items[i];
	return NULL;
}

static struct peers_item *add(struct peers *peers, const union sg_addr *addr)
{
	struct peers_item *items;

	if (peers->count == PEERS_MAX)
		return NULL;
	items = reallocarray(peers->items, peers->count + 1, sizeof(*items));
	if (!items)
		return NULL;
	peers->items = items;
	items[peers->count].addr = *addr;
	return &items[peers->count++];
}

void peers_set(struct peers *peers, const union sg_addr *addr, const char *name)
{
	struct peers_item *item = find(peers, addr);

	if (item && !name[0]) {
		*item = peers->items[--peers->count];
		return;
	}
	if (!item && name[0])
		item = add(peers, addr);
	if (item)
		snprintf(item->name, sizeof(item->name), "%s", name);
}

const char *peers_find(const struct peers *peers, const union sg_addr *addr)
{
	const struct peers_item *item = find(peers, addr);

	return item ? item->name : NULL;
}

void peers_release(struct peers *peers)
{
	free(peers->items);
	*peers = (struct peers){0};
}
