/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The common case, in a hurry: a plain packet of a flow that both ends have
 * joined, under the policy, and by interfaces, that the flow has met. One
 * lookup finds it. Whatever is not exactly that takes the whole journey, which
 * would do with one of these just what is done here.
 */
#ifndef SG_BPF_FASTPATH_H
#define SG_BPF_FASTPATH_H

#include "conntrack.h"
#include "control.h"
#include "ct_track.h"
#include "output.h"
#include "parse.h"
#include "parse_fast.h"

#define MISS (-3)

/* Headers as in parse_fast.h, and nothing that a connection sends once in its
 * life. *ret_wire_bytes: its largest on the wire, as it may be segmented. */
stage bool hit_parse(struct __sk_buff *skb, bool v6, struct packet *pkt,
		     __u32 *ret_wire_bytes)
{
	__u32 payload_bytes;

	if (skb->vlan_present || skb->pkt_type != PACKET_HOST ||
	    plain_parse(v6, (void *)(long)skb->data,
			(void *)(long)skb->data_end, skb->len, pkt) ||
	    pkt->ttl <= 1)
		return false;
	*ret_wire_bytes = pkt->bytes;
	if (pkt->protocol == IPPROTO_UDP)
		return !skb->gso_size && !link_is_dhcp_client(pkt);
	if (pkt->protocol != IPPROTO_TCP ||
	    pkt->tcp.flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_URG))
		return false;
	payload_bytes = pkt->tcp.seq_end - pkt->tcp.seq;
	if (skb->gso_size)
		*ret_wire_bytes -= payload_bytes - skb->gso_size;
	return true;
}

/* Return whether the flow needs no decision and no change of its state. */
stage bool hit_goes_on(const struct sg_flow_key *key,
		       const struct sg_flow *flow, const struct packet *pkt,
		       enum sg_direction direction)
{
	if (pkt->is_changing || flow->generation != pkt->generation ||
	    (flow->kind != SG_KIND_FORWARD &&
	     flow->kind != SG_KIND_MASQUERADE) ||
	    (direction == SG_IN &&
	     (flow->ifindex != pkt->ifindex || !flow_is_of(flow, pkt))) ||
	    (direction == SG_OUT && !path_is_trusted(flow, pkt)) ||
	    sg_flow_is_over(key, flow, pkt->policy, pkt->now_s) ||
	    (flow->grants && !grants_are_open_here(flow->grants, pkt->now_s)))
		return false;
	return pkt->protocol == IPPROTO_TCP
		       ? flow->state == SG_STATE_ESTABLISHED &&
				 window_accepts(flow, &pkt->tcp, direction)
		       : flow->state == SG_STATE_ASSURED;
}

/* Return whether it is a frame between Ethernet links, and from the container's
 * own MAC if it is from there. */
stage bool hit_is_ethernet(struct __sk_buff *skb, const struct sg_flow *flow,
			   const struct sg_gate *self,
			   enum sg_direction direction)
{
	const struct ethhdr *eth = (void *)(long)skb->data;

	if ((void *)(eth + 1) > (void *)(long)skb->data_end ||
	    !(flow->flags & SG_FLOW_ETHERNET))
		return false;
	return direction == SG_IN
		       ? !(flow->flags & SG_FLOW_BY_MAC)
		       : mac_equal(eth->h_source, self->container_mac);
}

/* Rewritten and sent on. A reason to drop, or SG_OK with *ret_action. */
stage int hit_deliver(struct __sk_buff *skb, const struct packet *pkt,
		      const struct sg_flow_key *key, const struct sg_flow *flow,
		      enum sg_direction direction, int *ret_action)
{
	const struct sg_gate *self;
	struct rewrite to = {
		.addr = direction == SG_IN ? key->local : flow->gate_addr,
		.port = direction == SG_IN ? key->local_port.be
					   : flow->gate_port.be,
		.destination = direction == SG_IN,
	};
	const union sg_addr *old = direction == SG_IN ? &pkt->dst : &pkt->src;
	__be16 old_port = direction == SG_IN ? pkt->dport : pkt->sport;
	int reason = SG_OK;

	if (direction == SG_OUT)
		reason = partial_refuses(skb, pkt);
	if (!reason)
		reason = rewrite_l4(skb, pkt, &to, old, old_port);
	if (!reason)
		reason = is_v6(pkt) ? rewrite_ipv6(skb, pkt, &to)
				    : rewrite_ipv4(skb, pkt, &to, old->word[3]);
	if (reason)
		return reason;
	if (direction == SG_OUT) {
		*ret_action = send_neigh(flow);
		return SG_OK;
	}
	self = send_gate(); /* again: it is one spill less for 5.10's stack */
	if (!self)
		return SG_DROP_NO_CONTAINER;
	reason = send_frame(skb, pkt->ether_type, true, self->container_mac,
			    self->veth_mac);
	if (!reason)
		*ret_action = bpf_redirect_peer(self->container_ifindex, 0);
	return reason;
}

stage int hit_of(struct __sk_buff *skb, bool v6, enum sg_direction direction,
		 int *ret_action)
{
	const struct sg_gate *self = send_gate();
	struct packet pkt = {};
	struct sg_flow_key key;
	struct sg_flow *flow;
	__u32 wire_bytes;

	if (v6) /* kept whole: words of addresses, each spilled, are too many */
		asm volatile("" : : "r"(&pkt));
	if (!send_has_container(self) ||
	    (direction == SG_OUT && self->container_ifindex != skb->ifindex) ||
	    begin(skb->ifindex, &pkt) || !hit_parse(skb, v6, &pkt, &wire_bytes))
		return MISS;
	if (direction == SG_IN &&
	    !port_seen_by_container(pkt.protocol, pkt.dport))
		return MISS;
	if (direction == SG_IN) /* where the forward changes no port */
		flow_key_in(&key, &pkt, container_addr(&pkt), pkt.dport);
	else
		flow_key_out(&key, &pkt);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow || !hit_goes_on(&key, flow, &pkt, direction) ||
	    !hit_is_ethernet(skb, flow, self, direction) ||
	    wire_bytes > (direction == SG_IN ? self->container_mtu : flow->mtu))
		return MISS;
	if (pkt.protocol == IPPROTO_TCP)
		window_update(flow, &pkt.tcp, direction);
	track_seen(flow, &pkt, direction);
	if (skb->gso_size)
		track_segments(flow, &pkt, direction, skb->gso_size);
	return hit_deliver(skb, &pkt, &key, flow, direction, ret_action);
}

/* Functions of their own, so that the verifier is through with one before it
 * begins with the next. */
static __noinline int hit_in4(struct __sk_buff *skb, int *ret_action)
{
	return ret_action ? hit_of(skb, false, SG_IN, ret_action) : MISS;
}

static __noinline int hit_in6(struct __sk_buff *skb, int *ret_action)
{
	return ret_action ? hit_of(skb, true, SG_IN, ret_action) : MISS;
}

static __noinline int hit_out4(struct __sk_buff *skb, int *ret_action)
{
	return ret_action ? hit_of(skb, false, SG_OUT, ret_action) : MISS;
}

static __noinline int hit_out6(struct __sk_buff *skb, int *ret_action)
{
	return ret_action ? hit_of(skb, true, SG_OUT, ret_action) : MISS;
}

/* A packet from an uplink, or the container. MISS: not a hit; nothing has been
 * done. Otherwise as deliver_in(). */
stage int hit_in(struct __sk_buff *skb, int *ret_action)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return hit_in4(skb, ret_action);
	return skb->protocol == bpf_htons(ETH_P_IPV6) ? hit_in6(skb, ret_action)
						      : MISS;
}

stage int hit_out(struct __sk_buff *skb, int *ret_action)
{
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return hit_out4(skb, ret_action);
	return skb->protocol == bpf_htons(ETH_P_IPV6)
		       ? hit_out6(skb, ret_action)
		       : MISS;
}

#endif
