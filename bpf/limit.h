/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rate at which one source on a LAN may begin flows when the LAN's part of
 * the flow table gets short, so that no one neighbour has it to himself. A
 * forger of another's address fills none, as he completes no connection.
 */
#ifndef SG_BPF_LIMIT_H
#define SG_BPF_LIMIT_H

#include "address.h"
#include "clock.h"
#include "flows_maps.h"
#include "gc_ring.h"
#include "packet.h"

/* Return whether half of the LAN's part of the flow table is used. */
stage bool limit_is_short(void)
{
	__u32 ring = SG_RING(SG_TABLE_FLOWS, SG_SHARE_LAN);
	const struct sg_gc_hand *hand = bpf_map_lookup_elem(&gc_hand, &ring);

	return hand && hand->count >= gc_ring_size(ring) / 2;
}

/* Counts the packet, which would begin a flow. SG_OK or the reason to drop. */
static __noinline int limit_source(struct __sk_buff *skb,
				   const struct packet *pkt)
{
	struct sg_new_flow_rate first = {.flows = 1};
	struct sg_new_flow_rate_key source = {};
	struct sg_new_flow_rate *rate;

	if (!pkt || pkt->iface->role != SG_ROLE_LAN ||
	    !pkt->policy->new_per_source || !limit_is_short())
		return SG_OK;
	source.addr = pkt->src;
	if (pkt->iface->has_ethernet &&
	    bpf_skb_load_bytes(skb, __builtin_offsetof(struct ethhdr, h_source),
			       source.mac, sizeof(source.mac)))
		return SG_DROP_FRAME_SHORT;
	/* behind a router a /64 is one host's to use (RFC 4291) */
	if (is_v6(pkt) &&
	    !address_is_on_link(pkt->ifindex, pkt->iface, &source.addr)) {
		source.addr.word[2] = 0;
		source.addr.word[3] = 0;
	}
	rate = bpf_map_lookup_elem(&new_flow_rate, &source);
	if (!rate || clock_is_over(pkt->now_s, rate->second, 0)) {
		first.second = pkt->now_s;
		bpf_map_update_elem(&new_flow_rate, &source, &first, BPF_ANY);
		return SG_OK;
	}
	if (rate->flows >= pkt->policy->new_per_source)
		return SG_DROP_SOURCE_LIMIT;
	__sync_fetch_and_add(&rate->flows, 1);
	return SG_OK;
}

#endif
