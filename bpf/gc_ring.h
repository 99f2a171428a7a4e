/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rings by which expired flows, and the oldest half-open ones, are found
 * with nobody's help: each entry of a flow table has a token in the ring of its
 * share (sg_flow.h).
 */
#ifndef SG_BPF_GC_RING_H
#define SG_BPF_GC_RING_H

#include "flows_maps.h"
#include "scratch.h"

#define GC_RING_TRIES 8 /* against other CPUs at the same ring */

/* set by the loader: max_entries of `flows` and `half_open` */
const volatile __u32 gc_ring_flows = 65536;
const volatile __u32 gc_ring_half_open = 131072;

stage __u32 gc_ring_size(__u32 ring)
{
	return sg_ring_size(ring, gc_ring_flows, gc_ring_half_open);
}

/* The token of a flow into scratch memory: its key, and its id where a key
 * has zeros. */
stage void gc_ring_note(struct scratch *scratch, const struct sg_flow_key *key,
			const struct sg_flow *flow)
{
	scratch->token.key = *key;
	__builtin_memcpy(scratch->token.key.id, flow->id, sizeof(flow->id));
}

enum gc_ring_step {
	GC_RING_PUSH,	/* the token in scratch memory, at the ring's end */
	GC_RING_PEEK,	/* the oldest, into scratch memory; it stays */
	GC_RING_ROTATE, /* what was peeked at, to the ring's end */
	GC_RING_DROP,	/* what was peeked at */
};

/* Do it. 0, or -1: full, or empty, or another CPU was first. A token is never
 * out of its ring, so that none is lost. */
standalone int gc_ring_step(__u32 ring, __u32 step)
{
	struct scratch *scratch = scratch_get();
	struct sg_gc_hand *hand = bpf_map_lookup_elem(&gc_hand, &ring);
	__u32 size = gc_ring_size(ring);
	struct sg_gc_token *slot;
	__u32 index;
	int done = -1;

	if (!hand || !scratch || !size)
		return -1;
	scratch->ring = (struct gc_ring_place){
		.head = hand->head,
		.count = hand->count,
		.next = hand->head + 1 < size ? hand->head + 1 : 0,
	};
	if (step == GC_RING_PUSH ? scratch->ring.count >= size
				 : !scratch->ring.count)
		return -1;
	if (step > GC_RING_PEEK && scratch->ring.head != scratch->token_index)
		return -1;
	index = scratch->ring.head;
	if (step != GC_RING_PEEK)
		index = (index + scratch->ring.count) % size;
	index += sg_ring_first(ring, gc_ring_flows, gc_ring_half_open);
	slot = bpf_map_lookup_elem(&gc_ring, &index);
	if (!slot)
		return -1;
	bpf_spin_lock(&hand->lock);
	if (hand->head == scratch->ring.head &&
	    hand->count == scratch->ring.count) {
		if (step == GC_RING_PEEK) {
			scratch->token = *slot;
			scratch->token_index = scratch->ring.head;
		} else if (step != GC_RING_DROP) {
			*slot = scratch->token;
		}
		if (step > GC_RING_PEEK)
			hand->head = scratch->ring.next;
		if (step == GC_RING_PUSH)
			hand->count++;
		if (step == GC_RING_DROP)
			hand->count--;
		done = 0;
	}
	bpf_spin_unlock(&hand->lock);
	return done;
}

/* The token in scratch memory, at the ring's end. 0, or -1: it is full, or
 * other CPUs were always first. */
standalone int gc_ring_push(__u32 ring)
{
	for (int i = 0; i < GC_RING_TRIES; i++)
		if (!gc_ring_step(ring, GC_RING_PUSH))
			return 0;
	return -1;
}

/* The flow of the token in scratch memory, whose key is then in
 * scratch->token_key. NULL: it is over, or has another place. */
stage struct sg_flow *gc_ring_find(struct scratch *scratch, void *table)
{
	struct sg_flow *flow;

	scratch->token_key = scratch->token.key;
	__builtin_memset(scratch->token_key.id, 0,
			 sizeof(scratch->token_key.id));
	flow = bpf_map_lookup_elem(table, &scratch->token_key);
	return flow && flow->id[0] == scratch->token.key.id[0] &&
			       flow->id[1] == scratch->token.key.id[1] &&
			       flow->id[2] == scratch->token.key.id[2]
		       ? flow
		       : NULL;
}

#endif
