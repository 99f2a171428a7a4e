/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A packet of a flow moves it on: is it legal in this state (sg_flow.h), what
 * is the next state, and one more packet in its direction's counters.
 */
#ifndef SG_BPF_TRACK_H
#define SG_BPF_TRACK_H

#include "flow.h"

#define STATE_REFUSED (-1)

/* RFC 9293, as seen from between. The next state, or STATE_REFUSED. */
stage int track_tcp_opening(const struct sg_flow *flow, __u8 flags,
			    bool from_initiator)
{
	__u8 syn_ack = flags & (TCP_SYN | TCP_ACK);

	if (flags & TCP_RST) /* refused: nothing was opened */
		return flow->state;
	if (from_initiator) {
		if (syn_ack == TCP_SYN)
			return flow->state;
		if (syn_ack == TCP_ACK && flow->state == SG_STATE_SYN_RECEIVED)
			return SG_STATE_ESTABLISHED;
		return STATE_REFUSED;
	}
	if (syn_ack == (TCP_SYN | TCP_ACK))
		return SG_STATE_SYN_RECEIVED;
	/* an answer to an old tuple (RFC 5961), or data right behind */
	return syn_ack == TCP_ACK ? flow->state : STATE_REFUSED;
}

stage int track_tcp(struct sg_flow *flow, const struct packet *pkt,
		    enum sg_direction direction)
{
	int state = flow->state;

	if (flow_is_half_open(flow)) {
		state = track_tcp_opening(flow, pkt->tcp_flags,
					  direction == flow_initiator(flow));
		if (state != SG_STATE_ESTABLISHED)
			return state;
	}
	if (state == SG_STATE_RESET && !(pkt->tcp_flags & TCP_RST))
		return STATE_REFUSED;
	if (pkt->tcp_flags & TCP_RST)
		return SG_STATE_RESET;
	if (pkt->tcp_flags & TCP_FIN) {
		flow->fins |= 1 << direction;
		if (flow->fins == (1 << SG_IN | 1 << SG_OUT))
			return SG_STATE_CLOSING;
	}
	return state;
}

/* UDP (RFC 4787) and ICMP echo: assured once the other end has answered. */
stage int track_query(const struct sg_flow *flow, enum sg_direction direction)
{
	if (flow->state == SG_STATE_NEW && direction != flow_initiator(flow))
		return SG_STATE_ASSURED;
	return flow->state;
}

/*
 * Take one packet into account. *flow may move from `half_open` to `flows`; it
 * is then changed to where it is now. Returns SG_OK or the reason to drop.
 */
stage int track(const struct sg_flow_key *key, struct sg_flow **flow,
		const struct packet *pkt, enum sg_direction direction)
{
	struct sg_traffic *traffic;
	struct sg_flow *entry = *flow;
	int state;

	if (key->protocol == IPPROTO_TCP)
		state = track_tcp(entry, pkt, direction);
	else
		state = track_query(entry, direction);
	if (state == STATE_REFUSED)
		return SG_DROP_NO_FLOW;
	if (flow_is_half_open(entry)) {
		if (entry->kind == SG_KIND_MASQUERADE)
			flow_count_mapping(key->protocol, entry->gate_port,
					   pkt->now_ns, 0);
		if (state == SG_STATE_ESTABLISHED ||
		    state == SG_STATE_ASSURED) {
			entry = flow_promote(key, entry, pkt, state);
			if (!entry)
				return SG_DROP_TABLE_FULL;
			*flow = entry;
		}
	}
	if (entry->state != state)
		entry->state = state;
	traffic = &entry->traffic[direction == SG_OUT];
	__sync_fetch_and_add(&traffic->packets, 1);
	__sync_fetch_and_add(&traffic->bytes, pkt->bytes);
	traffic->last_ns = pkt->now_ns;
	return SG_OK;
}

#endif
