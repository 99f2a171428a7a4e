/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 1: from bytes to a struct packet. Whatever is not exactly what the
 * RFCs allow (791, 768, 792, 9293) is refused under its own reason, unchanged.
 */
#ifndef SG_BPF_PARSE_H
#define SG_BPF_PARSE_H

#include "packet.h"

#define IP_FRAGMENT_BITS 0x3fff /* more-fragments and the offset */
#define IPOPT_END 0
#define IPOPT_NOP 1
#define IPOPT_LSRR 131
#define IPOPT_SSRR 137

#define HEADER_AT_MASK 0x7f /* no header of ours starts beyond byte 127 */

/* Where a header starts; a bound that the verifier can see. */
stage void *parse_at(struct __sk_buff *skb, __u32 at)
{
	return (void *)(long)skb->data + (at & HEADER_AT_MASK);
}

/* Make `bytes` from offset `at` on readable in place, and what is before. */
stage bool parse_reach(struct __sk_buff *skb, __u32 at, __u32 bytes)
{
	if (parse_at(skb, at) + bytes <= (void *)(long)skb->data_end)
		return true;
	if (at + bytes > skb->len)
		return false;
	return bpf_skb_pull_data(skb, at + bytes) == 0;
}

stage int parse_link(struct __sk_buff *skb, struct packet *pkt)
{
	const struct ethhdr *eth;

	pkt->ether_type = bpf_ntohs(skb->protocol);
	if (skb->vlan_present)
		return SG_DROP_VLAN;
	if (!pkt->iface->has_ethernet)
		return SG_OK;
	eth = (void *)(long)skb->data;
	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return SG_DROP_FRAME_SHORT;
	pkt->ether_type = bpf_ntohs(eth->h_proto);
	pkt->l3_at = ETH_HLEN;
	return SG_OK;
}

/* RFC 1071: a header with its own sum in it adds up to all ones. */
stage bool parse_sum_is_right(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* The sum over the fixed part of the header, not folded. */
stage __u64 parse_sum(const struct iphdr *ip)
{
	const __be32 *word = (const void *)ip;

	return (__u64)word[0] + word[1] + word[2] + word[3] + word[4];
}

/* The options, on top of the sum so far. Source routing never passes; the
 * others are left to whom they are for. */
static __noinline int parse_options(struct __sk_buff *skb, __u32 at, __u32 end,
				    __u64 sum)
{
	__be32 options[10] = {}; /* the longest that IHL can say */
	__u8 option[2];		 /* type, length */
	__u32 bytes = (end - at) & HEADER_AT_MASK;

	if (bytes < sizeof(options[0]))
		return SG_OK;
	barrier_var(bytes); /* both bounds in one register, for the verifier */
	if (bytes > sizeof(options) ||
	    bpf_skb_load_bytes(skb, at, options, bytes))
		return SG_DROP_IP_HEADER;
	sum += (__u32)bpf_csum_diff(NULL, 0, options, sizeof(options), 0);
	if (!parse_sum_is_right(sum))
		return SG_DROP_IP_CHECKSUM;
	for (__u32 i = 0; i < sizeof(options); i++) {
		at &= HEADER_AT_MASK; /* one state for the verifier */
		if (at >= end)
			return SG_OK;
		if (bpf_skb_load_bytes(skb, at, option, sizeof(option)))
			return SG_DROP_IP_OPTION;
		if (option[0] == IPOPT_END)
			return SG_OK;
		if (option[0] == IPOPT_NOP) {
			at++;
			continue;
		}
		if (option[0] == IPOPT_LSRR || option[0] == IPOPT_SSRR ||
		    option[1] < sizeof(option) || at + option[1] > end)
			return SG_DROP_IP_OPTION;
		at += option[1];
	}
	return SG_OK;
}

/* RFC 791. */
stage int parse_ipv4(struct __sk_buff *skb, struct packet *pkt)
{
	const struct iphdr *ip;
	__u32 header_bytes;
	__u32 total_bytes;
	bool is_fragment;
	__u64 sum;
	int reason = SG_OK;

	if (!parse_reach(skb, pkt->l3_at, sizeof(*ip)))
		return SG_DROP_FRAME_SHORT;
	ip = parse_at(skb, pkt->l3_at);
	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return SG_DROP_FRAME_SHORT;
	header_bytes = ip->ihl * 4;
	total_bytes = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header_bytes < sizeof(*ip) ||
	    total_bytes < header_bytes || pkt->l3_at + total_bytes > skb->len)
		return SG_DROP_IP_HEADER;
	pkt->src = addr_from_v4(ip->saddr);
	pkt->dst = addr_from_v4(ip->daddr);
	pkt->protocol = ip->protocol;
	pkt->ttl = ip->ttl;
	pkt->bytes = total_bytes;
	pkt->l4_at = pkt->l3_at + header_bytes;
	is_fragment = ip->frag_off & bpf_htons(IP_FRAGMENT_BITS);
	sum = parse_sum(ip);
	if (header_bytes > sizeof(*ip))
		reason = parse_options(skb, pkt->l3_at + sizeof(*ip),
				       pkt->l4_at, sum);
	else if (!parse_sum_is_right(sum))
		reason = SG_DROP_IP_CHECKSUM;
	return !reason && is_fragment ? SG_DROP_FRAGMENT : reason;
}

/* The sets of flags that a stack sends, ECN bits and PSH apart. */
stage bool parse_flags_are_sane(__u8 flags)
{
	switch (flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK | TCP_URG)) {
	case TCP_SYN:
	case TCP_SYN | TCP_URG:
	case TCP_SYN | TCP_ACK:
	case TCP_RST:
	case TCP_RST | TCP_ACK:
	case TCP_FIN | TCP_ACK:
	case TCP_FIN | TCP_ACK | TCP_URG:
	case TCP_ACK:
	case TCP_ACK | TCP_URG:
		return true;
	default:
		return false;
	}
}

/* RFC 9293; payload_bytes: what the IP header says is behind it. */
stage int parse_tcp(struct __sk_buff *skb, struct packet *pkt,
		    __u32 payload_bytes)
{
	const struct tcphdr *tcp = parse_at(skb, pkt->l4_at);

	if ((void *)(tcp + 1) > (void *)(long)skb->data_end)
		return SG_DROP_L4_HEADER;
	if (tcp->doff < 5 || tcp->doff * 4U > payload_bytes)
		return SG_DROP_L4_HEADER;
	pkt->sport = tcp->source;
	pkt->dport = tcp->dest;
	pkt->tcp_flags = ((const __u8 *)tcp)[13];
	if (!parse_flags_are_sane(pkt->tcp_flags))
		return SG_DROP_TCP_FLAGS;
	return SG_OK;
}

/* RFC 768. */
stage int parse_udp(struct __sk_buff *skb, struct packet *pkt,
		    __u32 payload_bytes)
{
	const struct udphdr *udp = parse_at(skb, pkt->l4_at);
	__u32 udp_bytes;

	if ((void *)(udp + 1) > (void *)(long)skb->data_end)
		return SG_DROP_L4_HEADER;
	udp_bytes = bpf_ntohs(udp->len);
	if (udp_bytes < sizeof(*udp) || udp_bytes > payload_bytes)
		return SG_DROP_L4_HEADER;
	pkt->sport = udp->source;
	pkt->dport = udp->dest;
	return SG_OK;
}

/* RFC 792: only echo and its reply go on to the flow table. */
stage int parse_icmp(struct __sk_buff *skb, struct packet *pkt)
{
	const struct icmphdr *icmp = parse_at(skb, pkt->l4_at);

	if ((void *)(icmp + 1) > (void *)(long)skb->data_end)
		return SG_DROP_L4_HEADER;
	pkt->icmp_type = icmp->type;
	if (icmp->type == ICMP_ECHO_REQUEST)
		pkt->sport = icmp->un.echo.id;
	else if (icmp->type == ICMP_ECHO_REPLY)
		pkt->dport = icmp->un.echo.id;
	else
		return SG_DROP_ICMP_TYPE;
	return icmp->code ? SG_DROP_ICMP_TYPE : SG_OK;
}

/* IPv4 and what it carries. Returns SG_OK or the reason to drop. */
static __noinline int parse_network(struct __sk_buff *skb, struct packet *pkt)
{
	__u32 payload_bytes;
	int reason = parse_ipv4(skb, pkt);

	if (reason)
		return reason;
	payload_bytes = pkt->bytes - (pkt->l4_at - pkt->l3_at);
	if (pkt->protocol == IPPROTO_TCP) {
		if (payload_bytes < sizeof(struct tcphdr) ||
		    !parse_reach(skb, pkt->l4_at, sizeof(struct tcphdr)))
			return SG_DROP_L4_HEADER;
		reason = parse_tcp(skb, pkt, payload_bytes);
	} else if (pkt->protocol == IPPROTO_UDP) {
		if (payload_bytes < sizeof(struct udphdr) ||
		    !parse_reach(skb, pkt->l4_at, sizeof(struct udphdr)))
			return SG_DROP_L4_HEADER;
		reason = parse_udp(skb, pkt, payload_bytes);
	} else if (pkt->protocol == IPPROTO_ICMP) {
		if (payload_bytes < sizeof(struct icmphdr) ||
		    !parse_reach(skb, pkt->l4_at, sizeof(struct icmphdr)))
			return SG_DROP_L4_HEADER;
		return parse_icmp(skb, pkt);
	} else {
		return SG_DROP_PROTOCOL;
	}
	if (!reason && (!pkt->sport || !pkt->dport))
		return SG_DROP_PORT_ZERO;
	return reason;
}

#endif
