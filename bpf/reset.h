/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reset to the sender of a TCP packet that belongs to no flow (RFC 9293
 * 3.5.2), so that nobody is left connected and mute. The packet becomes the
 * reset, and goes back the way it came.
 */
#ifndef SG_BPF_RESET_H
#define SG_BPF_RESET_H

#include "tell.h"

#define TCP_BYTES 20
#define TCP_OFFSET (5 << 12) /* five words */

/* Write the TCP header into scratch memory, with its sum. */
stage void reset_header(struct scratch *scratch, const struct packet *pkt)
{
	__be32 *word = (__be32 *)scratch->bytes;
	__be16 *half = (__be16 *)scratch->bytes;
	bool has_ack = pkt->tcp.flags & TCP_ACK;
	__u64 sum;

	half[0] = pkt->dport;
	half[1] = pkt->sport;
	word[1] = has_ack ? bpf_htonl(pkt->tcp.ack) : 0;
	word[2] = has_ack ? 0 : bpf_htonl(pkt->tcp.seq_end);
	half[6] = bpf_htons(TCP_OFFSET | TCP_RST | (has_ack ? 0 : TCP_ACK));
	half[7] = 0;
	word[4] = 0;
	sum = bpf_htons(IPPROTO_TCP) + bpf_htons(TCP_BYTES);
	sum += (__u32)bpf_csum_diff(NULL, 0, word, TCP_BYTES, 0);
	if (is_v6(pkt)) {
		sum += (__u32)bpf_csum_diff(NULL, 0, (__be32 *)pkt->src.word,
					    sizeof(pkt->src), 0);
		sum += (__u32)bpf_csum_diff(NULL, 0, (__be32 *)pkt->dst.word,
					    sizeof(pkt->dst), 0);
	} else {
		sum += (__u64)pkt->src.word[3] + pkt->dst.word[3];
	}
	half[8] = ~sum_fold(sum);
}

/* Return whether a packet was dropped as of a connection that is none, or that
 * has no place. One with a SYN is not: it comes again. */
stage bool reset_is_due(const struct packet *pkt, int reason)
{
	return pkt->protocol == IPPROTO_TCP && !(pkt->tcp.flags & TCP_SYN) &&
	       (reason == SG_DROP_NO_FLOW || reason == SG_DROP_TABLE_FULL);
}

/* Return the program's action: the reset is on its way, or the packet is
 * dropped without. */
static __noinline int reset_sender(struct __sk_buff *skb,
				   const struct packet *pkt)
{
	struct scratch *scratch = scratch_get();
	struct tell header = {.bytes = TCP_BYTES};
	__u32 offset;

	if (!pkt || !scratch || pkt->tcp.flags & TCP_RST || is_later(pkt) ||
	    !tell_may(TELL_RESETS + pkt->iface->role, TELL_RESETS_BURST,
		      TELL_RESETS_PER_S, pkt->now_s))
		return TC_ACT_UNSPEC;
	reset_header(scratch, pkt);
	header.from = pkt->dst;
	header.protocol = IPPROTO_TCP;
	header.l3_offset = pkt->l3_offset;
	header.v6 = is_v6(pkt);
	offset = pkt->l3_offset +
		 (is_v6(pkt) ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	if (bpf_skb_change_tail(skb, offset + TCP_BYTES, 0) ||
	    bpf_skb_store_bytes(skb, offset, scratch->bytes, TCP_BYTES,
				BPF_F_RECOMPUTE_CSUM) ||
	    tell_header(skb, pkt, &header) ||
	    (pkt->iface->has_ethernet && tell_frame(skb)))
		return TC_ACT_SHOT;
	return bpf_redirect(pkt->ifindex, 0);
}

#endif
