/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plain frame, as parse.h would read it, in place and at once: Ethernet, IPv4
 * without options or IPv6 without extension headers, no tag, no fragment. It is
 * for those in a hurry, before there is an skb and after. They know the family
 * when they are compiled, which spares them half of the questions.
 */
#ifndef SG_BPF_PARSE_FAST_H
#define SG_BPF_PARSE_FAST_H

#include "parse.h"

#define NOT_PLAIN (-4)
#define IPV4_START 0x45 /* version 4, no options */
#define IPV6_START 0x60 /* of which the traffic class has the lower half */

stage int plain_ipv4(const struct iphdr *ip, const void *end, __u32 bytes,
		     struct packet *pkt)
{
	if ((const void *)(ip + 1) > end || *(const __u8 *)ip != IPV4_START ||
	    !ip->tot_len ||
	    ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_OFFSET_MASK))
		return NOT_PLAIN;
	pkt->bytes = bpf_ntohs(ip->tot_len);
	if (pkt->bytes < sizeof(*ip) || pkt->bytes > bytes)
		return SG_DROP_IP_HEADER;
	if (!parse_sum_is_right(parse_sum(ip)))
		return SG_DROP_IP_CHECKSUM;
	pkt->src = addr_from_v4(ip->saddr);
	pkt->dst = addr_from_v4(ip->daddr);
	pkt->protocol = ip->protocol;
	pkt->ttl = ip->ttl;
	pkt->ether_type = ETH_P_IP;
	pkt->l4_offset = ETH_HLEN + sizeof(*ip);
	return SG_OK;
}

stage int plain_ipv6(const struct ipv6hdr *ip, const void *end, __u32 bytes,
		     struct packet *pkt)
{
	if ((const void *)(ip + 1) > end ||
	    (*(const __u8 *)ip & 0xf0) != IPV6_START || !ip->payload_len ||
	    parse_is_extension(ip->nexthdr))
		return NOT_PLAIN;
	pkt->bytes = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	if (pkt->bytes > bytes)
		return SG_DROP_IP_HEADER;
	__builtin_memcpy(&pkt->src, &ip->saddr, sizeof(pkt->src));
	__builtin_memcpy(&pkt->dst, &ip->daddr, sizeof(pkt->dst));
	if (parse_is_mapped(&pkt->src) || parse_is_mapped(&pkt->dst))
		return SG_DROP_SPOOFED;
	pkt->protocol = ip->nexthdr;
	pkt->ttl = ip->hop_limit;
	pkt->ether_type = ETH_P_IPV6;
	pkt->l4_offset = ETH_HLEN + sizeof(*ip);
	return SG_OK;
}

/* A frame of `bytes`, of which what is before `end` can be read. SG_OK, a
 * reason to drop, or NOT_PLAIN, as what is of the other family is. Sets all of
 * *pkt that a plain packet has. */
stage int plain_parse(bool v6, const void *data, const void *end, __u32 bytes,
		      struct packet *pkt)
{
	const struct ethhdr *eth = data;
	const void *l3 = eth + 1;
	const void *l4 =
		l3 + (v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	__u32 payload_bytes;
	__u32 header_bytes;
	int reason;

	if (l3 > end || eth->h_proto != bpf_htons(v6 ? ETH_P_IPV6 : ETH_P_IP))
		return NOT_PLAIN;
	bytes -= ETH_HLEN;
	reason = v6 ? plain_ipv6(l3, end, bytes, pkt)
		    : plain_ipv4(l3, end, bytes, pkt);
	if (reason)
		return reason;
	pkt->l3_offset = ETH_HLEN;
	pkt->fragment_offset = 0;
	pkt->is_fragment = false;
	pkt->has_more = false;
	header_bytes = parse_header_bytes(pkt);
	if (!header_bytes)
		return SG_DROP_PROTOCOL;
	payload_bytes = pkt->bytes - (pkt->l4_offset - ETH_HLEN);
	if (payload_bytes < header_bytes)
		return SG_DROP_L4_HEADER;
	if (l4 + header_bytes > end)
		return NOT_PLAIN;
	return parse_header(l4, end, pkt, payload_bytes);
}

#endif
