/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a flow that was once allowed still is: its grants must be open, and
 * a policy that is newer than the flow must still allow it.
 */
#ifndef SG_BPF_ALLOW_H
#define SG_BPF_ALLOW_H

#include "flow.h"
#include "ifaces_maps.h"

stage const struct sg_port *allow_port(const struct packet *pkt, __u8 protocol,
				       __be16 port)
{
	struct sg_port_key key = {
		.side = pkt->side,
		.protocol = protocol,
		.port = port,
	};

	return bpf_map_lookup_elem(&ports, &key);
}

stage bool allow_source(const struct sg_port *port, const struct packet *pkt,
			const struct sg_addr *source)
{
	struct sg_source_key key = {
		.prefix_bits = SG_SOURCE_BITS + 128,
		.side = pkt->side,
		.rule = port->rule,
		.addr = *source,
	};

	return !port->has_sources || bpf_map_lookup_elem(&sources, &key);
}

stage bool allow_forward(const struct sg_flow_key *key, struct sg_flow *flow,
			 const struct packet *pkt)
{
	const struct sg_port *port =
		allow_port(pkt, key->protocol, flow->gate_port);

	if (!port || port->container_port != key->local_port ||
	    !addr_equal(&key->local, container_addr(pkt)) ||
	    !allow_source(port, pkt, &key->remote))
		return false;
	flow->rule = port->rule;
	return true;
}

stage bool allow_masquerade(const struct sg_flow_key *key,
			    const struct sg_flow *flow,
			    const struct packet *pkt)
{
	const struct sg_iface *iface =
		bpf_map_lookup_elem(&ifaces, &flow->ifindex);
	__u16 port = bpf_ntohs(flow->gate_port);

	return iface &&
	       pkt->policy->masquerade_roles & SG_ROLE_BIT(iface->role) &&
	       addr_equal(&key->local, container_addr(pkt)) &&
	       port >= pkt->policy->masquerade_low &&
	       port <= pkt->policy->masquerade_high;
}

/* What a flow remembers of its interface may have changed with the policy. */
stage void allow_refresh(struct sg_flow *flow)
{
	__u32 ifindex = flow->ifindex;
	const struct sg_iface *iface = bpf_map_lookup_elem(&ifaces, &ifindex);

	if (iface)
		flow->mtu = iface->mtu;
}

/* Against the policy in force, which the flow has not met before. */
static __noinline int allow_again(const struct sg_flow_key *key,
				  struct sg_flow *flow,
				  const struct packet *pkt)
{
	bool allowed = true;

	if (!key || !flow || !pkt)
		return SG_DROP_POLICY_CHANGED;
	if (flow->kind == SG_KIND_FORWARD)
		allowed = allow_forward(key, flow, pkt);
	else if (flow->kind == SG_KIND_MASQUERADE)
		allowed = allow_masquerade(key, flow, pkt);
	else if (flow->kind == SG_KIND_CONTROL)
		allowed =
			bpf_ntohs(flow->gate_port) == pkt->policy->control_port;
	if (!allowed)
		return SG_DROP_POLICY_CHANGED;
	allow_refresh(flow);
	flow->generation = pkt->policy->generation;
	return SG_OK;
}

/* SG_OK, or the reason to drop; the flow is then ended, for good. */
stage int allow_flow(const struct sg_flow_key *key, struct sg_flow *flow,
		     const struct packet *pkt)
{
	int reason = SG_OK;

	if (flow->grants && !grants_are_open(flow->grants, pkt->now_s))
		reason = SG_DROP_GRANT_CLOSED;
	else if (flow->generation != pkt->policy->generation)
		reason = allow_again(key, flow, pkt);
	if (reason)
		flow_end(key, flow, pkt->now_s);
	return reason;
}

#endif
