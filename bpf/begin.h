/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Before the first stage: what a packet is judged by, and the link it came by.
 */
#ifndef SG_BPF_BEGIN_H
#define SG_BPF_BEGIN_H

#include "clock.h"
#include "ifaces_maps.h"
#include "packet.h"
#include "parse.h"
#include "policy_maps.h"

/* Everything a packet is judged by is looked up once, so that it sees one
 * policy, whole. */
stage int begin(__u32 ifindex, struct packet *pkt)
{
	const struct sg_active *at;
	__u32 zero = 0;

	pkt->ifindex = ifindex;
	at = bpf_map_lookup_elem(&active, &zero);
	if (!at)
		return SG_DROP_NOT_GOVERNED;
	pkt->side = at->side;
	pkt->policy = bpf_map_lookup_elem(&policy, &pkt->side);
	if (!pkt->policy || !pkt->policy->generation)
		return SG_DROP_NOT_GOVERNED;
	pkt->now_s = clock_now_s();
	return SG_OK;
}

/* And what the link says, which a hit does not need. */
stage int begin_link(struct __sk_buff *skb, struct packet *pkt)
{
	if (begin(skb->ifindex, pkt))
		return SG_DROP_NOT_GOVERNED;
	pkt->iface = bpf_map_lookup_elem(&ifaces, &pkt->ifindex);
	return pkt->iface ? parse_link(skb, pkt) : SG_DROP_NOT_GOVERNED;
}

#endif
