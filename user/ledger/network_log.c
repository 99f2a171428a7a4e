// SPDX-License-Identifier: GPL-2.0-or-later
/* See network_log.h. */
#include "ledger/network_log.h"

#include <string.h>

#include "config/names.h"
#include "gate/entries.h"
#include "sys/text.h"

#define LINES_MAX 200 /* of one look; a flood of links is told as that */

struct network_log {
	const struct policy *policy;
	struct writer *writer;
	size_t lines;
};

static bool has_room(struct network_log *log)
{
	struct record record = {0};

	if (log->lines++ < LINES_MAX)
		return true;
	if (log->lines == LINES_MAX + 1) {
		record_text(&record, "change",
			    "more changes at once than are "
			    "written");
		record_null(&record, "name");
		writer_append(log->writer, "link", &record);
	}
	return false;
}

static void tell_link(struct network_log *log, const struct link *link,
		      const char *change)
{
	int role = entries_role(log->policy, link);
	struct record record = {0};

	if (!has_room(log))
		return;
	record_text(&record, "name", link->name);
	record_number(&record, "index", link->ifindex);
	record_text(&record, "role",
		    role >= 0 ? name_of_role((unsigned int)role) : NULL);
	record_text(&record, "change", change);
	writer_append(log->writer, "link", &record);
}

static void tell_addr(struct network_log *log, const struct links *links,
		      const struct link_addr *addr, const char *change)
{
	const struct link *link = links_find(links, addr->ifindex);
	struct record record = {0};
	char text[TEXT_ADDR_BYTES];

	if (!has_room(log))
		return;
	text_from_addr(&addr->addr, text, sizeof(text));
	record_text(&record, "name", link ? link->name : NULL);
	record_text(&record, "address", text);
	record_text(&record, "change", change);
	writer_append(log->writer, "address", &record);
}

static void compare_link(struct network_log *log, const struct link *before,
			 const struct link *now)
{
	if (!before)
		tell_link(log, now, "new");
	else if (strcmp(before->name, now->name) != 0)
		tell_link(log, now, "renamed");
	else if (before->is_up != now->is_up)
		tell_link(log, now, now->is_up ? "up" : "down");
	else if (before->has_carrier != now->has_carrier)
		tell_link(log, now,
			  now->has_carrier ? "carrier" : "no carrier");
	else if (memcmp(before->mac, now->mac, sizeof(now->mac)) != 0)
		tell_link(log, now, "another MAC");
}

static bool has_addr(const struct links *links, const struct link_addr *addr)
{
	for (size_t i = 0; i < links->addr_count; i++)
		if (links->addrs[i].ifindex == addr->ifindex &&
		    memcmp(&links->addrs[i].addr, &addr->addr,
			   sizeof(addr->addr)) == 0)
			return true;
	return false;
}

void network_log(const struct links *before, const struct links *now,
		 const struct policy *policy, struct writer *writer)
{
	struct network_log log = {policy, writer, 0};

	for (size_t i = 0; i < before->count; i++)
		if (!links_find(now, before->items[i].ifindex))
			tell_link(&log, &before->items[i], "gone");
	for (size_t i = 0; i < now->count; i++)
		compare_link(&log, links_find(before, now->items[i].ifindex),
			     &now->items[i]);
	for (size_t i = 0; i < before->addr_count; i++)
		if (!has_addr(now, &before->addrs[i]))
			tell_addr(&log, before, &before->addrs[i], "gone");
	for (size_t i = 0; i < now->addr_count; i++)
		if (!has_addr(before, &now->addrs[i]))
			tell_addr(&log, now, &now->addrs[i], "new");
}
