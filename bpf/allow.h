/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a flow that was once allowed still is: its grants must be open, and
 * a policy, and interfaces, that are newer than the flow must still allow it.
 */
#ifndef SG_BPF_ALLOW_H
#define SG_BPF_ALLOW_H

#include "bits.h"
#include "flow.h"
#include "ifaces_maps.h"

/* Whether it is a forward's, on the side that is in force. */
stage bool allow_is_forwarded(const struct packet *pkt, __u8 protocol,
			      __be16 port)
{
	__u32 at = pkt->side * SG_FORWARDED_ROWS * SG_ROW_BITS;

	if (protocol == IPPROTO_UDP)
		at += SG_FORWARDED_ROWS * SG_ROW_BITS / 2;
	else if (protocol != IPPROTO_TCP)
		return false;
	return bits_has(&forwarded, at + bpf_ntohs(port));
}

stage const struct sg_port *allow_port(const struct packet *pkt, __u8 protocol,
				       __be16 port)
{
	/* struct sg_port_key, written as the lookup reads it: in one */
	__u32 key = bpf_htonl(pkt->side << 24 | (__u32)protocol << 16 |
			      bpf_ntohs(port));

	_Static_assert(
		__builtin_offsetof(struct sg_port_key, side) == 0 &&
			__builtin_offsetof(struct sg_port_key, protocol) == 1 &&
			__builtin_offsetof(struct sg_port_key, port) == 2,
		"most significant first");
	return allow_is_forwarded(pkt, protocol, port)
		       ? bpf_map_lookup_elem(&ports, &key)
		       : NULL;
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

/* What must be open for what comes from a role: to a forward's port, or to the
 * host's control. */
stage __u8 allow_grants(enum sg_kind kind, enum sg_role role)
{
	__u8 needed = kind == SG_KIND_CONTROL
			      ? SG_GRANT_BIT(SG_GRANT_HOST_CONTROL)
			      : 0;

	if (role == SG_ROLE_LAN)
		needed |= SG_GRANT_BIT(SG_GRANT_LAN_ACCESS);
	return needed;
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
			    const struct sg_iface *iface,
			    const struct packet *pkt)
{
	__u16 port = bpf_ntohs(flow->gate_port);

	return pkt->policy->masquerade_roles & SG_ROLE_BIT(iface->role) &&
	       addr_equal(&key->local, container_addr(pkt)) &&
	       port >= pkt->policy->masquerade_low &&
	       port <= pkt->policy->masquerade_high;
}

/* As its interface now is: of what role, and what the flow remembers of it. One
 * whose frames are of another kind is another interface. SG_OK or a reason. */
stage int allow_iface(struct sg_flow *flow, const struct sg_iface *iface,
		      __u32 now_s)
{
	if (iface->has_ethernet != !!(flow->flags & SG_FLOW_ETHERNET))
		return SG_DROP_POLICY_CHANGED;
	flow->mtu = iface->mtu;
	if (flow_initiator(flow) == SG_OUT)
		return SG_OK;
	flow->grants = allow_grants(flow->kind, iface->role);
	return grants_are_open(flow->grants, now_s) ? SG_OK
						    : SG_DROP_GRANT_CLOSED;
}

/* Against what is in force, which the flow has not met before. */
static __noinline int allow_again(const struct sg_flow_key *key,
				  struct sg_flow *flow,
				  const struct packet *pkt)
{
	const struct sg_iface *iface;
	bool allowed = true;
	__u32 ifindex;
	int reason;

	if (!key || !flow || !pkt)
		return SG_DROP_POLICY_CHANGED;
	ifindex = flow->ifindex;
	iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (!iface)
		return SG_DROP_POLICY_CHANGED;
	reason = allow_iface(flow, iface, pkt->now_s);
	if (reason)
		return reason;
	if (flow->kind == SG_KIND_FORWARD)
		allowed = allow_forward(key, flow, pkt);
	else if (flow->kind == SG_KIND_MASQUERADE)
		allowed = allow_masquerade(key, flow, iface, pkt);
	else if (flow->kind == SG_KIND_CONTROL)
		allowed =
			bpf_ntohs(flow->gate_port) == pkt->policy->control_port;
	if (!allowed)
		return SG_DROP_POLICY_CHANGED;
	flow->generation = pkt->generation;
	return SG_OK;
}

/* SG_OK, or the reason to drop; the flow is then ended, for good. */
stage int allow_flow(const struct sg_flow_key *key, struct sg_flow *flow,
		     const struct packet *pkt)
{
	int reason = SG_OK;

	if (flow->grants && !grants_are_open(flow->grants, pkt->now_s))
		reason = SG_DROP_GRANT_CLOSED;
	else if (flow->generation != pkt->generation)
		reason = allow_again(key, flow, pkt);
	if (reason)
		flow_end(key, flow, pkt->now_s);
	return reason;
}

#endif
