/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table: find, begin, end. A flow is in exactly one of
 * `half_open` and `flows`, and its state says in which (see sg_flow.h).
 */
#ifndef SG_BPF_FLOW_H
#define SG_BPF_FLOW_H

#include "begun.h"
#include "clock.h"
#include "flows_maps.h"
#include "grant.h"
#include "packet.h"

stage bool flow_is_half_open(const struct sg_flow *flow)
{
	return flow->state == SG_STATE_NEW ||
	       flow->state == SG_STATE_SYN_SENT ||
	       flow->state == SG_STATE_SYN_RECEIVED;
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
		       const struct sg_addr *local, __be16 local_port)
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

stage bool flow_is_expired(const struct sg_flow *flow, __u8 protocol,
			   const struct sg_policy *policy, __u32 now_s)
{
	__u32 limit_s = policy->icmp_timeout_s;
	__u8 state = flow->state;

	if (!is_icmp(protocol))
		limit_s = state < SG_STATE_COUNT ? policy->timeout_s[state] : 0;
	return clock_is_over(now_s, flow->last_s, limit_s);
}

/* One flow fewer, or one more, on a masquerade port; 0: it is in use. */
standalone int flow_count_mapping(__u32 protocol, __u32 gate_port, __u32 now_s,
				  __s32 change)
{
	struct sg_mapping_key key = {
		.protocol = protocol,
		.gate_port = gate_port,
	};
	struct sg_mapping *mapping = bpf_map_lookup_elem(&mappings, &key);

	if (!mapping)
		return 0;
	__sync_fetch_and_add(&mapping->flows, change);
	mapping->last_s = now_s;
	return 0;
}

/* Return whether a flow that a packet from an uplink has found is that
 * packet's: it is to the address and port that the remote knows. */
stage bool flow_is_of(const struct sg_flow *flow, const struct packet *pkt)
{
	__be16 gate_port = flow->gate_port;

	return gate_port == pkt->dport &&
	       addr_equal(&flow->gate_addr, &pkt->dst);
}

static __noinline int flow_end(const struct sg_flow_key *key,
			       const struct sg_flow *flow, __u32 now_s)
{
	__be16 gate_port;
	bool counted;

	if (!key || !flow)
		return 0;
	if (flow_is_half_open(flow))
		return bpf_map_delete_elem(&half_open, key);
	/* read before: a deleted entry may be another flow's at once */
	gate_port = flow->gate_port;
	counted = flow->kind == SG_KIND_MASQUERADE;
	if (bpf_map_delete_elem(&flows, key) == 0 && counted)
		flow_count_mapping(key->protocol, gate_port, now_s, -1);
	return 0;
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
	reopened = is_syn(pkt) && (flow->state == SG_STATE_CLOSING ||
				   flow->state == SG_STATE_RESET);
	if (!reopened &&
	    !flow_is_expired(flow, key->protocol, pkt->policy, pkt->now_s))
		return flow;
	flow_end(key, flow, pkt->now_s);
	return NULL;
}

/* Put the remote of a flow behind a link, whose frames have Ethernet headers or
 * not. */
stage void flow_on_link(struct sg_flow *flow, __u32 ifindex, bool has_ethernet)
{
	flow->ifindex = ifindex;
	if (has_ethernet != !!(flow->flags & SG_FLOW_ETHERNET))
		flow->flags ^= SG_FLOW_ETHERNET;
}

/* Say where the remote of a flow is, and whom it talks to there. */
stage void flow_gate(struct sg_flow *flow, __u32 ifindex,
		     const struct sg_iface *iface, const struct sg_addr *addr,
		     __be16 port)
{
	flow_on_link(flow, ifindex, iface->has_ethernet);
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

stage bool flow_has_id(const struct sg_flow *flow, const __u8 id[3])
{
	return flow->id[0] == id[0] && flow->id[1] == id[1] &&
	       flow->id[2] == id[2];
}

/* Begin a flow with what the caller knows of it; the rest is filled in here.
 * When another CPU was first with the same key, its entry stays. */
stage void flow_begin(const struct sg_flow_key *key, struct sg_flow *flow,
		      const struct packet *pkt)
{
	flow->state =
		key->protocol == IPPROTO_TCP ? SG_STATE_SYN_SENT : SG_STATE_NEW;
	if (flow->flags & SG_FLOW_ADOPTED) /* the packet at hand completes it */
		flow->state = SG_STATE_SYN_RECEIVED;
	flow->generation = pkt->generation;
	flow->created_s = pkt->now_s;
	flow->last_s = pkt->now_s;
	flow->path_s = pkt->now_s;
	flow_new_id(flow->id);
	begun_note(key, flow->gate_port, flow_is_hosts(flow));
	bpf_map_update_elem(&half_open, key, flow, BPF_NOEXIST);
}

#endif
