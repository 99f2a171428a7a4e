/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A packet larger than the way out takes: whether it may go in pieces, and the
 * pieces (RFC 791 3.2). Those that may not are the sender's to make smaller.
 */
#ifndef SG_BPF_FRAG_OUT_H
#define SG_BPF_FRAG_OUT_H

#include "context.h"
#include "nat.h"
#include "parse_ipv4.h"

#define SPLIT_MAX 4 /* pieces */

#define GSO_BY_FRAGS 0xffff /* <linux/skbuff.h> */
#define JUMBO_BYTES 8 /* IPv6's option, which is not on the wire (BIG TCP) */

/* Return the size of a segmented packet's largest one on the wire. */
static __noinline __u32 split_wire_bytes(struct __sk_buff *skb,
					 const struct packet *pkt)
{
	__u32 header_bytes = sizeof(struct udphdr);
	__u8 offset;

	if (!pkt || !skb->gso_size)
		return pkt ? pkt->bytes : 0;
	if (is_portless(pkt->protocol)) /* as if the last one were full */
		return skb->gso_size == GSO_BY_FRAGS
			       ? 0 /* SCTP's: cut to the path by the sender */
			       : pkt->bytes -
					 (skb->gso_segs - 1) * skb->gso_size;
	if (pkt->protocol == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, pkt->l4_offset + 12, &offset, 1))
			return pkt->bytes;
		header_bytes = (offset >> 4) * 4;
	}
	if (is_v6(pkt) &&
	    pkt->l4_offset - pkt->l3_offset >=
		    (int)sizeof(struct ipv6hdr) + JUMBO_BYTES &&
	    pkt->bytes > IP_BYTES_MAX + (__u32)sizeof(struct ipv6hdr))
		header_bytes -= JUMBO_BYTES;
	return pkt->l4_offset - pkt->l3_offset + header_bytes + skb->gso_size;
}

/* Return whether a UDP sum is still to be made, by hardware that would then sum
 * over one piece. */
stage bool split_sum_is_partial(struct __sk_buff *skb, const struct packet *pkt)
{
	__be16 check;

	if (bpf_skb_load_bytes(skb, pkt->l4_offset + UDP_CHECK_AT, &check,
			       sizeof(check)))
		return true;
	return check && rewrite_is_partial(pkt, check);
}

/* Return whether a packet may go in pieces. A TCP sender learns quickly. */
static __noinline bool split_is_possible(struct __sk_buff *skb,
					 const struct packet *pkt)
{
	if (!pkt || pkt->dont_fragment || skb->gso_size ||
	    pkt->l4_offset - pkt->l3_offset != sizeof(struct iphdr) ||
	    pkt->bytes >= SCRATCH_BYTES)
		return false;
	if (pkt->is_fragment || pkt->protocol == IPPROTO_ICMP)
		return true;
	if (is_portless(pkt->protocol))
		return !partial_is(skb);
	return pkt->protocol == IPPROTO_UDP && !split_sum_is_partial(skb, pkt);
}

/* One piece's header: its length and place. SG_OK, or SG_DROP_REWRITE. */
static __noinline int split_header(struct __sk_buff *skb, __u32 l3_offset,
				   __u32 bytes, __u32 place)
{
	struct iphdr ip;
	__be16 length = bpf_htons(sizeof(ip) + bytes);
	__be16 fragment = bpf_htons(place);
	__u32 check_offset = l3_offset + IP_CHECK_AT;

	if (bpf_skb_load_bytes(skb, l3_offset, &ip, sizeof(ip)) ||
	    bpf_l3_csum_replace(skb, check_offset, ip.tot_len, length,
				sizeof(length)) ||
	    bpf_l3_csum_replace(skb, check_offset, ip.frag_off, fragment,
				sizeof(fragment)))
		return SG_DROP_REWRITE;
	ip.tot_len = length;
	ip.frag_off = fragment;
	return bpf_skb_store_bytes(skb, l3_offset, &ip, 8, 0) ? SG_DROP_REWRITE
							      : SG_OK;
}

/* The piece of the payload from `from` on is put behind the header. */
static __noinline int split_piece(struct __sk_buff *skb, __u32 l3_offset,
				  __u32 from, __u32 bytes)
{
	struct scratch *scratch = scratch_get();
	__u32 offset = l3_offset + sizeof(struct iphdr);

	if (!scratch || bpf_skb_change_tail(skb, offset + bytes, 0))
		return SG_DROP_REWRITE;
	from &= SCRATCH_BYTES - 1;
	bytes = reach_length(bytes, SCRATCH_BYTES);
	return bpf_skb_store_bytes(skb, offset, scratch->bytes + from, bytes,
				   BPF_F_RECOMPUTE_CSUM)
		       ? SG_DROP_REWRITE
		       : SG_OK;
}

/* Send a packet, complete but for its size, by an interface in pieces of at
 * most mtu bytes. All but the last are sent here; the skb is then the last. */
static __noinline int split_send(struct __sk_buff *skb,
				 const struct packet *pkt, __u32 ifindex,
				 __u32 mtu, __u32 l3_offset)
{
	struct scratch *scratch = scratch_get();
	__u32 step = (mtu - sizeof(struct iphdr)) & ~7U;
	__u32 bytes;
	__u32 size;
	__u32 from = 0;
	__u32 place;
	bool is_last;

	if (!pkt || !scratch)
		return SG_DROP_REWRITE;
	bytes = reach_length(pkt->bytes - sizeof(struct iphdr), SCRATCH_BYTES);
	if (!step || bpf_skb_load_bytes(skb, l3_offset + sizeof(struct iphdr),
					scratch->bytes, bytes))
		return SG_DROP_REWRITE;
	for (int i = 0; i < SPLIT_MAX; i++) {
		is_last = from + step >= bytes;
		size = is_last ? bytes - from : step;
		place = (pkt->fragment_offset + from) / 8;
		if (!is_last || pkt->has_more)
			place |= IP_MORE_FRAGMENTS;
		if (split_piece(skb, l3_offset, from, size) ||
		    split_header(skb, l3_offset, size, place))
			return SG_DROP_REWRITE;
		if (is_last)
			return SG_OK;
		if (bpf_clone_redirect(skb, ifindex, 0))
			return SG_DROP_REWRITE;
		from += step;
	}
	return SG_DROP_TOO_BIG;
}

#endif
