// SPDX-License-Identifier: GPL-2.0-or-later
/* See shares.h. */
#include "cmd/shares.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/show.h"
#include "config/names.h"
#include "gate/maps.h"
#include "sg_flow.h"
#include "sg_policy.h"
#include "sys/cleanup.h"
#include "sys/clock.h"

static const struct table_column columns[] = {
	{"share", "FLOWS OF", TABLE_TEXT, 0},
	{"open", "OPEN", TABLE_NUMBER, 0},
	{"open_room", "ROOM", TABLE_NUMBER, 0},
	{"half_open", "HALF OPEN", TABLE_NUMBER, 0},
	{"answered", "ANSWERED", TABLE_NUMBER, 0},
	{"half_open_room", "ROOM", TABLE_NUMBER, 0},
	{"forgotten", "FORGOTTEN", TABLE_NUMBER, 0},
};

static int read_hand(const struct pins *pins, enum sg_table table,
		     uint32_t share, struct sg_gc_hand *ret_hand)
{
	uint32_t ring = SG_RING(table, share);

	return bpf_map_lookup_elem(pins->map_fds[PINS_gc_hand], &ring, ret_hand)
		       ? -errno
		       : 0;
}

/* Flows of each share that are not over. */
struct counts {
	struct sg_policy policy;
	uint32_t now_s;
	uint32_t open[SG_SHARE_COUNT];
	uint32_t unanswered[SG_SHARE_COUNT]; /* half open, as those below */
	uint32_t answered[SG_SHARE_COUNT];
};

static bool is_alive(const struct sg_flow_key *key, const struct sg_flow *flow,
		     const struct counts *counts)
{
	return flow->share < SG_SHARE_COUNT &&
	       !sg_flow_is_over(key, flow, &counts->policy, counts->now_s);
}

static int count_open(const void *key, const void *value, void *context)
{
	const struct sg_flow *flow = value;
	struct counts *counts = context;

	if (is_alive(key, flow, counts))
		counts->open[flow->share] +=
			flow->state <= SG_STATE_ESTABLISHED;
	return 0;
}

static int count_half_open(const void *key, const void *value, void *context)
{
	const struct sg_flow *flow = value;
	struct counts *counts = context;

	if (!is_alive(key, flow, counts))
		return 0;
	if (flow->flags & SG_FLOW_ANSWERED)
		counts->answered[flow->share]++;
	else
		counts->unanswered[flow->share]++;
	return 0;
}

static int count_in(const struct pins *pins, enum pins_map map,
		    int (*each)(const void *, const void *, void *),
		    struct counts *counts)
{
	return maps_each(pins->map_fds[map], sizeof(struct sg_flow_key),
			 sizeof(struct sg_flow), each, counts);
}

/* Find out whether a share whose tokens have no more room is full of flows that
 * are alive: who is over makes room. */
static int add_full(const struct pins *pins, uint32_t share, uint32_t room,
		    struct counts *counts, struct json_object *full)
{
	int r;

	memset(counts->open, 0, sizeof(counts->open));
	r = count_in(pins, PINS_flows, count_open, counts);
	if (!r && counts->open[share] >= room)
		json_object_array_add(
			full, json_object_new_string(name_of_share(share)));
	return r;
}

/* Add how many flows of a share are half open: not answered, and answered, with
 * room for so many of each; and how many had to make room. */
static int add_half_open(const struct pins *pins, uint32_t share,
			 const struct counts *counts, struct json_object *row)
{
	uint32_t entries = maps_room(pins->map_fds[PINS_half_open]);
	struct sg_gc_hand answered;
	struct sg_gc_hand hand;
	int r = read_hand(pins, SG_TABLE_HALF_OPEN, share, &hand);

	if (!r)
		r = read_hand(pins, SG_TABLE_ANSWERED, share, &answered);
	if (r)
		return r;
	show_add_number(row, "half_open", counts->unanswered[share]);
	show_add_number(row, "answered", counts->answered[share]);
	show_add_number(
		row, "half_open_room",
		sg_ring_size(SG_RING(SG_TABLE_HALF_OPEN, share), 0, entries));
	show_add_number(row, "forgotten", hand.forgotten + answered.forgotten);
	return 0;
}

/* Masquerade ports of the range that are in use, of each protocol. */
struct ports {
	const struct port_range *range;
	uint32_t now_s;
	uint32_t tcp;
	uint32_t udp;
	uint32_t shared;
};

static int count_port(const void *key, const void *value, void *context)
{
	const struct sg_snat_port_key *port = key;
	const struct sg_snat_port *snat_port = value;
	struct ports *ports = context;
	uint16_t number = ntohs(port->gate_port.be);

	if (number < ports->range->first || number > ports->range->last ||
	    sg_snat_port_is_over(snat_port, ports->now_s))
		return 0;
	ports->tcp += port->protocol == IPPROTO_TCP;
	ports->udp += port->protocol == IPPROTO_UDP;
	ports->shared += snat_port->is_shared;
	return 0;
}

int shares_add_ports(const struct pins *pins, const struct policy *policy,
		     struct json_object *root)
{
	struct ports ports = {.range = &policy->masquerade_ports,
			      .now_s = boot_s()};
	int r = maps_each(pins->map_fds[PINS_snat_ports],
			  sizeof(struct sg_snat_port_key),
			  sizeof(struct sg_snat_port), count_port, &ports);

	show_add_number(root, "tcp", ports.tcp);
	show_add_number(root, "udp", ports.udp);
	show_add_number(root, "room",
			policy->masquerade_ports.last -
				policy->masquerade_ports.first + 1U);
	show_add_number(root, "shared", ports.shared);
	return r;
}

int shares_add(const struct pins *pins, struct json_object *rows,
	       struct json_object *full)
{
	uint32_t flows = maps_room(pins->map_fds[PINS_flows]);
	struct counts counts = {.now_s = boot_s()};
	int r = pins_policy(pins, &counts.policy);

	if (!r)
		r = count_in(pins, PINS_half_open, count_half_open, &counts);
	for (uint32_t share = 0; share < SG_SHARE_COUNT && !r; share++) {
		uint32_t room =
			sg_ring_size(SG_RING(SG_TABLE_FLOWS, share), flows, 0);
		struct json_object *row = show_add_row(rows);
		struct sg_gc_hand open = {0};

		show_add_text(row, "share", name_of_share(share));
		r = read_hand(pins, SG_TABLE_FLOWS, share, &open);
		show_add_number(row, "open", open.count);
		show_add_number(row, "open_room", room);
		if (!r)
			r = add_half_open(pins, share, &counts, row);
		if (!r && open.count >= room)
			r = add_full(pins, share, room, &counts, full);
	}
	return r;
}

void shares_print_ports(struct json_object *ports)
{
	printf("masquerade ports: %s of TCP and %s of UDP in use, of %s; %s "
	       "shared\n",
	       show_text_of(ports, "tcp"), show_text_of(ports, "udp"),
	       show_text_of(ports, "room"), show_text_of(ports, "shared"));
}

void shares_print(struct json_object *rows)
{
	show_table(rows, columns, sizeof(columns) / sizeof(columns[0]));
}
