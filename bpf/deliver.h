/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last stage: the packet, rewritten, goes to the flow's other end.
 */
#ifndef SG_BPF_DELIVER_H
#define SG_BPF_DELIVER_H

#include "clamp.h"
#include "flow.h"
#include "icmp_translate.h"
#include "ifaces_maps.h"
#include "rewrite.h"
#include "route.h"
#include "split.h"
#include "tell.h"

stage struct sg_gate *deliver_gate(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&gate, &zero);
}

/* Write an Ethernet header, making room on a frame that has none. */
stage int deliver_frame(struct __sk_buff *skb, __u16 ether_type,
			bool has_ethernet, const __u8 to[SG_MAC_BYTES],
			const __u8 from[SG_MAC_BYTES])
{
	struct ethhdr eth = {.h_proto = bpf_htons(ether_type)};

	if (!has_ethernet && bpf_skb_change_head(skb, ETH_HLEN, 0))
		return SG_DROP_REWRITE;
	__builtin_memcpy(eth.h_dest, to, SG_MAC_BYTES);
	__builtin_memcpy(eth.h_source, from, SG_MAC_BYTES);
	if (bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0))
		return SG_DROP_REWRITE;
	return SG_OK;
}

/* Remember by which neighbour the remote is reached: the one that its packets
 * come by. */
stage void deliver_learn(struct __sk_buff *skb, const struct packet *pkt,
			 struct sg_flow *flow)
{
	struct ethhdr eth;

	if (!pkt->iface->has_ethernet ||
	    bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)))
		return;
	if (mac_equal(flow->remote_mac, eth.h_source))
		return;
	__builtin_memcpy(flow->remote_mac, eth.h_source, SG_MAC_BYTES);
	__builtin_memcpy(flow->gate_mac, eth.h_dest, SG_MAC_BYTES);
}

/* The container is where its first frame came from, for as long as its link is
 * there; frames to it are addressed so. False: this one is not from there. */
stage bool deliver_learn_container(struct __sk_buff *skb)
{
	struct sg_gate *at = deliver_gate();
	struct ethhdr eth;

	if (!at || bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)) ||
	    mac_equal(at->veth_mac, eth.h_source))
		return false;
	if (!mac_is_set(at->container_mac))
		__builtin_memcpy(at->container_mac, eth.h_source, SG_MAC_BYTES);
	return mac_equal(at->container_mac, eth.h_source);
}

/* How a packet goes on: whole, in pieces, or not (SG_DROP_TOO_BIG), of which
 * its sender is told; *ret_action is that answer's. */
stage int deliver_fits(struct __sk_buff *skb, const struct packet *pkt,
		       __u32 mtu, bool *ret_in_pieces, int *ret_action)
{
	*ret_in_pieces = false;
	if (!mtu || pkt->bytes <= mtu || split_wire_bytes(skb, pkt) <= mtu)
		return SG_OK;
	*ret_in_pieces = split_is_possible(skb, pkt);
	if (*ret_in_pieces)
		return SG_OK;
	*ret_action = tell_sender(skb, pkt,
				  is_v6(pkt) ? ICMPV6_PACKET_TOO_BIG
					     : ICMP_FRAGMENTATION_NEEDED,
				  mtu);
	return SG_DROP_TOO_BIG;
}

/* Rewritten, into the container's end of the veth, past the host's stack. */
stage int deliver_to_container(struct __sk_buff *skb, const struct packet *pkt,
			       bool in_pieces, int *ret_action)
{
	const struct sg_gate *at = deliver_gate();
	int reason;

	if (!at)
		return SG_DROP_NO_CONTAINER;
	reason = deliver_frame(skb, pkt->ether_type, pkt->iface->has_ethernet,
			       at->container_mac, at->veth_mac);
	if (!reason && in_pieces) {
		reason = split_send(skb, pkt, at->container_ifindex,
				    at->container_mtu, ETH_HLEN);
		*ret_action = bpf_redirect(at->container_ifindex, 0);
		return reason;
	}
	if (!reason)
		*ret_action = bpf_redirect_peer(at->container_ifindex, 0);
	return reason;
}

/* Rewritten, back to the remote, by the interface and neighbour that the flow
 * knows; the kernel resolves a neighbour that has not been heard yet. */
stage int deliver_to_remote(struct __sk_buff *skb, const struct packet *pkt,
			    struct sg_flow *flow, bool in_pieces,
			    int *ret_action)
{
	bool has_ethernet = flow->flags & SG_FLOW_ETHERNET;
	__u32 ifindex = flow->ifindex;
	int reason;

	if (has_ethernet && !mac_is_set(flow->remote_mac))
		route_learn(skb, pkt, flow);
	if (has_ethernet && !mac_is_set(flow->remote_mac)) {
		*ret_action = bpf_redirect_neigh(ifindex, NULL, 0, 0);
		return in_pieces ? SG_DROP_TOO_BIG : SG_OK;
	}
	reason = deliver_frame(skb, pkt->ether_type, true, flow->remote_mac,
			       flow->gate_mac);
	if (!reason && in_pieces)
		reason = split_send(skb, pkt, ifindex, flow->mtu, ETH_HLEN);
	if (!reason)
		*ret_action = bpf_redirect(ifindex, 0);
	return reason;
}

stage int deliver_clamp(struct __sk_buff *skb, const struct packet *pkt,
			const struct sg_flow *flow, __u32 container_mtu)
{
	__u32 mtu = flow->mtu < container_mtu ? flow->mtu : container_mtu;

	if (!(pkt->tcp_flags & TCP_SYN))
		return SG_OK;
	return clamp_mss(skb, pkt, flow->ifindex, mtu);
}

/* A packet of a flow, in to the container. Returns the program's action in
 * *ret_action, or a reason to drop. */
stage int deliver_in(struct __sk_buff *skb, const struct packet *pkt,
		     const struct sg_flow_key *key, struct sg_flow *flow,
		     int *ret_action)
{
	const struct sg_gate *at = deliver_gate();
	struct rewrite to = {
		.addr = key->local,
		.port = key->local_port,
		.destination = true,
	};
	bool in_pieces;
	int reason;

	if (!at || !at->container_ifindex)
		return SG_DROP_NO_CONTAINER;
	deliver_learn(skb, pkt, flow);
	reason = deliver_fits(skb, pkt, at->container_mtu, &in_pieces,
			      ret_action);
	if (!reason)
		reason = rewrite(skb, pkt, &to);
	if (!reason)
		reason = deliver_clamp(skb, pkt, flow, at->container_mtu);
	return reason ? reason
		      : deliver_to_container(skb, pkt, in_pieces, ret_action);
}

/* A packet of a flow, out to the remote. As above. */
stage int deliver_out(struct __sk_buff *skb, const struct packet *pkt,
		      struct sg_flow *flow, int *ret_action)
{
	const struct sg_gate *at = deliver_gate();
	struct rewrite to = {
		.addr = flow->gate_addr,
		.port = flow->gate_port,
	};
	bool in_pieces;
	int reason = deliver_fits(skb, pkt, flow->mtu, &in_pieces, ret_action);

	if (!reason)
		reason = rewrite(skb, pkt, &to);
	if (!reason && at)
		reason = deliver_clamp(skb, pkt, flow, at->container_mtu);
	return reason ? reason
		      : deliver_to_remote(skb, pkt, flow, in_pieces,
					  ret_action);
}

/* An ICMP error to the container, about a packet that it sent. */
stage int deliver_error_in(struct __sk_buff *skb, const struct packet *pkt,
			   const struct quote *quote,
			   const struct sg_addr *container, __be16 port,
			   int *ret_action)
{
	struct rewrite to = {.addr = *container, .port = port};
	int reason = icmp_translate(skb, pkt, quote, &to);

	to.port = 0;
	to.destination = true;
	if (!reason)
		reason = rewrite(skb, pkt, &to);
	return reason ? reason
		      : deliver_to_container(skb, pkt, false, ret_action);
}

/* An ICMP error to the remote, about a packet that it sent. */
stage int deliver_error_out(struct __sk_buff *skb, const struct packet *pkt,
			    const struct quote *quote, struct sg_flow *flow,
			    int *ret_action)
{
	struct rewrite to = {
		.addr = flow->gate_addr,
		.port = flow->gate_port,
		.destination = true,
	};
	int reason = icmp_translate(skb, pkt, quote, &to);

	to.port = 0;
	to.destination = false;
	if (!reason)
		reason = rewrite(skb, pkt, &to);
	return reason ? reason
		      : deliver_to_remote(skb, pkt, flow, false, ret_action);
}

#endif
