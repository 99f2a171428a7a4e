/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last stage: a packet that is rewritten gets its Ethernet header, and
 * leaves by the interface that its other end is behind.
 */
#ifndef SG_BPF_SEND_H
#define SG_BPF_SEND_H

#include "flow.h"
#include "ifaces_maps.h"
#include "route.h"
#include "split.h"

stage struct sg_gate *send_gate(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&gate, &zero);
}

/* Write an Ethernet header, making room on a frame that has none. */
stage int send_frame(struct __sk_buff *skb, __u16 ether_type, bool has_ethernet,
		     const __u8 to[SG_MAC_BYTES], const __u8 from[SG_MAC_BYTES])
{
	struct ethhdr *eth;

	if (!has_ethernet && bpf_skb_change_head(skb, ETH_HLEN, 0))
		return SG_DROP_REWRITE;
	eth = (void *)(long)skb->data;
	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return SG_DROP_REWRITE;
	__builtin_memcpy(eth->h_dest, to, SG_MAC_BYTES);
	__builtin_memcpy(eth->h_source, from, SG_MAC_BYTES);
	eth->h_proto = bpf_htons(ether_type);
	return SG_OK;
}

/* Remember by which neighbour the remote is reached: the one that its packets
 * come by. */
stage void send_learn(struct __sk_buff *skb, const struct packet *pkt,
		      struct sg_flow *flow)
{
	const struct ethhdr *eth = (void *)(long)skb->data;

	if (!pkt->iface->has_ethernet ||
	    (void *)(eth + 1) > (void *)(long)skb->data_end)
		return;
	if (mac_equal(flow->remote_mac, eth->h_source))
		return;
	__builtin_memcpy(flow->remote_mac, eth->h_source, SG_MAC_BYTES);
	__builtin_memcpy(flow->gate_mac, eth->h_dest, SG_MAC_BYTES);
}

/* The container is where its first frame came from, for as long as its link is
 * there; frames to it are addressed so. False: this one is not from there. */
stage bool send_learn_container(struct __sk_buff *skb)
{
	struct sg_gate *at = send_gate();
	const struct ethhdr *eth = (void *)(long)skb->data;
	volatile __u64 *place; /* whole, as another CPU may write it now */
	__u64 known;
	__u64 mac = 0;

	if (!at || (void *)(eth + 1) > (void *)(long)skb->data_end ||
	    mac_equal(at->veth_mac, eth->h_source))
		return false;
	__builtin_memcpy(&mac, eth->h_source, SG_MAC_BYTES);
	place = (void *)at->container_mac;
	known = *place;
	if (!known)
		*place = mac;
	return !known || known == mac;
}

/* Rewritten, into the container's end of the veth, past the host's stack. */
stage int send_to_container(struct __sk_buff *skb, const struct packet *pkt,
			    bool in_pieces, int *ret_action)
{
	const struct sg_gate *at = send_gate();
	int reason;

	if (!at)
		return SG_DROP_NO_CONTAINER;
	reason = send_frame(skb, pkt->ether_type, pkt->iface->has_ethernet,
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
stage int send_to_remote(struct __sk_buff *skb, const struct packet *pkt,
			 struct sg_flow *flow, bool in_pieces, int *ret_action)
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
	reason = send_frame(skb, pkt->ether_type, true, flow->remote_mac,
			    flow->gate_mac);
	if (!reason && in_pieces)
		reason = split_send(skb, pkt, ifindex, flow->mtu, ETH_HLEN);
	if (!reason)
		*ret_action = bpf_redirect(ifindex, 0);
	return reason;
}

#endif
