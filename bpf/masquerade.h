/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Source NAT for the container's own conversations: which gate port stands for
 * which container port, and by which way and address they leave.
 */
#ifndef SG_BPF_MASQUERADE_H
#define SG_BPF_MASQUERADE_H

#include "address.h"
#include "flow.h"
#include "ifaces_maps.h"
#include "path.h"
#include "socket.h"

#define MAPPING_TRIES 16
#define MAPPING_STEP 1531 /* prime: it goes through a range of any size */
#define MAPPING_RIVALS 2  /* ports that another CPU or the host may have */

/* Whom a gate port stands for, or NULL: nobody. */
stage const struct sg_mapping *masquerade_owner(const struct packet *pkt,
						__be16 gate_port)
{
	struct sg_mapping_key key = {
		.protocol = pkt->protocol,
		.gate_port = gate_port,
	};
	__u16 port = bpf_ntohs(gate_port);

	if (port < pkt->policy->masquerade_low ||
	    port > pkt->policy->masquerade_high)
		return NULL;
	return bpf_map_lookup_elem(&mappings, &key);
}

/* Whether a socket of the host's would take a packet from the remote to this
 * gate port. ICMP: the host's pings are found as flows. */
stage bool masquerade_host_has(struct __sk_buff *skb, const struct packet *pkt,
			       const struct sg_addr *gate_addr, __be16 port)
{
	struct sg_flow_key key = {};

	key.remote = pkt->dst;
	key.remote_port = pkt->dport;
	key.local = *gate_addr;
	key.local_port = port;
	key.protocol = pkt->protocol;
	/* not flow_find(): one that has just expired is as good a reason to
	 * take another port, and the stack of 5.10 is deep enough here */
	if (bpf_map_lookup_elem(&flows, &key) ||
	    bpf_map_lookup_elem(&half_open, &key))
		return true;
	return socket_would_take(skb, &key, is_v6(pkt));
}

/* Whether a gate port can stand for the container port: it is free, does so
 * already, or nothing has used it for keep_s seconds. Ports in network order.
 */
standalone int masquerade_is_free(__u32 protocol, __u32 gate_port,
				  __u32 container_port, __u32 now_s,
				  __u32 keep_s)
{
	struct sg_mapping_key key = {
		.protocol = protocol,
		.gate_port = gate_port,
	};
	const struct sg_mapping *mapping;

	mapping = bpf_map_lookup_elem(&mappings, &key);
	return !mapping || mapping->container_port == (__be16)container_port ||
	       (!mapping->flows &&
		clock_is_over(now_s, mapping->last_s, keep_s));
}

/* The first position from `at` on whose port is free, in an order that goes
 * through the whole range; one of MAPPING_TRIES, or -1: none. */
static __noinline int masquerade_search(const struct packet *pkt, __u32 at,
					__u32 size)
{
	__u32 step = size > MAPPING_TRIES ? MAPPING_STEP : 1;
	__u32 keep_s;

	if (!pkt || !size)
		return -1;
	keep_s = pkt->policy->timeout_s[SG_STATE_SYN_SENT];
	for (__u32 i = 0; i < MAPPING_TRIES; i++) {
		at %= size;
		if (masquerade_is_free(
			    pkt->protocol,
			    bpf_htons(pkt->policy->masquerade_low + at),
			    pkt->sport, pkt->now_s, keep_s))
			return at;
		at += step;
	}
	return -1;
}

/* Make a free gate port stand for the packet's container port. */
stage bool masquerade_take(const struct sg_mapping_key *key,
			   const struct packet *pkt)
{
	struct sg_mapping wanted = {
		.container_port = pkt->sport,
		.last_s = pkt->now_s,
	};
	__u32 keep_s = pkt->policy->timeout_s[SG_STATE_SYN_SENT];
	struct sg_mapping *mapping;
	bool taken = false;

	bpf_map_update_elem(&mappings, key, &wanted, BPF_NOEXIST);
	mapping = bpf_map_lookup_elem(&mappings, key);
	if (!mapping)
		return false;
	bpf_spin_lock(&mapping->lock);
	if (mapping->container_port == wanted.container_port ||
	    (!mapping->flows &&
	     clock_is_over(wanted.last_s, mapping->last_s, keep_s))) {
		mapping->container_port = wanted.container_port;
		mapping->last_s = wanted.last_s;
		taken = true;
	}
	bpf_spin_unlock(&mapping->lock);
	return taken;
}

/*
 * The gate port for the packet's container port: the one that stands for it
 * already, or the first free one in an order that the container port fixes, so
 * that every CPU comes to the same. Returns it in network order, or 0: none.
 */
static __noinline __u32 masquerade_port(struct __sk_buff *skb,
					const struct packet *pkt,
					const struct sg_addr *gate_addr)
{
	struct sg_mapping_key key = {};
	__u32 size;
	int at;

	if (!pkt || !gate_addr)
		return 0;
	size = pkt->policy->masquerade_high - pkt->policy->masquerade_low + 1;
	at = bpf_ntohs(pkt->sport) % size;
	key.protocol = pkt->protocol;
#pragma unroll
	for (int i = 0; i < MAPPING_RIVALS; i++) {
		at = masquerade_search(pkt, at, size);
		if (at < 0)
			return 0;
		key.gate_port = bpf_htons(pkt->policy->masquerade_low + at);
		if (!masquerade_host_has(skb, pkt, gate_addr, key.gate_port) &&
		    masquerade_take(&key, pkt))
			return key.gate_port;
		at++;
	}
	return 0;
}

/* Find the way out for the packet, into flow: link, next hop, address. Return
 * SG_OK or a reason. */
static __noinline int masquerade_route(struct __sk_buff *skb,
				       const struct packet *pkt,
				       struct sg_flow *flow)
{
	struct scratch *room = scratch_get();
	const struct sg_iface *iface;
	const struct path *path;
	__u32 ifindex;
	int reason;

	if (!pkt || !flow || !room || addr_is_link_local(&pkt->dst))
		return SG_DROP_NO_ROUTE;
	reason = path_find(skb, pkt, &pkt->src, &pkt->dst);
	if (reason)
		return reason;
	path = &room->path;
	ifindex = path->ifindex;
	iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (!iface ||
	    !(pkt->policy->masquerade_roles & SG_ROLE_BIT(iface->role)))
		return SG_DROP_EGRESS_CLOSED;
	if (!addr_is_set(&path->source) || addr_is_link_local(&path->source))
		return SG_DROP_NO_ROUTE;
	flow_gate(flow, ifindex, iface, &path->source, 0);
	path_take(flow, path);
	return path_check_neighbour(flow, pkt, path->is_resolved);
}

#endif
