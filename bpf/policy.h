/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A packet of no flow: the policy table. Each function answers for one
 * direction: a new flow is described in *ret_flow, or a reason is named.
 */
#ifndef SG_BPF_POLICY_H
#define SG_BPF_POLICY_H

#include "allow.h"
#include "masquerade.h"
#include "policy_maps.h"

#define TO_HOST (-1) /* a verdict beside the reasons: to the host's stack */

/* Addresses that are no one host's (RFC 1122 3.2.1.3): 0/8, 127/8, 224/3. */
stage bool policy_is_one_host(const struct sg_addr *addr)
{
	__u8 first = bpf_ntohl(addr->word[3]) >> 24;

	return first != 0 && first != 127 && first < 224;
}

/* Whether an interface, or the host on any, has this address. */
stage bool policy_is_own(__u32 ifindex, const struct sg_addr *addr)
{
	struct sg_gate_addr_key key = {.ifindex = ifindex, .addr = *addr};

	return bpf_map_lookup_elem(&addresses, &key);
}

/* A source that cannot be behind this uplink: nobody's, the gate's own, or of
 * a network that is on a link of another role. */
stage bool policy_is_spoofed(const struct packet *pkt)
{
	struct sg_subnet_key key = {.prefix_bits = 128, .addr = pkt->src};
	const struct sg_subnet *subnet;

	if (!policy_is_one_host(&pkt->src) ||
	    addr_equal(&pkt->src, &pkt->policy->container) ||
	    policy_is_own(SG_ANY_IFINDEX, &pkt->src))
		return true;
	subnet = bpf_map_lookup_elem(&subnets, &key);
	return subnet && subnet->role != pkt->iface->role;
}

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

stage int policy_forward(const struct packet *pkt, const struct sg_port *port,
			 struct sg_flow *ret_flow)
{
	__u8 needed = pkt->iface->role == SG_ROLE_LAN
			      ? SG_GRANT_BIT(SG_GRANT_LAN_ACCESS)
			      : 0;
	int reason = SG_OK;

	if (pkt->protocol == IPPROTO_TCP && !is_syn(pkt))
		return SG_DROP_NO_FLOW;
	if (!grants_are_open(needed, pkt->now_ns))
		reason = SG_DROP_GRANT_CLOSED;
	else if (!allow_source(port, pkt, &pkt->src))
		reason = SG_DROP_SOURCE_REFUSED;
	policy_count_hit(port->rule, !reason);
	if (reason)
		return reason;
	ret_flow->kind = SG_KIND_FORWARD;
	ret_flow->grants = needed;
	ret_flow->rule = port->rule;
	return SG_OK;
}

stage int policy_control(const struct packet *pkt, struct sg_flow *ret_flow)
{
	__u8 needed = SG_GRANT_BIT(SG_GRANT_HOST_CONTROL);

	if (!is_syn(pkt))
		return SG_DROP_NO_FLOW;
	if (pkt->iface->role == SG_ROLE_LAN)
		needed |= SG_GRANT_BIT(SG_GRANT_LAN_ACCESS);
	if (!grants_are_open(needed, pkt->now_ns))
		return SG_DROP_GRANT_CLOSED;
	ret_flow->kind = SG_KIND_CONTROL;
	ret_flow->grants = needed;
	return SG_OK;
}

stage int policy_echo(const struct packet *pkt)
{
	if (pkt->icmp_type != ICMP_ECHO_REQUEST)
		return SG_DROP_NO_FLOW;
	return pkt->policy->echo_roles & SG_ROLE_BIT(pkt->iface->role)
		       ? TO_HOST
		       : SG_DROP_CLOSED_ECHO;
}

/* From vpn or lan. SG_OK: a flow of ret_flow->kind begins; TO_HOST: for the
 * host, with no flow; otherwise the reason to drop. */
stage int policy_from_uplink(const struct packet *pkt,
			     const struct sg_port *port,
			     struct sg_flow *ret_flow)
{
	if (policy_is_spoofed(pkt))
		return SG_DROP_SPOOFED;
	if (!policy_is_one_host(&pkt->dst))
		return SG_DROP_NOT_UNICAST;
	if (!policy_is_own(pkt->ifindex, &pkt->dst))
		return SG_DROP_NOT_GATE;
	ret_flow->gate_addr = pkt->dst;
	ret_flow->gate_port = pkt->dport;
	ret_flow->ifindex = pkt->ifindex;
	ret_flow->has_ethernet = pkt->iface->has_ethernet;
	ret_flow->rule = SG_NO_RULE;
	if (pkt->protocol == IPPROTO_ICMP)
		return policy_echo(pkt);
	if (port)
		return policy_forward(pkt, port, ret_flow);
	if (pkt->protocol == IPPROTO_TCP &&
	    bpf_ntohs(pkt->dport) == pkt->policy->control_port)
		return policy_control(pkt, ret_flow);
	if (pkt->protocol == IPPROTO_TCP && !is_syn(pkt))
		return SG_DROP_NO_FLOW;
	return SG_DROP_CLOSED_PORT;
}

/* From the container. As above. */
stage int policy_from_container(struct __sk_buff *skb, const struct packet *pkt,
				struct sg_flow *ret_flow)
{
	int reason;

	if (!policy_is_one_host(&pkt->dst))
		return SG_DROP_NOT_UNICAST;
	if (pkt->protocol == IPPROTO_ICMP &&
	    policy_is_own(pkt->ifindex, &pkt->dst))
		return policy_echo(pkt);
	if (policy_is_own(SG_ANY_IFINDEX, &pkt->dst))
		return SG_DROP_HOST_CLOSED;
	if ((pkt->protocol == IPPROTO_TCP && !is_syn(pkt)) ||
	    (pkt->protocol == IPPROTO_ICMP &&
	     pkt->icmp_type != ICMP_ECHO_REQUEST))
		return SG_DROP_NO_FLOW;
	reason = masquerade_route(skb, pkt, ret_flow);
	if (reason)
		return reason;
	ret_flow->gate_port = masquerade_port(skb, pkt, &ret_flow->gate_addr);
	if (!ret_flow->gate_port)
		return SG_DROP_PORTS_EXHAUSTED;
	ret_flow->kind = SG_KIND_MASQUERADE;
	ret_flow->rule = SG_NO_RULE;
	return SG_OK;
}

/* From the host itself: what begins a conversation is allowed and tracked.
 * Returns whether the packet begins one. */
stage bool policy_from_host(const struct packet *pkt, struct sg_flow *ret_flow)
{
	if (!policy_is_one_host(&pkt->dst))
		return false;
	if ((pkt->protocol == IPPROTO_TCP && !is_syn(pkt)) ||
	    (pkt->protocol == IPPROTO_ICMP &&
	     pkt->icmp_type != ICMP_ECHO_REQUEST))
		return false;
	ret_flow->kind = SG_KIND_HOST;
	ret_flow->gate_addr = pkt->src;
	ret_flow->gate_port = pkt->sport;
	ret_flow->ifindex = pkt->ifindex;
	ret_flow->has_ethernet = pkt->iface->has_ethernet;
	ret_flow->rule = SG_NO_RULE;
	return true;
}

#endif
