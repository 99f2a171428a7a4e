/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MSS that a SYN offers, held to what fits both links (RFC 9293 3.7.1), so
 * that a connection does without path-MTU discovery where this hop is the
 * smallest.
 */
#ifndef SG_BPF_CLAMP_H
#define SG_BPF_CLAMP_H

#include "ifaces_maps.h"
#include "rewrite.h"
#include "window.h"

#define IPV4_TCP_BYTES 40
#define IPV6_TCP_BYTES 60

stage __be16 clamp_swapped(__be16 value, bool swap)
{
	return swap ? value << 8 | value >> 8 : value;
}

/* On the packet as it goes out. Returns SG_OK or the reason to drop. */
static __noinline int clamp_mss(struct __sk_buff *skb, const struct packet *pkt,
				__u32 uplink, __u32 mtu)
{
	const struct sg_iface *iface = bpf_map_lookup_elem(&ifaces, &uplink);
	bool is_odd;
	__be16 most;
	__be16 mss;
	__u32 offset;

	if (!pkt || !iface || !iface->clamps_mss)
		return SG_OK;
	offset = tcp_option(skb, pkt->l4_offset, TCP_OPTION_MSS, 4);
	if (!offset || bpf_skb_load_bytes(skb, offset + 2, &mss, sizeof(mss)))
		return SG_OK;
	most = bpf_htons(mtu - (is_v6(pkt) ? IPV6_TCP_BYTES : IPV4_TCP_BYTES));
	if (bpf_ntohs(mss) <= bpf_ntohs(most))
		return SG_OK;
	/* an odd one straddles the sum's words */
	is_odd = (offset - pkt->l4_offset) & 1;
	if (bpf_l4_csum_replace(skb, pkt->l4_offset + TCP_CHECK_AT,
				clamp_swapped(mss, is_odd),
				clamp_swapped(most, is_odd), sizeof(mss)) ||
	    bpf_skb_store_bytes(skb, offset + 2, &most, sizeof(most), 0))
		return SG_DROP_REWRITE;
	return SG_OK;
}

#endif
