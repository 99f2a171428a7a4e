/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A packet of a flow moves it on: is it legal in this state (sg_flow.h), what
 * is the next state, and one more packet in its direction's counters.
 */
#ifndef SG_BPF_TRACK_H
#define SG_BPF_TRACK_H

#include "promote.h"
#include "window.h"

#define SYN_DATA_MAX 9000

/* RFC 9293 3.5, as seen from between. */
static __noinline int track_opening_by_initiator(struct __sk_buff *skb,
						 const struct packet *pkt,
						 struct sg_flow *flow,
						 __u32 direction,
						 __u8 *ret_state)
{
	bool is_out = direction == SG_OUT;

	if (!pkt || !flow || !ret_state)
		return SG_DROP_NO_FLOW;
	if (is_syn(pkt)) {
		if (flow->tcp[is_out].sent != pkt->seq_end) {
			window_begin(skb, pkt, flow, direction);
			*ret_state = SG_STATE_SYN_SENT;
		}
		return SG_OK;
	}
	if (pkt->tcp_flags & TCP_RST)
		return window_reset_is_exact(flow, pkt, direction)
			       ? SG_OK
			       : SG_DROP_TCP_WINDOW;
	if (flow->state != SG_STATE_SYN_RECEIVED)
		return SG_DROP_NO_FLOW;
	if (!window_accepts(flow, pkt, direction))
		return SG_DROP_TCP_WINDOW;
	if (pkt->tcp_flags & TCP_SYN) /* both began at once */
		window_begin(skb, pkt, flow, direction);
	*ret_state = SG_STATE_ESTABLISHED;
	return SG_OK;
}

static __noinline int track_opening_by_other(struct __sk_buff *skb,
					     const struct packet *pkt,
					     struct sg_flow *flow,
					     __u32 direction, __u8 *ret_state)
{
	bool is_out = direction == SG_OUT;
	__u32 unanswered; /* data in the SYN that was not taken (RFC 7413) */

	if (!pkt || !flow || !ret_state)
		return SG_DROP_NO_FLOW;
	unanswered = flow->tcp[!is_out].sent - pkt->ack;
	if (!(pkt->tcp_flags & TCP_ACK))
		unanswered = SYN_DATA_MAX;
	/* RFC 9293 3.10.7.3: refused by acknowledging the SYN, and only so */
	if (pkt->tcp_flags & TCP_RST)
		return !unanswered || (flow->state == SG_STATE_SYN_RECEIVED &&
				       pkt->seq == flow->tcp[is_out].sent)
			       ? SG_OK
			       : SG_DROP_TCP_WINDOW;
	if (is_syn(pkt) ||
	    (pkt->tcp_flags & TCP_SYN && unanswered < SYN_DATA_MAX)) {
		if (flow->state == SG_STATE_SYN_SENT)
			window_begin(skb, pkt, flow, direction);
		*ret_state = SG_STATE_SYN_RECEIVED;
		return SG_OK;
	}
	if (flow->state == SG_STATE_SYN_RECEIVED) {
		if (!window_accepts(flow, pkt, direction))
			return SG_DROP_TCP_WINDOW;
		window_update(flow, pkt, direction);
		return SG_OK;
	}
	/* about an old connection of the same tuple (RFC 5961 4): the
	 * initiator will reset what is expected here */
	flow->tcp[is_out].acked = pkt->ack;
	return SG_OK;
}

stage int track_open(struct sg_flow *flow, const struct packet *pkt,
		     __u32 direction, __u8 *ret_state)
{
	bool accepted;

	if (is_syn(pkt)) /* to be challenged by its receiver (RFC 5961 4) */
		return SG_OK;
	accepted = window_accepts(flow, pkt, direction);
	if (pkt->tcp_flags & TCP_RST) {
		if (window_reset_is_exact(flow, pkt, direction))
			*ret_state = SG_STATE_RESET;
		else if (!accepted)
			return SG_DROP_TCP_WINDOW;
		return SG_OK;
	}
	if (!accepted)
		return SG_DROP_TCP_WINDOW;
	window_update(flow, pkt, direction);
	if (pkt->tcp_flags & TCP_FIN) {
		flow->flags |= SG_FLOW_FIN(direction == SG_OUT);
		if ((flow->flags & SG_FLOW_FINS) == SG_FLOW_FINS &&
		    flow->state == SG_STATE_ESTABLISHED)
			*ret_state = SG_STATE_CLOSING;
	}
	return SG_OK;
}

static __noinline int track_tcp(struct __sk_buff *skb, const struct packet *pkt,
				struct sg_flow *flow, __u32 direction,
				__u8 *ret_state)
{
	int reason;

	if (!pkt || !flow || !ret_state)
		return SG_DROP_NO_FLOW;
	if (flow_is_half_open(flow)) {
		reason = direction == flow_initiator(flow)
				 ? track_opening_by_initiator(
					   skb, pkt, flow, direction, ret_state)
				 : track_opening_by_other(skb, pkt, flow,
							  direction, ret_state);
		if (reason || *ret_state != SG_STATE_ESTABLISHED)
			return reason;
	}
	return track_open(flow, pkt, direction, ret_state);
}

/* UDP (RFC 4787) and ICMP echo: assured once the other end has answered. */
stage int track_query(const struct sg_flow *flow, __u32 direction)
{
	if (flow->state == SG_STATE_NEW && direction != flow_initiator(flow))
		return SG_STATE_ASSURED;
	return flow->state;
}

stage void track_count(struct sg_flow *flow, const struct packet *pkt,
		       __u32 direction)
{
	struct sg_traffic *traffic = &flow->traffic[direction == SG_OUT];

	__sync_fetch_and_add(&traffic->packets, 1);
	__sync_fetch_and_add(&traffic->bytes, pkt->bytes);
}

/* One more packet of a flow, which lives on. */
stage void track_seen(struct sg_flow *flow, const struct packet *pkt,
		      __u32 direction)
{
	if (flow->last_s != pkt->now_s)
		flow->last_s = pkt->now_s;
	track_count(flow, pkt, direction);
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
		state = track_query(entry, direction);
	else if (!is_later(pkt))
		reason = track_tcp(skb, pkt, entry, direction, &state);
	if (reason)
		return reason;
	if (flow_is_half_open(entry)) {
		if (entry->kind == SG_KIND_MASQUERADE)
			flow_count_mapping(key->protocol, entry->gate_port,
					   pkt->now_s, 0);
		if (state == SG_STATE_ESTABLISHED ||
		    state == SG_STATE_ASSURED) {
			entry = promote(key, entry, pkt, state);
			if (!entry)
				return SG_DROP_TABLE_FULL;
			*flow = entry;
			before = state;
		}
	}
	if (before != state) /* or another CPU may have gone further */
		entry->state = state;
	if (before == SG_STATE_RESET) /* which ends soon, whatever comes */
		track_count(entry, pkt, direction);
	else
		track_seen(entry, pkt, direction);
	return SG_OK;
}

#endif
