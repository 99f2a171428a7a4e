/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IPv6 header and its extension headers, walked to what they carry
 * (RFC 8200). What the walk does not know, or finds too long, goes no further.
 */
#ifndef SG_BPF_PARSE_IPV6_H
#define SG_BPF_PARSE_IPV6_H

#include "packet.h"
#include "reach.h"

#define IPPROTO_HOPOPTS 0
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_DSTOPTS 60
#define EXTENSIONS_MAX 6
#define EXTENSIONS_END 192 /* no header behind them starts beyond */
#define FRAGMENT_AT_MASK 0xfff8
#define FRAGMENT_MORE 1

/* RFC 8200 4.5 */
struct ipv6_fragment {
	__u8 next;
	__u8 reserved;
	__be16 at_and_more;
	__be32 id;
};

stage int parse_ipv6_fragment(struct __sk_buff *skb, struct packet *pkt,
			      __u32 at)
{
	struct ipv6_fragment fragment;
	__u16 bits;

	if (bpf_skb_load_bytes(skb, at, &fragment, sizeof(fragment)))
		return SG_DROP_FRAME_SHORT;
	bits = bpf_ntohs(fragment.at_and_more);
	pkt->protocol = fragment.next;
	pkt->fragment_id = fragment.id;
	pkt->fragment_at = bits & FRAGMENT_AT_MASK;
	pkt->has_more = bits & FRAGMENT_MORE;
	/* an "atomic" one (RFC 6946) is whole */
	pkt->is_fragment = pkt->has_more || pkt->fragment_at;
	return SG_OK;
}

/* One extension header at *at, whose kind pkt->protocol says. SG_OK: go on
 * behind it. */
stage int parse_extension(struct __sk_buff *skb, struct packet *pkt, __u32 *at)
{
	__u8 extension[4]; /* next, length; routing: type, segments left */
	int reason;

	if (pkt->protocol == IPPROTO_FRAGMENT) {
		if (pkt->fragment_id)
			return SG_DROP_IP_OPTION;
		reason = parse_ipv6_fragment(skb, pkt, *at);
		*at += sizeof(struct ipv6_fragment);
		return reason;
	}
	if (bpf_skb_load_bytes(skb, *at, extension, sizeof(extension)))
		return SG_DROP_FRAME_SHORT;
	if (pkt->protocol == IPPROTO_ROUTING && extension[3])
		return SG_DROP_IP_OPTION; /* source routing (RFC 5095) */
	pkt->protocol = extension[0];
	*at += (extension[1] + 1) * 8;
	return SG_OK;
}

stage bool parse_is_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_DSTOPTS;
}

static __noinline int parse_extensions(struct __sk_buff *skb,
				       struct packet *pkt, __u32 at)
{
	int reason;

	if (!pkt)
		return SG_DROP_IP_HEADER;
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		/* behind a later fragment's header is the middle of something
		 */
		if (!parse_is_extension(pkt->protocol) || is_later(pkt))
			break;
		if (i && pkt->protocol == IPPROTO_HOPOPTS)
			return SG_DROP_IP_OPTION;
		reason = parse_extension(skb, pkt, &at);
		if (reason)
			return reason;
		if (at > EXTENSIONS_END)
			return SG_DROP_IP_OPTION;
	}
	if (at - pkt->l3_at > pkt->bytes)
		return SG_DROP_IP_OPTION;
	pkt->l4_at = at;
	return SG_OK;
}

/* An IPv4 address in IPv6's clothes would be another's key. */
stage bool parse_is_mapped(const struct sg_addr *addr)
{
	return !addr->word[0] && !addr->word[1] &&
	       addr->word[2] == bpf_htonl(SG_ADDR_V4_MARK);
}

stage int parse_ipv6(struct __sk_buff *skb, struct packet *pkt)
{
	const struct ipv6hdr *ip;
	__u32 bytes;

	if (!reach(skb, pkt->l3_at, sizeof(*ip)))
		return SG_DROP_FRAME_SHORT;
	ip = reach_at(skb, pkt->l3_at);
	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return SG_DROP_FRAME_SHORT;
	bytes = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	if (ip->version != 6 || pkt->l3_at + bytes > skb->len)
		return SG_DROP_IP_HEADER;
	__builtin_memcpy(&pkt->src, &ip->saddr, sizeof(pkt->src));
	__builtin_memcpy(&pkt->dst, &ip->daddr, sizeof(pkt->dst));
	pkt->protocol = ip->nexthdr;
	pkt->ttl = ip->hop_limit;
	pkt->bytes = bytes;
	pkt->l4_at = pkt->l3_at + sizeof(*ip);
	pkt->dont_fragment = true;
	if (parse_is_mapped(&pkt->src) || parse_is_mapped(&pkt->dst))
		return SG_DROP_SPOOFED;
	if (!parse_is_extension(pkt->protocol))
		return SG_OK;
	return parse_extensions(skb, pkt, pkt->l4_at);
}

#endif
