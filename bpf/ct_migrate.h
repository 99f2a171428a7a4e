/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flow of the maps before into these, when their sizes change under a gate
 * that is up (see struct sg_move). The loader runs this, and no interface.
 */
#ifndef SG_BPF_CT_MIGRATE_H
#define SG_BPF_CT_MIGRATE_H

#include "ct_gc.h"
#include "tcp_window.h"

/* Add what the flow became in the maps before to what it has become here. */
stage void move_end(const struct sg_flow_key *key, struct sg_flow *flow,
		    const struct sg_flow *old)
{
	for (int i = 0; i < 2; i++) {
		__sync_fetch_and_add(&flow->traffic[i].packets,
				     old->traffic[i].packets);
		__sync_fetch_and_add(&flow->traffic[i].bytes,
				     old->traffic[i].bytes);
		seq_raise(&flow->tcp[i].sent, old->tcp[i].sent);
		seq_raise(&flow->tcp[i].acked, old->tcp[i].acked);
		window_raise(flow, i, old->window[i]);
	}
	atomic_change(&flow->flags,
		      ~old->flags & (SG_FLOW_ADOPTED | SG_FLOW_PROBE),
		      old->flags & ~SG_FLOW_ANSWERED); /* its token tells */
	if (flow->state < old->state)
		flow->state = old->state;
	if (flow->state > SG_STATE_ESTABLISHED)
		snat_port_release(key, flow, old->last_s + MAPPING_AFTER_S);
	if ((__s32)(old->last_s - flow->last_s) > 0)
		flow->last_s = old->last_s;
}

/* There is no place for a half-open flow. The maps before have it until it
 * comes for the last time, with all that it has counted. */
stage void move_refuse(struct scratch *scratch, const struct sg_flow_key *key,
		       bool is_last)
{
	struct sg_flow *flow = bpf_map_lookup_elem(&half_open, key);

	if (flow && is_last) {
		move_end(key, flow, &scratch->fresh);
		flow_end(key, flow, SG_END_TABLE, flow->last_s);
	} else {
		bpf_map_delete_elem(&half_open, key);
	}
}

/* The flow as it was when it came first: its packets are counted at the end,
 * and its TCP numbers are behind until then. */
stage int move_begin(struct scratch *scratch, const struct sg_flow_key *key,
		     bool is_last)
{
	struct sg_flow *flow = &scratch->promoted;
	enum sg_table table;

	*flow = scratch->fresh;
	port_seen_note(key, flow->gate_port.be, flow_is_hosts(flow));
	__builtin_memset(flow->traffic, 0, sizeof(flow->traffic));
	if (!is_last)
		flow->flags |= SG_FLOW_ADOPTED;
	if (flow_is_half_open(flow)) { /* those for which there is room */
		gc_ring_note(scratch, key, flow);
		table = flow->flags & SG_FLOW_ANSWERED ? SG_TABLE_ANSWERED
						       : SG_TABLE_HALF_OPEN;
		if (!bpf_map_update_elem(&half_open, key, flow, BPF_NOEXIST) &&
		    gc_ring_push(SG_RING(table, flow->share)))
			move_refuse(scratch, key, is_last);
		return 0;
	}
	scratch->promoted_key = *key;
	if (promote_insert(flow->last_s) < 0)
		return -1;
	bpf_map_delete_elem(&half_open, key);
	return 0;
}

/* Of a masquerade port whose mapping was copied before it was shared. */
stage void move_share(const struct sg_flow_key *key, const struct sg_flow *flow)
{
	struct sg_snat_port *snat_port =
		snat_port_find(key->protocol, flow->gate_port.be);

	if (flow->kind == SG_KIND_MASQUERADE && snat_port &&
	    snat_port->container_port.be != key->local_port.be)
		snat_port->is_shared = true;
}

/* 0, or -1: there is no room for it. */
stage int move(struct __sk_buff *skb)
{
	struct scratch *scratch = scratch_get();
	struct sg_flow_key key = {};
	struct sg_flow *flow;
	__u32 is_last = 0;
	int offset = __builtin_offsetof(struct sg_move, key);

	if (!scratch || bpf_skb_load_bytes(skb, offset, &key, sizeof(key)))
		return -1;
	offset = __builtin_offsetof(struct sg_move, flow);
	if (bpf_skb_load_bytes(skb, offset, &scratch->fresh,
			       sizeof(scratch->fresh)))
		return -1;
	offset = __builtin_offsetof(struct sg_move, is_last);
	if (bpf_skb_load_bytes(skb, offset, &is_last, sizeof(is_last)))
		return -1;
	move_share(&key, &scratch->fresh);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow && flow_is_half_open(&scratch->fresh))
		flow = bpf_map_lookup_elem(&half_open, &key);
	if (!flow && move_begin(scratch, &key, is_last))
		return -1;
	if (!is_last)
		return 0;
	if (!flow)
		flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow)
		flow = bpf_map_lookup_elem(&half_open, &key);
	if (flow)
		move_end(&key, flow, &scratch->fresh);
	return 0;
}

#endif
