/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The path of a flow: by which link, to which next hop, from which source and
 * how large its packets go out. The kernel's FIB knows (bpf_fib_lookup, as for
 * a packet of the host's own, so that forwarding can stay off).
 *
 * A flow remembers its path, and asks again when links, addresses, routes or
 * rules have changed (sg_active.generation); and every other second, since
 * there may be no daemon that would tell.
 */
#ifndef SG_BPF_PATH_H
#define SG_BPF_PATH_H

#include "addr.h"
#include "conntrack.h"
#include "context.h"
#include "ifaces_maps.h"
#include "packet.h"

#define LOOPBACK_IFINDEX 1
#define PATH_TRUST_S 1	   /* and no longer */
#define NEIGHBOUR_WAIT_S 3 /* three probes, a second apart (RFC 4861 10) */
#define NEIGHBOUR_STALE_S                                                      \
	8 /* nothing was sent in between, or no way was found */

/* Return the reason to drop that a code of bpf_fib_lookup() stands for. */
stage int path_reason(long code)
{
	switch (code) {
	case BPF_FIB_LKUP_RET_SUCCESS:
	case BPF_FIB_LKUP_RET_NO_NEIGH:
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		return SG_OK;
	case BPF_FIB_LKUP_RET_BLACKHOLE:
		return SG_DROP_ROUTE_BLACKHOLE;
	case BPF_FIB_LKUP_RET_UNREACHABLE:
		return SG_DROP_ROUTE_UNREACHABLE;
	case BPF_FIB_LKUP_RET_PROHIBIT:
		return SG_DROP_ROUTE_PROHIBIT;
	default:
		return SG_DROP_NO_ROUTE;
	}
}

/* Fill in the question: the packet's way to `dst` from `src`. */
stage void path_question(struct bpf_fib_lookup *fib, const struct packet *pkt,
			 const union sg_addr *src, const union sg_addr *dst)
{
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->ifindex = LOOPBACK_IFINDEX;
	fib->l4_protocol = pkt->protocol;
	if (!is_icmp(pkt->protocol)) {
		fib->sport = pkt->sport;
		fib->dport = pkt->dport;
	}
	fib->tot_len = 1; /* from 5.12 on, the answer has the path's MTU */
	if (is_v6(pkt)) {
		fib->family = AF_INET6;
		__builtin_memcpy(fib->ipv6_src, src, sizeof(*src));
		__builtin_memcpy(fib->ipv6_dst, dst, sizeof(*dst));
	} else {
		fib->family = AF_INET;
		fib->ipv4_src = src->word[3];
		fib->ipv4_dst = dst->word[3];
	}
}

/* Return whether a rule may forbid the container's way out, which the FIB
 * helper does not go by. */
stage bool path_is_suppressed(const struct packet *pkt)
{
	__u32 zero = 0;
	const struct sg_gate *self = bpf_map_lookup_elem(&gate, &zero);

	return is_v6(pkt) && self && self->has_suppress;
}

/* Return the source that the answer names, or on kernels before 6.7, that the
 * loader has found: the link's address in the next hop's network, or its first.
 */
stage union sg_addr path_source(const struct bpf_fib_lookup *fib, bool v6,
				bool is_named, const struct sg_iface *iface,
				const union sg_addr *next_hop)
{
	struct sg_subnet_key key = {.prefix_bits = 128, .addr = *next_hop};
	const struct sg_subnet *subnet;
	union sg_addr source;

	if (is_named && !v6)
		return addr_from_v4(fib->ipv4_src);
	if (is_named) {
		__builtin_memcpy(&source, fib->ipv6_src, sizeof(source));
		return source;
	}
	subnet = bpf_map_lookup_elem(&subnets, &key);
	return subnet && subnet->ifindex == fib->ifindex &&
			       addr_is_set(&subnet->own)
		       ? subnet->own
		       : *address_of(iface, v6);
}

/*
 * Ask the FIB for the packet's way to `dst` from `src`. The answer is in the
 * scratch memory: *ret_path. Return SG_OK, or the reason to drop, which is
 * SG_DROP_EGRESS_CLOSED for a link that is not governed.
 */
static __noinline int path_find(struct __sk_buff *skb, const struct packet *pkt,
				const union sg_addr *src,
				const union sg_addr *dst)
{
	struct scratch *scratch = scratch_get();
	const struct sg_iface *iface;
	struct bpf_fib_lookup *fib;
	struct path *path;
	bool is_named = true;
	__u32 ifindex;
	long code;

	if (!pkt || !src || !dst || !scratch)
		return SG_DROP_NO_ROUTE;
	path = &scratch->path;
	fib = &scratch->fib;
	path_question(fib, pkt, src, dst);
	code = bpf_fib_lookup(skb, fib, sizeof(*fib), BPF_FIB_LOOKUP_SRC);
	if (code < 0) { /* before 6.7: no such flag */
		is_named = false;
		code = bpf_fib_lookup(skb, fib, sizeof(*fib), 0);
	}
	path->is_resolved = code != BPF_FIB_LKUP_RET_NO_NEIGH;
	if (!path->is_resolved && is_named) { /* or there is no MTU in it */
		path_question(fib, pkt, src, dst);
		code = bpf_fib_lookup(skb, fib, sizeof(*fib),
				      BPF_FIB_LOOKUP_SRC |
					      BPF_FIB_LOOKUP_SKIP_NEIGH);
	}
	if (path_reason(code))
		return path_reason(code);
	ifindex = fib->ifindex;
	iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (!iface)
		return SG_DROP_EGRESS_CLOSED;
	path->ifindex = ifindex;
	path->mtu = fib->mtu_result > 1 ? fib->mtu_result : iface->mtu;
	if (fib->family == AF_INET)
		path->next_hop = addr_from_v4(fib->ipv4_dst);
	else
		__builtin_memcpy(&path->next_hop, fib->ipv6_dst,
				 sizeof(path->next_hop));
	path->source =
		path_source(fib, is_v6(pkt), is_named, iface, &path->next_hop);
	return SG_OK;
}

/* Return whether the source that was found is of a link of another role. The
 * kernel takes such a source when the link has none of its own, as while it
 * asks for duplicates (RFC 4862 5.4); what is sent so gets no answer. Without
 * Ethernet a link needs no address of its own. An exempt link has no role. */
stage bool path_source_is_anothers(const struct path *path,
				   const struct sg_iface *iface)
{
	struct sg_subnet_key key = {.prefix_bits = 128, .addr = path->source};
	const struct sg_subnet *subnet;
	const struct sg_iface *other;
	__u32 ifindex;

	subnet = bpf_map_lookup_elem(&subnets, &key);
	if (!subnet || subnet->roles || subnet->ifindex == path->ifindex ||
	    !iface->has_ethernet)
		return false;
	ifindex = subnet->ifindex; /* 0: of several */
	other = bpf_map_lookup_elem(&ifaces, &ifindex);
	return other && other->role != iface->role;
}

/* Return whether an address is a link's no more: the loader has not found it,
 * or the kernel has a way to it, or (in IPv6, where it says so) none at all. */
static __noinline int path_addr_is_gone(struct __sk_buff *skb,
					const struct packet *pkt,
					const union sg_addr *addr,
					__u32 ifindex)
{
	struct scratch *scratch = scratch_get();
	long code;

	if (!pkt || !addr || !scratch)
		return 0;
	if (!address_is_own(ifindex, addr))
		return 1;
	path_question(&scratch->fib, pkt, addr, addr);
	code = bpf_fib_lookup(skb, &scratch->fib, sizeof(scratch->fib),
			      BPF_FIB_LOOKUP_SKIP_NEIGH);
	return path_reason(code) == SG_OK ||
	       (is_v6(pkt) && code == BPF_FIB_LKUP_RET_UNREACHABLE);
}

stage void path_is_found(struct sg_flow *flow)
{
	atomic_change(&flow->flags, SG_FLOW_BY_MAC | SG_FLOW_NO_PATH, 0);
}

/* Take over what was found, but for the source. */
stage void path_take(struct sg_flow *flow, const struct path *path)
{
	if (!addr_equal(&flow->next_hop, &path->next_hop))
		flow->next_hop = path->next_hop;
	flow->mtu = path->mtu;
	path_is_found(flow);
}

/* A next hop that answers no ARP or ND for some seconds is not there: the
 * kernel gives up then, and begins again with the next packet. What was noted
 * long ago was of another time. */
stage int path_check_neighbour(struct sg_flow *flow, const struct packet *pkt,
			       bool is_resolved)
{
	if (is_resolved || !(flow->flags & SG_FLOW_ETHERNET)) {
		flow->unresolved_s = 0;
		flow->path_s = pkt->now_s;
		return SG_OK;
	}
	if (!flow->unresolved_s ||
	    clock_is_over(pkt->now_s, flow->unresolved_s, NEIGHBOUR_STALE_S)) {
		flow->unresolved_s = pkt->now_s | !pkt->now_s;
		return SG_OK;
	}
	if (!clock_is_over(pkt->now_s, flow->unresolved_s,
			   NEIGHBOUR_WAIT_S - 1))
		return SG_OK;
	flow->unresolved_s = 0;
	return SG_DROP_NEIGHBOUR;
}

/* Return whether the flow's address and link may stay as they are on a path
 * that was found: by the same link, from an address that is still the link's.
 */
stage bool path_keeps_source(struct __sk_buff *skb, const struct packet *pkt,
			     const struct sg_flow *flow,
			     const struct path *path)
{
	if (addr_equal(&flow->gate_addr, &path->source))
		return true;
	return flow->ifindex == path->ifindex &&
	       !path_addr_is_gone(skb, pkt, &flow->gate_addr, path->ifindex);
}

/* Find the path of a masquerade flow again. SG_DROP_POLICY_CHANGED: it leads
 * elsewhere, so that the flow cannot go on. */
static __noinline int path_of_masquerade(struct __sk_buff *skb,
					 const struct packet *pkt,
					 struct sg_flow *flow)
{
	struct scratch *scratch = scratch_get();
	const struct sg_iface *iface;
	bool is_resolved;
	__u32 ifindex;
	int reason;

	if (!pkt || !flow || !scratch)
		return SG_DROP_NO_ROUTE;
	if (path_is_suppressed(pkt))
		return SG_DROP_ROUTE_PROHIBIT;
	reason = path_find(skb, pkt, &pkt->src, &pkt->dst);
	if (reason)
		return reason;
	ifindex = scratch->path.ifindex;
	is_resolved = scratch->path.is_resolved;
	iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (!iface ||
	    !(pkt->policy->masquerade_roles & SG_ROLE_BIT(iface->role)))
		return SG_DROP_EGRESS_CLOSED;
	path_take(flow, &scratch->path);
	/* asks the FIB once more, so what was found is taken before */
	if (!path_keeps_source(skb, pkt, flow, &scratch->path))
		return SG_DROP_POLICY_CHANGED;
	flow_on_link(flow, ifindex, iface->has_ethernet);
	return path_check_neighbour(flow, pkt, is_resolved);
}

/* Choose the next hop if the FIB has none by the flow's link: the remote itself
 * if it is on one of the link's networks, else the link's router. Return
 * whether there is one. */
stage bool path_by_link(const struct packet *pkt, struct sg_flow *flow,
			const struct sg_iface *iface)
{
	const union sg_addr *router =
		is_v6(pkt) ? &iface->router6 : &iface->router4;

	if (address_is_on_link(flow->ifindex, iface, &pkt->dst))
		flow->next_hop = pkt->dst;
	else if (addr_is_set(router))
		flow->next_hop = *router;
	else
		return false;
	path_is_found(flow);
	return true;
}

/* Move a forward's flow whose link has no way, and whose remote has come by
 * another link since, to the one that the FIB has found, if that is of the same
 * role. Return whether it was moved. */
stage bool path_by_another_link(struct sg_flow *flow,
				const struct sg_iface *before,
				const struct path *path)
{
	__u32 ifindex = path->ifindex;
	const struct sg_iface *iface = bpf_map_lookup_elem(&ifaces, &ifindex);

	if (!(flow->flags & SG_FLOW_ROAMS) || !iface ||
	    iface->role != before->role)
		return false;
	atomic_change(&flow->flags, SG_FLOW_ROAMS, 0);
	flow_on_link(flow, ifindex, iface->has_ethernet);
	path_take(flow, path);
	return true;
}

/* No way at all: the neighbour that the remote's packets come by, once one is
 * heard. */
stage void path_by_neighbour(struct sg_flow *flow)
{
	if (!(flow->flags & SG_FLOW_BY_MAC))
		__builtin_memset(&flow->next_hop, 0, sizeof(flow->next_hop));
	atomic_change(&flow->flags, SG_FLOW_NO_PATH, SG_FLOW_BY_MAC);
}

stage bool path_is_refused(int reason)
{
	return reason == SG_DROP_ROUTE_BLACKHOLE ||
	       reason == SG_DROP_ROUTE_UNREACHABLE ||
	       reason == SG_DROP_ROUTE_PROHIBIT;
}

/*
 * Find the path of a forward's flow: by the link that the remote asked by. The
 * container's own address is asked for first, as the kernel's forwarding would
 * (rules may refuse it), then the gate's (`ip rule from`, of a second uplink).
 */
static __noinline int path_of_forward(struct __sk_buff *skb,
				      const struct packet *pkt,
				      struct sg_flow *flow)
{
	struct scratch *scratch = scratch_get();
	const struct sg_iface *iface;
	__u32 ifindex;
	int reason;

	if (!pkt || !flow || !scratch)
		return SG_DROP_NO_ROUTE;
	ifindex = flow->ifindex;
	iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (!iface)
		return SG_DROP_NO_ROUTE;
	reason = path_find(skb, pkt, &pkt->src, &pkt->dst);
	if (path_is_refused(reason))
		return reason;
	if (reason || scratch->path.ifindex != ifindex)
		reason = path_find(skb, pkt, &flow->gate_addr, &pkt->dst);
	if (path_is_refused(reason))
		return reason;
	if (!reason && scratch->path.ifindex == ifindex) {
		path_take(flow, &scratch->path);
		return path_check_neighbour(flow, pkt,
					    scratch->path.is_resolved);
	}
	if (!path_by_link(pkt, flow, iface) &&
	    (reason || !path_by_another_link(flow, iface, &scratch->path)))
		path_by_neighbour(flow);
	return path_check_neighbour(flow, pkt, true);
}

/* Follow the gate's address on the flow's link: the remote of a UDP flow learns
 * the new one by the next packet. TCP has to wait for its address, which comes
 * back where a VPN's link is made anew, or a lease is renewed. */
static __noinline int path_move_address(struct __sk_buff *skb,
					const struct packet *pkt,
					struct sg_flow *flow)
{
	const struct sg_iface *iface;
	const union sg_addr *own;
	__u32 ifindex;

	if (!pkt || !flow)
		return SG_DROP_NO_ROUTE;
	if (!path_addr_is_gone(skb, pkt, &flow->gate_addr, SG_ANY_IFINDEX))
		return SG_OK;
	ifindex = flow->ifindex;
	iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (!iface || pkt->protocol == IPPROTO_TCP)
		return SG_DROP_NO_ROUTE;
	own = address_of(iface, is_v6(pkt));
	if (!addr_is_set(own) || addr_is_link_local(own))
		return SG_DROP_NO_ROUTE;
	flow->gate_addr = *own;
	return SG_OK;
}

/* Return whether a flow's path need not be found now. */
stage bool path_is_trusted(const struct sg_flow *flow, const struct packet *pkt)
{
	return !pkt->is_changing &&
	       !(flow->flags & (SG_FLOW_NO_PATH | SG_FLOW_BY_MAC)) &&
	       !clock_is_over(pkt->now_s, flow->path_s, PATH_TRUST_S);
}

/* Bring the path of the flow of a packet from the container up to date. Return
 * SG_OK, SG_DROP_POLICY_CHANGED: the flow cannot go on; or the reason to drop.
 */
stage int path_check(struct __sk_buff *skb, const struct packet *pkt,
		     struct sg_flow *flow)
{
	int reason = SG_OK;

	if (path_is_trusted(flow, pkt))
		return SG_OK;
	if (flow->kind == SG_KIND_MASQUERADE)
		return path_of_masquerade(skb, pkt, flow);
	if (flow->kind != SG_KIND_FORWARD)
		return SG_OK;
	reason = path_move_address(skb, pkt, flow);
	return reason ? reason : path_of_forward(skb, pkt, flow);
}

#endif
