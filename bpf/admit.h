/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a packet is let through: as one of a flow that was found, or as one
 * that needs none.
 */
#ifndef SG_BPF_ADMIT_H
#define SG_BPF_ADMIT_H

#include "allow.h"
#include "fragment.h"
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
		fragment_remember(pkt, true);
	return reason;
}

/* The verdict of a packet that begins no flow. */
stage int admit_without_flow(const struct packet *pkt, int reason)
{
	if (reason == TO_HOST && is_first(pkt))
		fragment_remember(pkt, false);
	return reason;
}

/* The tuple is another's. One whose interface has gone (a VPN's, made anew)
 * makes room: the next packet begins afresh. */
stage int admit_clash(const struct sg_flow_key *key, const struct sg_flow *flow,
		      const struct packet *pkt)
{
	__u32 ifindex = flow->ifindex;

	if (!bpf_map_lookup_elem(&ifaces, &ifindex))
		flow_end(key, flow, pkt->now_s);
	return SG_DROP_FLOW_CLASH;
}

#endif
