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
#include "vlan.h"

/* Everything a packet is judged by is looked up once, so that it sees one
 * policy, whole. */
stage int begin(__u32 ifindex, struct packet *pkt)
{
	const void *value;
	union {
		__u64 whole;
		struct sg_active active;
	} read;
	__u32 zero = 0;
	__u32 slot;

	pkt->ifindex = ifindex;
	value = bpf_map_lookup_elem(&active, &zero);
	if (!value)
		return SG_DROP_NOT_GOVERNED;
	/* one load: no half of what is being replaced */
	read.whole = *(const volatile __u64 *)value;
	slot = read.active.slot;
	pkt->slot = slot;
	pkt->generation = read.active.generation & ~SG_CHANGING;
	pkt->is_changing = read.active.generation & SG_CHANGING;
	pkt->policy = bpf_map_lookup_elem(&policy, &slot);
	if (!pkt->policy || !pkt->policy->number)
		return SG_DROP_NOT_GOVERNED;
	pkt->now_s = clock_now_s();
	return SG_OK;
}

/* And what the link says, which a hit does not need. */
stage int begin_link(struct __sk_buff *skb, struct packet *pkt)
{
	__u32 ifindex = skb->ifindex;

	if (begin(ifindex, pkt))
		return SG_DROP_NOT_GOVERNED;
	pkt->iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	return pkt->iface ? parse_link(skb, pkt) : SG_DROP_NOT_GOVERNED;
}

/* The same for what was received. */
stage int begin_received(struct __sk_buff *skb, struct packet *pkt)
{
	int reason = vlan_take_priority_off(skb);

	return reason ? reason : begin_link(skb, pkt);
}

#endif
