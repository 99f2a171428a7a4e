/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Room for new flows, made by those that come: each new flow looks at
 * two open ones of its share, and at more when there is no room, and ends what
 * has expired. A share that is full of half-open ones forgets its oldest.
 */
#ifndef SG_BPF_GC_H
#define SG_BPF_GC_H

#include "flow.h"
#include "gc_ring.h"

#define GC_PER_FLOW 2	   /* so a full round takes half as many new flows */
#define GC_WHEN_FULL 16	   /* open ones looked at */
#define GC_FORGETS_S 60	   /* a client sends again that long */
#define GC_CLOSED_TOO 0x80 /* a bit of `tries`: those that are closed, too */

stage bool gc_has_room(__u32 ring)
{
	const struct sg_gc_hand *hand = bpf_map_lookup_elem(&gc_hand, &ring);

	return hand && hand->count < gc_ring_size(ring);
}

/* Look at the oldest tokens of a share's open flows: end what has expired, put
 * the others back. Return whether there is a place for one more. */
standalone int gc_open(__u32 slot, __u32 share, __u32 now_s, __u32 tries)
{
	const struct sg_policy *in_force = bpf_map_lookup_elem(&policy, &slot);
	struct scratch *scratch = scratch_get();
	__u32 ring = SG_RING(SG_TABLE_FLOWS, share);
	struct sg_flow *flow;

	if (!in_force || !scratch)
		return 0;
	for (__u32 i = 0; i < GC_WHEN_FULL; i++) {
		if (i >= (tries & ~GC_CLOSED_TOO) ||
		    gc_ring_step(ring, GC_RING_PEEK))
			break;
		flow = gc_ring_find(scratch, &flows);
		if (flow &&
		    !(tries & GC_CLOSED_TOO &&
		      flow->state > SG_STATE_ESTABLISHED) &&
		    !sg_flow_is_over(&scratch->token_key, flow, in_force,
				     now_s))
			gc_ring_step(ring, GC_RING_ROTATE);
		else if (!gc_ring_step(ring, GC_RING_DROP) && flow)
			flow_end(&scratch->token_key, flow, now_s);
	}
	return gc_has_room(ring);
}

/* A half-open flow is forgotten, and its masquerade port with it. */
stage void gc_forget(const struct sg_flow_key *key, const struct sg_flow *flow,
		     const struct sg_policy *in_force, __u32 now_s)
{
	flow_shorten_port(key, flow, in_force, now_s);
	snat_port_unshare(key, flow);
	bpf_map_delete_elem(&half_open, key);
}

/* Make room for one more token in a ring of half-open flows: the oldest goes.
 * The unanswered make room among themselves alone, so that no flood of them
 * costs anybody a handshake that is on its way. */
standalone int gc_half_open(__u32 slot, __u32 ring, __u32 now_s)
{
	const struct sg_policy *in_force = bpf_map_lookup_elem(&policy, &slot);
	struct sg_gc_hand *hand = bpf_map_lookup_elem(&gc_hand, &ring);
	struct scratch *scratch = scratch_get();
	struct sg_flow *flow;
	bool is_over;

	if (!in_force || !scratch || !hand ||
	    hand->count < gc_ring_size(ring) ||
	    gc_ring_step(ring, GC_RING_PEEK))
		return 0;
	flow = gc_ring_find(scratch, &half_open);
	if (gc_ring_step(ring, GC_RING_DROP) || !flow)
		return 0;
	is_over = sg_flow_is_over(&scratch->token_key, flow, in_force, now_s);
	if (!is_over && flow->flags & SG_FLOW_ANSWERED &&
	    ring < SG_RING(SG_TABLE_ANSWERED, 0))
		return 0; /* that token meant nothing any more */
	gc_forget(&scratch->token_key, flow, in_force, now_s);
	if (!is_over) {
		__sync_fetch_and_add(&hand->forgotten, 1);
		hand->forgotten_s = now_s;
	}
	return 0;
}

/* Return whether a share has lately forgotten handshakes that were answered. */
stage bool gc_forgets(__u32 share, __u32 now_s)
{
	__u32 ring = SG_RING(SG_TABLE_ANSWERED, share);
	const struct sg_gc_hand *hand = bpf_map_lookup_elem(&gc_hand, &ring);

	return hand && hand->forgotten &&
	       !clock_is_over(now_s, hand->forgotten_s, GC_FORGETS_S);
}

/* Put a half-open flow that was answered among those that are; where there is
 * no room, with its next packet. */
static __noinline int gc_answered(const struct sg_flow_key *key,
				  struct sg_flow *flow,
				  const struct packet *pkt)
{
	struct scratch *scratch = scratch_get();
	__u32 ring;

	if (!key || !flow || !pkt || !scratch)
		return 0;
	ring = SG_RING(SG_TABLE_ANSWERED, flow->share);
	gc_half_open(pkt->slot, ring, pkt->now_s);
	gc_ring_note(scratch, key, flow);
	if (!gc_ring_push(ring))
		atomic_change(&flow->flags, 0, SG_FLOW_ANSWERED);
	return 0;
}

#endif
