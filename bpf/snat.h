/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Source NAT for the container's own flows: which gate port stands for
 * which container port, and by which way and address they leave.
 */
#ifndef SG_BPF_SNAT_H
#define SG_BPF_SNAT_H

#include "addr.h"
#include "allow.h"
#include "conntrack.h"
#include "ifaces_maps.h"
#include "path.h"
#include "sk.h"

#define MAPPING_TRIES 128
#define MAPPING_STEP 1531 /* prime: it goes through a range of any size */
#define MAPPING_RIVALS 4  /* ports that another CPU or the host may have */

/* Return the flow of a key, or NULL. Not flow_find(), which ends what has
 * expired: the stack of 5.10 is deep enough here. */
stage const struct sg_flow *
masquerade_flow(const struct masquerade_search *search,
		const struct sg_flow_key *key)
{
	const struct sg_flow *flow = bpf_map_lookup_elem(&flows, key);
	const struct sg_policy *in_force;

	if (!flow)
		flow = bpf_map_lookup_elem(&half_open, key);
	in_force = bpf_map_lookup_elem(&policy, &search->slot);
	return flow && in_force &&
			       !sg_flow_is_over(key, flow, in_force,
						search->now_s)
		       ? flow
		       : NULL;
}

/* Return whether another port of the container's talks to the remote by this
 * gate port. What is asked for is in scratch memory, here and below. */
stage bool masquerade_other_has(struct masquerade_search *search,
				__be16 container_port, __be16 gate_port)
{
	const struct sg_flow *flow;

	if (container_port == search->container_port)
		return false;
	search->inner.local_port.be = container_port;
	flow = masquerade_flow(search, &search->inner);
	return flow && flow->gate_port.be == gate_port;
}

/* Return whether the remote knows another by this gate port: a flow or a socket
 * of the host's, or another port of the container's that shares it. ICMP: the
 * host's pings are found as flows. */
standalone int masquerade_is_taken(struct __sk_buff *skb, __u32 gate_port)
{
	const struct sg_shared_port *shared;
	struct masquerade_search *search;
	struct scratch *scratch = scratch_get();

	if (!scratch)
		return true;
	search = &scratch->search;
	search->outer.local_port.be = gate_port;
	if (masquerade_flow(search, &search->outer) ||
	    socket_would_take(skb, &search->outer, search->v6))
		return true;
	shared = bpf_map_lookup_elem(&shared_ports, &search->outer);
	if (!shared || shared->container_port.be == search->container_port)
		return false;
	if (masquerade_other_has(search, shared->container_port.be, gate_port))
		return true;
	bpf_map_delete_elem(&shared_ports, &search->outer); /* of no flow */
	return false;
}

/* Return the gate port at a position of the range, in network order, or 0: the
 * gate has another use for it. A function of its own, for the stack of those
 * that call it. */
standalone int masquerade_port_at(__u32 index)
{
	const struct masquerade_search *search;
	const struct sg_policy *in_force;
	struct scratch *scratch = scratch_get();
	__be16 gate_port;

	if (!scratch)
		return 0;
	search = &scratch->search;
	in_force = bpf_map_lookup_elem(&policy, &search->slot);
	gate_port = bpf_htons(search->low + index);
	return in_force && !allow_is_reserved(in_force, search->slot,
					      search->outer.protocol, gate_port,
					      search->container_port)
		       ? gate_port
		       : 0;
}

/* Return whether the gate port at a position of the range can stand for the
 * container port: it does so already, or stands for none, and the gate has no
 * other use for it. */
standalone int masquerade_is_free(__u32 index)
{
	const struct masquerade_search *search;
	const struct sg_snat_port *snat_port;
	struct scratch *scratch = scratch_get();
	__be16 gate_port;

	if (!scratch)
		return false;
	search = &scratch->search;
	gate_port = (__be16)masquerade_port_at(index);
	if (!gate_port)
		return false;
	snat_port = snat_port_find(search->outer.protocol, gate_port);
	return !snat_port ||
	       snat_port->container_port.be == search->container_port ||
	       sg_snat_port_is_over(snat_port, search->now_s);
}

/* Return how long the port is kept for the new flow alone. */
stage __u32 masquerade_keep_s(const struct packet *pkt)
{
	if (pkt->protocol == IPPROTO_TCP)
		return pkt->policy->timeout_s[SG_STATE_SYN_SENT];
	return is_icmp(pkt->protocol) ? pkt->policy->icmp_timeout_s
				      : pkt->policy->timeout_s[SG_STATE_NEW];
}

/* Make a free gate port stand for the container port. */
standalone int masquerade_take(__u32 gate_port)
{
	struct scratch *scratch = scratch_get();
	struct sg_snat_port_key key = {.gate_port.be = gate_port};
	struct sg_snat_port wanted = {};
	struct sg_snat_port *snat_port;
	bool taken = false;
	__u32 now_s;

	if (!scratch)
		return false;
	key.protocol = scratch->search.outer.protocol;
	wanted.container_port.be = scratch->search.container_port;
	wanted.until_s = scratch->search.until_s;
	now_s = scratch->search.now_s;
	bpf_map_update_elem(&snat_ports, &key, &wanted, BPF_NOEXIST);
	snat_port = bpf_map_lookup_elem(&snat_ports, &key);
	if (!snat_port)
		return false;
	bpf_spin_lock(&snat_port->lock);
	if (snat_port->container_port.be == wanted.container_port.be ||
	    sg_snat_port_is_over(snat_port, now_s)) {
		snat_port->container_port.be = wanted.container_port.be;
		snat_port_raise(snat_port, wanted.until_s);
		taken = true;
	}
	bpf_spin_unlock(&snat_port->lock);
	return taken;
}

/* Make the gate port at a position of the range, which stands for another port
 * of the container's, stand for the container port as well, towards this remote
 * alone. Return whether it can. */
standalone int masquerade_share(struct __sk_buff *skb, __u32 index)
{
	struct masquerade_search *search;
	const struct sg_shared_port *found;
	struct sg_shared_port shared = {};
	struct scratch *scratch = scratch_get();
	struct sg_snat_port *snat_port;
	__be16 gate_port;

	if (!scratch)
		return false;
	search = &scratch->search;
	gate_port = (__be16)masquerade_port_at(index);
	if (!gate_port)
		return false;
	snat_port = snat_port_find(search->outer.protocol, gate_port);
	if (!snat_port ||
	    masquerade_other_has(search, snat_port->container_port.be,
				 gate_port) ||
	    masquerade_is_taken(skb, gate_port))
		return false;
	snat_port->is_shared = true;
	snat_port_raise(snat_port, search->until_s);
	shared.container_port.be = search->container_port;
	if (!bpf_map_update_elem(&shared_ports, &search->outer, &shared,
				 BPF_NOEXIST))
		return true;
	found = bpf_map_lookup_elem(&shared_ports, &search->outer);
	return found && found->container_port.be == search->container_port;
}

/* Return the first position from `at` on whose port is free, or can be shared,
 * in an order that goes through a whole range of this size; one of
 * MAPPING_TRIES, or -1: none. */
standalone int masquerade_search(struct __sk_buff *skb, __u32 index, __u32 size,
				 __u32 shares)
{
	__u32 step = size > MAPPING_TRIES ? MAPPING_STEP : 1;

	if (!size)
		return -1;
	for (__u32 i = 0; i < MAPPING_TRIES; i++) {
		index %= size;
		if (shares ? masquerade_share(skb, index)
			   : masquerade_is_free(index))
			return index;
		index += step;
	}
	return -1;
}

/*
 * The gate port for the packet's container port: the same number, where it is
 * of its range and free, or else the first free one in an order that the
 * container port fixes, so that every CPU comes to the same; or one that others
 * have towards other remotes. Return it in network order, or -1: none. Port 0
 * is that of a protocol without ports.
 */
static __noinline int masquerade_port(struct __sk_buff *skb,
				      const struct packet *pkt,
				      const union sg_addr *gate_addr)
{
	struct scratch *scratch = scratch_get();
	__u32 low, size, first;
	__u16 port;
	int index;

	if (!pkt || !gate_addr || !scratch)
		return -1;
	port = bpf_ntohs(pkt->sport);
	low = sg_masquerade_low(pkt->policy, pkt->protocol, port);
	size = sg_masquerade_high(pkt->policy, low) - low + 1;
	scratch->search.now_s = pkt->now_s;
	scratch->search.until_s = pkt->now_s + masquerade_keep_s(pkt);
	scratch->search.slot = pkt->slot;
	scratch->search.low = low;
	scratch->search.container_port = pkt->sport;
	scratch->search.v6 = is_v6(pkt);
	flow_key_out(&scratch->search.inner, pkt);
	flow_key_out(&scratch->search.outer, pkt);
	scratch->search.outer.local = *gate_addr;
	if (is_portless(pkt->protocol))
		return masquerade_take(0) ? 0 : -1;
	first = port >= low ? port - low : port;
	index = first;
#pragma unroll
	for (int i = 0; i < MAPPING_RIVALS; i++) {
		__u32 gate_port;

		index = masquerade_search(skb, index, size, false);
		if (index < 0)
			break;
		gate_port = bpf_htons(low + index);
		if (!masquerade_is_taken(skb, gate_port) &&
		    masquerade_take(gate_port))
			return gate_port;
		index++;
	}
	index = masquerade_search(skb, first, size, true);
	return index < 0 ? -1 : bpf_htons(low + index);
}

/* Find the way out for the packet, into flow: link, next hop, address. Return
 * SG_OK or a reason. */
static __noinline int masquerade_route(struct __sk_buff *skb,
				       const struct packet *pkt,
				       struct sg_flow *flow)
{
	struct scratch *scratch = scratch_get();
	const struct sg_iface *iface;
	const struct path *path;
	__u32 ifindex;
	int reason;

	if (!pkt || !flow || !scratch || addr_is_link_local(&pkt->dst))
		return SG_DROP_NO_ROUTE;
	if (path_is_suppressed(pkt))
		return SG_DROP_ROUTE_PROHIBIT;
	reason = path_find(skb, pkt, &pkt->src, &pkt->dst);
	if (reason)
		return reason;
	path = &scratch->path;
	ifindex = path->ifindex;
	iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (!iface ||
	    !(pkt->policy->masquerade_roles & SG_ROLE_BIT(iface->role)))
		return SG_DROP_EGRESS_CLOSED;
	if (!addr_is_set(&path->source) || addr_is_link_local(&path->source) ||
	    path_source_is_anothers(path, iface))
		return SG_DROP_NO_ROUTE;
	flow_gate(flow, ifindex, iface, &path->source, 0);
	path_take(flow, path);
	return path_check_neighbour(flow, pkt, path->is_resolved);
}

#endif
