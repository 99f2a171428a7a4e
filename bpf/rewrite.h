/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NAT of one packet: one address and port, the TTL, and every sum that covers
 * them, incrementally (RFC 1624), so that a wrong sum stays wrong. The kernel's
 * helpers know of CHECKSUM_PARTIAL and _COMPLETE; GSO needs nothing more.
 */
#ifndef SG_BPF_REWRITE_H
#define SG_BPF_REWRITE_H

#include "packet.h"

#define IP_TTL_AT 8 /* the protocol is the byte behind it */
#define IP_CHECK_AT 10
#define IP_SRC_AT 12
#define IP_DST_AT 16
#define TCP_CHECK_AT 16
#define UDP_CHECK_AT 6
#define ICMP_CHECK_AT 2
#define ICMP_ID_AT 4

/* Which end of the packet changes, and to what. */
struct rewrite {
	struct sg_addr addr;
	__be16 port; /* ICMP echo: the identifier */
	bool destination;
};

stage int rewrite_l4(struct __sk_buff *skb, const struct packet *pkt,
		     const struct rewrite *to, __be32 old_addr, __be16 old_port)
{
	__u32 port_at = pkt->l4_at + (to->destination ? 2 : 0);
	__u32 check_at = pkt->l4_at + TCP_CHECK_AT;
	__u64 flags = 0;

	if (pkt->protocol == IPPROTO_UDP) {
		check_at = pkt->l4_at + UDP_CHECK_AT;
		flags = BPF_F_MARK_MANGLED_0; /* 0: no sum (RFC 768) */
	} else if (pkt->protocol == IPPROTO_ICMP) {
		check_at = pkt->l4_at + ICMP_CHECK_AT;
		port_at = pkt->l4_at + ICMP_ID_AT;
	}
	if (pkt->protocol != IPPROTO_ICMP &&
	    bpf_l4_csum_replace(skb, check_at, old_addr, to->addr.word[3],
				flags | BPF_F_PSEUDO_HDR | sizeof(__be32)))
		return SG_DROP_REWRITE;
	if (old_port == to->port)
		return SG_OK;
	if (bpf_l4_csum_replace(skb, check_at, old_port, to->port,
				flags | sizeof(__be16)) ||
	    bpf_skb_store_bytes(skb, port_at, &to->port, sizeof(to->port), 0))
		return SG_DROP_REWRITE;
	return SG_OK;
}

stage int rewrite_l3(struct __sk_buff *skb, const struct packet *pkt,
		     const struct rewrite *to, __be32 old_addr)
{
	__u32 addr_at = pkt->l3_at + (to->destination ? IP_DST_AT : IP_SRC_AT);
	__be16 old_ttl = bpf_htons(pkt->ttl << 8 | pkt->protocol);
	__be16 new_ttl = bpf_htons((pkt->ttl - 1) << 8 | pkt->protocol);
	__be32 new_addr = to->addr.word[3];

	if (bpf_l3_csum_replace(skb, pkt->l3_at + IP_CHECK_AT, old_addr,
				new_addr, sizeof(new_addr)) ||
	    bpf_l3_csum_replace(skb, pkt->l3_at + IP_CHECK_AT, old_ttl, new_ttl,
				sizeof(new_ttl)) ||
	    bpf_skb_store_bytes(skb, addr_at, &new_addr, sizeof(new_addr), 0) ||
	    bpf_skb_store_bytes(skb, pkt->l3_at + IP_TTL_AT, &new_ttl,
				sizeof(new_ttl), 0))
		return SG_DROP_REWRITE;
	return SG_OK;
}

/* Returns SG_OK or the reason to drop. Packet pointers do not survive it. */
static __noinline int rewrite(struct __sk_buff *skb, const struct packet *pkt,
			      const struct rewrite *to)
{
	__be32 old_addr;
	__be16 old_port;
	int reason;

	if (!pkt || !to)
		return SG_DROP_REWRITE;
	if (pkt->ttl <= 1)
		return SG_DROP_TTL;
	old_addr = to->destination ? pkt->dst.word[3] : pkt->src.word[3];
	old_port = to->destination ? pkt->dport : pkt->sport;
	reason = rewrite_l4(skb, pkt, to, old_addr, old_port);
	return reason ? reason : rewrite_l3(skb, pkt, to, old_addr);
}

#endif
