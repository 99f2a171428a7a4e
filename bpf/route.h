/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's own routes and neighbours, for what the container sends.
 */
#ifndef SG_BPF_ROUTE_H
#define SG_BPF_ROUTE_H

#include "packet.h"

#define LOOPBACK_IFINDEX 1

enum route {
	ROUTE_NONE,
	ROUTE_ALONE, /* the neighbour is not known yet */
	ROUTE_AND_NEIGHBOUR,
};

/* Where the host would send the packet: *fib, zeroed before, has the interface
 * and the neighbour's MAC. */
static __noinline int route_find(struct __sk_buff *skb,
				 const struct packet *pkt,
				 struct bpf_fib_lookup *fib)
{
	long code;

	if (!pkt || !fib)
		return ROUTE_NONE;
	/* as from the loopback interface, which is where the host's own
	 * packets come from, so that ip_forward can stay off */
	fib->ifindex = LOOPBACK_IFINDEX;
	fib->family = is_v6(pkt) ? AF_INET6 : AF_INET;
	fib->l4_protocol = pkt->protocol;
	if (is_v6(pkt))
		__builtin_memcpy(fib->ipv6_dst, &pkt->dst, sizeof(pkt->dst));
	else
		fib->ipv4_dst = pkt->dst.word[3];
	code = bpf_fib_lookup(skb, fib, sizeof(*fib), 0);
	if (code == BPF_FIB_LKUP_RET_NO_NEIGH)
		return ROUTE_ALONE;
	/* too big is for a later stage to say */
	return code == BPF_FIB_LKUP_RET_SUCCESS ||
			       code == BPF_FIB_LKUP_RET_FRAG_NEEDED
		       ? ROUTE_AND_NEIGHBOUR
		       : ROUTE_NONE;
}

/* A flow's neighbour, which may be known by now. */
static __noinline int route_learn(struct __sk_buff *skb,
				  const struct packet *pkt,
				  struct sg_flow *flow)
{
	struct bpf_fib_lookup fib = {};

	if (pkt && flow && route_find(skb, pkt, &fib) == ROUTE_AND_NEIGHBOUR &&
	    fib.ifindex == flow->ifindex)
		__builtin_memcpy(flow->remote_mac, fib.dmac, SG_MAC_BYTES);
	return 0;
}

#endif
