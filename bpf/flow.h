/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table: find, begin, end. A flow is in exactly one of
 * `half_open` and `flows`, and its state says in which (see sg_flow.h).
 */
#ifndef SG_BPF_FLOW_H
#define SG_BPF_FLOW_H

#include "atomic.h"
#include "clock.h"
#include "flows_maps.h"
#include "grant.h"
#include "packet.h"
#include "port_seen.h"
#include "snat_port.h"

stage bool flow_is_half_open(const struct sg_flow *flow)
{
	return flow->state != SG_STATE_ASSURED &&
	       flow->state < SG_STATE_ESTABLISHED;
}

/* The inner end is the host itself. */
stage bool flow_is_hosts(const struct sg_flow *flow)
{
	return flow->kind == SG_KIND_CONTROL || flow->kind == SG_KIND_HOST;
}

stage enum sg_direction flow_initiator(const struct sg_flow *flow)
{
	return flow->kind == SG_KIND_FORWARD || flow->kind == SG_KIND_CONTROL
		       ? SG_IN
		       : SG_OUT;
}

/* Give a key's remote its link, if it means nothing without (RFC 4007): in the
 * second word, which is 0 in fe80::/64. */
stage void flow_key_scope(struct sg_flow_key *key, __u32 ifindex)
{
	if (addr_is_link_local(&key->remote))
		key->remote.word[1] = bpf_htonl(ifindex);
}

/* The key of a packet from the remote, given which inner end it is for. */
stage void flow_key_in(struct sg_flow_key *key, const struct packet *pkt,
		       const union sg_addr *local, __be16 local_port)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->remote = pkt->src;
	key->remote_port = pkt->sport;
	key->local = *local;
	key->local_port = local_port;
	key->protocol = pkt->protocol;
	flow_key_scope(key, pkt->ifindex);
}

/* The key of a packet to the remote, as the inner end sent it. */
stage void flow_key_out(struct sg_flow_key *key, const struct packet *pkt)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->remote = pkt->dst;
	key->remote_port = pkt->dport;
	key->local = pkt->src;
	key->local_port = pkt->sport;
	key->protocol = pkt->protocol;
	flow_key_scope(key, pkt->ifindex);
}

/* The masquerade port of a half-open flow that is over, or forgotten, is kept
 * until then at most, unless another has asked for more. */
stage void flow_shorten_port(const struct sg_flow_key *key,
			     const struct sg_flow *flow,
			     const struct sg_policy *policy, __u32 until_s)
{
	if (flow->kind == SG_KIND_MASQUERADE)
		snat_port_shorten(key->protocol, flow->gate_port,
				  flow->last_s +
					  sg_flow_limit_s(key, flow, policy),
				  until_s);
}

/* Return whether a flow that a packet from an uplink has found is that
 * packet's: it is to the address and port that the remote knows. */
stage bool flow_is_of(const struct sg_flow *flow, const struct packet *pkt)
{
	__be16 gate_port = flow->gate_port;

	return gate_port == pkt->dport &&
	       addr_equal(&flow->gate_addr, &pkt->dst);
}

standalone_memory int flow_end(const struct sg_flow_key *key,
			       struct sg_flow *flow, __u32 now_s)
{
	if (!key || !flow)
		return 0;
	snat_port_unshare(key, flow);
	if (flow_is_half_open(flow))
		return bpf_map_delete_elem(&half_open, key);
	/* before: a deleted entry may be another flow's at once */
	snat_port_release(key, flow, now_s + MAPPING_AFTER_S);
	return bpf_map_delete_elem(&flows, key);
}

/* The flow of a key, or NULL. One that has expired, and a closed one that a
 * SYN wants to use again, are ended here and not found. */
static __noinline struct sg_flow *flow_find(const struct sg_flow_key *key,
					    const struct packet *pkt)
{
	struct sg_flow *flow;
	bool reopened;

	if (!key || !pkt)
		return NULL;
	/* in this order: one that is promoted between the two is found */
	flow = bpf_map_lookup_elem(&half_open, key);
	if (!flow)
		flow = bpf_map_lookup_elem(&flows, key);
	if (!flow)
		return NULL;
	reopened = is_syn(&pkt->tcp) && (flow->state == SG_STATE_CLOSING ||
					 flow->state == SG_STATE_RESET ||
					 flow->state == SG_STATE_REFUSED);
	if (!reopened && !sg_flow_is_over(key, flow, pkt->policy, pkt->now_s))
		return flow;
	flow_end(key, flow, pkt->now_s);
	return NULL;
}

/* Put the remote of a flow behind a link, whose frames have Ethernet headers or
 * not. */
stage void flow_on_link(struct sg_flow *flow, __u32 ifindex, bool has_ethernet)
{
	flow->ifindex = ifindex;
	atomic_change(&flow->flags, SG_FLOW_ETHERNET,
		      has_ethernet ? SG_FLOW_ETHERNET : 0);
}

/* Move a flow to the link that a packet of its remote has come by, where it is
 * to be judged again. */
stage void flow_follow(struct sg_flow *flow, const struct packet *pkt)
{
	flow_on_link(flow, pkt->ifindex, pkt->iface->has_ethernet);
	flow->generation = 0;
}

/* Say where the remote of a new flow is, and whom it talks to there. */
stage void flow_gate(struct sg_flow *flow, __u32 ifindex,
		     const struct sg_iface *iface, const union sg_addr *addr,
		     __be16 port)
{
	flow->ifindex = ifindex;
	if (iface->has_ethernet)
		flow->flags |= SG_FLOW_ETHERNET;
	flow->gate_addr = *addr;
	flow->gate_port = port;
	flow->rule = SG_NO_RULE;
	flow->mtu = iface->mtu;
}

stage void flow_new_id(__u8 id[3])
{
	__u32 random = bpf_get_prandom_u32();

	id[0] = random;
	id[1] = random >> 8;
	id[2] = random >> 16;
}

#endif
