/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NAT of a packet: addresses, ports and sums, and the place of a sum that is
 * still to be made.
 */
#ifndef SG_BPF_NAT_H
#define SG_BPF_NAT_H

#include "csum.h"
#include "packet.h"
#include "verifier.h"

#include <bpf/bpf_core_read.h>

/*
 * NAT of one packet: one address and port, the TTL, and every sum that covers
 * them, incrementally (RFC 1624), so that a wrong sum stays wrong. The kernel's
 * helpers know of CHECKSUM_PARTIAL and _COMPLETE; GSO needs nothing more.
 */

#define IP_CHECK_AT 10
#define IP_SRC_AT 12
#define IP_DST_AT 16
#define IPV6_HOP_LIMIT_AT 7
#define IPV6_SRC_AT 8
#define IPV6_DST_AT 24
#define TCP_CHECK_AT 16
#define UDP_CHECK_AT 6
#define ICMP_CHECK_AT 2
#define ICMP_ID_AT 4

/* The end of the packet that changes, and what it changes to. */
struct rewrite {
	union sg_addr addr;
	__be16 port; /* ICMP echo: the identifier */
	bool destination;
};

/* Return where the sum is in a header of the protocol. */
stage __u32 rewrite_check_at(__u8 protocol)
{
	if (protocol == IPPROTO_TCP)
		return TCP_CHECK_AT;
	return protocol == IPPROTO_UDP ? UDP_CHECK_AT : ICMP_CHECK_AT;
}

/* The difference that another address makes to a sum over it, in 16 bits. */
stage __u32 rewrite_difference(bool v6, const union sg_addr *old,
			       const union sg_addr *new)
{
	__u64 sum = (__u64)(__u32)~old->word[3] + new->word[3];

	if (v6)
		for (int i = 0; i < 3; i++)
			sum += (__u64)(__u32)~old->word[i] + new->word[i];
	return sum_fold(sum);
}

/* Return whether an IPv4 packet's TCP or UDP sum may be left to the device that
 * sends it (CHECKSUM_PARTIAL): it is then that of the pseudo header alone. */
stage bool rewrite_is_partial(const struct packet *pkt, __u16 check)
{
	__u64 sum = (__u64)pkt->src.word[3] + pkt->dst.word[3] +
		    bpf_htons(pkt->protocol) +
		    bpf_htons(pkt->bytes - (pkt->l4_offset - pkt->l3_offset));

	/* of one's complement's two zeros either */
	return check == sum_fold(sum) || !check || check == 0xffff;
}

/* In place, where the sum is in the packet: it is made anew from what differs,
 * by which CHECKSUM_COMPLETE differs the other way. False: left to the
 * kernel's helpers, which know what kind of sum it is. */
stage bool rewrite_l4_in_place(struct __sk_buff *skb, const struct packet *pkt,
			       const struct rewrite *to, __be32 old_addr,
			       __be16 old_port)
{
	bool tcp = pkt->protocol == IPPROTO_TCP;
	void *l4 = reach_at(skb, pkt->l4_offset);
	__be16 *port = l4 + (to->destination ? 2 : 0);
	__be16 *check = l4 + (tcp ? TCP_CHECK_AT : UDP_CHECK_AT);
	__u32 difference;
	__u64 sum;

	if (is_v6(pkt) || (!tcp && pkt->protocol != IPPROTO_UDP) ||
	    (void *)(port + 1) > (void *)(long)skb->data_end ||
	    (void *)(check + 1) > (void *)(long)skb->data_end)
		return false;
	if (!tcp && !*check) { /* no sum (RFC 768), but CHECKSUM_COMPLETE's */
		*port = to->port;
		bpf_csum_update(skb,
				sum_fold((__u64)(__u16)~old_port + to->port));
		return true;
	}
	if (rewrite_is_partial(pkt, *check))
		return false;
	difference = sum_fold((__u64)(__u32)~old_addr + to->addr.word[3]);
	sum = (__u64)(__u16) ~*check + difference + (__u16)~old_port + to->port;
	*check = ~sum_fold(sum);
	if (!tcp && !*check)
		*check = 0xffff; /* 0: no sum (RFC 768) */
	*port = to->port;
	bpf_csum_update(skb, (__u16)~difference);
	return true;
}

/* The sum of the transport's pseudo header (RFC 768, 9293, 8200 8.1). */
stage int rewrite_pseudo(struct __sk_buff *skb, const struct packet *pkt,
			 const struct rewrite *to, const union sg_addr *old,
			 __u32 check_offset, __u64 flags)
{
	__u32 difference;

	if (pkt->protocol == IPPROTO_ICMP)
		return SG_OK;
	difference = rewrite_difference(is_v6(pkt), old, &to->addr);
	if (bpf_l4_csum_replace(skb, check_offset, 0, difference,
				flags | BPF_F_PSEUDO_HDR))
		return SG_DROP_REWRITE;
	/* in CHECKSUM_COMPLETE, IPv6's address and this sum cancel out, which
	 * the helper does not know (before BPF_F_IPV6) */
	if (is_v6(pkt))
		bpf_csum_update(skb, difference);
	return SG_OK;
}

stage int rewrite_l4(struct __sk_buff *skb, const struct packet *pkt,
		     const struct rewrite *to, const union sg_addr *old,
		     __be16 old_port)
{
	__u32 port_offset = pkt->l4_offset + (to->destination ? 2 : 0);
	__u32 check_offset = pkt->l4_offset + rewrite_check_at(pkt->protocol);
	__u64 flags = 0;
	int reason;

	if (rewrite_l4_in_place(skb, pkt, to, old->word[3], old_port))
		return SG_OK;
	if (pkt->protocol == IPPROTO_UDP)
		flags = BPF_F_MARK_MANGLED_0; /* 0: no sum (RFC 768) */
	if (is_icmp(pkt->protocol))
		port_offset = pkt->l4_offset + ICMP_ID_AT;
	reason = rewrite_pseudo(skb, pkt, to, old, check_offset, flags);
	if (reason || old_port == to->port)
		return reason;
	if (bpf_l4_csum_replace(skb, check_offset, old_port, to->port,
				flags | sizeof(__be16)) ||
	    bpf_skb_store_bytes(skb, port_offset, &to->port, sizeof(to->port),
				0))
		return SG_DROP_REWRITE;
	return SG_OK;
}

/* In place: the header's own sum, and so CHECKSUM_COMPLETE's of it, comes out
 * as before. */
stage int rewrite_ipv4(struct __sk_buff *skb, const struct packet *pkt,
		       const struct rewrite *to, __be32 old_addr)
{
	struct iphdr *ip = reach_at(skb, pkt->l3_offset);
	__be32 new_addr = to->addr.word[3];
	__u64 sum;

	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return SG_DROP_REWRITE;
	sum = (__u16)~ip->check;
	sum += (__u64)(__u32)~old_addr + new_addr;
	sum += (__u16)~bpf_htons(1 << 8); /* of the TTL */
	ip->check = ~sum_fold(sum);
	ip->ttl--;
	if (to->destination)
		ip->daddr = new_addr;
	else
		ip->saddr = new_addr;
	return SG_OK;
}

stage int rewrite_ipv6(struct __sk_buff *skb, const struct packet *pkt,
		       const struct rewrite *to)
{
	__u32 addr_offset =
		pkt->l3_offset + (to->destination ? IPV6_DST_AT : IPV6_SRC_AT);
	__u8 hop_limit = pkt->ttl - 1;

	if (bpf_skb_store_bytes(skb, addr_offset, to->addr.word,
				sizeof(to->addr), 0) ||
	    bpf_skb_store_bytes(skb, pkt->l3_offset + IPV6_HOP_LIMIT_AT,
				&hop_limit, sizeof(hop_limit),
				BPF_F_RECOMPUTE_CSUM))
		return SG_DROP_REWRITE;
	return SG_OK;
}

/* No sum is over the address but CHECKSUM_COMPLETE, in IPv6 (IPv4's cancels out
 * with its header's sum). */
stage int rewrite_portless(struct __sk_buff *skb, const struct packet *pkt,
			   const struct rewrite *to, const union sg_addr *old)
{
	if (is_v6(pkt))
		bpf_csum_update(skb, rewrite_difference(true, old, &to->addr));
	return SG_OK;
}

/* Returns SG_OK or the reason to drop. Packet pointers do not survive it. */
static __noinline int rewrite(struct __sk_buff *skb, const struct packet *pkt,
			      const struct rewrite *to)
{
	const union sg_addr *old;
	int reason = SG_OK;

	if (!pkt || !to)
		return SG_DROP_REWRITE;
	if (pkt->ttl <= 1)
		return SG_DROP_TTL;
	old = to->destination ? &pkt->dst : &pkt->src;
	if (is_portless(pkt->protocol))
		reason = rewrite_portless(skb, pkt, to, old);
	else if (!is_later(pkt))
		reason = rewrite_l4(skb, pkt, to, old,
				    to->destination ? pkt->dport : pkt->sport);
	if (reason)
		return reason;
	return is_v6(pkt) ? rewrite_ipv6(skb, pkt, to)
			  : rewrite_ipv4(skb, pkt, to, old->word[3]);
}

/*
 * A sum that is still to be made (CHECKSUM_PARTIAL) is written when the packet
 * leaves, after all else, to where its sender has said. From the container that
 * may be anywhere (packet(7), PACKET_VNET_HDR), and must not be in what the
 * gate has judged, or has rewritten.
 */

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
	/* one byte short of a sum that is in its place */
	__u32 end = pkt->l4_offset + rewrite_check_at(pkt->protocol) + 1;

	if (pkt->is_fragment || is_icmp(pkt->protocol))
		return partial_is(skb) ? SG_DROP_L4_HEADER : SG_OK;
	if (is_portless(pkt->protocol))
		end = pkt->l4_offset;
	return partial_is_before(skb, end) ? SG_DROP_L4_HEADER : SG_OK;
}

#endif
