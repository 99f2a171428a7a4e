/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rings by which expired flows, and the oldest half-open ones, are found
 * with nobody's help: each entry of a flow table has a token in the ring of its
 * share (sg_flow.h).
 */
#ifndef SG_BPF_SWEEP_H
#define SG_BPF_SWEEP_H

#include "flows_maps.h"
#include "scratch.h"

#define SWEEP_TRIES 8 /* against other CPUs at the same ring */

/* set by the loader: max_entries of `flows` and `half_open` */
const volatile __u32 sweep_flows = 65536;
const volatile __u32 sweep_half_open = 131072;

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

enum sweep_step {
	SWEEP_PUSH,   /* the token in the scratch room, at the ring's end */
	SWEEP_PEEK,   /* the oldest, into the scratch room; it stays */
	SWEEP_ROTATE, /* what was peeked at, to the ring's end */
	SWEEP_DROP,   /* what was peeked at */
};

/* Do it. 0, or -1: full, or empty, or another CPU was first. A token is never
 * out of its ring, so that none is lost. */
standalone int sweep_step(__u32 ring, __u32 step)
{
	struct scratch *room = scratch_get();
	struct sg_sweep_hand *hand = bpf_map_lookup_elem(&sweep_hand, &ring);
	__u32 size = sweep_size(ring);
	struct sg_sweep *slot;
	__u32 index;
	int done = -1;

	if (!hand || !room || !size)
		return -1;
	room->ring = (struct sweep_place){
		.head = hand->head,
		.count = hand->count,
		.next = hand->head + 1 < size ? hand->head + 1 : 0,
	};
	if (step == SWEEP_PUSH ? room->ring.count >= size : !room->ring.count)
		return -1;
	if (step > SWEEP_PEEK && room->ring.head != room->token_at)
		return -1;
	index = room->ring.head;
	if (step != SWEEP_PEEK)
		index = (index + room->ring.count) % size;
	index += sg_ring_first(ring, sweep_flows, sweep_half_open);
	slot = bpf_map_lookup_elem(&sweep, &index);
	if (!slot)
		return -1;
	bpf_spin_lock(&hand->lock);
	if (hand->head == room->ring.head && hand->count == room->ring.count) {
		if (step == SWEEP_PEEK) {
			room->token = *slot;
			room->token_at = room->ring.head;
		} else if (step != SWEEP_DROP) {
			*slot = room->token;
		}
		if (step > SWEEP_PEEK)
			hand->head = room->ring.next;
		if (step == SWEEP_PUSH)
			hand->count++;
		if (step == SWEEP_DROP)
			hand->count--;
		done = 0;
	}
	bpf_spin_unlock(&hand->lock);
	return done;
}

/* The token in the scratch room, at the ring's end. 0, or -1: it is full, or
 * other CPUs were always first. */
standalone int sweep_push(__u32 ring)
{
	for (int i = 0; i < SWEEP_TRIES; i++)
		if (!sweep_step(ring, SWEEP_PUSH))
			return 0;
	return -1;
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
