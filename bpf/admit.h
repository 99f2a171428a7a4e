/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decision to let a packet through: as one of a flow that was found, or as
 * one that needs none.
 */
#ifndef SG_BPF_ADMIT_H
#define SG_BPF_ADMIT_H

#include "allow.h"
#include "fragment.h"
#include "path.h"
#include "track.h"

/* A packet of a flow: still allowed, legal in its state, and counted. */
stage int admit(struct __sk_buff *skb, const struct sg_flow_key *key,
		struct sg_flow **flow, const struct packet *pkt,
		enum sg_direction direction)
{
	int reason = allow_flow(key, *flow, pkt);

	if (!reason)
		reason = track(skb, key, flow, pkt, direction);
	if (!reason && is_first(pkt))
		fragment_remember(pkt, true,
				  track_has_checked(*flow, pkt, direction));
	return reason;
}

/* The verdict of a packet that begins no flow. */
stage int admit_without_flow(const struct packet *pkt, int reason)
{
	if (reason == TO_HOST && is_first(pkt))
		fragment_remember(pkt, false, false);
	return reason;
}

/*
 * Meet a forward's remote at another address of the gate's than the flow's:
 * that of another uplink of its role, or a new one. A UDP flow goes on there,
 * whether or not the old one is still the host's; one of TCP is ended if it is
 * not, so that the packet begins anew. Return whether it was ended.
 */
static __noinline int admit_address(struct __sk_buff *skb,
				    const struct sg_flow_key *key,
				    struct sg_flow *flow,
				    const struct packet *pkt)
{
	const struct sg_iface *before;
	__u32 ifindex;

	if (!key || !flow || !pkt || flow->kind != SG_KIND_FORWARD ||
	    flow->gate_port != pkt->dport ||
	    addr_equal(&flow->gate_addr, &pkt->dst) || !address_is_gates(pkt))
		return false;
	if (key->protocol == IPPROTO_TCP) {
		if (!path_addr_is_gone(skb, pkt, &flow->gate_addr,
				       SG_ANY_IFINDEX))
			return false;
		flow_end(key, flow, pkt->now_s);
		return true;
	}
	ifindex = flow->ifindex;
	before = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (address_is_spoofed(pkt) ||
	    (before && before->role != pkt->iface->role))
		return false;
	flow->gate_addr = pkt->dst;
	if (ifindex != pkt->ifindex)
		flow_follow(flow, pkt);
	return false;
}

#endif
