/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last stage: the MSS of a SYN, what fits and what does not, address and
 * port, the frame, and off by the right link.
 */
#ifndef SG_BPF_OUTPUT_H
#define SG_BPF_OUTPUT_H

#include "conntrack.h"
#include "frag_out.h"
#include "icmp_nat.h"
#include "ifaces_maps.h"
#include "nat.h"
#include "path.h"
#include "reject.h"
#include "tcp_window.h"

/*
 * The MSS that a SYN offers, held to what fits both links (RFC 9293 3.7.1), so
 * that a connection does without path-MTU discovery where this hop is the
 * smallest.
 */

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

/*
 * A packet that is rewritten gets its Ethernet header, and leaves by the
 * interface that its other end is behind.
 */

stage struct sg_gate *send_gate(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&gate, &zero);
}

/* Return whether there is a container to receive anything. */
stage bool send_has_container(const struct sg_gate *self)
{
	return self && self->container_ifindex && !self->container_is_down;
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

/* Remember the neighbour that the remote's packets come by, for as long as it
 * is not known whether there is a route. */
stage void send_learn(struct __sk_buff *skb, const struct packet *pkt,
		      struct sg_flow *flow)
{
	const struct ethhdr *eth = (void *)(long)skb->data;

	if (!(flow->flags & (SG_FLOW_NO_PATH | SG_FLOW_BY_MAC)) ||
	    !pkt->iface->has_ethernet || flow->ifindex != pkt->ifindex ||
	    (void *)(eth + 1) > (void *)(long)skb->data_end)
		return;
	atomic_change(&flow->flags, 0, SG_FLOW_BY_MAC);
	__builtin_memcpy(&flow->next_hop, eth->h_source, SG_MAC_BYTES);
}

/* The container is where its first frame came from, for as long as its link is
 * there; frames to it are addressed so. False: this one is not from there. */
stage bool send_learn_container(struct __sk_buff *skb)
{
	struct sg_gate *self = send_gate();
	const struct ethhdr *eth = (void *)(long)skb->data;
	volatile __u64 *place; /* whole, as another CPU may write it now */
	__u64 known;
	__u64 mac = 0;

	if (!self || (void *)(eth + 1) > (void *)(long)skb->data_end ||
	    mac_equal(self->veth_mac, eth->h_source))
		return false;
	__builtin_memcpy(&mac, eth->h_source, SG_MAC_BYTES);
	if (self->container_is_down)
		self->container_is_down = false;
	place = (void *)self->container_mac;
	known = *place;
	if (!known)
		*place = mac;
	return !known || known == mac;
}

/* Rewritten, into the container's end of the veth, past the host's stack. */
stage int send_to_container(struct __sk_buff *skb, const struct packet *pkt,
			    bool in_pieces, int *ret_action)
{
	const struct sg_gate *self = send_gate();
	int reason;

	if (!self)
		return SG_DROP_NO_CONTAINER;
	reason = send_frame(skb, pkt->ether_type, pkt->iface->has_ethernet,
			    self->container_mac, self->veth_mac);
	if (!reason && in_pieces) {
		reason = split_send(skb, pkt, self->container_ifindex,
				    self->container_mtu, ETH_HLEN);
		*ret_action = bpf_redirect(self->container_ifindex, 0);
		return reason;
	}
	if (!reason)
		*ret_action = bpf_redirect_peer(self->container_ifindex, 0);
	return reason;
}

/* Ask for the MACs of the frames to a flow's next hop. False: it has not
 * answered yet. */
static __noinline int send_macs(struct __sk_buff *skb, const struct packet *pkt,
				const struct sg_flow *flow,
				__u8 ret_to[SG_MAC_BYTES],
				__u8 ret_from[SG_MAC_BYTES])
{
	struct scratch *scratch = scratch_get();
	const struct sg_iface *iface;
	__u32 ifindex;

	if (!pkt || !flow || !ret_to || !ret_from || !scratch)
		return false;
	ifindex = flow->ifindex;
	iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (!iface)
		return false;
	__builtin_memcpy(ret_from, iface->mac, SG_MAC_BYTES);
	__builtin_memcpy(ret_to, &flow->next_hop, SG_MAC_BYTES);
	if (flow->flags & SG_FLOW_BY_MAC)
		return mac_is_set(ret_to);
	path_question(&scratch->fib, pkt, &flow->gate_addr, &flow->next_hop);
	if (bpf_fib_lookup(skb, &scratch->fib, sizeof(scratch->fib), 0))
		return false;
	__builtin_memcpy(ret_to, scratch->fib.dmac, SG_MAC_BYTES);
	return true;
}

/* Send by a link whose neighbours the kernel does not find: to the one that is
 * known, in pieces, or with no Ethernet header at all. */
stage int send_framed(struct __sk_buff *skb, const struct packet *pkt,
		      const struct sg_flow *flow, bool in_pieces,
		      int *ret_action)
{
	__u8 from[SG_MAC_BYTES] = {};
	__u8 to[SG_MAC_BYTES] = {};
	__u32 ifindex = flow->ifindex;
	int reason;

	if (flow->flags & SG_FLOW_ETHERNET &&
	    !send_macs(skb, pkt, flow, to, from)) {
		if (flow->flags & SG_FLOW_BY_MAC)
			return SG_DROP_NO_ROUTE; /* nobody was heard */
		*ret_action = bpf_redirect_neigh(ifindex, NULL, 0, 0);
		return in_pieces ? SG_DROP_TOO_BIG : SG_OK;
	}
	reason = send_frame(skb, pkt->ether_type, true, to, from);
	if (!reason && in_pieces)
		reason = split_send(skb, pkt, ifindex, flow->mtu, ETH_HLEN);
	if (!reason)
		*ret_action = bpf_redirect(ifindex, 0);
	return reason;
}

/* Hand the packet to the kernel's neighbour layer, for the flow's next hop: it
 * resolves, ages and probes as for any traffic. */
stage int send_neigh(const struct sg_flow *flow)
{
	struct scratch *scratch = scratch_get();
	struct bpf_redir_neigh *next;
	__u32 ifindex = flow->ifindex;

	if (!scratch)
		return TC_ACT_SHOT;
	next = &scratch->next;
	if (flow->next_hop.word[2] == bpf_htonl(SG_ADDR_V4_MARK) &&
	    !flow->next_hop.word[0] && !flow->next_hop.word[1]) {
		next->nh_family = AF_INET;
		next->ipv4_nh = flow->next_hop.word[3];
	} else {
		next->nh_family = AF_INET6;
		__builtin_memcpy(next->ipv6_nh, &flow->next_hop,
				 sizeof(flow->next_hop));
	}
	return bpf_redirect_neigh(ifindex, next, sizeof(*next), 0);
}

/* Rewritten, back to the remote, by the flow's path. */
stage int send_to_remote(struct __sk_buff *skb, const struct packet *pkt,
			 const struct sg_flow *flow, bool in_pieces,
			 int *ret_action)
{
	if (in_pieces || !(flow->flags & SG_FLOW_ETHERNET) ||
	    flow->flags & (SG_FLOW_BY_MAC | SG_FLOW_NO_PATH))
		return send_framed(skb, pkt, flow, in_pieces, ret_action);
	*ret_action = send_neigh(flow);
	return SG_OK;
}

/*
 * The packet goes to the flow's other end: does it fit, rewritten, sent.
 */

/* Choose how a packet goes on: whole, in pieces, or not (SG_DROP_TOO_BIG). The
 * sender is told of the last; *ret_action is that answer's. */
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

stage int deliver_clamp(struct __sk_buff *skb, const struct packet *pkt,
			const struct sg_flow *flow, __u32 container_mtu)
{
	__u32 mtu = flow->mtu < container_mtu ? flow->mtu : container_mtu;

	if (!(pkt->tcp.flags & TCP_SYN))
		return SG_OK;
	return clamp_mss(skb, pkt, flow->ifindex, mtu);
}

/* A packet of a flow, in to the container. Returns the program's action in
 * *ret_action, or a reason to drop. */
stage int deliver_in(struct __sk_buff *skb, const struct packet *pkt,
		     const struct sg_flow_key *key, struct sg_flow *flow,
		     int *ret_action)
{
	const struct sg_gate *self = send_gate();
	struct rewrite to = {
		.addr = key->local,
		.port = key->local_port.be,
		.destination = true,
	};
	bool in_pieces;
	int reason;

	if (!send_has_container(self))
		return SG_DROP_NO_CONTAINER;
	send_learn(skb, pkt, flow);
	reason = deliver_fits(skb, pkt, self->container_mtu, &in_pieces,
			      ret_action);
	if (!reason)
		reason = rewrite(skb, pkt, &to);
	if (!reason)
		reason = deliver_clamp(skb, pkt, flow, self->container_mtu);
	return reason ? reason
		      : send_to_container(skb, pkt, in_pieces, ret_action);
}

/* A packet of a flow, out to the remote. As above. */
stage int deliver_out(struct __sk_buff *skb, const struct packet *pkt,
		      struct sg_flow *flow, int *ret_action)
{
	const struct sg_gate *self = send_gate();
	struct rewrite to = {
		.addr = flow->gate_addr,
		.port = flow->gate_port.be,
	};
	bool in_pieces;
	int reason = partial_refuses(skb, pkt);

	if (!reason)
		reason = deliver_fits(skb, pkt, flow->mtu, &in_pieces,
				      ret_action);
	if (!reason)
		reason = rewrite(skb, pkt, &to);
	if (!reason && self)
		reason = deliver_clamp(skb, pkt, flow, self->container_mtu);
	return reason ? reason
		      : send_to_remote(skb, pkt, flow, in_pieces, ret_action);
}

/* An ICMP error to the container, about a packet that it sent. */
stage int deliver_error_in(struct __sk_buff *skb, const struct packet *pkt,
			   const struct quote *quote,
			   const union sg_addr *container, __be16 port,
			   int *ret_action)
{
	struct rewrite to = {.addr = *container, .port = port};
	int reason = icmp_translate(skb, pkt, quote, &to);

	to.port = 0;
	to.destination = true;
	if (!reason)
		reason = rewrite(skb, pkt, &to);
	return reason ? reason : send_to_container(skb, pkt, false, ret_action);
}

/* An ICMP error to the remote, about a packet that it sent. */
stage int deliver_error_out(struct __sk_buff *skb, const struct packet *pkt,
			    const struct quote *quote, struct sg_flow *flow,
			    int *ret_action)
{
	struct rewrite to = {
		.addr = flow->gate_addr,
		.port = flow->gate_port.be,
		.destination = true,
	};
	int reason = partial_refuses(skb, pkt);

	if (!reason)
		reason = icmp_translate(skb, pkt, quote, &to);
	to.port = 0;
	to.destination = false;
	if (!reason)
		reason = rewrite(skb, pkt, &to);
	return reason ? reason
		      : send_to_remote(skb, pkt, flow, false, ret_action);
}

#endif
