// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The journey of a packet through the gate.
 *
 *   sg_uplink_early  from vpn or lan, before there is an skb: no further, if
 *                    that is sure; all else is for sg_uplink_in to judge
 *   sg_uplink_in     from vpn or lan: to the container, to the host, or no
 *                    further
 *   sg_container_in  from the container: back to who asked it, out under the
 *                    gate's address, or no further
 *   sg_host_out      from the host itself: what it begins is remembered, so
 *                    that the answers are let in
 *   sg_move          no packet, but a flow of the maps that these replace
 *   sg_end           no packet, but a flow that user space ends
 *
 * Stages, each a header of that name: xdp; fastpath, or: parse -> control,
 * icmp_error or frag_in -> lookup -> conntrack and path, or policy and ct_new
 * (ct_gc makes room) -> ct_track (allow, tcp) -> output (nat, frag_out), or
 * drop, and perhaps reject.
 */
#include "conntrack.h"
#include "control.h"
#include "ct_end.h"
#include "ct_migrate.h"
#include "ct_new.h"
#include "ct_track.h"
#include "drop.h"
#include "fastpath.h"
#include "frag_in.h"
#include "icmp_error.h"
#include "lookup.h"
#include "output.h"
#include "packet.h"
#include "parse.h"
#include "path.h"
#include "reject.h"
#include "xdp.h"

char LICENSE[] SEC("license") = "GPL";

/* A packet of a flow, towards the inner end. */
stage int flow_in(struct __sk_buff *skb, const struct packet *pkt,
		  const struct sg_flow_key *key, struct sg_flow *flow,
		  int *ret_action)
{
	int reason;

	if (!flow_is_of(flow, pkt))
		return SG_DROP_FLOW_CLASH;
	reason = allow_arrival(flow, pkt);
	if (reason)
		return reason;
	if (pkt->ttl <= 1 && !flow_is_hosts(flow))
		return SG_DROP_TTL;
	reason = admit(skb, key, &flow, pkt, SG_IN);
	if (reason)
		return reason;
	return flow_is_hosts(flow)
		       ? TO_HOST
		       : deliver_in(skb, pkt, key, flow, ret_action);
}

/* Judge ICMP beyond echo: the parser refused it, a link or a flow needs it. */
stage int uplink_icmp(struct __sk_buff *skb, struct packet *pkt,
		      int *ret_action)
{
	struct sg_flow *flow = NULL;
	struct sg_flow_key key;
	struct quote quote;
	int reason;

	if (!icmp_error_is(pkt))
		return is_v6(pkt) ? link_icmpv6(pkt) : SG_DROP_ICMP_TYPE;
	reason = icmp_error_from_uplink(skb, pkt, &quote, &flow, &key);
	return reason ? reason
		      : deliver_error_in(skb, pkt, &quote, &key.local,
					 key.local_port.be, ret_action);
}

/* A packet of TCP, UDP or echo. */
stage int uplink_flow(struct __sk_buff *skb, struct packet *pkt,
		      int *ret_action)
{
	const struct sg_port *port;
	struct sg_flow_key key;
	struct sg_flow *flow;
	int reason;

	port = allow_port(pkt, pkt->protocol, pkt->dport);
	flow = owner_flow(&key, pkt, port);
	if (flow && admit_address(skb, &key, flow, pkt))
		flow = NULL;
	if (!flow && is_later(pkt))
		return SG_DROP_FRAGMENT;
	if (!flow) {
		reason = open_from_uplink(skb, pkt, port, &key);
		if (reason)
			return admit_without_flow(pkt, reason);
		flow = flow_find(&key, pkt);
	}
	return flow ? flow_in(skb, pkt, &key, flow, ret_action)
		    : SG_DROP_TABLE_FULL;
}

/* Tell who has a connection to a forward that he has none (RFC 9293 3.5.2). */
stage int uplink_tell(struct __sk_buff *skb, const struct packet *pkt,
		      int reason)
{
	if (reset_is_due(pkt, reason) &&
	    policy_is_reset(pkt, allow_port(pkt, pkt->protocol, pkt->dport)))
		return reset_sender(skb, pkt);
	return TC_ACT_UNSPEC;
}

stage int uplink_in(struct __sk_buff *skb, int *ret_action)
{
	struct packet pkt = {};
	int reason;

	if (vlan_is_devices(skb))
		return TO_HOST;
	reason = begin_received(skb, &pkt);
	if (reason)
		return reason;
	if (!parse_is_ip(&pkt))
		return link_other(skb, &pkt);
	reason = parse_network(skb, &pkt);
	if (reason == SG_DROP_ICMP_TYPE)
		return uplink_icmp(skb, &pkt, ret_action);
	if (link_is_igmp(&pkt, reason) || (!reason && link_is_dhcp(skb, &pkt)))
		return TO_HOST;
	if (owner_may_be_portless(&pkt, reason))
		reason = SG_OK;
	if (!reason && skb->pkt_type != PACKET_HOST)
		return SG_DROP_NOT_UNICAST;
	if (!reason && pkt.is_fragment)
		reason = fragment_join(skb, &pkt);
	if (!reason)
		reason = uplink_flow(skb, &pkt, ret_action);
	if (reason > 0 && *ret_action == TC_ACT_UNSPEC)
		*ret_action = uplink_tell(skb, &pkt, reason);
	return reason;
}

/* Return a packet's action. A dropped one is counted, and perhaps answered by
 * an action of its own; one that comes AGAIN is gone for now. */
stage int finish(struct __sk_buff *skb, int reason, int action)
{
	if (reason == AGAIN)
		return TC_ACT_SHOT;
	if (reason <= 0)
		return action;
	count_drop(skb, reason);
	return action == TC_ACT_UNSPEC ? TC_ACT_SHOT : action;
}

SEC("tc")
int sg_uplink_in(struct __sk_buff *skb)
{
	int action = TC_ACT_UNSPEC;
	int reason = hit_in(skb, &action);

	if (reason == MISS)
		reason = uplink_in(skb, &action);
	return finish(skb, reason, action);
}

/* The container answers the host, which began. */
stage int answer_to_host(struct __sk_buff *skb, const struct packet *pkt,
			 const struct sg_flow_key *key, struct sg_flow *flow)
{
	int reason;

	if (!flow_is_of(flow, pkt) || flow->ifindex != pkt->ifindex ||
	    flow->kind != SG_KIND_HOST)
		return SG_DROP_FLOW_CLASH;
	reason = admit(skb, key, &flow, pkt, SG_IN);
	return reason ? reason : TO_HOST;
}

stage int container_icmp(struct __sk_buff *skb, struct packet *pkt,
			 int *ret_action)
{
	struct sg_flow *flow = NULL;
	struct quote quote;
	int reason;

	if (!icmp_error_is(pkt))
		return is_v6(pkt) ? link_icmpv6(pkt) : SG_DROP_ICMP_TYPE;
	if (!addr_equal(&pkt->src, container_addr(pkt)))
		return SG_DROP_SPOOFED;
	reason = icmp_error_from_container(skb, pkt, &quote, &flow);
	return reason ? reason
		      : deliver_error_out(skb, pkt, &quote, flow, ret_action);
}

/* The flow of a packet from the container, if it is still allowed and its path
 * lets it go on; NULL with *ret_reason SG_OK: there is none. */
stage struct sg_flow *container_find(struct __sk_buff *skb, struct packet *pkt,
				     const struct sg_flow_key *key,
				     int *ret_reason)
{
	struct sg_flow *flow = flow_find(key, pkt);

	*ret_reason = SG_OK;
	if (!flow)
		return NULL;
	*ret_reason = allow_flow(key, flow, pkt);
	if (*ret_reason)
		return NULL;
	*ret_reason = path_check(skb, pkt, flow);
	if (*ret_reason != SG_DROP_POLICY_CHANGED)
		return flow;
	/* the packet begins anew, if it can */
	flow_end(key, flow, SG_END_PATH, pkt->now_s);
	pkt->may_probe = 0; /* TCP is told, by a reset */
	*ret_reason = SG_OK;
	return NULL;
}

stage int container_flow(struct __sk_buff *skb, struct packet *pkt,
			 int *ret_action)
{
	struct sg_flow_key key;
	struct sg_flow *flow;
	int reason;

	flow_key_out(&key, pkt);
	flow = container_find(skb, pkt, &key, &reason);
	if (reason)
		return reason;
	if (!flow) {
		flow = owner_host_flow(&key, pkt);
		if (flow)
			return answer_to_host(skb, pkt, &key, flow);
		if (is_later(pkt))
			return SG_DROP_FRAGMENT;
		reason = open_from_container(skb, pkt, &key);
		if (reason)
			return admit_without_flow(pkt, reason);
		flow = flow_find(&key, pkt);
	}
	if (!flow)
		return SG_DROP_TABLE_FULL;
	if (pkt->ttl <= 1)
		return SG_DROP_TTL;
	reason = admit(skb, &key, &flow, pkt, SG_OUT);
	return reason ? reason : deliver_out(skb, pkt, flow, ret_action);
}

/* Tell the container what it could not send, as a router would (RFC 1812 4.3.3,
 * 5.2.7.1, RFC 4443 3.1), and that a connection is none (RFC 9293 3.5.2). */
stage int container_tell(struct __sk_buff *skb, const struct packet *pkt,
			 int reason)
{
	__u32 kind = tell_kind(reason, is_v6(pkt));

	if (kind)
		return tell_limited(skb, pkt, kind);
	return reset_is_due(pkt, reason) ? reset_sender(skb, pkt)
					 : TC_ACT_UNSPEC;
}

stage int container_in(struct __sk_buff *skb, int *ret_action)
{
	struct packet pkt = {};
	int reason = begin_received(skb, &pkt);

	if (reason)
		return reason;
	if (!send_learn_container(skb))
		return SG_DROP_SPOOFED;
	pkt.may_probe = pkt.policy->egress_probes;
	if (!parse_is_ip(&pkt))
		return link_other(skb, &pkt);
	reason = parse_network(skb, &pkt);
	if (reason == SG_DROP_ICMP_TYPE)
		return container_icmp(skb, &pkt, ret_action);
	if (reason && !(pkt.may_probe && parse_is_portless(&pkt, reason)))
		return reason;
	if (link_is_dhcp(skb, &pkt))
		return TO_HOST;
	if (skb->pkt_type != PACKET_HOST)
		return SG_DROP_NOT_UNICAST;
	if (!addr_equal(&pkt.src, container_addr(&pkt)))
		return SG_DROP_SPOOFED;
	reason = pkt.is_fragment ? fragment_join(skb, &pkt) : SG_OK;
	if (!reason)
		reason = container_flow(skb, &pkt, ret_action);
	if (reason > 0 && *ret_action == TC_ACT_UNSPEC)
		*ret_action = container_tell(skb, &pkt, reason);
	return reason;
}

SEC("tc")
int sg_container_in(struct __sk_buff *skb)
{
	int action = TC_ACT_UNSPEC;
	int reason = hit_out(skb, &action);

	if (reason == MISS)
		reason = container_in(skb, &action);
	return finish(skb, reason, action);
}

/* Pass what the host sends, which is the host's to decide. Stop only what a
 * closed grant cuts, and a tuple that the container has. */
stage int host_out(struct __sk_buff *skb)
{
	struct packet pkt = {};
	struct sg_flow_key key;
	struct sg_flow *flow;
	int reason = begin_link(skb, &pkt);

	if (reason == SG_DROP_NOT_GOVERNED)
		return reason;
	if (reason || !parse_is_ip(&pkt) || parse_network(skb, &pkt) ||
	    is_later(&pkt))
		return TO_HOST;
	flow_key_out(&key, &pkt);
	flow = flow_find(&key, &pkt);
	if (!flow) {
		reason = open_from_host(skb, &pkt, &key);
		if (reason)
			return reason;
		flow = flow_find(&key, &pkt);
	}
	if (!flow)
		return SG_DROP_TABLE_FULL;
	if (!flow_is_hosts(flow))
		return SG_DROP_FLOW_CLASH;
	if (flow->kind == SG_KIND_HOST && flow->ifindex != pkt.ifindex)
		flow_on_link(flow, pkt.ifindex, pkt.iface->has_ethernet);
	return admit(skb, &key, &flow, &pkt, SG_OUT);
}

/* Return whether the gate redirected a packet, from the container mostly: it
 * was received before, so it is not the host's own. */
stage bool is_redirected(__u32 came_by)
{
	const struct sg_gate *offset = send_gate();

	return (offset && offset->container_ifindex == came_by) ||
	       bpf_map_lookup_elem(&ifaces, &came_by);
}

SEC("tc")
int sg_host_out(struct __sk_buff *skb)
{
	__u32 came_by = skb->ingress_ifindex;

	if (vlan_is_devices(skb))
		return TC_ACT_UNSPEC;
	if (!came_by)
		return finish(skb, host_out(skb), TC_ACT_UNSPEC);
	return is_redirected(came_by) ? TC_ACT_UNSPEC
				      : count_drop(skb, SG_DROP_TRANSIT);
}

SEC("xdp")
int sg_uplink_early(struct xdp_md *ctx)
{
	int reason = early(ctx);

	return reason ? count_early(ctx, reason) : XDP_PASS;
}

SEC("tc")
int sg_move(struct __sk_buff *skb)
{
	return move(skb);
}

SEC("tc")
int sg_end(struct __sk_buff *skb)
{
	return end_asked(skb);
}
