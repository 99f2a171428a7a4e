/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A packet of a flow: is it let through, and how does it move the flow on.
 */
#ifndef SG_BPF_CT_TRACK_H
#define SG_BPF_CT_TRACK_H

#include "allow.h"
#include "ct_gc.h"
#include "frag_in.h"
#include "path.h"
#include "tcp.h"

/*
 * A packet of a flow moves it on: is it legal in this state (sg_flow.h), what
 * is the next state, and one more packet in its direction's counters.
 */

/* Return whether the numbers of a TCP packet that was taken are its sender's:
 * in the window, or in the SYN that begins. */
stage bool track_has_checked(const struct sg_flow *flow,
			     const struct packet *pkt, __u32 direction)
{
	if (pkt->protocol != IPPROTO_TCP ||
	    flow->flags & (SG_FLOW_ADOPTED | SG_FLOW_PROBE))
		return false;
	return flow_is_half_open(flow)
		       ? is_syn(&pkt->tcp) &&
				 direction == sg_flow_initiator(flow)
		       : !(pkt->tcp.flags & TCP_SYN);
}

/* A later fragment's data count as sent, as far as the other end takes any; how
 * far that is, it has not said before it answers a SYN. */
stage void track_later(struct sg_flow *flow, const struct packet *pkt,
		       __u32 direction)
{
	bool is_out = direction == SG_OUT;
	__u32 end = flow->tcp[!is_out].acked;

	end += flow->state == SG_STATE_SYN_SENT
		       ? SYN_DATA_MAX
		       : window_bytes(flow, !direction);
	if (pkt->tcp.seq_end && !seq_after(pkt->tcp.seq, end))
		seq_raise(&flow->tcp[is_out].sent,
			  seq_after(pkt->tcp.seq_end, end) ? end
							   : pkt->tcp.seq_end);
}

/* UDP (RFC 4787) and ICMP echo: answered by the other end, and assured once the
 * one that began has spoken again, or answers go on. A query and its answer are
 * soon over. */
stage int track_query(const struct sg_flow *flow, const struct packet *pkt,
		      __u32 direction)
{
	bool is_answer = direction != sg_flow_initiator(flow);

	if (flow->state == SG_STATE_NEW && is_answer)
		return SG_STATE_ANSWERED;
	if (flow->state == SG_STATE_ANSWERED &&
	    (!is_answer || clock_is_over(pkt->now_s, flow->created_s,
					 pkt->policy->timeout_s[SG_STATE_NEW])))
		return SG_STATE_ASSURED;
	return flow->state;
}

stage struct sg_traffic *track_traffic(struct sg_flow *flow, __u32 direction)
{
	return &flow->traffic[direction == SG_OUT];
}

stage void track_count(struct sg_flow *flow, const struct packet *pkt,
		       __u32 direction)
{
	struct sg_traffic *traffic = track_traffic(flow, direction);

	__sync_fetch_and_add(&traffic->packets, 1);
	__sync_fetch_and_add(&traffic->bytes, pkt->bytes);
}

/* Count the other segments of a packet that GSO will cut, each with headers of
 * its own. skb->gso_segs is 0 where a tap has said nothing of it. */
stage void track_segments(struct sg_flow *flow, const struct packet *pkt,
			  __u32 direction, __u32 gso_size)
{
	struct sg_traffic *traffic = track_traffic(flow, direction);
	__u32 header_bytes;
	__u32 payload_bytes;
	__u32 more;

	if (pkt->protocol == IPPROTO_TCP) {
		payload_bytes = pkt->tcp.seq_end - pkt->tcp.seq -
				!!(pkt->tcp.flags & TCP_SYN) -
				!!(pkt->tcp.flags & TCP_FIN);
		header_bytes = pkt->bytes - payload_bytes;
	} else {
		header_bytes =
			pkt->l4_offset - pkt->l3_offset + sizeof(struct udphdr);
		payload_bytes = pkt->bytes - header_bytes;
	}
	if (!gso_size || !payload_bytes || payload_bytes >= pkt->bytes)
		return;
	more = (payload_bytes - 1) / gso_size;
	__sync_fetch_and_add(&traffic->packets, more);
	__sync_fetch_and_add(&traffic->bytes, (__u64)more * header_bytes);
}

/* One more packet of a flow, which lives on. */
stage void track_seen(struct sg_flow *flow, const struct packet *pkt,
		      __u32 direction)
{
	if (flow->last_s != pkt->now_s)
		flow->last_s = pkt->now_s;
	track_count(flow, pkt, direction);
}

/* Another state, and what goes with it: the masquerade port of what is over is
 * soon free. */
stage void track_becomes(const struct sg_flow_key *key, struct sg_flow *flow,
			 const struct packet *pkt, __u8 state)
{
	__u32 until_s = pkt->now_s + MAPPING_AFTER_S;

	if (state == SG_STATE_REFUSED)
		flow_shorten_port(key, flow, pkt->policy, until_s);
	flow->state = state;
	if (state > SG_STATE_ESTABLISHED)
		snat_port_release(key, flow, until_s);
}

/* Return the reason to drop the packet of a flow that could not open, or SG_OK.
 * One of UDP or ICMP goes on as it was, if there was no room; who has a
 * connection is told by a reset that he has none. */
static __noinline int track_refused(const struct sg_flow_key *key)
{
	const struct scratch *scratch = scratch_get();

	if (!key)
		return SG_DROP_TABLE_FULL;
	if (scratch && scratch->promote_refused == SG_DROP_NO_RECORD)
		return SG_DROP_NO_RECORD;
	return key->protocol == IPPROTO_TCP ? SG_DROP_TABLE_FULL : SG_OK;
}

/*
 * Take one packet into account. *flow may move from `half_open` to `flows`; it
 * is then changed to where it is now. Returns SG_OK or the reason to drop.
 */
stage int track(struct __sk_buff *skb, const struct sg_flow_key *key,
		struct sg_flow **flow, const struct packet *pkt,
		__u32 direction)
{
	struct sg_flow *entry = *flow;
	__u8 before = entry->state;
	__u8 state = before;
	int reason = SG_OK;

	if (key->protocol != IPPROTO_TCP)
		state = track_query(entry, pkt, direction);
	else if (is_later(pkt))
		track_later(entry, pkt, direction);
	else
		reason = tcp_next(skb, &pkt->tcp, entry, direction, &state);
	if (reason)
		return reason;
	if (flow_is_half_open(entry) &&
	    (state == SG_STATE_ESTABLISHED || state == SG_STATE_ASSURED)) {
		entry = promote(key, entry, pkt, state);
		reason = entry ? SG_OK : track_refused(key);
		if (reason)
			return reason;
		if (entry)
			*flow = entry;
		else
			state = before;
		entry = *flow;
		before = state;
	}
	if (before != state)
		track_becomes(key, entry, pkt, state);
	if ((state == SG_STATE_SYN_RECEIVED || state == SG_STATE_ANSWERED) &&
	    !(entry->flags & SG_FLOW_ANSWERED))
		gc_answered(key, entry, pkt);
	if (before == SG_STATE_RESET || before == SG_STATE_REFUSED)
		track_count(entry, pkt, direction); /* it ends soon */
	else
		track_seen(entry, pkt, direction);
	if (skb->gso_size && !pkt->is_fragment)
		track_segments(entry, pkt, direction, skb->gso_size);
	if (entry->kind == SG_KIND_MASQUERADE && flow_is_half_open(entry))
		snat_port_keep(
			key->protocol, entry->gate_port.be,
			pkt->now_s + sg_flow_limit_s(key, entry, pkt->policy));
	return SG_OK;
}

/*
 * The decision to let a packet through: as one of a flow that was found, or as
 * one that needs none.
 */

/* A packet of a flow: still allowed, legal in its state, and counted. */
stage int admit(struct __sk_buff *skb, const struct sg_flow_key *key,
		struct sg_flow **flow, const struct packet *pkt,
		enum sg_direction direction)
{
	int reason = allow_flow(key, *flow, pkt);

	if (!reason)
		reason = track(skb, key, flow, pkt, direction);
	if (!reason && is_first(pkt))
		fragment_remember(pkt, true,
				  track_has_checked(*flow, pkt, direction));
	return reason;
}

/* The verdict of a packet that begins no flow. */
stage int admit_without_flow(const struct packet *pkt, int reason)
{
	if (reason == TO_HOST && is_first(pkt))
		fragment_remember(pkt, false, false);
	return reason;
}

/*
 * Meet a forward's remote at another address of the gate's than the flow's:
 * that of another uplink of its role, or a new one. A UDP flow goes on there,
 * whether or not the old one is still the host's; one of TCP is ended if it is
 * not, so that the packet begins anew. Return whether it was ended.
 */
static __noinline int admit_address(struct __sk_buff *skb,
				    const struct sg_flow_key *key,
				    struct sg_flow *flow,
				    const struct packet *pkt)
{
	const struct sg_iface *before;
	__u32 ifindex;

	if (!key || !flow || !pkt || flow->kind != SG_KIND_FORWARD ||
	    flow->gate_port.be != pkt->dport ||
	    addr_equal(&flow->gate_addr, &pkt->dst) || !address_is_gates(pkt))
		return false;
	if (key->protocol == IPPROTO_TCP) {
		if (!path_addr_is_gone(skb, pkt, &flow->gate_addr,
				       SG_ANY_IFINDEX))
			return false;
		flow_end(key, flow, SG_END_PATH, pkt->now_s);
		return true;
	}
	ifindex = flow->ifindex;
	before = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (address_is_spoofed(pkt) ||
	    (before && before->role != pkt->iface->role))
		return false;
	flow->gate_addr = pkt->dst;
	if (ifindex != pkt->ifindex)
		flow_follow(flow, pkt);
	return false;
}

#endif
