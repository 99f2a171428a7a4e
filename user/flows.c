// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate flows: conversations, with packets and bytes each way. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "list.h"
#include "maps.h"
#include "names.h"
#include "sg_flow.h"
#include "sg_policy.h"
#include "text.h"

static const struct show_column columns[] = {
	{"kind", "KIND"},	    {"protocol", "PROTO"},
	{"state", "STATE"},	    {"remote", "REMOTE"},
	{"gate", "GATE"},	    {"local", "LOCAL"},
	{"interface", "INTERFACE"}, {"in_packets", "IN PKTS"},
	{"in_bytes", "IN BYTES"},   {"out_packets", "OUT PKTS"},
	{"out_bytes", "OUT BYTES"}, {"idle_s", "IDLE S"},
	{"age_s", "AGE S"},
};

static uint32_t seconds_since(uint32_t then_s, uint32_t now_s)
{
	return now_s > then_s ? now_s - then_s : 0;
}

/* The interface's name, which most flows share with the one before. */
static const char *name_of_interface(uint32_t ifindex)
{
	static char name[IF_NAMESIZE];
	static uint32_t named;

	if (ifindex == named)
		return name;
	if (!if_indextoname(ifindex, name))
		snprintf(name, sizeof(name), "#%u", ifindex);
	named = ifindex;
	return name;
}

static void add_flow(struct json_object *rows, const struct sg_flow_key *key,
		     const struct sg_flow *flow, uint32_t now_s)
{
	struct json_object *row = show_add_row(rows);
	const struct sg_traffic *in = &flow->traffic[SG_IN];
	const struct sg_traffic *out = &flow->traffic[SG_OUT];
	struct sg_addr remote = key->remote;
	char text[TEXT_ADDR_BYTES + 8];

	show_add_text(row, "kind", name_of_kind(flow->kind));
	show_add_text(row, "protocol", name_of_protocol(key->protocol));
	show_add_text(row, "state", name_of_state(flow->state));
	if (ntohl(remote.word[0]) >> 22 == 0xfe80 >> 6)
		remote.word[1] = 0; /* the link, which has a column */
	show_endpoint(&remote, ntohs(key->remote_port), text, sizeof(text));
	show_add_text(row, "remote", text);
	show_endpoint(&flow->gate_addr, ntohs(flow->gate_port), text,
		      sizeof(text));
	show_add_text(row, "gate", text);
	show_endpoint(&key->local, ntohs(key->local_port), text, sizeof(text));
	show_add_text(row, "local", text);
	show_add_text(row, "interface", name_of_interface(flow->ifindex));
	show_add_number(row, "in_packets", in->packets);
	show_add_number(row, "in_bytes", in->bytes);
	show_add_number(row, "out_packets", out->packets);
	show_add_number(row, "out_bytes", out->bytes);
	show_add_number(row, "idle_s", seconds_since(flow->last_s, now_s));
	show_add_number(row, "age_s", seconds_since(flow->created_s, now_s));
}

static int add_map(struct json_object *rows, int fd,
		   const struct sg_policy *policy)
{
	_cleanup_(cleanup_free) struct sg_flow_key *keys = NULL;
	_cleanup_(cleanup_free) struct sg_flow *flows = NULL;
	size_t count;
	int r = maps_read(fd, sizeof(*keys), sizeof(*flows), (void **)&keys,
			  (void **)&flows, &count);
	uint32_t now_s = boot_s();

	for (size_t i = 0; i < count && !r; i++)
		/* the datapath ends an expired one when it next comes by */
		if (!sg_flow_is_over(&keys[i], &flows[i], policy, now_s))
			add_flow(rows, &keys[i], &flows[i], now_s);
	return r;
}

static int add_flows(const struct pins *pins, struct json_object *rows)
{
	struct sg_policy policy;
	int r = pins_policy(pins, &policy);

	if (!r)
		r = add_map(rows, pins->map_fds[PINS_flows], &policy);
	return r ? r : add_map(rows, pins->map_fds[PINS_half_open], &policy);
}

int verb_flows(const struct context *context, int count, char **args)
{
	static const struct list list = {
		.name = "flows",
		.add = add_flows,
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
	};

	(void)args;
	return list_run(context, count, &list);
}
