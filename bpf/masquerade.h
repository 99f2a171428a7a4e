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

#define MAPPING_TRIES 128
#define MAPPING_STEP 1531 /* prime: it goes through a range of any size */
#define MAPPING_RIVALS 4  /* ports that another CPU or the host may have */

/* Whether a socket of the host's would take a packet from the remote to this
 * gate port. ICMP: the host's pings are found as flows. */
stage bool masquerade_host_has(struct __sk_buff *skb, const struct packet *pkt,
			       const union sg_addr *gate_addr, __be16 port)
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

/* Whether the gate port at a position of the range can stand for the container
 * port: it does so already, or stands for none, and the gate has no other use
 * for it. What is asked for is in the scratch room. */
standalone int masquerade_is_free(__u32 at)
{
	const struct masquerade_search *search;
	const struct sg_policy *in_force;
	const struct sg_mapping *mapping;
	struct scratch *room = scratch_get();
	__be16 gate_port;

	if (!room)
		return false;
	search = &room->search;
	in_force = bpf_map_lookup_elem(&policy, &search->side);
	gate_port = bpf_htons(search->low + at);
	if (!in_force || allow_is_reserved(in_force, search->side,
					   search->protocol, gate_port))
		return false;
	mapping = mapping_find(search->protocol, gate_port);
	return !mapping || mapping->container_port == search->container_port ||
	       mapping_is_over(mapping, search->now_s);
}

/* The first position from `at` on whose port is free, in an order that goes
 * through a whole range of this size; one of MAPPING_TRIES, or -1: none. */
standalone int masquerade_search(__u32 at, __u32 size)
{
	__u32 step = size > MAPPING_TRIES ? MAPPING_STEP : 1;

	if (!size)
		return -1;
	for (__u32 i = 0; i < MAPPING_TRIES; i++) {
		at %= size;
		if (masquerade_is_free(at))
			return at;
		at += step;
	}
	return -1;
}

/* How long it is the conversation's that begins, and no other CPU's. */
stage __u32 masquerade_keep_s(const struct packet *pkt)
{
	if (pkt->protocol == IPPROTO_TCP)
		return pkt->policy->timeout_s[SG_STATE_SYN_SENT];
	return pkt->protocol == IPPROTO_UDP
		       ? pkt->policy->timeout_s[SG_STATE_NEW]
		       : pkt->policy->icmp_timeout_s;
}

/* Make a free gate port stand for the packet's container port. */
stage bool masquerade_take(const struct sg_mapping_key *key,
			   const struct packet *pkt)
{
	struct sg_mapping wanted = {
		.container_port = pkt->sport,
		.until_s = pkt->now_s + masquerade_keep_s(pkt),
	};
	struct sg_mapping *mapping;
	__u32 now_s = pkt->now_s;
	bool taken = false;

	bpf_map_update_elem(&mappings, key, &wanted, BPF_NOEXIST);
	mapping = bpf_map_lookup_elem(&mappings, key);
	if (!mapping)
		return false;
	bpf_spin_lock(&mapping->lock);
	if (mapping->container_port == wanted.container_port ||
	    mapping_is_over(mapping, now_s)) {
		mapping->container_port = wanted.container_port;
		mapping_raise(mapping, wanted.until_s);
		taken = true;
	}
	bpf_spin_unlock(&mapping->lock);
	return taken;
}

/*
 * The gate port for the packet's container port: the same number, where it is
 * of its range and free, or else the first free one in an order that the
 * container port fixes, so that every CPU comes to the same. Returns it in
 * network order, or 0: none.
 */
static __noinline __u32 masquerade_port(struct __sk_buff *skb,
					const struct packet *pkt,
					const union sg_addr *gate_addr)
{
	struct sg_mapping_key key = {};
	struct scratch *room = scratch_get();
	__u16 port;
	__u32 low;
	int at;

	if (!pkt || !gate_addr || !room)
		return 0;
	port = bpf_ntohs(pkt->sport);
	low = sg_masquerade_low(pkt->policy, pkt->protocol, port);
	room->search = (struct masquerade_search){
		.now_s = pkt->now_s,
		.side = pkt->side,
		.low = low,
		.size = sg_masquerade_high(pkt->policy, low) - low + 1,
		.container_port = pkt->sport,
		.protocol = pkt->protocol,
	};
	at = port >= low ? port - low : port;
	key.protocol = pkt->protocol;
#pragma unroll
	for (int i = 0; i < MAPPING_RIVALS; i++) {
		at = masquerade_search(at, room->search.size);
		if (at < 0)
			return 0;
		key.gate_port = bpf_htons(low + at);
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
	if (!addr_is_set(&path->source) || addr_is_link_local(&path->source) ||
	    path_source_is_anothers(path, iface))
		return SG_DROP_NO_ROUTE;
	flow_gate(flow, ifindex, iface, &path->source, 0);
	path_take(flow, path);
	return path_check_neighbour(flow, pkt, path->is_resolved);
}

#endif
