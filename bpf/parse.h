/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From bytes to a struct packet. Whatever is not exactly what the
 * RFCs allow is refused under its own reason, unchanged.
 */
#ifndef SG_BPF_PARSE_H
#define SG_BPF_PARSE_H

#include "packet.h"
#include "parse_ipv4.h"
#include "parse_ipv6.h"
#include "parse_l4.h"

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

#endif
