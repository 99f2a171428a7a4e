/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sum that is still to be made (CHECKSUM_PARTIAL) is written when the packet
 * leaves, after all else, to where its sender has said. From the container that
 * may be anywhere (packet(7), PACKET_VNET_HDR), and must not be in what the
 * gate has judged, or has rewritten.
 */
#ifndef SG_BPF_PARTIAL_H
#define SG_BPF_PARTIAL_H

#include "rewrite.h"

/* <linux/bpf.h> */
#define CSUM_LEVEL_QUERY 0
#define CSUM_LEVEL_INC 1
#define CSUM_LEVEL_DEC 2

/* Whether the sum is still to be made. The kernel does not say so, but nothing
 * else neither can be given a level of sums that are known to be right, nor has
 * a sum to be updated. */
stage bool partial_is(struct __sk_buff *skb)
{
	bpf_csum_level(skb, CSUM_LEVEL_INC);
	if (bpf_csum_level(skb, CSUM_LEVEL_QUERY) >= 0) {
		bpf_csum_level(skb, CSUM_LEVEL_DEC);
		return false;
	}
	return bpf_csum_update(skb, 0) < 0;
}

/* Whether it is to be written before offset `end`. The kernel refuses to cut a
 * packet short of its sum, and if it does not, the packet is cut. */
stage bool partial_is_before(struct __sk_buff *skb, __u32 end)
{
	return partial_is(skb) && !bpf_skb_change_tail(skb, end, 0);
}

/* SG_OK, or the reason to drop. What is summed behind the header is the
 * sender's own (a tunnel's). */
stage int partial_refuses(struct __sk_buff *skb, const struct packet *pkt)
{
	__u32 check_at = pkt->l4_at + rewrite_check_at(pkt->protocol);

	if (pkt->is_fragment || is_icmp(pkt->protocol))
		return partial_is(skb) ? SG_DROP_L4_HEADER : SG_OK;
	/* one byte short of a sum that is in its place */
	return partial_is_before(skb, check_at + 1) ? SG_DROP_L4_HEADER : SG_OK;
}

#endif
