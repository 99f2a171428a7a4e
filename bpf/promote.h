/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From `half_open` to `flows`, when both ends have joined. What is expired or
 * closed makes room before one is refused.
 */
#ifndef SG_BPF_PROMOTE_H
#define SG_BPF_PROMOTE_H

#include "gc.h"
#include "scratch.h"

/* The flow in scratch memory into `flows`, with its token. 0, or -1: its
 * share is full. */
stage int promote_insert(struct scratch *scratch, const struct sg_flow_key *key,
			 __u32 now_s)
{
	struct sg_flow *flow = &scratch->promoted;

	gc_ring_note(scratch, key, flow);
	flow->holds_port = 0;
	if (flow->state <= SG_STATE_ESTABLISHED)
		snat_port_hold(key, flow);
	if (bpf_map_update_elem(&flows, key, flow, BPF_NOEXIST)) {
		snat_port_release(key, flow, now_s);
		return bpf_map_lookup_elem(&flows, key) ? 0 : -1;
	}
	if (gc_ring_push(SG_RING(SG_TABLE_FLOWS, flow->share)) == 0)
		return 0;
	snat_port_release(key, flow, now_s);
	bpf_map_delete_elem(&flows, key); /* nobody would ever end it */
	return -1;
}

/* Move a half-open flow to `flows`, in its new state. Returns it there, or
 * NULL when the table is full; it then stays half open. */
static __noinline struct sg_flow *promote(const struct sg_flow_key *key,
					  const struct sg_flow *flow,
					  const struct packet *pkt, __u8 state)
{
	struct scratch *scratch = scratch_get();
	struct sg_flow *promoted;

	if (!key || !flow || !pkt || !scratch)
		return NULL;
	scratch->promoted = *flow;
	scratch->promoted.state = state;
	scratch->promoted.other_end = 0;
	if (promote_insert(scratch, key, pkt->now_s)) {
		gc_open(pkt->slot, flow->share, pkt->now_s,
			GC_WHEN_FULL | GC_CLOSED_TOO);
		if (promote_insert(scratch, key, pkt->now_s))
			return NULL;
	}
	promoted = bpf_map_lookup_elem(&flows, key);
	if (promoted)
		bpf_map_delete_elem(&half_open, key);
	return promoted;
}

#endif
