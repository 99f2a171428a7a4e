/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last stage: the packet, rewritten, goes to the flow's other end.
 */
#ifndef SG_BPF_DELIVER_H
#define SG_BPF_DELIVER_H

#include "flow.h"
#include "ifaces_maps.h"
#include "rewrite.h"

stage struct sg_gate *deliver_gate(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&gate, &zero);
}

/* Write an Ethernet header, making room on a frame that has none. */
stage int deliver_frame(struct __sk_buff *skb, bool has_ethernet,
			const __u8 to[SG_MAC_BYTES],
			const __u8 from[SG_MAC_BYTES])
{
	struct ethhdr eth = {.h_proto = bpf_htons(ETH_P_IP)};

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

/* Remember where the container is, so that frames to it are addressed. */
stage void deliver_learn_container(struct __sk_buff *skb)
{
	struct sg_gate *at = deliver_gate();
	struct ethhdr eth;

	if (!at || bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)))
		return;
	if (!mac_equal(at->container_mac, eth.h_source))
		__builtin_memcpy(at->container_mac, eth.h_source, SG_MAC_BYTES);
}

/* Into the container's end of the veth, past the host's stack. Returns the
 * program's action in *ret_action, or a reason to drop. */
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
	int reason;

	if (!at || !at->container_ifindex)
		return SG_DROP_NO_CONTAINER;
	deliver_learn(skb, pkt, flow);
	reason = rewrite(skb, pkt, &to);
	if (!reason)
		reason = deliver_frame(skb, pkt->iface->has_ethernet,
				       at->container_mac, at->veth_mac);
	if (reason)
		return reason;
	*ret_action = bpf_redirect_peer(at->container_ifindex, 0);
	return SG_OK;
}

/* Back to the remote, by the interface and neighbour that the flow knows; the
 * kernel resolves a neighbour that has not been heard yet. */
stage int deliver_out(struct __sk_buff *skb, const struct packet *pkt,
		      struct sg_flow *flow, int *ret_action)
{
	struct rewrite to = {
		.addr = flow->gate_addr,
		.port = flow->gate_port,
	};
	int reason = rewrite(skb, pkt, &to);

	if (reason)
		return reason;
	if (flow->has_ethernet && !mac_is_set(flow->remote_mac)) {
		*ret_action = bpf_redirect_neigh(flow->ifindex, NULL, 0, 0);
		return SG_OK;
	}
	reason = deliver_frame(skb, true, flow->remote_mac, flow->gate_mac);
	if (reason)
		return reason;
	*ret_action = bpf_redirect(flow->ifindex, 0);
	return SG_OK;
}

#endif
