/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a link needs to live, and so passes with no flow, to the host only:
 * ARP, EAPOL and the like, IPv6 neighbour discovery, MLD, IGMP, DHCP replies.
 */
#ifndef SG_BPF_LINK_H
#define SG_BPF_LINK_H

#include "packet.h"
#include "policy.h"

#define IPPROTO_HOPOPTS 0
#define IPPROTO_ICMPV6 58
#define MLD_QUERY 130
#define MLD_REPORT 131
#define MLD_DONE 132
#define ND_ROUTER_ADVERT 134
#define ND_NEIGHBOUR_SOLICIT 135
#define ND_NEIGHBOUR_ADVERT 136
#define MLD2_REPORT 143
#define ND_HOP_LIMIT 255
#define DHCP_SERVER 67
#define DHCP_CLIENT 68
#define DHCP6_SERVER 547
#define DHCP6_CLIENT 546
#define HOPOPTS_MLD_BYTES 8 /* with a router alert, as MLD has (RFC 2710) */

stage int link_icmpv6(const struct packet *pkt, __u8 type, __u8 hop_limit)
{
	bool is_uplink = pkt->iface->role != SG_ROLE_CONTAINER;

	switch (type) {
	case ND_ROUTER_ADVERT: /* the container is nobody's router */
		return is_uplink && hop_limit == ND_HOP_LIMIT ? TO_HOST
							      : SG_DROP_IPV6;
	case ND_NEIGHBOUR_SOLICIT:
	case ND_NEIGHBOUR_ADVERT:
		return hop_limit == ND_HOP_LIMIT ? TO_HOST : SG_DROP_IPV6;
	case MLD_QUERY:
	case MLD_REPORT:
	case MLD_DONE:
	case MLD2_REPORT:
		return hop_limit == 1 ? TO_HOST : SG_DROP_IPV6;
	default:
		return SG_DROP_IPV6;
	}
}

/* RFC 8200, 4861, 2710, 3810, 8415. TO_HOST or SG_DROP_IPV6. */
static __noinline int link_ipv6(struct __sk_buff *skb, const struct packet *pkt)
{
	struct ipv6hdr ip;
	struct udphdr udp;
	__u32 at;
	__u8 next[2]; /* next header and length, or ICMPv6 type and code */

	if (!pkt)
		return SG_DROP_IPV6;
	at = pkt->l3_at;
	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 6)
		return SG_DROP_IP_HEADER;
	at += sizeof(ip);
	if (ip.nexthdr == IPPROTO_HOPOPTS) {
		if (bpf_skb_load_bytes(skb, at, next, sizeof(next)) || next[1])
			return SG_DROP_IPV6;
		ip.nexthdr = next[0];
		at += HOPOPTS_MLD_BYTES;
	}
	if (ip.nexthdr == IPPROTO_ICMPV6) {
		if (bpf_skb_load_bytes(skb, at, next, sizeof(next)))
			return SG_DROP_L4_HEADER;
		return link_icmpv6(pkt, next[0], ip.hop_limit);
	}
	if (ip.nexthdr != IPPROTO_UDP || pkt->iface->role == SG_ROLE_CONTAINER)
		return SG_DROP_IPV6;
	if (bpf_skb_load_bytes(skb, at, &udp, sizeof(udp)))
		return SG_DROP_L4_HEADER;
	return udp.source == bpf_htons(DHCP6_SERVER) &&
			       udp.dest == bpf_htons(DHCP6_CLIENT)
		       ? TO_HOST
		       : SG_DROP_IPV6;
}

/* A frame that is not IPv4: TO_HOST or the reason to drop. */
stage int link_other(struct __sk_buff *skb, const struct packet *pkt)
{
	if (pkt->ether_type == ETH_P_IPV6)
		return link_ipv6(skb, pkt);
	if (pkt->iface->role == SG_ROLE_CONTAINER &&
	    pkt->ether_type != ETH_P_ARP)
		return SG_DROP_ETHERTYPE;
	return TO_HOST;
}

/* DHCPv4 (RFC 2131): servers answer the host by an uplink, the container asks
 * the host by its own link; never the other way round. */
stage bool link_is_dhcp(const struct packet *pkt)
{
	bool to_client = pkt->sport == bpf_htons(DHCP_SERVER) &&
			 pkt->dport == bpf_htons(DHCP_CLIENT);
	bool to_server = pkt->sport == bpf_htons(DHCP_CLIENT) &&
			 pkt->dport == bpf_htons(DHCP_SERVER);

	if (pkt->protocol != IPPROTO_UDP)
		return false;
	if (pkt->iface->role != SG_ROLE_CONTAINER)
		return to_client;
	return to_server && (!pkt->src.word[3] ||
			     addr_equal(&pkt->src, &pkt->policy->container));
}

#endif
