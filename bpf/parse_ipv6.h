/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IPv6 header and its extension headers, walked to what they carry
 * (RFC 8200). What the walk does not know, or finds too long, goes no further.
 */
#ifndef SG_BPF_PARSE_IPV6_H
#define SG_BPF_PARSE_IPV6_H

#include "context.h"
#include "packet.h"
#include "verifier.h"

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

/* One extension header at `at`, whose kind scratch->ipv6.protocol says: where
 * the next header is, or 0: wrong, or one that never passes. */
standalone __u32 parse_extension(struct __sk_buff *skb, __u32 offset)
{
	struct scratch *scratch = scratch_get();
	struct ipv6_fragment fragment;
	__u8 extension[4]; /* next, length; routing: type, segments left */
	__u16 bits;

	if (!scratch)
		return 0;
	if (scratch->ipv6.protocol == IPPROTO_FRAGMENT) {
		if (scratch->ipv6.has_fragment || /* one is enough */
		    bpf_skb_load_bytes(skb, offset, &fragment,
				       sizeof(fragment)))
			return 0;
		bits = bpf_ntohs(fragment.at_and_more);
		scratch->ipv6.protocol = fragment.next;
		scratch->ipv6.has_fragment = true;
		scratch->ipv6.fragment_id = fragment.id;
		scratch->ipv6.fragment_offset = bits & FRAGMENT_AT_MASK;
		scratch->ipv6.has_more = bits & FRAGMENT_MORE;
		return offset + sizeof(fragment);
	}
	if (bpf_skb_load_bytes(skb, offset, extension, sizeof(extension)))
		return 0;
	if (scratch->ipv6.protocol == IPPROTO_ROUTING && extension[3])
		return 0; /* source routing (RFC 5095) */
	scratch->ipv6.protocol = extension[0];
	return offset + (extension[1] + 1) * 8;
}

stage bool parse_is_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_DSTOPTS;
}

/* Those behind an IPv6 header, from `at` on: where what they carry is, or 0. */
standalone __u32 parse_extensions(struct __sk_buff *skb, __u32 offset)
{
	struct scratch *scratch = scratch_get();

	if (!scratch)
		return 0;
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		/* behind a later fragment's header is the middle of something
		 */
		if (!parse_is_extension(scratch->ipv6.protocol) ||
		    scratch->ipv6.fragment_offset)
			break;
		if (i && scratch->ipv6.protocol == IPPROTO_HOPOPTS)
			return 0;
		offset = parse_extension(skb, offset);
		if (!offset || offset > EXTENSIONS_END)
			return 0;
	}
	return offset;
}

/* Walk them, and take what they say into the packet. */
stage int parse_behind(struct __sk_buff *skb, struct packet *pkt)
{
	struct scratch *scratch = scratch_get();
	__u32 offset;

	if (!scratch)
		return SG_DROP_IP_HEADER;
	__builtin_memset(&scratch->ipv6, 0, sizeof(scratch->ipv6));
	scratch->ipv6.protocol = pkt->protocol;
	offset = parse_extensions(skb, pkt->l4_offset);
	if (!offset || offset - pkt->l3_offset > pkt->bytes)
		return SG_DROP_IP_OPTION;
	pkt->l4_offset = offset;
	pkt->protocol = scratch->ipv6.protocol;
	pkt->fragment_id = scratch->ipv6.fragment_id;
	pkt->fragment_offset = scratch->ipv6.fragment_offset;
	pkt->has_more = scratch->ipv6.has_more;
	/* an "atomic" one (RFC 6946) is whole */
	pkt->is_fragment = pkt->has_more || pkt->fragment_offset;
	return SG_OK;
}

/* An IPv4 address in IPv6's clothes would be another's key. */
stage bool parse_is_mapped(const union sg_addr *addr)
{
	return !addr->word[0] && !addr->word[1] &&
	       addr->word[2] == bpf_htonl(SG_ADDR_V4_MARK);
}

stage int parse_ipv6(struct __sk_buff *skb, struct packet *pkt)
{
	const struct ipv6hdr *ip;
	__u32 bytes;

	if (!reach(skb, pkt->l3_offset, sizeof(*ip)))
		return SG_DROP_FRAME_SHORT;
	ip = reach_at(skb, pkt->l3_offset);
	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return SG_DROP_FRAME_SHORT;
	bytes = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	/* a segmented packet that is too long for the field (RFC 2675) */
	if (!ip->payload_len && skb->gso_size &&
	    (ip->nexthdr == IPPROTO_TCP || ip->nexthdr == IPPROTO_HOPOPTS))
		bytes = skb->len - pkt->l3_offset;
	if (ip->version != 6 || pkt->l3_offset + bytes > skb->len)
		return SG_DROP_IP_HEADER;
	__builtin_memcpy(&pkt->src, &ip->saddr, sizeof(pkt->src));
	__builtin_memcpy(&pkt->dst, &ip->daddr, sizeof(pkt->dst));
	pkt->protocol = ip->nexthdr;
	pkt->ttl = ip->hop_limit;
	pkt->bytes = bytes;
	pkt->l4_offset = pkt->l3_offset + sizeof(*ip);
	pkt->dont_fragment = true;
	if (parse_is_mapped(&pkt->src) || parse_is_mapped(&pkt->dst))
		return SG_DROP_SPOOFED;
	if (!parse_is_extension(pkt->protocol))
		return SG_OK;
	return parse_behind(skb, pkt);
}

#endif
