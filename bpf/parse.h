/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a frame to struct packet: its VLAN tag, its headers, and which policy is
 * in force for which interface.
 */
#ifndef SG_BPF_PARSE_H
#define SG_BPF_PARSE_H

#include "context.h"
#include "ifaces_maps.h"
#include "packet.h"
#include "parse_ipv4.h"
#include "parse_ipv6.h"
#include "parse_l4.h"
#include "policy_maps.h"

/*
 * Tags of VLANs (IEEE 802.1Q), as the kernel keeps them beside the frame.
 */

#define VLAN_ID_MASK 0xfff

/* Return whether a frame is of a VLAN that has a device of its own, with a role
 * or exempt: it is judged there, before it goes out by this link or after it
 * came by it. */
stage bool vlan_is_devices(struct __sk_buff *skb)
{
	struct sg_vlan_key key = {
		.ifindex = skb->ifindex,
		.protocol = (__be16)skb->vlan_proto,
		.id = skb->vlan_tci & VLAN_ID_MASK,
	};

	return skb->vlan_present && bpf_map_lookup_elem(&vlans, &key);
}

/* Take a priority tag off, as VLAN 0 is no VLAN (IEEE 802.1Q 6.9.1); a tag
 * behind it then is the frame's. SG_OK, or the reason to drop. */
stage int vlan_take_priority_off(struct __sk_buff *skb)
{
	return skb->vlan_present && !(skb->vlan_tci & VLAN_ID_MASK) &&
			       bpf_skb_vlan_pop(skb)
		       ? SG_DROP_VLAN
		       : SG_OK;
}

/*
 * From bytes to a struct packet. Whatever is not exactly what the
 * RFCs allow is refused under its own reason, unchanged.
 */

stage int parse_link(struct __sk_buff *skb, struct packet *pkt)
{
	const struct ethhdr *eth;

	pkt->ether_type = bpf_ntohs(skb->protocol);
	if (skb->vlan_present)
		return SG_DROP_VLAN;
	pkt->l3_offset = 0;
	if (!pkt->iface->has_ethernet)
		return SG_OK;
	eth = (void *)(long)skb->data;
	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return SG_DROP_FRAME_SHORT;
	pkt->ether_type = bpf_ntohs(eth->h_proto);
	if (pkt->ether_type == ETH_P_8021Q || pkt->ether_type == ETH_P_8021AD)
		return SG_DROP_VLAN;
	pkt->l3_offset = ETH_HLEN;
	return SG_OK;
}

stage bool parse_is_ip(const struct packet *pkt)
{
	return pkt->ether_type == ETH_P_IP || pkt->ether_type == ETH_P_IPV6;
}

/* IP and what it carries. Returns SG_OK or the reason to drop. */
static __noinline int parse_network(struct __sk_buff *skb, struct packet *pkt)
{
	int reason;

	if (!pkt)
		return SG_DROP_IP_HEADER;
	reason = is_v6(pkt) ? parse_ipv6(skb, pkt) : parse_ipv4(skb, pkt);
	return reason ? reason : parse_l4(skb, pkt);
}

/*
 * Before the first stage: what a packet is judged by, and the link it came by.
 */

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
