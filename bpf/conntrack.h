/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table: keys, finding, ending; and what it stands on: open grants,
 * ports on which a flow was ever begun, the time that a masquerade port is
 * kept.
 */
#ifndef SG_BPF_CONNTRACK_H
#define SG_BPF_CONNTRACK_H

#include "context.h"
#include "event.h"
#include "flows_maps.h"
#include "packet.h"
#include "policy_maps.h"
#include "verifier.h"

/*
 * The owner's open grants. Every packet that depends on one reads it, so that
 * closing works from the next packet on; a deadline needs nobody awake.
 */

stage bool grant_is_open(__u32 id, __u32 now_s)
{
	const void *value = bpf_map_lookup_elem(&grants, &id);
	union {
		__u64 whole;
		struct sg_grant grant;
	} read;

	if (!value)
		return false;
	/* one load: no half of what is being replaced */
	read.whole = *(const volatile __u64 *)value;
	return sg_grant_is_open(&read.grant, now_s);
}

/* Return whether every grant in the mask of SG_GRANT_BIT()s is open, at once
 * and with no call. */
stage bool grants_are_open_here(__u32 mask, __u32 now_s)
{
	for (__u32 id = 0; id < SG_GRANT_COUNT; id++)
		if (mask & SG_GRANT_BIT(id) && !grant_is_open(id, now_s))
			return false;
	return true;
}

standalone int grants_are_open(__u32 mask, __u32 now_s)
{
	return grants_are_open_here(mask, now_s);
}

/*
 * The ports that a flow was ever begun on, TCP and UDP: set with the
 * first and never cleared. A packet to any other belongs to none.
 */

/* NULL: of a protocol that has no ports. */
stage struct sg_port_seen *port_seen_row(__u8 protocol, __be16 port)
{
	__u32 index = bpf_ntohs(port) / SG_PORT_SEEN_PORTS;

	if (protocol == IPPROTO_UDP)
		index += SG_PORT_SEEN_ROWS / 2;
	else if (protocol != IPPROTO_TCP)
		return NULL;
	return bpf_map_lookup_elem(&port_seen, &index);
}

stage __u32 port_seen_at(__be16 port)
{
	return bpf_ntohs(port) % SG_PORT_SEEN_PORTS;
}

/* These return whether the container, the host, or one of the two can have a
 * flow on this port. */
stage bool port_seen_by_container(__u8 protocol, __be16 port)
{
	const struct sg_port_seen *row = port_seen_row(protocol, port);

	return !row || row->containers[port_seen_at(port)];
}

stage bool port_seen_by_host(__u8 protocol, __be16 port)
{
	const struct sg_port_seen *row = port_seen_row(protocol, port);

	return !row || row->hosts[port_seen_at(port)];
}

stage bool port_seen_by_one(__u8 protocol, __be16 port)
{
	const struct sg_port_seen *row = port_seen_row(protocol, port);

	return !row || row->containers[port_seen_at(port)] ||
	       row->hosts[port_seen_at(port)];
}

stage void port_seen_set(__u8 protocol, __be16 port, bool is_hosts)
{
	struct sg_port_seen *row = port_seen_row(protocol, port);
	__u8 *place;

	if (!row)
		return;
	place = is_hosts ? &row->hosts[port_seen_at(port)]
			 : &row->containers[port_seen_at(port)];
	if (!*place)
		*place = 1;
}

/* Of a flow, at both of its inner ends: the gate's port, and the container's,
 * by which a packet may find it too. */
stage void port_seen_note(const struct sg_flow_key *key, __be16 gate_port,
			  bool is_hosts)
{
	port_seen_set(key->protocol, gate_port, is_hosts);
	if (gate_port != key->local_port.be)
		port_seen_set(key->protocol, key->local_port.be, is_hosts);
}

/*
 * The life of a masquerade port for its container port: as long as an open flow
 * uses it, and until a second that half-open and ended ones have said.
 */

#define MAPPING_AFTER_S 10 /* for what is late, when a flow has ended */

stage struct sg_snat_port *snat_port_find(__u8 protocol, __be16 gate_port)
{
	struct sg_snat_port_key key = {
		.protocol = protocol,
		.gate_port.be = gate_port,
	};

	return bpf_map_lookup_elem(&snat_ports, &key);
}

stage void snat_port_raise(struct sg_snat_port *snat_port, __u32 until_s)
{
	if ((__s32)(until_s - snat_port->until_s) > 0)
		snat_port->until_s = until_s;
}

/* Keep it until then at the least. */
standalone int snat_port_keep(__u32 protocol, __u32 gate_port, __u32 until_s)
{
	struct sg_snat_port *snat_port = snat_port_find(protocol, gate_port);

	if (snat_port)
		snat_port_raise(snat_port, until_s);
	return 0;
}

/* The half-open flow that kept it until `was_s` needs it no longer than until
 * then; another may have asked for more. */
standalone int snat_port_shorten(__u32 protocol, __u32 gate_port, __u32 was_s,
				 __u32 until_s)
{
	struct sg_snat_port *snat_port = snat_port_find(protocol, gate_port);

	if (snat_port && (__s32)(snat_port->until_s - was_s) <= 1)
		snat_port->until_s = until_s;
	return 0;
}

/* An open flow begins to use it. */
stage void snat_port_hold(const struct sg_flow_key *key, struct sg_flow *flow)
{
	struct sg_snat_port *snat_port =
		snat_port_find(key->protocol, flow->gate_port.be);

	flow->holds_port = snat_port && flow->kind == SG_KIND_MASQUERADE;
	if (!flow->holds_port)
		return;
	bpf_spin_lock(&snat_port->lock);
	snat_port->flows++;
	bpf_spin_unlock(&snat_port->lock);
}

/* A flow that is over shares its gate port with nobody any more. */
stage void snat_port_unshare(struct ending *ending, const struct sg_flow *flow)
{
	const struct sg_shared_port *shared;

	if (flow->kind != SG_KIND_MASQUERADE)
		return;
	ending->shared = ending->key;
	ending->shared.local = flow->gate_addr;
	ending->shared.local_port.be = flow->gate_port.be;
	shared = bpf_map_lookup_elem(&shared_ports, &ending->shared);
	if (shared && shared->container_port.be == ending->key.local_port.be)
		bpf_map_delete_elem(&shared_ports, &ending->shared);
}

/* It has ended, or is about to: once, whoever says so. */
standalone_memory int snat_port_release(const struct sg_flow_key *key,
					struct sg_flow *flow, __u32 until_s)
{
	struct sg_snat_port *snat_port;

	if (!key || !flow || !flow->holds_port)
		return 0;
	snat_port = snat_port_find(key->protocol, flow->gate_port.be);
	if (!snat_port)
		return 0;
	bpf_spin_lock(&snat_port->lock);
	if (flow->holds_port && snat_port->flows)
		snat_port->flows--;
	flow->holds_port = 0;
	snat_port_raise(snat_port, until_s);
	bpf_spin_unlock(&snat_port->lock);
	return 0;
}

/*
 * The flow table: find, begin, end. A flow is in exactly one of
 * `half_open` and `flows`, and its state says in which (see sg_flow.h).
 */

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
	key->remote_port.be = pkt->sport;
	key->local = *local;
	key->local_port.be = local_port;
	key->protocol = pkt->protocol;
	flow_key_scope(key, pkt->ifindex);
}

/* The key of a packet to the remote, as the inner end sent it. */
stage void flow_key_out(struct sg_flow_key *key, const struct packet *pkt)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->remote = pkt->dst;
	key->remote_port.be = pkt->dport;
	key->local = pkt->src;
	key->local_port.be = pkt->sport;
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
		snat_port_shorten(key->protocol, flow->gate_port.be,
				  flow->last_s +
					  sg_flow_limit_s(key, flow, policy),
				  until_s);
}

/* Return whether a flow that a packet from an uplink has found is that
 * packet's: it is to the address and port that the remote knows. */
stage bool flow_is_of(const struct sg_flow *flow, const struct packet *pkt)
{
	__be16 gate_port = flow->gate_port.be;

	return gate_port == pkt->dport &&
	       addr_equal(&flow->gate_addr, &pkt->dst);
}

/* An id as a number. */
stage __u32 flow_id(const __u8 id[3])
{
	return id[0] | (__u32)id[1] << 8 | (__u32)id[2] << 16;
}

/* Take a flow out of its table. 0: it was there. */
stage int flow_delete(struct ending *ending, struct sg_flow *flow, bool half,
		      __u32 now_s)
{
	snat_port_unshare(ending, flow);
	if (half)
		return bpf_map_delete_elem(&half_open, &ending->key);
	/* before: a deleted entry may be another flow's at once */
	snat_port_release(&ending->key, flow, now_s + MAPPING_AFTER_S);
	return bpf_map_delete_elem(&flows, &ending->key);
}

/* End the flow of this id whose key is noted in `endings`. 0, or -1: it is not
 * there any more. */
standalone int flow_end_noted(__u32 who, __u32 id, __u32 half, __u32 reason,
			      __u32 now_s)
{
	struct ending *ending = bpf_map_lookup_elem(&endings, &who);
	struct sg_event *event;
	struct sg_flow *flow;

	if (!ending)
		return -1;
	flow = half ? bpf_map_lookup_elem(&half_open, &ending->key)
		    : bpf_map_lookup_elem(&flows, &ending->key);
	if (!flow || flow_id(flow->id) != id)
		return -1;
	event = event_reserve(half);
	if (!event) {
		/* before: see below */
		ending->packets =
			flow->traffic[0].packets + flow->traffic[1].packets;
		ending->bytes = flow->traffic[0].bytes + flow->traffic[1].bytes;
		if (flow_delete(ending, flow, half, now_s))
			return -1;
		return event_lost(half ? SG_EVENTS_ATTEMPTS : SG_EVENTS_FLOWS,
				  ending->packets, ending->bytes);
	}
	event_fill(event, &ending->key, flow, SG_EVENT_END, reason);
	if (flow_delete(ending, flow, half, now_s)) {
		bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
		return -1;
	}
	/* what another CPU counted until then; an entry that is gone may be
	 * another flow's at once */
	if (flow_id(flow->id) == id)
		event_recount(event, flow);
	event_submit(event, half ? SG_EVENTS_ATTEMPTS : SG_EVENTS_FLOWS);
	return 0;
}

/*
 * End a flow: the one way in which any ends, so that each end is recorded, once
 * (enum sg_end_reason). 0, or -1: it is not there any more.
 */
stage int flow_end_by(enum ending_by who, const struct sg_flow_key *key,
		      const struct sg_flow *flow, __u32 reason, __u32 now_s)
{
	__u32 index = who;
	struct ending *ending = bpf_map_lookup_elem(&endings, &index);

	if (!ending)
		return -1;
	ending->key = *key;
	return flow_end_noted(who, flow_id(flow->id), flow_is_half_open(flow),
			      reason, now_s);
}

/* The same where the stack has room for one function more. */
standalone_memory int flow_end(const struct sg_flow_key *key,
			       const struct sg_flow *flow, __u32 reason,
			       __u32 now_s)
{
	return key && flow
		       ? flow_end_by(ENDING_BY_PACKET, key, flow, reason, now_s)
		       : -1;
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
	flow_end(key, flow, sg_end_by_state(flow), pkt->now_s);
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
	flow->gate_port.be = port;
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
