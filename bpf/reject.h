/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers to a sender: an ICMP error, or a reset.
 */
#ifndef SG_BPF_REJECT_H
#define SG_BPF_REJECT_H

#include "addr.h"
#include "context.h"
#include "icmp_nat.h"

/*
 * ICMP errors of the gate's own, to the sender of a packet that cannot go on:
 * it is too big for the way out, its time to live ends here, or there is no way
 * (RFC 792, 1191, 1812, 4443). The packet becomes the error, and goes back the
 * way it came.
 */

/* type and code */
#define ICMP_TTL_ENDED 0x0b00
#define ICMP_NET_UNREACHABLE 0x0300
#define ICMP_HOST_UNREACHABLE 0x0301
#define ICMP_PROHIBITED 0x030d
#define ICMPV6_HOPS_ENDED 0x0300
#define ICMPV6_NO_ROUTE 0x0100
#define ICMPV6_PROHIBITED 0x0101
#define ICMPV6_ADDR_UNREACHABLE 0x0103
#define TELL_QUOTE_MAX 480 /* so that the error is under 576 bytes */
#define TELL_TTL 64
#define IPV4_HEADER_START 0x45000000 /* version 4, five words, no TOS */
#define IPV6_HEADER_START 0x60000000

/* The kinds of answers that go out at a limited rate, each by a token bucket */
enum tell_bucket_id {
	TELL_ERRORS, /* RFC 1812 4.3.2.8: as Linux does for one destination */
	TELL_ERRORS_V6, /* RFC 4443 2.4 (f): likewise */
	TELL_RESETS, /* a flood of strays is not answered by one: the first of
			one for each enum sg_role */
	TELL_BUCKETS = TELL_RESETS + SG_ROLE_COUNT
};

#define TELL_ERRORS_BURST 6
#define TELL_ERRORS_PER_S 1
#define TELL_RESETS_BURST 100
#define TELL_RESETS_PER_S 100

struct tell_bucket {
	__u32 filled_s; /* boot clock */
	__u32 spent;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TELL_BUCKETS);
	__type(key, __u32);
	__type(value, struct tell_bucket);
} tell_bucket SEC(".maps");

struct tell {
	union sg_addr from;
	__be16 kind; /* type and code */
	__be16 mtu;
	__u32 l3_offset;
	__u32 bytes; /* behind the IP header */
	__u8 protocol;
	bool v6;
};

/* The ICMP message, in scratch memory: the header and the quote. */
static __noinline int tell_message(struct __sk_buff *skb,
				   const struct packet *pkt, struct tell *tell)
{
	struct scratch *scratch = scratch_get();
	__be16 *header;
	__u32 quote;
	__u64 sum = 0;

	if (!pkt || !tell || !scratch)
		return -1;
	quote = pkt->bytes < TELL_QUOTE_MAX ? pkt->bytes : TELL_QUOTE_MAX;
	quote &= 0x1fc; /* whole words, for the sum */
	if (quote < sizeof(struct iphdr) ||
	    bpf_skb_load_bytes(skb, pkt->l3_offset,
			       scratch->bytes + ICMP_HEADER_BYTES, quote))
		return -1;
	header = (__be16 *)scratch->bytes;
	header[0] = tell->kind;
	header[1] = 0;
	header[2] = 0;
	header[3] = tell->mtu;
	tell->bytes = ICMP_HEADER_BYTES + quote;
	if (tell->v6) {
		sum = (__u32)bpf_csum_diff(NULL, 0, tell->from.word,
					   sizeof(tell->from), 0);
		sum += (__u32)bpf_csum_diff(NULL, 0, (__be32 *)pkt->src.word,
					    sizeof(pkt->src), 0);
		sum += bpf_htons(tell->bytes) + bpf_htons(IPPROTO_ICMPV6);
	}
	sum += (__u32)bpf_csum_diff(NULL, 0, (__be32 *)scratch->bytes,
				    tell->bytes & 0x1fc, 0);
	header[1] = ~sum_fold(sum);
	return 0;
}

/* The IP header, from the gate to the packet's sender. */
stage int tell_header(struct __sk_buff *skb, const struct packet *pkt,
		      const struct tell *tell)
{
	__be32 word[10] = {};
	__u32 bytes = sizeof(struct iphdr);
	__be16 *half = (__be16 *)word;

	if (tell->v6) {
		bytes = sizeof(struct ipv6hdr);
		word[0] = bpf_htonl(IPV6_HEADER_START);
		word[1] = bpf_htonl(tell->bytes << 16 | tell->protocol << 8 |
				    TELL_TTL);
		__builtin_memcpy(word + 2, &tell->from, sizeof(tell->from));
		__builtin_memcpy(word + 6, &pkt->src, sizeof(pkt->src));
		return bpf_skb_store_bytes(skb, tell->l3_offset, word, bytes,
					   BPF_F_RECOMPUTE_CSUM);
	}
	word[0] = bpf_htonl(IPV4_HEADER_START | (bytes + tell->bytes));
	word[2] = bpf_htonl(TELL_TTL << 24 | tell->protocol << 16);
	word[3] = tell->from.word[3];
	word[4] = pkt->src.word[3];
	half[5] = ~sum_fold((__u64)word[0] + word[2] + word[3] + word[4]);
	return bpf_skb_store_bytes(skb, tell->l3_offset, word, bytes,
				   BPF_F_RECOMPUTE_CSUM);
}

/* Back to the neighbour that it came by. */
stage int tell_frame(struct __sk_buff *skb)
{
	__u8 to_and_from[2 * SG_MAC_BYTES];
	__u8 turned[2 * SG_MAC_BYTES];

	if (bpf_skb_load_bytes(skb, 0, to_and_from, sizeof(to_and_from)))
		return -1;
	__builtin_memcpy(turned, to_and_from + SG_MAC_BYTES, SG_MAC_BYTES);
	__builtin_memcpy(turned + SG_MAC_BYTES, to_and_from, SG_MAC_BYTES);
	return bpf_skb_store_bytes(skb, 0, turned, sizeof(turned), 0);
}

stage bool tell_from(const struct packet *pkt, struct tell *tell)
{
	tell->from = *address_of(pkt->iface, tell->v6);
	return addr_is_set(&tell->from);
}

/* Returns the program's action: the error is on its way, or, where it cannot
 * be sent, the packet is dropped without. */
static __noinline int tell_sender(struct __sk_buff *skb,
				  const struct packet *pkt, __u32 kind,
				  __u32 mtu)
{
	struct scratch *scratch = scratch_get();
	struct tell tell = {};
	__u32 bytes;
	__u32 offset;

	if (!pkt || !scratch || is_later(pkt))
		return TC_ACT_SHOT;
	tell.kind = bpf_htons(kind);
	tell.mtu = bpf_htons(mtu);
	tell.l3_offset = pkt->l3_offset;
	tell.v6 = is_v6(pkt);
	tell.protocol = tell.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	if (!tell_from(pkt, &tell) || tell_message(skb, pkt, &tell))
		return TC_ACT_SHOT;
	offset = tell.l3_offset +
		 (tell.v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	bytes = reach_length(tell.bytes, 512);
	if (bpf_skb_change_tail(skb, offset + bytes, 0) ||
	    bpf_skb_store_bytes(skb, offset, scratch->bytes, bytes,
				BPF_F_RECOMPUTE_CSUM) ||
	    tell_header(skb, pkt, &tell) ||
	    (pkt->iface->has_ethernet && tell_frame(skb)))
		return TC_ACT_SHOT;
	return bpf_redirect(pkt->ifindex, 0);
}

/* Return the type and code that tell of a reason to drop, as Linux would; 0:
 * nobody is told. */
stage __u32 tell_kind(int reason, bool v6)
{
	switch (reason) {
	case SG_DROP_TTL:
		return v6 ? ICMPV6_HOPS_ENDED : ICMP_TTL_ENDED;
	case SG_DROP_NO_ROUTE:
		return v6 ? ICMPV6_NO_ROUTE : ICMP_NET_UNREACHABLE;
	case SG_DROP_ROUTE_UNREACHABLE:
		return v6 ? ICMPV6_NO_ROUTE : ICMP_HOST_UNREACHABLE;
	case SG_DROP_NEIGHBOUR:
		return v6 ? ICMPV6_ADDR_UNREACHABLE : ICMP_HOST_UNREACHABLE;
	case SG_DROP_ROUTE_PROHIBIT:
		return v6 ? ICMPV6_PROHIBITED : ICMP_PROHIBITED;
	default:
		return 0;
	}
}

/* Take a token of a bucket. Two CPUs may take the same one, which is one more;
 * one whose clock is behind fills none. */
stage bool tell_may(__u32 id, __u32 burst, __u32 per_s, __u32 now_s)
{
	struct tell_bucket *bucket = bpf_map_lookup_elem(&tell_bucket, &id);
	__u32 seconds;

	if (!bucket)
		return false;
	seconds = now_s - bucket->filled_s;
	if (clock_is_over(now_s, bucket->filled_s, 0)) {
		bucket->filled_s = now_s;
		bucket->spent =
			seconds < burst && bucket->spent > seconds * per_s
				? bucket->spent - seconds * per_s
				: 0;
	}
	if (bucket->spent >= burst)
		return false;
	bucket->spent++;
	return true;
}

/* As tell_sender(), but not at any rate. */
stage int tell_limited(struct __sk_buff *skb, const struct packet *pkt,
		       __u32 kind)
{
	__u32 bucket = is_v6(pkt) ? TELL_ERRORS_V6 : TELL_ERRORS;

	return tell_may(bucket, TELL_ERRORS_BURST, TELL_ERRORS_PER_S,
			pkt->now_s)
		       ? tell_sender(skb, pkt, kind, 0)
		       : TC_ACT_UNSPEC;
}

/*
 * A reset to the sender of a TCP packet that belongs to no flow (RFC 9293
 * 3.5.2), so that nobody is left connected and mute. The packet becomes the
 * reset, and goes back the way it came.
 */

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
	       (reason == SG_DROP_NO_FLOW || reason == SG_DROP_TABLE_FULL ||
		reason == SG_DROP_NO_RECORD);
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
