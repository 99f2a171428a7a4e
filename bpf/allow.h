/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The check of a flow that was once allowed: its grants must be open, and a
 * policy, and interfaces, that are newer than the flow must still allow it.
 */
#ifndef SG_BPF_ALLOW_H
#define SG_BPF_ALLOW_H

#include "addr.h"
#include "conntrack.h"
#include "ifaces_maps.h"
#include "verifier.h"

/* Return whether a table of the map has a port, in a slot. */
stage bool allow_has_bit(__u32 slot, __u32 table, __be16 port)
{
	return bits_has(&port_bits, slot * SG_PORT_BITS_ROWS * SG_ROW_BITS +
					    table * SG_PORT_BITS_EACH +
					    bpf_ntohs(port));
}

/* Return whether the port is a forward's, in the slot that is in force. */
stage bool allow_is_forwarded(__u32 slot, __u8 protocol, __be16 port)
{
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return false;
	return allow_has_bit(slot,
			     protocol == IPPROTO_UDP ? SG_PORT_BITS_UDP
						     : SG_PORT_BITS_TCP,
			     port);
}

/* Return what a forward says of the gate's port, or NULL: none has it. */
stage const struct sg_port *allow_port_in(__u32 slot, __u8 protocol,
					  __be16 port)
{
	/* struct sg_port_key, written as the lookup reads it: in one */
	__u32 key =
		bpf_htonl(slot << 24 | (__u32)protocol << 16 | bpf_ntohs(port));

	_Static_assert(
		__builtin_offsetof(struct sg_port_key, slot) == 0 &&
			__builtin_offsetof(struct sg_port_key, protocol) == 1 &&
			__builtin_offsetof(struct sg_port_key, port) == 2,
		"most significant first");
	return allow_is_forwarded(slot, protocol, port)
		       ? bpf_map_lookup_elem(&ports, &key)
		       : NULL;
}

stage const struct sg_port *allow_port(const struct packet *pkt, __u8 protocol,
				       __be16 port)
{
	return allow_port_in(pkt->slot, protocol, port);
}

/* Return whether the gate has another use for a port than to stand for this one
 * of the container's. A UDP port that a forward leads there is the container's
 * for what it begins itself, too, as SIP and IKE do: to whom it is known under
 * that port, it is known under no other (RFC 4787 REQ-1). */
stage bool allow_is_reserved(const struct sg_policy *in_force, __u32 slot,
			     __u8 protocol, __be16 port, __be16 container_port)
{
	const struct sg_port *forward;

	if (protocol == IPPROTO_TCP)
		return bpf_ntohs(port) == in_force->control_port ||
		       allow_is_forwarded(slot, protocol, port);
	forward = allow_port_in(slot, protocol, port);
	return forward && forward->container_port.be != container_port;
}

stage bool allow_source(const struct sg_port *port, const struct packet *pkt,
			const union sg_addr *source)
{
	struct sg_source_key key = {
		.prefix_bits = SG_SOURCE_BITS + 128,
		.slot = pkt->slot,
		.rule = port->rule,
		.addr = *source,
	};

	return !port->has_sources || bpf_map_lookup_elem(&sources, &key);
}

/* Return the grants that must be open for a packet of a role: to a forward's
 * port, or to the host's control. */
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
		allow_port(pkt, key->protocol, flow->gate_port.be);

	if (!port || port->container_port.be != key->local_port.be ||
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
	__u16 port = bpf_ntohs(flow->gate_port.be);
	__u16 low = sg_masquerade_low(pkt->policy, key->protocol,
				      bpf_ntohs(key->local_port.be));

	if (!(pkt->policy->masquerade_roles & SG_ROLE_BIT(iface->role)) ||
	    !addr_equal(&key->local, container_addr(pkt)))
		return false;
	if (is_portless(key->protocol))
		return pkt->policy->egress_probes;
	return port >= low && port <= sg_masquerade_high(pkt->policy, low) &&
	       !allow_is_reserved(pkt->policy, pkt->slot, key->protocol,
				  flow->gate_port.be, key->local_port.be);
}

/* Judge a flow by its link as it is now. One whose frames are of another kind
 * is another link. SG_OK or a reason. */
stage int allow_iface(struct sg_flow *flow, const struct sg_iface *iface,
		      __u32 now_s)
{
	if (iface->has_ethernet != !!(flow->flags & SG_FLOW_ETHERNET))
		return SG_DROP_POLICY_CHANGED;
	flow->mtu = iface->mtu;
	if (sg_flow_initiator(flow) == SG_OUT)
		return SG_OK;
	flow->grants = allow_grants(flow->kind, iface->role);
	return grants_are_open(flow->grants, now_s) ? SG_OK
						    : SG_DROP_GRANT_CLOSED;
}

/* Return whether the gate's address of a forward is its link's no more, but
 * another's: it has moved there, and the flow with it. */
stage bool allow_has_moved(const struct sg_flow *flow, __u32 ifindex)
{
	return flow->kind == SG_KIND_FORWARD &&
	       !address_is_own(ifindex, &flow->gate_addr);
}

/* Return the link of a flow, or NULL: it is not there. The host's own flows are
 * where their packets are; the others follow the gate's address to a link that
 * was made anew (a VPN's), and forwards to any of the same role. */
stage const struct sg_iface *allow_link(struct sg_flow *flow,
					const struct packet *pkt)
{
	struct sg_subnet_key key = {.prefix_bits = 128,
				    .addr = flow->gate_addr};
	const struct sg_iface *before;
	const struct sg_subnet *subnet;
	const struct sg_iface *iface;
	__u32 ifindex = flow->ifindex;

	if (flow->kind == SG_KIND_HOST) {
		flow_on_link(flow, pkt->ifindex, pkt->iface->has_ethernet);
		return pkt->iface;
	}
	before = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (before && !allow_has_moved(flow, ifindex))
		return before;
	subnet = bpf_map_lookup_elem(&subnets, &key);
	if (!subnet || subnet->roles || !subnet->ifindex)
		return before;
	ifindex = subnet->ifindex;
	iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (!iface || (before && before->role != iface->role))
		return before;
	flow_on_link(flow, ifindex, iface->has_ethernet);
	return iface;
}

/* Return whether the policy in force still allows a flow on its link. */
stage bool allow_kind(const struct sg_flow_key *key, struct sg_flow *flow,
		      const struct sg_iface *iface, const struct packet *pkt)
{
	if (flow->kind == SG_KIND_FORWARD)
		return allow_forward(key, flow, pkt);
	if (flow->kind == SG_KIND_MASQUERADE)
		return allow_masquerade(key, flow, iface, pkt);
	return flow->kind != SG_KIND_CONTROL ||
	       bpf_ntohs(flow->gate_port.be) == pkt->policy->control_port;
}

/* Judge a flow by what is in force, which it has not met before. Its path is to
 * be found again, too. SG_DROP_NO_ROUTE: its link is not there; it may wait. */
static __noinline int allow_again(const struct sg_flow_key *key,
				  struct sg_flow *flow,
				  const struct packet *pkt)
{
	const struct sg_iface *iface;
	int reason;

	if (!key || !flow || !pkt)
		return SG_DROP_POLICY_CHANGED;
	atomic_change(&flow->flags, 0, SG_FLOW_NO_PATH);
	iface = allow_link(flow, pkt);
	if (!iface) /* the path of what the container sends is asked for next */
		return flow->kind == SG_KIND_MASQUERADE &&
				       pkt->iface->role == SG_ROLE_CONTAINER
			       ? SG_OK
			       : SG_DROP_NO_ROUTE;
	reason = allow_iface(flow, iface, pkt->now_s);
	if (reason)
		return reason;
	if (!allow_kind(key, flow, iface, pkt))
		return SG_DROP_POLICY_CHANGED;
	flow->generation = pkt->generation;
	return SG_OK;
}

/* SG_OK, or the reason to drop; the flow is then ended, for good, unless it
 * only has to wait for its link. */
stage int allow_flow(const struct sg_flow_key *key, struct sg_flow *flow,
		     const struct packet *pkt)
{
	int reason = SG_OK;

	if (flow->grants && !grants_are_open(flow->grants, pkt->now_s))
		reason = SG_DROP_GRANT_CLOSED;
	else if (flow->generation != pkt->generation)
		reason = allow_again(key, flow, pkt);
	if (reason && reason != SG_DROP_NO_ROUTE)
		flow_end(key, flow,
			 reason == SG_DROP_GRANT_CLOSED ? SG_END_GRANT
							: SG_END_POLICY,
			 pkt->now_s);
	return reason;
}

/* Judge the link that a packet of a flow has come by. The host's own flows may
 * be answered by any link that their remote can be behind (the kernel's
 * rp_filter decides), others by any of the same role; and a flow goes on by the
 * link that has the gate's address now. SG_OK or the reason to drop. */
static __noinline int allow_arrival(struct sg_flow *flow,
				    const struct packet *pkt)
{
	const struct sg_iface *before;
	__u32 ifindex;

	if (!flow || !pkt)
		return SG_DROP_FLOW_CLASH;
	ifindex = flow->ifindex;
	if (ifindex == pkt->ifindex)
		return SG_OK;
	if (address_is_spoofed(pkt))
		return SG_DROP_SPOOFED;
	if (flow->kind == SG_KIND_HOST)
		return SG_OK;
	before = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (before && before->role != pkt->iface->role)
		return SG_DROP_FLOW_CLASH;
	if (before && (!allow_has_moved(flow, ifindex) ||
		       !address_is_own(pkt->ifindex, &flow->gate_addr))) {
		atomic_change(&flow->flags, 0, SG_FLOW_ROAMS);
		return SG_OK;
	}
	/* of masquerade, only an address that is the new link's, too */
	if (flow->kind == SG_KIND_MASQUERADE &&
	    !address_is_own(pkt->ifindex, &flow->gate_addr))
		return SG_DROP_FLOW_CLASH;
	flow_follow(flow, pkt);
	return SG_OK;
}

#endif
