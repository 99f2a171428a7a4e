/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet goes to the flow's other end: does it fit, rewritten, sent.
 */
#ifndef SG_BPF_DELIVER_H
#define SG_BPF_DELIVER_H

#include "clamp.h"
#include "icmp_translate.h"
#include "partial.h"
#include "rewrite.h"
#include "send.h"
#include "split.h"
#include "tell.h"

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
		.port = key->local_port,
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
		.port = flow->gate_port,
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
		.port = flow->gate_port,
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
