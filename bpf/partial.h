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

#include <bpf/bpf_core_read.h>

/* <linux/bpf.h> */
#define CSUM_LEVEL_QUERY 0
#define CSUM_LEVEL_INC 1
#define CSUM_LEVEL_DEC 2

/* <linux/skbuff.h>: where the sum is to be written, from `head` on */
struct sk_buff___partial {
	__u8 ip_summed : 2;
	__u16 csum_start;
	__u16 csum_offset;
	unsigned char *head;
	unsigned char *data;
} __attribute__((preserve_access_index));

#define CHECKSUM_PARTIAL 3
#define PARTIAL_NONE (-65536) /* no offset */

/* The kernel's own view of the packet (Linux 6.2); the loader says whether it
 * is to be had. */
extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;
const volatile bool partial_has_kernel_view = false;

/* Of a kernel without: whether it cuts a packet short of its sum, and makes
 * none then, as those of 2026 do. Found out by the first packet, which is lost.
 */
bool partial_is_cut;

/* Return the offset at which a sum is still to be written, or PARTIAL_NONE. */
stage int partial_told_at(struct __sk_buff *skb)
{
	struct sk_buff___partial *view = bpf_cast_to_kern_ctx(skb);

	if (BPF_CORE_READ_BITFIELD(view, ip_summed) != CHECKSUM_PARTIAL)
		return PARTIAL_NONE;
	return view->csum_start + view->csum_offset -
	       (int)((__u64)view->data - (__u64)view->head);
}

/* Whether the sum is still to be made. Before 6.2 the kernel does not say so,
 * but nothing else neither can be given a level of sums that are known to be
 * right, nor has a sum to be updated. */
stage bool partial_is(struct __sk_buff *skb)
{
	if (partial_has_kernel_view)
		return partial_told_at(skb) != PARTIAL_NONE;
	bpf_csum_level(skb, CSUM_LEVEL_INC);
	if (bpf_csum_level(skb, CSUM_LEVEL_QUERY) >= 0) {
		bpf_csum_level(skb, CSUM_LEVEL_DEC);
		return false;
	}
	return bpf_csum_update(skb, 0) < 0;
}

/* Whether it is to be written before offset `end`. A kernel of before 2026
 * refuses to cut a packet short of its sum, and if it does not, the packet is
 * cut. A later one cuts it, and makes no sum then. */
stage bool partial_is_before(struct __sk_buff *skb, __u32 end)
{
	int at;

	if (partial_has_kernel_view) {
		at = partial_told_at(skb);
		return at != PARTIAL_NONE && at + 1 < (int)end;
	}
	if (partial_is_cut || !partial_is(skb) ||
	    bpf_skb_change_tail(skb, end, 0))
		return false;
	partial_is_cut = !partial_is(skb);
	return true;
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
