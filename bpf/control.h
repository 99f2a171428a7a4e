/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets that a link needs to live, passed with no flow, to the host only:
 * ARP, EAPOL and the like, IPv6 neighbour discovery, MLD, IGMP, DHCP replies.
 */
#ifndef SG_BPF_CONTROL_H
#define SG_BPF_CONTROL_H

#include "addr.h"
#include "conntrack.h"
#include "packet.h"
#include "sk.h"

#define MLD_QUERY 130
#define MLD_REPORT 131
#define MLD_DONE 132
#define ND_ROUTER_SOLICIT 133
#define ND_ROUTER_ADVERT 134
#define ND_NEIGHBOUR_SOLICIT 135
#define ND_NEIGHBOUR_ADVERT 136
#define MLD2_REPORT 143
#define ND_HOP_LIMIT 255
#define MLD_HOP_LIMIT 1
#define ARP_REQUEST 1

/* RFC 826, for IPv4 over Ethernet */
struct arp_ipv4 {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_bytes;
	__u8 protocol_bytes;
	__be16 operation;
	__u8 sender_mac[SG_MAC_BYTES];
	__u8 sender[4];
	__u8 target_mac[SG_MAC_BYTES];
	__u8 target[4];
};

stage union sg_addr link_addr(const __u8 bytes[4])
{
	__be32 v4;

	__builtin_memcpy(&v4, bytes, sizeof(v4));
	return addr_from_v4(v4);
}

/* Return whether an address may be asked for by a link: it is the link's own,
 * or another host's, by whose question the kernel hears where its sender is
 * now. The container asks for nobody else. */
stage bool link_may_ask(const struct packet *pkt, const union sg_addr *target)
{
	return address_is_own(pkt->ifindex, target) ||
	       (pkt->iface->role != SG_ROLE_CONTAINER &&
		address_is_one_host(false, target) &&
		!addr_equal(target, &pkt->policy->container) &&
		!address_is_own(SG_ANY_IFINDEX, target));
}

/* Drop an ARP packet that asks for an address of another interface, or says
 * that this one's is its sender's. The container may only be itself. A site may
 * well use a network that the host has elsewhere. */
static __noinline int link_arp(struct __sk_buff *skb, const struct packet *pkt)
{
	union sg_addr sender;
	union sg_addr target;
	struct arp_ipv4 arp;

	if (!pkt || bpf_skb_load_bytes(skb, pkt->l3_offset, &arp, sizeof(arp)))
		return SG_DROP_FRAME_SHORT;
	sender = link_addr(arp.sender);
	target = link_addr(arp.target);
	if (address_is_own(pkt->ifindex, &sender))
		return SG_DROP_ARP;
	if (arp.operation == bpf_htons(ARP_REQUEST) &&
	    !addr_equal(&sender, &target) && /* an announcement */
	    !link_may_ask(pkt, &target))
		return SG_DROP_ARP;
	if (pkt->iface->role == SG_ROLE_CONTAINER && sender.word[3] &&
	    !addr_equal(&sender, &pkt->policy->container))
		return SG_DROP_SPOOFED;
	return TO_HOST;
}

/* A frame that is not IP: TO_HOST or the reason to drop. */
stage int link_other(struct __sk_buff *skb, const struct packet *pkt)
{
	if (pkt->ether_type == ETH_P_ARP)
		return link_arp(skb, pkt);
	return pkt->iface->role == SG_ROLE_CONTAINER ? SG_DROP_ETHERTYPE
						     : TO_HOST;
}

stage int link_from_neighbour(const struct packet *pkt, __u8 hop_limit)
{
	return pkt->ttl == hop_limit && !pkt->is_fragment ? TO_HOST
							  : SG_DROP_LINK_LOCAL;
}

/* ICMPv6 that is of the link itself (RFC 4861, 6980, 2710, 3810). TO_HOST or
 * the reason to drop. */
stage int link_icmpv6(const struct packet *pkt)
{
	bool is_uplink = pkt->iface->role != SG_ROLE_CONTAINER;

	switch (pkt->icmp_type) {
	case ND_ROUTER_ADVERT: /* the container is nobody's router, */
		return is_uplink ? link_from_neighbour(pkt, ND_HOP_LIMIT)
				 : SG_DROP_ICMP_TYPE;
	case ND_ROUTER_SOLICIT: /* and the host is nobody else's */
		return is_uplink ? SG_DROP_ICMP_TYPE
				 : link_from_neighbour(pkt, ND_HOP_LIMIT);
	case ND_NEIGHBOUR_SOLICIT:
	case ND_NEIGHBOUR_ADVERT:
		return link_from_neighbour(pkt, ND_HOP_LIMIT);
	case MLD_QUERY:
	case MLD_REPORT:
	case MLD_DONE:
	case MLD2_REPORT:
		return link_from_neighbour(pkt, MLD_HOP_LIMIT);
	default:
		return SG_DROP_ICMP_TYPE;
	}
}

/* Return whether an address cannot be the DHCP server's, or the one that it
 * offers. A network that the host has elsewhere says nothing of it as long as
 * the host has no IPv4 address here, and so does not know in which network it
 * is. */
stage bool link_is_impossible(const struct packet *pkt,
			      const union sg_addr *addr)
{
	if (is_v6(pkt) || addr_is_set(&pkt->iface->v4))
		return address_is_elsewhere(pkt, addr);
	return !address_is_one_host(false, addr) ||
	       address_is_own(SG_ANY_IFINDEX, addr) ||
	       addr_equal(addr, container_addr(pkt));
}

/* Return whether an address is one that a DHCP server on this uplink may be
 * offering: a client that asks without the broadcast flag gets the answer at
 * the address that it does not have yet (RFC 2131 4.1). */
stage bool link_is_offered(const struct packet *pkt)
{
	return !is_v6(pkt) && pkt->iface->role != SG_ROLE_CONTAINER &&
	       !link_is_impossible(pkt, &pkt->dst);
}

/* Return whether DHCP is sent to the host's end of this link: to its address,
 * to one that it is being offered, or to whoever is there. */
stage bool link_is_dhcp_addr(const struct packet *pkt)
{
	const union sg_addr everyone = addr_from_v4(0xffffffff);
	const union sg_addr servers = {
		.word = {bpf_htonl(0xff020000), 0, 0, bpf_htonl(0x00010002)}};

	return addr_equal(&pkt->dst, &everyone) ||
	       addr_equal(&pkt->dst, &servers) ||
	       address_is_own(pkt->ifindex, &pkt->dst) || link_is_offered(pkt);
}

/* Return whether a packet is a DHCP server's answer by its ports. An IPv6 one
 * may come from any port (RFC 8415 7.2): where it is not the server's own, a
 * client must be there, as nobody would else hear of a port that is closed. */
static __noinline int link_is_dhcp_answer(struct __sk_buff *skb,
					  const struct packet *pkt)
{
	struct sg_flow_key key;

	if (!is_v6(pkt))
		return pkt->sport == bpf_htons(DHCP_SERVER) &&
		       pkt->dport == bpf_htons(DHCP_CLIENT);
	if (pkt->dport != bpf_htons(DHCP6_CLIENT))
		return false;
	if (pkt->sport == bpf_htons(DHCP6_SERVER))
		return true;
	flow_key_in(&key, pkt, &pkt->dst, pkt->dport);
	return socket_would_take(skb, &key, true);
}

/* Return whether a packet may be for a client of DHCP, by the port alone. */
stage bool link_is_dhcp_client(const struct packet *pkt)
{
	return pkt->dport == bpf_htons(DHCP_CLIENT) ||
	       pkt->dport == bpf_htons(DHCP6_CLIENT);
}

/* DHCP (RFC 2131, 8415): servers answer the host by an uplink, the container
 * asks the host by its own link; never the other way round. */
static __noinline int link_is_dhcp(struct __sk_buff *skb,
				   const struct packet *pkt)
{
	__be16 server = bpf_htons(is_v6(pkt) ? DHCP6_SERVER : DHCP_SERVER);
	__be16 client = bpf_htons(is_v6(pkt) ? DHCP6_CLIENT : DHCP_CLIENT);

	if (pkt->protocol != IPPROTO_UDP || pkt->is_fragment ||
	    !link_is_dhcp_addr(pkt))
		return false;
	if (pkt->iface->role != SG_ROLE_CONTAINER)
		return link_is_dhcp_answer(skb, pkt) &&
		       !link_is_impossible(pkt, &pkt->src);
	if (pkt->sport != client || pkt->dport != server)
		return false;
	return is_v6(pkt)
		       ? addr_is_link_local(&pkt->src)
		       : !pkt->src.word[3] ||
				 addr_equal(&pkt->src, &pkt->policy->container);
}

/* Return whether a packet is IGMP and so the host's by its kind alone, whatever
 * the parser made of it. A querier that has no address yet asks from 0.0.0.0
 * (RFC 4541 2.1.1). */
stage bool link_is_igmp(const struct packet *pkt, int parsed)
{
	return parsed == SG_DROP_PROTOCOL && !is_v6(pkt) &&
	       pkt->protocol == IPPROTO_IGMP &&
	       bpf_ntohl(pkt->dst.word[3]) >> 28 == 0xe &&
	       (!pkt->src.word[3] || !address_is_spoofed(pkt)) &&
	       pkt->iface->role != SG_ROLE_CONTAINER;
}

#endif
