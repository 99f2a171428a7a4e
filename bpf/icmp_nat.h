/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors: the packet that one quotes, and the NAT of both.
 */
#ifndef SG_BPF_ICMP_NAT_H
#define SG_BPF_ICMP_NAT_H

#include "nat.h"
#include "parse_ipv4.h"
#include "parse_ipv6.h"

/*
 * The packet that an ICMP error quotes: as much of it as names a flow
 * (RFC 792, 4443: at least the IP header and eight bytes more).
 */

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

	quote->sport = 0;
	quote->dport = 0;
	if (is_portless(quote->protocol))
		return SG_OK;
	if (bpf_skb_load_bytes(skb, quote->l4_offset, l4, sizeof(l4)))
		return SG_DROP_ICMP_ERROR;
	if (quote->protocol == IPPROTO_TCP || quote->protocol == IPPROTO_UDP) {
		quote->sport = l4[0];
		quote->dport = l4[1];
		quote->seq = bpf_ntohs(l4[2]) << 16 | bpf_ntohs(l4[3]);
		return SG_OK;
	}
	if (quote->protocol != (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return SG_DROP_ICMP_ERROR;
	type = bpf_ntohs(l4[0]) >> 8;
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

/*
 * NAT inside the packet that an ICMP error quotes (RFC 5508 4.2): its address,
 * its port, the sums in it that cover them, and the error's sum over it all.
 */

#define ICMP_FRAGMENTATION_NEEDED 0x0304 /* type and code */
#define ICMPV6_PACKET_TOO_BIG 0x0200
#define ICMP_MTU_AT 6	  /* 16 bits; IPv6: the lower half of 32 */
#define IPV4_MTU_MIN 68	  /* RFC 791 */
#define IPV6_MTU_MIN 1280 /* RFC 8200 */

/* RFC 1624: the sum when what it covers has changed by a difference. */
stage __be16 icmp_sum_by(__be16 sum, __u32 difference)
{
	__u32 folded =
		(__u32)(__u16)~sum + (difference & 0xffff) + (difference >> 16);

	folded = (folded & 0xffff) + (folded >> 16);
	folded = (folded & 0xffff) + (folded >> 16);
	return ~folded;
}

/* Put 16 bits at an even offset into the error, whose sum is right then. */
static __noinline int icmp_put(struct __sk_buff *skb, __u32 check_offset,
			       __u32 offset, __be16 value)
{
	__be16 old;

	if (bpf_skb_load_bytes(skb, offset, &old, sizeof(old)))
		return SG_DROP_REWRITE;
	if (old == value)
		return SG_OK;
	if (bpf_l4_csum_replace(skb, check_offset, old, value, sizeof(value)) ||
	    bpf_skb_store_bytes(skb, offset, &value, sizeof(value), 0))
		return SG_DROP_REWRITE;
	return SG_OK;
}

/* A sum in the quoted packet, if it is in the quote, after a difference. */
static __noinline int icmp_put_sum(struct __sk_buff *skb, __u32 check_offset,
				   __u32 offset, __u32 difference,
				   bool may_be_none)
{
	__be16 sum;

	if (bpf_skb_load_bytes(skb, offset, &sum, sizeof(sum)))
		return SG_OK;
	if (may_be_none && !sum)
		return SG_OK;
	return icmp_put(skb, check_offset, offset,
			icmp_sum_by(sum, difference));
}

/* The quoted address, and the sum of an IPv4 header. */
stage int icmp_put_addr(struct __sk_buff *skb, const struct packet *pkt,
			const struct quote *quote, const struct rewrite *to,
			__u32 difference)
{
	__u32 check_offset = pkt->l4_offset + ICMP_CHECK_AT;
	__u32 offset = quote->l3_offset;
	__be32 v4 = to->addr.word[3];
	int r;

	if (bpf_l4_csum_replace(skb, check_offset, 0, difference, 0))
		return SG_DROP_REWRITE;
	if (is_v6(pkt)) {
		offset += to->destination ? IPV6_DST_AT : IPV6_SRC_AT;
		r = bpf_skb_store_bytes(skb, offset, to->addr.word,
					sizeof(to->addr), 0);
		return r ? SG_DROP_REWRITE : SG_OK;
	}
	offset += to->destination ? IP_DST_AT : IP_SRC_AT;
	if (bpf_skb_store_bytes(skb, offset, &v4, sizeof(v4), 0))
		return SG_DROP_REWRITE;
	return icmp_put_sum(skb, check_offset, quote->l3_offset + IP_CHECK_AT,
			    difference, false);
}

/* No MTU below what the protocol promises (RFC 1191, 8201): an attacker's. */
stage int icmp_clamp_mtu(struct __sk_buff *skb, const struct packet *pkt)
{
	__u32 check_offset = pkt->l4_offset + ICMP_CHECK_AT;
	__u16 least = is_v6(pkt) ? IPV6_MTU_MIN : IPV4_MTU_MIN;
	__be16 mtu[2];
	__be16 kind;

	if (bpf_skb_load_bytes(skb, pkt->l4_offset, &kind, sizeof(kind)) ||
	    bpf_skb_load_bytes(skb, pkt->l4_offset + ICMP_MTU_AT - 2, mtu,
			       sizeof(mtu)))
		return SG_DROP_REWRITE;
	if (kind != bpf_htons(is_v6(pkt) ? ICMPV6_PACKET_TOO_BIG
					 : ICMP_FRAGMENTATION_NEEDED) ||
	    (is_v6(pkt) && mtu[0]) || bpf_ntohs(mtu[1]) >= least)
		return SG_OK;
	return icmp_put(skb, check_offset, pkt->l4_offset + ICMP_MTU_AT,
			bpf_htons(least));
}

/*
 * The end of the quoted packet that `to` says, which was `old`. The error's own
 * addresses are rewrite()'s. Returns SG_OK or the reason to drop.
 */
static __noinline int icmp_translate(struct __sk_buff *skb,
				     const struct packet *pkt,
				     const struct quote *quote,
				     const struct rewrite *to)
{
	const union sg_addr *old;
	__u32 check_offset;
	__u32 port_offset;
	__u32 difference;
	__be16 old_port;
	int reason;

	if (!pkt || !quote || !to)
		return SG_DROP_REWRITE;
	check_offset = pkt->l4_offset + ICMP_CHECK_AT;
	old = to->destination ? &quote->dst : &quote->src;
	old_port = to->destination ? quote->dport : quote->sport;
	port_offset = quote->l4_offset + (to->destination ? 2 : 0);
	if (is_icmp(quote->protocol)) {
		port_offset = quote->l4_offset + ICMP_ID_AT;
		old_port = quote->sport | quote->dport;
	}
	difference = rewrite_difference(is_v6(pkt), old, &to->addr);
	reason = icmp_put_addr(skb, pkt, quote, to, difference);
	if (!reason && old_port != to->port)
		reason = icmp_put(skb, check_offset, port_offset, to->port);
	if (quote->protocol == IPPROTO_ICMP)
		difference = 0; /* no pseudo header */
	if (old_port != to->port)
		difference += (__u32)(__u16)~old_port + to->port;
	if (!reason && !is_portless(quote->protocol))
		reason = icmp_put_sum(
			skb, check_offset,
			quote->l4_offset + rewrite_check_at(quote->protocol),
			difference, quote->protocol == IPPROTO_UDP);
	return reason ? reason : icmp_clamp_mtu(skb, pkt);
}

#endif
