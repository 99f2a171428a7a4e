/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy: may a packet of no flow begin one, of which kind, and how many
 * may one source on a LAN begin.
 */
#ifndef SG_BPF_POLICY_H
#define SG_BPF_POLICY_H

#include "addr.h"
#include "allow.h"
#include "context.h"
#include "ct_gc.h"
#include "flows_maps.h"
#include "output.h"
#include "packet.h"
#include "policy_maps.h"
#include "sk.h"
#include "snat.h"

/*
 * The rate at which one source on a LAN may begin flows when the LAN's part of
 * the flow table gets short, so that no one neighbour has it to himself. A
 * forger of another's address fills none, as he completes no connection.
 */

/* Return whether half of the LAN's part of the flow table is used. */
stage bool limit_is_short(void)
{
	__u32 ring = SG_RING(SG_TABLE_FLOWS, SG_SHARE_LAN);
	const struct sg_gc_hand *hand = bpf_map_lookup_elem(&gc_hand, &ring);

	return hand && hand->count >= gc_ring_size(ring) / 2;
}

/* Counts the packet, which would begin a flow. SG_OK or the reason to drop. */
static __noinline int limit_source(struct __sk_buff *skb,
				   const struct packet *pkt)
{
	struct sg_new_flow_rate first = {.flows = 1};
	struct sg_new_flow_rate_key source = {};
	struct sg_new_flow_rate *rate;

	if (!pkt || pkt->iface->role != SG_ROLE_LAN ||
	    !pkt->policy->new_per_source || !limit_is_short())
		return SG_OK;
	source.addr = pkt->src;
	if (pkt->iface->has_ethernet &&
	    bpf_skb_load_bytes(skb, __builtin_offsetof(struct ethhdr, h_source),
			       source.mac, sizeof(source.mac)))
		return SG_DROP_FRAME_SHORT;
	/* behind a router a /64 is one host's to use (RFC 4291) */
	if (is_v6(pkt) &&
	    !address_is_on_link(pkt->ifindex, pkt->iface, &source.addr)) {
		source.addr.word[2] = 0;
		source.addr.word[3] = 0;
	}
	rate = bpf_map_lookup_elem(&new_flow_rate, &source);
	if (!rate || clock_is_over(pkt->now_s, rate->second, 0)) {
		first.second = pkt->now_s;
		bpf_map_update_elem(&new_flow_rate, &source, &first, BPF_ANY);
		return SG_OK;
	}
	if (rate->flows >= pkt->policy->new_per_source)
		return SG_DROP_SOURCE_LIMIT;
	__sync_fetch_and_add(&rate->flows, 1);
	return SG_OK;
}

/*
 * A packet of no flow: the policy table. Each function answers for one
 * direction: a new flow is described in *ret_flow, or a reason is named.
 */

stage void policy_count_hit(__u32 rule, bool admitted)
{
	struct sg_hits *hit = bpf_map_lookup_elem(&hits, &rule);

	if (!hit)
		return;
	if (admitted)
		hit->admitted++;
	else
		hit->refused++;
}

stage __u8 policy_grants(const struct packet *pkt, const struct sg_port *port)
{
	return allow_grants(port ? SG_KIND_FORWARD : SG_KIND_CONTROL,
			    pkt->iface->role);
}

/* Return whether a segment may be of a handshake that was answered, and that
 * its share, in a flood, had no room to remember: the container knows, as it
 * does by a SYN cookie (RFC 4987 3.6). */
static __noinline bool policy_takes_up(const struct packet *pkt)
{
	return pkt &&
	       (pkt->tcp.flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK &&
	       gc_forgets(pkt->iface->role == SG_ROLE_VPN ? SG_SHARE_VPN
							  : SG_SHARE_LAN,
			  pkt->now_s);
}

stage int policy_forward_refuses(const struct packet *pkt,
				 const struct sg_port *port)
{
	if (pkt->protocol == IPPROTO_TCP && !is_syn(&pkt->tcp) &&
	    !policy_takes_up(pkt))
		return SG_DROP_NO_FLOW;
	if (!grants_are_open(policy_grants(pkt, port), pkt->now_s))
		return SG_DROP_GRANT_CLOSED;
	if (!send_has_container(send_gate()))
		return SG_DROP_NO_CONTAINER;
	if (!addr_is_set(container_addr(pkt)))
		return SG_DROP_IPV6;
	if (!allow_source(port, pkt, &pkt->src) ||
	    addr_is_link_local(&pkt->src)) /* of no meaning elsewhere */
		return SG_DROP_SOURCE_REFUSED;
	return SG_OK;
}

/* Return whether a drop for this reason is counted with its forward. */
stage bool policy_is_forwards(int reason)
{
	return reason == SG_DROP_GRANT_CLOSED || reason == SG_DROP_IPV6 ||
	       reason == SG_DROP_SOURCE_REFUSED ||
	       reason == SG_DROP_SOURCE_LIMIT;
}

/* Return whether a TCP packet of no connection is to a forward that is open to
 * its sender, so that there may have been one. */
stage bool policy_is_reset(const struct packet *pkt, const struct sg_port *port)
{
	return port && grants_are_open(policy_grants(pkt, port), pkt->now_s) &&
	       allow_source(port, pkt, &pkt->src);
}

stage int policy_control_refuses(const struct packet *pkt)
{
	if (!is_syn(&pkt->tcp))
		return SG_DROP_NO_FLOW;
	return grants_are_open(policy_grants(pkt, NULL), pkt->now_s)
		       ? SG_OK
		       : SG_DROP_GRANT_CLOSED;
}

/* Return whether a packet is one that begins a flow. */
stage bool policy_begins(const struct packet *pkt)
{
	if (pkt->protocol == IPPROTO_TCP)
		return is_syn(&pkt->tcp);
	return !is_icmp(pkt->protocol) || is_echo_request(pkt);
}

/* Return whether the container may begin with this, though it is no SYN: a
 * scan's probe, which has no data. What a forward's port sends is an answer. */
stage bool policy_probes(const struct packet *pkt)
{
	__u32 data_bytes =
		pkt->tcp.seq_end - pkt->tcp.seq - !!(pkt->tcp.flags & TCP_FIN);

	return pkt->protocol == IPPROTO_TCP && pkt->may_probe &&
	       !(pkt->tcp.flags & (TCP_SYN | TCP_RST)) && !data_bytes &&
	       !allow_has_bit(pkt->slot, SG_PORT_BITS_ANSWERS, pkt->sport);
}

/* Return whether a packet is a DHCP server's: the container may not be one. */
stage bool policy_is_server_of_dhcp(const struct packet *pkt)
{
	__be16 server = bpf_htons(is_v6(pkt) ? DHCP6_SERVER : DHCP_SERVER);
	__be16 client = bpf_htons(is_v6(pkt) ? DHCP6_CLIENT : DHCP_CLIENT);

	/* nor the gate's client, which would have the gate's port */
	return pkt->protocol == IPPROTO_UDP &&
	       (pkt->sport == server || pkt->dport == client ||
		(pkt->sport == client && pkt->dport == server));
}

stage int policy_echo(const struct packet *pkt)
{
	if (!is_echo_request(pkt))
		return SG_DROP_NO_FLOW;
	return pkt->policy->echo_roles & SG_ROLE_BIT(pkt->iface->role)
		       ? TO_HOST
		       : SG_DROP_CLOSED_ECHO;
}

/* From vpn or lan: the reason to drop it, or SG_OK: it may begin a flow; or
 * TO_HOST: for the host, with no flow. Changes nothing. */
stage int policy_refuses(const struct packet *pkt, const struct sg_port *port)
{
	if (address_is_spoofed(pkt))
		return SG_DROP_SPOOFED;
	if (!address_is_one_host(is_v6(pkt), &pkt->dst))
		return SG_DROP_NOT_UNICAST;
	if (!address_is_gates(pkt))
		return SG_DROP_NOT_GATE;
	if (is_icmp(pkt->protocol))
		return policy_echo(pkt);
	if (port)
		return policy_forward_refuses(pkt, port);
	if (is_portless(pkt->protocol))
		return SG_DROP_PROTOCOL;
	if (pkt->protocol != IPPROTO_TCP)
		return SG_DROP_CLOSED_PORT;
	if (bpf_ntohs(pkt->dport) == pkt->policy->control_port)
		return policy_control_refuses(pkt);
	return is_syn(&pkt->tcp) ? SG_DROP_CLOSED_PORT : SG_DROP_NO_FLOW;
}

/* From vpn or lan. SG_OK: a flow of ret_flow->kind begins; TO_HOST: for the
 * host, with no flow; otherwise the reason to drop. */
stage int policy_from_uplink(struct __sk_buff *skb, const struct packet *pkt,
			     const struct sg_port *port,
			     struct sg_flow *ret_flow)
{
	int reason = policy_refuses(pkt, port);

	if (!reason)
		reason = limit_source(skb, pkt);
	if (port && (!reason || policy_is_forwards(reason)))
		policy_count_hit(port->rule, !reason);
	if (!reason && port && pkt->ttl <= 1)
		reason = SG_DROP_TTL;
	if (reason)
		return reason;
	flow_gate(ret_flow, pkt->ifindex, pkt->iface, &pkt->dst, pkt->dport);
	ret_flow->kind = port ? SG_KIND_FORWARD : SG_KIND_CONTROL;
	ret_flow->grants = policy_grants(pkt, port);
	ret_flow->flags |= SG_FLOW_NO_PATH; /* the answer's to find */
	if (pkt->protocol == IPPROTO_TCP && !is_syn(&pkt->tcp))
		ret_flow->flags |= SG_FLOW_ADOPTED;
	if (port)
		ret_flow->rule = port->rule;
	return SG_OK;
}

/* From the container. As above. */
stage int policy_from_container(struct __sk_buff *skb, const struct packet *pkt,
				struct sg_flow *ret_flow)
{
	bool begins = policy_begins(pkt);
	int gate_port;
	int reason;

	if (!address_is_one_host(is_v6(pkt), &pkt->dst) ||
	    address_is_broadcast(&pkt->dst))
		return SG_DROP_NOT_UNICAST;
	if (is_icmp(pkt->protocol) && address_is_gates(pkt))
		return policy_echo(pkt);
	if (address_is_own(SG_ANY_IFINDEX, &pkt->dst))
		return SG_DROP_HOST_CLOSED;
	if (!begins && !policy_probes(pkt))
		return SG_DROP_NO_FLOW;
	if (!begins)
		ret_flow->flags = SG_FLOW_PROBE;
	if (policy_is_server_of_dhcp(pkt))
		return SG_DROP_EGRESS_CLOSED;
	if (pkt->ttl <= 1)
		return SG_DROP_TTL;
	reason = masquerade_route(skb, pkt, ret_flow);
	if (reason)
		return reason;
	gate_port = masquerade_port(skb, pkt, &ret_flow->gate_addr);
	if (gate_port < 0) {
		/* what has expired gives its own back, to the next */
		gc_open(pkt->slot, SG_SHARE_CONTAINER, pkt->now_s,
			GC_WHEN_FULL);
		return SG_DROP_PORTS_EXHAUSTED;
	}
	ret_flow->gate_port.be = gate_port;
	ret_flow->kind = SG_KIND_MASQUERADE;
	return SG_OK;
}

/* From the host itself: what begins a flow is allowed and tracked, and
 * one of TCP that it began before the gate was there. Returns whether a flow
 * begins. */
stage bool policy_from_host(struct __sk_buff *skb, const struct packet *pkt,
			    struct sg_flow *ret_flow)
{
	if (!address_is_one_host(is_v6(pkt), &pkt->dst) || is_later(pkt))
		return false;
	if (!policy_begins(pkt)) {
		if (!adopt_is_the_hosts(skb, pkt))
			return false;
		ret_flow->flags = SG_FLOW_ADOPTED;
	}
	ret_flow->kind = SG_KIND_HOST;
	flow_gate(ret_flow, pkt->ifindex, pkt->iface, &pkt->src, pkt->sport);
	return true;
}

#endif
