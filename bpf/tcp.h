/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The next state of a TCP connection, as seen from between its ends (RFC 9293
 * 3.5, 3.10.7): is the segment legal in this one (sg_flow.h), and where to.
 */
#ifndef SG_BPF_TCP_H
#define SG_BPF_TCP_H

#include "conntrack.h"
#include "tcp_window.h"

#define SYN_DATA_MAX 9000

/* A reset of a flow that is half open: it is over, if it can be meant.
 */
stage int tcp_refused(bool is_meant, __u8 *ret_state)
{
	if (!is_meant)
		return SG_DROP_TCP_WINDOW;
	*ret_state = SG_STATE_REFUSED;
	return SG_OK;
}

/* The other end has answered a SYN whose window and scale are not known, and so
 * reach as far as can be; of its numbers the answer tells. */
stage void tcp_answer_another(struct __sk_buff *skb,
			      const struct tcp_segment *segment,
			      struct sg_flow *flow, __u32 direction)
{
	bool is_out = direction == SG_OUT;

	flow->tcp[!is_out].sent = segment->ack;
	flow->window[!is_out] = 0xffff;
	flow->scales = is_out ? (flow->scales & 0xf0) | SG_SCALE_MAX
			      : (flow->scales & 0x0f) | SG_SCALE_MAX << 4;
	atomic_change(&flow->flags, SG_FLOW_FINS, SG_FLOW_SCALED(!is_out));
	window_begin(skb, segment, flow, direction);
	flow->other_end = 0;
}

/* The other end's SYN. One with another number than before may be what the one
 * that began has taken, or not (SYN cookies, another server): both count. */
stage void tcp_answer(struct __sk_buff *skb, const struct tcp_segment *segment,
		      struct sg_flow *flow, __u32 direction)
{
	bool is_out = direction == SG_OUT;
	__u32 before = flow->tcp[is_out].sent;

	if (flow->state != SG_STATE_SYN_RECEIVED) {
		window_begin(skb, segment, flow, direction);
	} else if (flow->tcp[!is_out].acked != segment->seq + 1) {
		window_begin(skb, segment, flow, direction);
		flow->other_end = before;
	}
}

/* The container has sent another probe. One that was answered by something else
 * than a reset was no scan's: the container is told by a reset. */
stage int tcp_probe(const struct tcp_segment *segment, struct sg_flow *flow,
		    __u32 direction)
{
	struct sg_tcp_end *probe = &flow->tcp[direction == SG_OUT];

	if (flow->flags & SG_FLOW_PROBE_HELD)
		return SG_DROP_NO_FLOW;
	probe->sent = segment->seq_end;
	probe->acked = segment->flags & TCP_ACK ? segment->ack : 0;
	return SG_OK;
}

/* Let in a reset that can answer a probe (RFC 9293 3.10.7.1), and nothing else:
 * a connection that the gate does not know is not taken up. */
stage int tcp_probed(const struct tcp_segment *segment, struct sg_flow *flow,
		     __u32 direction, __u8 *ret_state)
{
	const struct sg_tcp_end *probe = &flow->tcp[direction != SG_OUT];

	if (segment->flags & TCP_RST)
		return tcp_refused(segment->flags & TCP_ACK
					   ? segment->ack == probe->sent
					   : segment->seq == probe->acked,
				   ret_state);
	atomic_change(&flow->flags, 0, SG_FLOW_PROBE_HELD);
	return SG_DROP_NO_FLOW;
}

/* Return whether a remote's flow began with a segment of a handshake that was
 * forgotten, and the end that answers has not said yet what it is of. */
stage bool tcp_is_taken_up(const struct sg_flow *flow)
{
	return flow->flags & SG_FLOW_ADOPTED &&
	       flow->state == SG_STATE_SYN_SENT;
}

/* It says: of no connection, by a reset, or of one. The numbers are then those
 * that it says; the windows reach as far as can be. */
stage int tcp_taken_up(const struct tcp_segment *segment, struct sg_flow *flow,
		       __u32 direction, __u8 *ret_state)
{
	bool is_out = direction == SG_OUT;

	*ret_state = SG_STATE_REFUSED;
	if (segment->flags & TCP_RST)
		return SG_OK;
	*ret_state = SG_STATE_ESTABLISHED;
	flow->tcp[is_out].sent = segment->seq_end;
	flow->tcp[is_out].acked = segment->ack;
	flow->tcp[!is_out].sent = segment->ack;
	flow->tcp[!is_out].acked = segment->seq;
	flow->window[SG_IN] = 0xffff;
	flow->window[SG_OUT] = 0xffff;
	flow->scales = SG_SCALE_MAX << 4 | SG_SCALE_MAX;
	atomic_change(&flow->flags, SG_FLOW_ADOPTED,
		      SG_FLOW_SCALED(SG_IN) | SG_FLOW_SCALED(SG_OUT));
	return SG_OK;
}

/* Another SYN of the end that began. One with another number, of a remote, may
 * be a neighbour's, who forges the address: the end that answers tells which it
 * has taken, and the rest stays as it was. The container and the host are
 * nobody's. */
stage void tcp_syn_again(struct __sk_buff *skb,
			 const struct tcp_segment *segment,
			 struct sg_flow *flow, __u32 direction, __u8 *ret_state)
{
	bool is_out = direction == SG_OUT;

	if (!(flow->flags & SG_FLOW_PROBE) &&
	    flow->tcp[!is_out].acked - (segment->seq + 1) <= SYN_DATA_MAX) {
		/* the same, with more data or less (RFC 7413) */
		seq_raise(&flow->tcp[is_out].sent, segment->seq_end);
	} else if (is_out) {
		atomic_change(&flow->flags, SG_FLOW_PROBE | SG_FLOW_PROBE_HELD,
			      0);
		window_begin(skb, segment, flow, direction);
		*ret_state = SG_STATE_SYN_SENT;
	}
}

/* RFC 9293 3.5, as seen from between. */
static __noinline int
tcp_opening_by_initiator(struct __sk_buff *skb,
			 const struct tcp_segment *segment,
			 struct sg_flow *flow, __u32 direction, __u8 *ret_state)
{
	bool is_out = direction == SG_OUT;

	if (!segment || !flow || !ret_state)
		return SG_DROP_NO_FLOW;
	if (is_syn(segment)) {
		tcp_syn_again(skb, segment, flow, direction, ret_state);
		return SG_OK;
	}
	if (tcp_is_taken_up(flow))
		return SG_OK;
	if (segment->flags & TCP_RST)
		return tcp_refused(
			window_reset_is_exact(flow, segment, direction),
			ret_state);
	if (flow->flags & SG_FLOW_PROBE)
		return tcp_probe(segment, flow, direction);
	if (flow->state != SG_STATE_SYN_RECEIVED)
		return SG_DROP_NO_FLOW;
	/* it took the earlier of two answers */
	if (flow->other_end && segment->ack == flow->other_end)
		flow->tcp[!is_out].sent = segment->ack;
	if (!window_accepts(flow, segment, direction))
		return SG_DROP_TCP_WINDOW;
	if (segment->flags & TCP_SYN) /* both began at once */
		window_begin(skb, segment, flow, direction);
	*ret_state = SG_STATE_ESTABLISHED;
	return SG_OK;
}

static __noinline int tcp_opening_by_other(struct __sk_buff *skb,
					   const struct tcp_segment *segment,
					   struct sg_flow *flow,
					   __u32 direction, __u8 *ret_state)
{
	bool is_out = direction == SG_OUT;
	__u32 unanswered; /* data in the SYN that was not taken (RFC 7413) */

	if (!segment || !flow || !ret_state)
		return SG_DROP_NO_FLOW;
	if (flow->flags & SG_FLOW_PROBE)
		return tcp_probed(segment, flow, direction, ret_state);
	if (tcp_is_taken_up(flow))
		return tcp_taken_up(segment, flow, direction, ret_state);
	unanswered = flow->tcp[!is_out].sent - segment->ack;
	if (!(segment->flags & TCP_ACK))
		unanswered = SYN_DATA_MAX;
	/* RFC 9293 3.10.7.3: refused by acknowledging the SYN, and only so */
	if (segment->flags & TCP_RST)
		return tcp_refused(
			!unanswered || (flow->state == SG_STATE_SYN_RECEIVED &&
					segment->seq == flow->tcp[is_out].sent),
			ret_state);
	if (is_syn(segment) ||
	    (segment->flags & TCP_SYN && unanswered < SYN_DATA_MAX)) {
		tcp_answer(skb, segment, flow, direction);
		*ret_state = SG_STATE_SYN_RECEIVED;
		return SG_OK;
	}
	/* of another SYN than the first, which it may know better */
	if (segment->flags & TCP_SYN && is_out) {
		tcp_answer_another(skb, segment, flow, direction);
		*ret_state = SG_STATE_SYN_RECEIVED;
		return SG_OK;
	}
	if (flow->state == SG_STATE_SYN_RECEIVED) {
		if (!window_accepts(flow, segment, direction))
			return SG_DROP_TCP_WINDOW;
		window_update(flow, segment, direction);
		return SG_OK;
	}
	/* about an old connection of the same tuple (RFC 5961 4): the
	 * initiator will reset what is expected here */
	flow->tcp[is_out].acked = segment->ack;
	return SG_OK;
}

/* Return whether the other end acknowledges a SYN of the first that was let
 * through: both have forgotten the connection, and begin another. */
stage bool tcp_is_of_another(const struct tcp_segment *segment,
			     const struct sg_flow *flow, __u32 direction)
{
	return segment->flags & TCP_ACK && flow->other_end &&
	       direction != sg_flow_initiator(flow) &&
	       segment->ack == flow->other_end;
}

stage int tcp_open(struct __sk_buff *skb, const struct tcp_segment *segment,
		   struct sg_flow *flow, __u32 direction, __u8 *ret_state)
{
	bool is_of_another;
	bool accepted;

	/* its receiver challenges it (RFC 5961 4), or takes it, or refuses it,
	 * if it has forgotten the connection: tcp_is_of_another() */
	if (is_syn(segment)) {
		if (direction == sg_flow_initiator(flow))
			flow->other_end = segment->seq_end;
		return SG_OK;
	}
	is_of_another = tcp_is_of_another(segment, flow, direction);
	if (is_of_another &&
	    (segment->flags & (TCP_SYN | TCP_RST)) == TCP_SYN) {
		tcp_answer_another(skb, segment, flow, direction);
		return SG_OK;
	}
	accepted = window_accepts(flow, segment, direction);
	if (segment->flags & TCP_RST) {
		if (is_of_another ||
		    window_reset_is_exact(flow, segment, direction))
			*ret_state = SG_STATE_RESET;
		else if (!accepted)
			return SG_DROP_TCP_WINDOW;
		return SG_OK;
	}
	if (!accepted)
		return SG_DROP_TCP_WINDOW;
	window_update(flow, segment, direction);
	if (segment->flags & TCP_FIN) {
		atomic_change(&flow->flags, 0,
			      SG_FLOW_FIN(direction == SG_OUT));
		if ((flow->flags & SG_FLOW_FINS) == SG_FLOW_FINS &&
		    flow->state == SG_STATE_ESTABLISHED)
			*ret_state = SG_STATE_CLOSING;
	}
	return SG_OK;
}

/* Remember which end has reset a connection, for the record. Returns the reason
 * as it was. */
stage int tcp_note_reset(const struct tcp_segment *segment,
			 struct sg_flow *flow, __u32 direction, int reason,
			 __u8 state)
{
	if (!reason && segment->flags & TCP_RST &&
	    (state == SG_STATE_RESET || state == SG_STATE_REFUSED))
		atomic_change(&flow->flags, 0,
			      SG_FLOW_RST(direction == SG_OUT));
	return reason;
}

standalone_memory int tcp_next(struct __sk_buff *skb,
			       const struct tcp_segment *segment,
			       struct sg_flow *flow, __u32 direction,
			       __u8 *ret_state)
{
	int reason;

	if (!segment || !flow || !ret_state)
		return SG_DROP_NO_FLOW;
	if (flow_is_half_open(flow)) {
		reason =
			direction == sg_flow_initiator(flow)
				? tcp_opening_by_initiator(skb, segment, flow,
							   direction, ret_state)
				: tcp_opening_by_other(skb, segment, flow,
						       direction, ret_state);
		if (reason || *ret_state != SG_STATE_ESTABLISHED)
			return tcp_note_reset(segment, flow, direction, reason,
					      *ret_state);
	}
	reason = tcp_open(skb, segment, flow, direction, ret_state);
	return tcp_note_reset(segment, flow, direction, reason, *ret_state);
}

#endif
