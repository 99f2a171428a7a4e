/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Room in the flow tables: rings of tokens, what expires or makes room, and the
 * move of a flow from `half_open` to `flows`.
 */
#ifndef SG_BPF_CT_GC_H
#define SG_BPF_CT_GC_H

#include "conntrack.h"
#include "context.h"
#include "flows_maps.h"

/*
 * The rings by which expired flows, and the oldest half-open ones, are found
 * with nobody's help: each entry of a flow table has a token in the ring of its
 * share (sg_flow.h).
 */

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

/*
 * Room for new flows, made by those that come: each new flow looks at
 * two open ones of its share, and at more when there is no room, and ends what
 * has expired. A share that is full of half-open ones forgets its oldest.
 */

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
			flow_end_by(ENDING_BY_PACKET, &scratch->token_key, flow,
				    sg_end_by_state(flow), now_s);
	}
	return gc_has_room(ring);
}

/* A half-open flow is forgotten, and its masquerade port with it. */
stage void gc_forget(const struct sg_flow_key *key, struct sg_flow *flow,
		     const struct sg_policy *in_force, __u32 reason,
		     __u32 now_s)
{
	flow_shorten_port(key, flow, in_force, now_s);
	flow_end(key, flow, reason, now_s);
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
	gc_forget(&scratch->token_key, flow, in_force,
		  is_over ? sg_end_by_state(flow) : SG_END_EVICTED, now_s);
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

/*
 * From `half_open` to `flows`, when both ends have joined. What is expired or
 * closed makes room before one is refused.
 */

/* The flow in scratch memory, whose key is there, too, into `flows`, with its
 * token. 0; 1: another CPU was first; or -1: its share is full. */
standalone int promote_insert(__u32 now_s)
{
	struct scratch *scratch = scratch_get();
	struct sg_flow_key *key;
	struct sg_flow *flow;

	if (!scratch)
		return -1;
	key = &scratch->promoted_key;
	flow = &scratch->promoted;
	gc_ring_note(scratch, key, flow);
	flow->holds_port = 0;
	if (flow->state <= SG_STATE_ESTABLISHED)
		snat_port_hold(key, flow);
	if (bpf_map_update_elem(&flows, key, flow, BPF_NOEXIST)) {
		snat_port_release(key, flow, now_s);
		return bpf_map_lookup_elem(&flows, key) ? 1 : -1;
	}
	if (gc_ring_push(SG_RING(SG_TABLE_FLOWS, flow->share)) == 0)
		return 0;
	snat_port_release(key, flow, now_s);
	bpf_map_delete_elem(&flows, key); /* nobody would ever end it */
	return -1;
}

/* Add to an open flow what another CPU counted in its half-open entry since
 * that was copied. An entry that is gone may be another flow's at once. */
stage void promote_late(struct sg_flow *promoted, const struct sg_flow *before,
			const struct sg_flow *copy)
{
	if (flow_id(before->id) != flow_id(copy->id))
		return;
	for (int i = 0; i < 2; i++) {
		if (before->traffic[i].packets == copy->traffic[i].packets)
			continue;
		__sync_fetch_and_add(&promoted->traffic[i].packets,
				     before->traffic[i].packets -
					     copy->traffic[i].packets);
		__sync_fetch_and_add(&promoted->traffic[i].bytes,
				     before->traffic[i].bytes -
					     copy->traffic[i].bytes);
	}
}

/* Insert the flow in scratch memory; what is over makes room for it. As
 * promote_insert(). */
stage int promote_try(const struct packet *pkt, __u32 share)
{
	int r = promote_insert(pkt->now_s);

	if (r >= 0)
		return r;
	gc_open(pkt->slot, share, pkt->now_s, GC_WHEN_FULL | GC_CLOSED_TOO);
	return promote_insert(pkt->now_s);
}

/* The same, and record that the flow is open. Room for the event is reserved
 * before the flow can be found, so that no end comes ahead of it. It is asked
 * for once whether there is room: 5.10 forgets what the first answer was. */
stage int promote_recorded(struct scratch *scratch,
			   const struct sg_flow_key *key,
			   const struct packet *pkt, __u32 share)
{
	struct sg_event *event = event_reserve(false);
	int r;

	scratch->promote_refused = SG_DROP_TABLE_FULL;
	if (event) {
		r = promote_try(pkt, share);
		if (r) {
			bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
			return r;
		}
		event_fill(event, key, &scratch->promoted, SG_EVENT_BEGIN,
			   SG_END_NONE);
		event_submit(event, SG_EVENTS_FLOWS);
		return 0;
	}
	if (pkt->policy->record_required & SG_RECORD_REQUIRED &&
	    scratch->promoted.kind != SG_KIND_HOST) {
		scratch->promote_refused = SG_DROP_NO_RECORD;
		return -1;
	}
	r = promote_try(pkt, share);
	if (!r)
		event_lost(SG_EVENTS_FLOWS, 0, 0);
	return r;
}

/* Move a half-open flow to `flows`, in its new state. Returns it there, or
 * NULL: it stays half open, for the reason in scratch->promote_refused. */
static __noinline struct sg_flow *promote(const struct sg_flow_key *key,
					  const struct sg_flow *flow,
					  const struct packet *pkt, __u8 state)
{
	struct scratch *scratch = scratch_get();
	struct sg_flow *promoted;
	int r;

	if (!key || !flow || !pkt || !scratch)
		return NULL;
	scratch->promoted_key = *key;
	scratch->promoted = *flow;
	scratch->promoted.state = state;
	scratch->promoted.other_end = 0;
	r = promote_recorded(scratch, key, pkt, flow->share);
	promoted = r < 0 ? NULL : bpf_map_lookup_elem(&flows, key);
	if (!promoted)
		return NULL;
	bpf_map_delete_elem(&half_open, key);
	if (r == 0)
		promote_late(promoted, flow, &scratch->promoted);
	return promoted;
}

#endif
