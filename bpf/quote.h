/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet that an ICMP error quotes: as much of it as names a flow
 * (RFC 792, 4443: at least the IP header and eight bytes more).
 */
#ifndef SG_BPF_QUOTE_H
#define SG_BPF_QUOTE_H

#include "parse_ipv4.h"
#include "parse_ipv6.h"

struct quote {
	union sg_addr src;
	union sg_addr dst;
	__be16 sport; /* ICMP echo: as in struct packet */
	__be16 dport;
	__u32 seq;	 /* TCP: of its first byte */
	__u16 l3_offset; /* offsets from the start of the data */
	__u16 l4_offset;
	__u8 protocol;
};

stage int quote_ipv4(struct __sk_buff *skb, struct quote *quote)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, quote->l3_offset, &ip, sizeof(ip)) ||
	    ip.version != 4 || ip.ihl < 5 ||
	    ip.frag_off & bpf_htons(IP_OFFSET_MASK))
		return SG_DROP_ICMP_ERROR;
	quote->src = addr_from_v4(ip.saddr);
	quote->dst = addr_from_v4(ip.daddr);
	quote->protocol = ip.protocol;
	quote->l4_offset = quote->l3_offset + ip.ihl * 4;
	return SG_OK;
}

stage int quote_ipv6(struct __sk_buff *skb, struct quote *quote)
{
	struct ipv6_fragment fragment;
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, quote->l3_offset, &ip, sizeof(ip)) ||
	    ip.version != 6)
		return SG_DROP_ICMP_ERROR;
	__builtin_memcpy(&quote->src, &ip.saddr, sizeof(quote->src));
	__builtin_memcpy(&quote->dst, &ip.daddr, sizeof(quote->dst));
	quote->protocol = ip.nexthdr;
	quote->l4_offset = quote->l3_offset + sizeof(ip);
	if (ip.nexthdr != IPPROTO_FRAGMENT)
		return SG_OK;
	if (bpf_skb_load_bytes(skb, quote->l4_offset, &fragment,
			       sizeof(fragment)) ||
	    fragment.at_and_more & bpf_htons(FRAGMENT_AT_MASK))
		return SG_DROP_ICMP_ERROR;
	quote->protocol = fragment.next;
	quote->l4_offset += sizeof(fragment);
	return SG_OK;
}

/* Errors about errors are never sent (RFC 1122 3.2.2), so echo is all of ICMP
 * that can be quoted. */
stage int quote_l4(struct __sk_buff *skb, bool v6, struct quote *quote)
{
	__be16 l4[4]; /* ports and number; ICMP: type and code, sum, id */
	__u8 type;

	if (bpf_skb_load_bytes(skb, quote->l4_offset, l4, sizeof(l4)))
		return SG_DROP_ICMP_ERROR;
	quote->sport = l4[0];
	quote->dport = l4[1];
	quote->seq = bpf_ntohs(l4[2]) << 16 | bpf_ntohs(l4[3]);
	if (quote->protocol == IPPROTO_TCP || quote->protocol == IPPROTO_UDP)
		return SG_OK;
	if (quote->protocol != (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return SG_DROP_ICMP_ERROR;
	type = bpf_ntohs(l4[0]) >> 8;
	quote->sport = 0;
	quote->dport = 0;
	if (type == (v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST))
		quote->sport = l4[2];
	else if (type == (v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY))
		quote->dport = l4[2];
	else
		return SG_DROP_ICMP_ERROR;
	return SG_OK;
}

/* SG_OK and *ret_quote, or SG_DROP_ICMP_ERROR. */
static __noinline int quote_read(struct __sk_buff *skb,
				 const struct packet *pkt,
				 struct quote *ret_quote)
{
	int reason;

	if (!pkt || !ret_quote)
		return SG_DROP_ICMP_ERROR;
	ret_quote->l3_offset = pkt->l4_offset + ICMP_HEADER_BYTES;
	reason = is_v6(pkt) ? quote_ipv6(skb, ret_quote)
			    : quote_ipv4(skb, ret_quote);
	return reason ? reason : quote_l4(skb, is_v6(pkt), ret_quote);
}

#endif
