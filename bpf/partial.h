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

/* Set when this kernel cuts a packet short of its sum, and makes none then, as
 * those of 2026 do: found out by the first packet, which is lost. Of no use
 * with a view, but both objects have the same maps. */
bool partial_is_cut;

#ifdef SG_KERNEL_VIEW
/*
 * Since Linux 6.2 a program may look at the kernel's own view of its packet.
 */
#include <bpf/bpf_core_read.h>

/* <linux/skbuff.h>: where the sum is to be written, from `head` on */
struct sk_buff___partial {
	__u8 ip_summed : 2;
	__u16 csum_start;
	__u16 csum_offset;
	unsigned char *head;
	unsigned char *data;
} __attribute__((preserve_access_index));

#define CHECKSUM_PARTIAL 3

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym;

stage bool partial_is(struct __sk_buff *skb)
{
	struct sk_buff___partial *view = bpf_cast_to_kern_ctx(skb);

	return BPF_CORE_READ_BITFIELD(view, ip_summed) == CHECKSUM_PARTIAL;
}

/* Return whether a sum is to be written before offset `end`. */
stage bool partial_is_before(struct __sk_buff *skb, __u32 end)
{
	struct sk_buff___partial *view = bpf_cast_to_kern_ctx(skb);
	int behind = view->csum_start + view->csum_offset +
		     (int)sizeof(__sum16) -
		     (int)((__u64)view->data - (__u64)view->head);

	return partial_is(skb) && behind <= (int)end;
}
#else
/* The kernel does not say so, but nothing else neither can be given a level of
 * sums that are known to be right, nor has a sum to be updated. */
stage bool partial_is(struct __sk_buff *skb)
{
	bpf_csum_level(skb, CSUM_LEVEL_INC);
	if (bpf_csum_level(skb, CSUM_LEVEL_QUERY) >= 0) {
		bpf_csum_level(skb, CSUM_LEVEL_DEC);
		return false;
	}
	return bpf_csum_update(skb, 0) < 0;
}

/* As above. A kernel refuses to cut a packet short of its sum, and if it does
 * not, the packet is cut. One that always cuts leaves no sum to be made. */
stage bool partial_is_before(struct __sk_buff *skb, __u32 end)
{
	if (partial_is_cut || !partial_is(skb) ||
	    bpf_skb_change_tail(skb, end, 0))
		return false;
	partial_is_cut = !partial_is(skb);
	return true;
}
#endif

/* SG_OK, or the reason to drop. What is summed behind the header is the
 * sender's own (a tunnel's). */
stage int partial_refuses(struct __sk_buff *skb, const struct packet *pkt)
{
	__u32 check_offset = pkt->l4_offset + rewrite_check_at(pkt->protocol);

	if (pkt->is_fragment || is_icmp(pkt->protocol))
		return partial_is(skb) ? SG_DROP_L4_HEADER : SG_OK;
	/* one byte short of a sum that is in its place */
	return partial_is_before(skb, check_offset + 1) ? SG_DROP_L4_HEADER
							: SG_OK;
}

#endif
