// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The journey of a packet through the gate.
 *
 *   sg_uplink_in     from vpn or lan: to the container, to the host, or no
 *                    further
 *   sg_container_in  from the container: back to who asked it, out under the
 *                    gate's address, or no further
 *   sg_host_out      from the host itself: what it begins is remembered, so
 *                    that the answers are let in
 *
 * Stages: parse -> link -> icmp_error -> owner -> flow -> allow, or policy and
 * open -> track -> rewrite -> deliver, or count. Each is a header of that name.
 */
#include "allow.h"
#include "count.h"
#include "deliver.h"
#include "flow.h"
#include "icmp_error.h"
#include "link.h"
#include "open.h"
#include "owner.h"
#include "packet.h"
#include "parse.h"
#include "policy.h"
#include "track.h"

char LICENSE[] SEC("license") = "GPL";

/* Everything a packet is judged by is looked up once, so that it sees one
 * policy, whole. */
stage int begin(struct __sk_buff *skb, struct packet *pkt)
{
	const struct sg_active *at;
	__u32 zero = 0;

	pkt->ifindex = skb->ifindex;
	pkt->iface = bpf_map_lookup_elem(&ifaces, &pkt->ifindex);
	at = bpf_map_lookup_elem(&active, &zero);
	if (!pkt->iface || !at)
		return SG_DROP_NOT_GOVERNED;
	pkt->side = at->side;
	pkt->policy = bpf_map_lookup_elem(&policy, &pkt->side);
	if (!pkt->policy || !pkt->policy->generation)
		return SG_DROP_NOT_GOVERNED;
	pkt->now_ns = bpf_ktime_get_boot_ns();
	return SG_OK;
}

/* A packet of a flow: still allowed, legal in its state, and counted. */
stage int admit(const struct sg_flow_key *key, struct sg_flow **flow,
		const struct packet *pkt, enum sg_direction direction)
{
	int reason = allow_flow(key, *flow, pkt);

	return reason ? reason : track(key, flow, pkt, direction);
}

/* The tuple is another's. One whose interface has gone (a VPN's, made anew)
 * makes room: the next packet begins afresh. */
stage int clash(const struct sg_flow_key *key, const struct sg_flow *flow,
		const struct packet *pkt)
{
	__u32 ifindex = flow->ifindex;

	if (!bpf_map_lookup_elem(&ifaces, &ifindex))
		flow_end(key, flow, pkt->now_ns);
	return SG_DROP_FLOW_CLASH;
}

/* A packet of a flow, towards the inner end. */
stage int flow_in(struct __sk_buff *skb, const struct packet *pkt,
		  const struct sg_flow_key *key, struct sg_flow *flow,
		  int *ret_action)
{
	int reason;

	if (!flow_is_of(flow, pkt))
		return clash(key, flow, pkt);
	reason = admit(key, &flow, pkt, SG_IN);
	if (reason)
		return reason;
	if (flow->kind == SG_KIND_CONTROL || flow->kind == SG_KIND_HOST)
		return TO_HOST;
	return deliver_in(skb, pkt, key, flow, ret_action);
}

stage int uplink_in(struct __sk_buff *skb, struct packet *pkt, int *ret_action)
{
	const struct sg_port *port;
	struct sg_flow *flow = NULL;
	struct sg_flow_key key;
	int reason = parse_link(skb, pkt);

	if (reason)
		return reason;
	if (pkt->ether_type != ETH_P_IP)
		return link_other(skb, pkt);
	reason = parse_network(skb, pkt);
	if (reason == SG_DROP_PROTOCOL && pkt->protocol == IPPROTO_IGMP)
		return TO_HOST;
	if (reason == SG_DROP_ICMP_TYPE && icmp_error_is(pkt))
		return icmp_error_to_host(skb, pkt);
	if (reason)
		return reason;
	if (link_is_dhcp(pkt))
		return TO_HOST;
	if (skb->pkt_type != PACKET_HOST)
		return SG_DROP_NOT_UNICAST;

	port = allow_port(pkt, pkt->protocol, pkt->dport);
	if (owner_container_key(&key, pkt, port))
		flow = flow_find(&key, pkt);
	if (!flow) {
		flow_key_in(&key, pkt, &pkt->dst, pkt->dport);
		flow = flow_find(&key, pkt);
	}
	if (!flow) {
		reason = open_from_uplink(pkt, port, &key);
		if (reason)
			return reason;
		flow = flow_find(&key, pkt);
	}
	return flow ? flow_in(skb, pkt, &key, flow, ret_action)
		    : SG_DROP_TABLE_FULL;
}

SEC("tc")
int sg_uplink_in(struct __sk_buff *skb)
{
	struct packet pkt = {};
	int action = TC_ACT_UNSPEC;
	int reason = begin(skb, &pkt);

	if (!reason)
		reason = uplink_in(skb, &pkt, &action);
	return reason > 0 ? count_drop(skb->ifindex, reason) : action;
}

/* The container answers the host, which began. */
stage int answer_to_host(const struct packet *pkt,
			 const struct sg_flow_key *key, struct sg_flow *flow)
{
	int reason;

	if (!flow_is_of(flow, pkt) || flow->kind != SG_KIND_HOST)
		return SG_DROP_FLOW_CLASH;
	reason = track(key, &flow, pkt, SG_IN);
	return reason ? reason : TO_HOST;
}

stage int container_in(struct __sk_buff *skb, struct packet *pkt,
		       int *ret_action)
{
	struct sg_flow_key key;
	struct sg_flow *flow;
	int reason = parse_link(skb, pkt);

	if (reason)
		return reason;
	if (pkt->ether_type != ETH_P_IP)
		return link_other(skb, pkt);
	reason = parse_network(skb, pkt);
	if (reason)
		return reason;
	if (link_is_dhcp(pkt))
		return TO_HOST;
	if (skb->pkt_type != PACKET_HOST)
		return SG_DROP_NOT_UNICAST;
	if (!addr_equal(&pkt->src, &pkt->policy->container))
		return SG_DROP_SPOOFED;
	deliver_learn_container(skb);

	flow_key_out(&key, pkt);
	flow = flow_find(&key, pkt);
	if (!flow) {
		flow_key_in(&key, pkt, &pkt->dst, pkt->dport);
		flow = flow_find(&key, pkt);
		if (flow)
			return answer_to_host(pkt, &key, flow);
		reason = open_from_container(skb, pkt, &key);
		if (reason)
			return reason;
		flow = flow_find(&key, pkt);
	}
	if (!flow)
		return SG_DROP_TABLE_FULL;
	reason = admit(&key, &flow, pkt, SG_OUT);
	return reason ? reason : deliver_out(skb, pkt, flow, ret_action);
}

SEC("tc")
int sg_container_in(struct __sk_buff *skb)
{
	struct packet pkt = {};
	int action = TC_ACT_UNSPEC;
	int reason = begin(skb, &pkt);

	if (!reason)
		reason = container_in(skb, &pkt, &action);
	return reason > 0 ? count_drop(skb->ifindex, reason) : action;
}

/* What the host sends is the host's to decide; only what a closed grant cuts,
 * and a tuple that the container has, is stopped. */
stage int host_out(struct __sk_buff *skb, struct packet *pkt)
{
	struct sg_flow_key key;
	struct sg_flow *flow = NULL;
	int reason;

	if (parse_link(skb, pkt) || pkt->ether_type != ETH_P_IP ||
	    parse_network(skb, pkt))
		return TO_HOST;
	flow_key_out(&key, pkt);
	flow = flow_find(&key, pkt);
	if (!flow) {
		reason = open_from_host(pkt, &key);
		if (reason)
			return reason;
		flow = flow_find(&key, pkt);
	}
	if (!flow)
		return SG_DROP_TABLE_FULL;
	if (flow->kind != SG_KIND_CONTROL && flow->kind != SG_KIND_HOST)
		return SG_DROP_FLOW_CLASH;
	return admit(&key, &flow, pkt, SG_OUT);
}

SEC("tc")
int sg_host_out(struct __sk_buff *skb)
{
	__u32 came_by = skb->ingress_ifindex;
	struct packet pkt = {};
	int reason;

	/* received, so not the host's own: only the gate itself redirects */
	if (came_by)
		return bpf_map_lookup_elem(&ifaces, &came_by)
			       ? TC_ACT_UNSPEC
			       : count_drop(skb->ifindex, SG_DROP_TRANSIT);
	reason = begin(skb, &pkt);
	if (!reason)
		reason = host_out(skb, &pkt);
	return reason > 0 ? count_drop(skb->ifindex, reason) : TC_ACT_UNSPEC;
}
