/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rings by which expired flows, and the oldest half-open ones, are found
 * with nobody's help: each entry of a flow table has one token in the ring of
 * its share (sg_flow.h).
 */
#ifndef SG_BPF_SWEEP_H
#define SG_BPF_SWEEP_H

#include "flows_maps.h"
#include "scratch.h"

#define SWEEP_TRIES 4 /* against other CPUs at the same ring */

/* set by the loader: max_entries of `flows` and `half_open` */
const volatile __u32 sweep_flows = 65536;
const volatile __u32 sweep_half_open = 16384;

stage __u32 sweep_size(__u32 ring)
{
	return sg_ring_size(ring, sweep_flows, sweep_half_open);
}

/* The token of a flow into the scratch room: its key, and its id where a key
 * has zeros. */
stage void sweep_note(struct scratch *room, const struct sg_flow_key *key,
		      const struct sg_flow *flow)
{
	room->token.key = *key;
	__builtin_memcpy(room->token.key.id, flow->id, sizeof(flow->id));
}

/* Put the token in the scratch room at a ring's end, or take the oldest into
 * it. 0, or -1: full, or empty, or other CPUs were always first. */
standalone int sweep_turn(__u32 ring, __u32 is_push)
{
	struct scratch *room = scratch_get();
	struct sg_sweep_hand *hand = bpf_map_lookup_elem(&sweep_hand, &ring);
	__u32 size = sweep_size(ring);
	struct sg_sweep *slot;
	__u32 index;
	__u32 count;
	__u32 head;
	__u32 next;
	int done = 0;

	if (!hand || !room || !size)
		return -1;
	for (int i = 0; i < SWEEP_TRIES && !done; i++) {
		head = hand->head;
		count = hand->count;
		if (is_push ? count >= size : !count)
			return -1;
		next = head + 1 < size ? head + 1 : 0;
		index = sg_ring_first(ring, sweep_flows, sweep_half_open) +
			(is_push ? head + count : head) % size;
		slot = bpf_map_lookup_elem(&sweep, &index);
		if (!slot)
			return -1;
		bpf_spin_lock(&hand->lock);
		if (hand->head == head && hand->count == count) {
			if (is_push) {
				*slot = room->token;
				hand->count = count + 1;
			} else {
				room->token = *slot;
				hand->head = next;
				hand->count = count - 1;
			}
			done = 1;
		}
		bpf_spin_unlock(&hand->lock);
	}
	return done ? 0 : -1;
}

stage int sweep_push(__u32 ring)
{
	return sweep_turn(ring, true);
}

stage int sweep_pop(__u32 ring)
{
	return sweep_turn(ring, false);
}

/* The flow of the token in the scratch room, whose key is then in room->swept.
 * NULL: it is over, or has another place. */
stage struct sg_flow *sweep_find(struct scratch *room, void *table)
{
	struct sg_flow *flow;

	room->swept = room->token.key;
	__builtin_memset(room->swept.id, 0, sizeof(room->swept.id));
	flow = bpf_map_lookup_elem(table, &room->swept);
	return flow && flow->id[0] == room->token.key.id[0] &&
			       flow->id[1] == room->token.key.id[1] &&
			       flow->id[2] == room->token.key.id[2]
		       ? flow
		       : NULL;
}

#endif
