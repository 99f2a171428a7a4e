/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IPv4 header: its lengths, its sum, its options, its fragment (RFC 791).
 */
#ifndef SG_BPF_PARSE_IPV4_H
#define SG_BPF_PARSE_IPV4_H

#include "csum.h"
#include "packet.h"
#include "verifier.h"

#define IP_DONT_FRAGMENT 0x4000
#define IP_MORE_FRAGMENTS 0x2000
#define IP_OFFSET_MASK 0x1fff
#define IPOPT_END 0
#define IPOPT_NOP 1
#define IPOPT_LSRR 131
#define IPOPT_SSRR 137

/* RFC 1071: a header with its own sum in it adds up to all ones. */
stage bool parse_sum_is_right(__u64 sum)
{
	return sum_fold(sum) == 0xffff;
}

/* The sum over the fixed part of the header, not folded. */
stage __u64 parse_sum(const struct iphdr *ip)
{
	const __be32 *word = (const void *)ip;

	return (__u64)word[0] + word[1] + word[2] + word[3] + word[4];
}

/* One option at `at`: where the next one is, `end` if there is none, or 0: it
 * is malformed, or routes by its source, which never passes. */
standalone __u32 parse_option(struct __sk_buff *skb, __u32 offset, __u32 end)
{
	__u8 option[2]; /* type, length */

	if (bpf_skb_load_bytes(skb, offset, option, sizeof(option)))
		return 0;
	if (option[0] == IPOPT_END)
		return end;
	if (option[0] == IPOPT_NOP)
		return offset + 1;
	if (option[0] == IPOPT_LSRR || option[0] == IPOPT_SSRR ||
	    option[1] < sizeof(option) || offset + option[1] > end)
		return 0;
	return offset + option[1];
}

/* The options, on top of the sum so far. Those that pass are left to whom they
 * are for. */
standalone int parse_options(struct __sk_buff *skb, __u32 offset, __u32 end,
			     __u64 sum)
{
	__be32 options[10] = {}; /* the longest that IHL can say */
	__u32 bytes = (end - offset) & HEADER_AT_MASK;

	if (bytes < sizeof(options[0]))
		return SG_OK;
	barrier_var(bytes); /* both bounds in one register, for the verifier */
	if (bytes > sizeof(options) ||
	    bpf_skb_load_bytes(skb, offset, options, bytes))
		return SG_DROP_IP_HEADER;
	sum += (__u32)bpf_csum_diff(NULL, 0, options, sizeof(options), 0);
	if (!parse_sum_is_right(sum))
		return SG_DROP_IP_CHECKSUM;
	for (__u32 i = 0; i < sizeof(options); i++) {
		if (offset >= end)
			return SG_OK;
		offset = parse_option(skb, offset, end);
		if (!offset)
			return SG_DROP_IP_OPTION;
	}
	return SG_OK;
}

/* The length that the header says. One that is too long for the field is 0 in
 * it, which only a segmented packet of TCP's can be (BIG TCP). */
stage __u32 parse_total_bytes(struct __sk_buff *skb, const struct packet *pkt,
			      const struct iphdr *ip)
{
	if (!ip->tot_len && skb->gso_size && ip->protocol == IPPROTO_TCP)
		return skb->len - pkt->l3_offset;
	return bpf_ntohs(ip->tot_len);
}

/* RFC 791. */
stage int parse_ipv4(struct __sk_buff *skb, struct packet *pkt)
{
	const struct iphdr *ip;
	__u32 header_bytes;
	__u32 total_bytes;
	__u16 fragment;
	__u64 sum;
	int reason = SG_OK;

	if (!reach(skb, pkt->l3_offset, sizeof(*ip)))
		return SG_DROP_FRAME_SHORT;
	ip = reach_at(skb, pkt->l3_offset);
	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return SG_DROP_FRAME_SHORT;
	header_bytes = ip->ihl * 4;
	total_bytes = parse_total_bytes(skb, pkt, ip);
	if (ip->version != 4 || header_bytes < sizeof(*ip) ||
	    total_bytes < header_bytes ||
	    pkt->l3_offset + total_bytes > skb->len)
		return SG_DROP_IP_HEADER;
	pkt->src = addr_from_v4(ip->saddr);
	pkt->dst = addr_from_v4(ip->daddr);
	pkt->protocol = ip->protocol;
	pkt->ttl = ip->ttl;
	pkt->bytes = total_bytes;
	pkt->l4_offset = pkt->l3_offset + header_bytes;
	fragment = bpf_ntohs(ip->frag_off);
	pkt->fragment_id = ip->id;
	pkt->fragment_offset = (fragment & IP_OFFSET_MASK) * 8;
	pkt->has_more = fragment & IP_MORE_FRAGMENTS;
	pkt->dont_fragment = fragment & IP_DONT_FRAGMENT;
	pkt->is_fragment = pkt->has_more || pkt->fragment_offset;
	sum = parse_sum(ip);
	if (header_bytes > sizeof(*ip))
		reason = parse_options(skb, pkt->l3_offset + sizeof(*ip),
				       pkt->l4_offset, sum);
	else if (!parse_sum_is_right(sum))
		reason = SG_DROP_IP_CHECKSUM;
	return reason;
}

#endif
