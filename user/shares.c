// SPDX-License-Identifier: GPL-2.0-or-later
/* See shares.h. */
#include "shares.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "cleanup.h"
#include "clock.h"
#include "maps.h"
#include "names.h"
#include "sg_flow.h"
#include "sg_policy.h"
#include "show.h"

static const struct table_column columns[] = {
	{"share", "FLOWS OF", TABLE_TEXT, 0},
	{"open", "OPEN", TABLE_NUMBER, 0},
	{"open_room", "ROOM", TABLE_NUMBER, 0},
	{"half_open", "HALF OPEN", TABLE_NUMBER, 0},
	{"answered", "ANSWERED", TABLE_NUMBER, 0},
	{"half_open_room", "ROOM", TABLE_NUMBER, 0},
	{"forgotten", "FORGOTTEN", TABLE_NUMBER, 0},
};

/* Return how many flows of a share are open and alive. -errno: not to be read.
 */
static int count_alive(const struct pins *pins, uint32_t share)
{
	_cleanup_(cleanup_free) struct sg_flow_key *keys = NULL;
	_cleanup_(cleanup_free) struct sg_flow *flows = NULL;
	struct sg_policy policy;
	uint32_t now_s = boot_s();
	size_t count = 0;
	int alive = 0;
	int r = pins_policy(pins, &policy);

	if (!r)
		r = maps_read(pins->map_fds[PINS_flows], sizeof(*keys),
			      sizeof(*flows), (void **)&keys, (void **)&flows,
			      &count);
	for (size_t i = 0; i < count && !r; i++)
		alive += flows[i].share == share &&
			 flows[i].state <= SG_STATE_ESTABLISHED &&
			 !sg_flow_is_over(&keys[i], &flows[i], &policy, now_s);
	return r ? r : alive;
}

static int read_hand(const struct pins *pins, enum sg_table table,
		     uint32_t share, struct sg_sweep_hand *ret_hand)
{
	uint32_t ring = SG_RING(table, share);

	return bpf_map_lookup_elem(pins->map_fds[PINS_sweep_hand], &ring,
				   ret_hand)
		       ? -errno
		       : 0;
}

/* Half-open flows that are not over, of each share. */
struct half_open {
	struct sg_policy policy;
	uint32_t now_s;
	uint32_t unanswered[SG_SHARE_COUNT];
	uint32_t answered[SG_SHARE_COUNT];
};

static int count_one(const void *key, const void *value, void *context)
{
	const struct sg_flow *flow = value;
	struct half_open *count = context;

	if (flow->share >= SG_SHARE_COUNT ||
	    sg_flow_is_over(key, flow, &count->policy, count->now_s))
		return 0;
	if (flow->flags & SG_FLOW_ANSWERED)
		count->answered[flow->share]++;
	else
		count->unanswered[flow->share]++;
	return 0;
}

static int count_half_open(const struct pins *pins, struct half_open *ret_count)
{
	int r = pins_policy(pins, &ret_count->policy);

	ret_count->now_s = boot_s();
	return r ? r
		 : maps_each(pins->map_fds[PINS_half_open],
			     sizeof(struct sg_flow_key), sizeof(struct sg_flow),
			     count_one, ret_count);
}

/* Add how many flows of a share are half open: not answered, and answered, with
 * room for so many of each; and how many had to make room. */
static int add_half_open(const struct pins *pins, uint32_t share,
			 const struct half_open *count, struct json_object *row)
{
	uint32_t entries = maps_room(pins->map_fds[PINS_half_open]);
	struct sg_sweep_hand answered;
	struct sg_sweep_hand hand;
	int r = read_hand(pins, SG_TABLE_HALF_OPEN, share, &hand);

	if (!r)
		r = read_hand(pins, SG_TABLE_ANSWERED, share, &answered);
	if (r)
		return r;
	show_add_number(row, "half_open", count->unanswered[share]);
	show_add_number(row, "answered", count->answered[share]);
	show_add_number(
		row, "half_open_room",
		sg_ring_size(SG_RING(SG_TABLE_HALF_OPEN, share), 0, entries));
	show_add_number(row, "forgotten", hand.forgotten + answered.forgotten);
	return 0;
}

int shares_add(const struct pins *pins, struct json_object *rows,
	       struct json_object *full)
{
	uint32_t flows = maps_room(pins->map_fds[PINS_flows]);
	struct half_open half_open = {0};
	int r = count_half_open(pins, &half_open);

	for (uint32_t share = 0; share < SG_SHARE_COUNT && !r; share++) {
		uint32_t room =
			sg_ring_size(SG_RING(SG_TABLE_FLOWS, share), flows, 0);
		struct json_object *row = show_add_row(rows);
		struct sg_sweep_hand open = {0};
		int alive = 0;

		show_add_text(row, "share", name_of_share(share));
		r = read_hand(pins, SG_TABLE_FLOWS, share, &open);
		if (!r && open.count >= room)
			alive = count_alive(pins, share);
		if (alive < 0)
			r = alive;
		show_add_number(row, "open", open.count);
		show_add_number(row, "open_room", room);
		if (!r)
			r = add_half_open(pins, share, &half_open, row);
		if (alive > 0 && (uint32_t)alive >= room)
			json_object_array_add(
				full,
				json_object_new_string(name_of_share(share)));
	}
	return r;
}

void shares_print(struct json_object *rows)
{
	show_table(rows, columns, sizeof(columns) / sizeof(columns[0]));
}
