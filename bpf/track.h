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

/* A reset of a conversation that is half open: it is over, if it can be meant.
 */
stage int track_refused(bool is_meant, __u8 *ret_state)
{
	if (!is_meant)
		return SG_DROP_TCP_WINDOW;
	*ret_state = SG_STATE_REFUSED;
	return SG_OK;
}

/* The other end's SYN. One with another number than before may be what the one
 * that began has taken, or not (SYN cookies, another server): both count. */
stage void track_answer(struct __sk_buff *skb, const struct packet *pkt,
			struct sg_flow *flow, __u32 direction)
{
	bool is_out = direction == SG_OUT;
	__u32 before = flow->tcp[is_out].sent;

	if (flow->state != SG_STATE_SYN_RECEIVED) {
		window_begin(skb, pkt, flow, direction);
	} else if (flow->tcp[!is_out].acked != pkt->seq + 1) {
		window_begin(skb, pkt, flow, direction);
		flow->other_end = before;
	}
}

/* The container has sent another probe. One that was answered by something else
 * than a reset was no scan's: the container is told by a reset. */
stage int track_probe(const struct packet *pkt, struct sg_flow *flow,
		      __u32 direction)
{
	struct sg_tcp_end *probe = &flow->tcp[direction == SG_OUT];

	if (flow->flags & SG_FLOW_PROBE_HELD)
		return SG_DROP_NO_FLOW;
	probe->sent = pkt->seq_end;
	probe->acked = pkt->tcp_flags & TCP_ACK ? pkt->ack : 0;
	return SG_OK;
}

/* Let in a reset that can answer a probe (RFC 9293 3.10.7.1), and nothing else:
 * a connection that the gate does not know is not taken up. */
stage int track_probed(const struct packet *pkt, struct sg_flow *flow,
		       __u32 direction, __u8 *ret_state)
{
	const struct sg_tcp_end *probe = &flow->tcp[direction != SG_OUT];

	if (pkt->tcp_flags & TCP_RST)
		return track_refused(pkt->tcp_flags & TCP_ACK
					     ? pkt->ack == probe->sent
					     : pkt->seq == probe->acked,
				     ret_state);
	atomic_change(&flow->flags, 0, SG_FLOW_PROBE_HELD);
	return SG_DROP_NO_FLOW;
}

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
		if (flow->flags & SG_FLOW_PROBE ||
		    flow->tcp[!is_out].acked - (pkt->seq + 1) > SYN_DATA_MAX) {
			atomic_change(&flow->flags,
				      SG_FLOW_PROBE | SG_FLOW_PROBE_HELD, 0);
			window_begin(skb, pkt, flow, direction);
			*ret_state = SG_STATE_SYN_SENT;
		} else { /* once more, with more data or less (RFC 7413) */
			seq_raise(&flow->tcp[is_out].sent, pkt->seq_end);
		}
		return SG_OK;
	}
	if (pkt->tcp_flags & TCP_RST)
		return track_refused(
			window_reset_is_exact(flow, pkt, direction), ret_state);
	if (flow->flags & SG_FLOW_PROBE)
		return track_probe(pkt, flow, direction);
	if (flow->state != SG_STATE_SYN_RECEIVED)
		return SG_DROP_NO_FLOW;
	if (flow->other_end && pkt->ack == flow->other_end)
		flow->tcp[!is_out].sent = pkt->ack; /* it took the earlier */
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
	if (flow->flags & SG_FLOW_PROBE)
		return track_probed(pkt, flow, direction, ret_state);
	unanswered = flow->tcp[!is_out].sent - pkt->ack;
	if (!(pkt->tcp_flags & TCP_ACK))
		unanswered = SYN_DATA_MAX;
	/* RFC 9293 3.10.7.3: refused by acknowledging the SYN, and only so */
	if (pkt->tcp_flags & TCP_RST)
		return track_refused(
			!unanswered || (flow->state == SG_STATE_SYN_RECEIVED &&
					pkt->seq == flow->tcp[is_out].sent),
			ret_state);
	if (is_syn(pkt) ||
	    (pkt->tcp_flags & TCP_SYN && unanswered < SYN_DATA_MAX)) {
		track_answer(skb, pkt, flow, direction);
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

/* Both ends have forgotten the connection, and begin another: the answer to a
 * SYN that was let through. How far the windows of the one that began reach was
 * in its SYN, and is not known any more: as far as can be. */
stage bool track_begins_anew(struct __sk_buff *skb, const struct packet *pkt,
			     struct sg_flow *flow, __u32 direction)
{
	bool is_out = direction == SG_OUT;

	if ((pkt->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) !=
		    (TCP_SYN | TCP_ACK) ||
	    !flow->other_end || direction == flow_initiator(flow) ||
	    pkt->ack != flow->other_end)
		return false;
	flow->tcp[!is_out].sent = flow->other_end;
	flow->window[!is_out] = 0xffff;
	flow->scales = is_out ? (flow->scales & 0xf0) | SG_SCALE_MAX
			      : (flow->scales & 0x0f) | SG_SCALE_MAX << 4;
	atomic_change(&flow->flags, SG_FLOW_FINS, SG_FLOW_SCALED(!is_out));
	window_begin(skb, pkt, flow, direction);
	flow->other_end = 0;
	return true;
}

stage int track_open(struct __sk_buff *skb, struct sg_flow *flow,
		     const struct packet *pkt, __u32 direction, __u8 *ret_state)
{
	bool accepted;

	if (is_syn(pkt)) { /* to be challenged by its receiver (RFC 5961 4), */
		if (direction == flow_initiator(flow))
			flow->other_end = pkt->seq_end; /* if it knows better */
		return SG_OK;
	}
	if (track_begins_anew(skb, pkt, flow, direction))
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
		atomic_change(&flow->flags, 0,
			      SG_FLOW_FIN(direction == SG_OUT));
		if ((flow->flags & SG_FLOW_FINS) == SG_FLOW_FINS &&
		    flow->state == SG_STATE_ESTABLISHED)
			*ret_state = SG_STATE_CLOSING;
	}
	return SG_OK;
}

/* Return whether the numbers of a TCP packet that was taken are its sender's:
 * in the window, or in the SYN that begins. */
stage bool track_has_checked(const struct sg_flow *flow,
			     const struct packet *pkt, __u32 direction)
{
	if (pkt->protocol != IPPROTO_TCP ||
	    flow->flags & (SG_FLOW_ADOPTED | SG_FLOW_PROBE))
		return false;
	return flow_is_half_open(flow)
		       ? is_syn(pkt) && direction == flow_initiator(flow)
		       : !(pkt->tcp_flags & TCP_SYN);
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
	if (pkt->seq_end && !seq_after(pkt->seq, end))
		seq_raise(&flow->tcp[is_out].sent,
			  seq_after(pkt->seq_end, end) ? end : pkt->seq_end);
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
	return track_open(skb, flow, pkt, direction, ret_state);
}

/* UDP (RFC 4787) and ICMP echo: answered by the other end, and assured once the
 * one that began has spoken again, or answers go on. A query and its answer are
 * soon over. */
stage int track_query(const struct sg_flow *flow, const struct packet *pkt,
		      __u32 direction)
{
	bool is_answer = direction != flow_initiator(flow);

	if (flow->state == SG_STATE_NEW && is_answer)
		return SG_STATE_ANSWERED;
	if (flow->state == SG_STATE_ANSWERED &&
	    (!is_answer || clock_is_over(pkt->now_s, flow->created_s,
					 pkt->policy->timeout_s[SG_STATE_NEW])))
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
		mapping_release(key, flow, until_s);
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
		reason = track_tcp(skb, pkt, entry, direction, &state);
	if (reason)
		return reason;
	if (flow_is_half_open(entry) &&
	    (state == SG_STATE_ESTABLISHED || state == SG_STATE_ASSURED)) {
		entry = promote(key, entry, pkt, state);
		if (!entry)
			return SG_DROP_TABLE_FULL;
		*flow = entry;
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
	if (entry->kind == SG_KIND_MASQUERADE && flow_is_half_open(entry))
		mapping_keep(key->protocol, entry->gate_port,
			     pkt->now_s +
				     sg_flow_limit_s(key, entry, pkt->policy));
	return SG_OK;
}

#endif
