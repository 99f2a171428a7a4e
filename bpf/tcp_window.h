/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bounds of what each end of a TCP connection can mean, from what the other
 * has said (RFC 9293 3.4, 3.10.7.4; RFC 7323 2; they are G. van Rooij's, "Real
 * Stateful TCP Packet Filtering in IP Filter"). Numbers compare modulo 2^32.
 */
#ifndef SG_BPF_TCP_WINDOW_H
#define SG_BPF_TCP_WINDOW_H

#include "verifier.h"

#define TCP_OPTIONS_MAX 20 /* looked at; a SYN has six or so */
#define TCP_OPTION_END 0
#define TCP_OPTION_NOP 1
#define TCP_OPTION_MSS 2
#define TCP_OPTION_SCALE 3
#define ACK_AGE_MIN 66000 /* an old ACK may be so old: a window unscaled */

stage bool seq_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

/* Raise a number, unless it is as high already. */
stage void seq_raise(__u32 *highest, __u32 number)
{
	__u32 seen = *(volatile __u32 *)highest;

	for (int i = 0; i < ATOMIC_TRIES && seq_after(number, seen); i++)
		if (atomic_exchange(highest, &seen, number))
			return;
}

/* Return where an option of this kind and length starts, or 0 if none does. */
standalone __u32 tcp_option(struct __sk_buff *skb, __u32 l4_offset, __u32 kind,
			    __u32 bytes)
{
	__u8 option[2]; /* kind, length */
	__u32 offset = l4_offset + sizeof(struct tcphdr);
	__u32 end;

	if (bpf_skb_load_bytes(skb, l4_offset + 12, option, 1))
		return 0;
	end = l4_offset + (option[0] >> 4) * 4;
	for (int i = 0; i < TCP_OPTIONS_MAX; i++) {
		offset &= 0x1ff; /* one state for the verifier */
		if (offset + sizeof(option) > end ||
		    bpf_skb_load_bytes(skb, offset, option, sizeof(option)) ||
		    option[0] == TCP_OPTION_END)
			return 0;
		if (option[0] == TCP_OPTION_NOP) {
			offset++;
			continue;
		}
		if (option[1] < sizeof(option))
			return 0;
		if (option[0] == kind)
			return option[1] == bytes && offset + bytes <= end
				       ? offset
				       : 0;
		offset += option[1];
	}
	return 0;
}

stage __u8 window_scale(const struct sg_flow *flow, __u32 direction)
{
	return direction == SG_OUT ? flow->scales >> 4 : flow->scales & 0xf;
}

/* The most that this end ever offered, in bytes. */
stage __u32 window_bytes(const struct sg_flow *flow, __u32 direction)
{
	return (__u32)flow->window[direction == SG_OUT]
	       << window_scale(flow, direction);
}

/* The peer does not scale, so neither does the one that offered to. */
stage void window_unscale(struct sg_flow *flow)
{
	__u32 in = window_bytes(flow, SG_IN);
	__u32 out = window_bytes(flow, SG_OUT);

	flow->window[SG_IN] = in > 0xffff ? 0xffff : in;
	flow->window[SG_OUT] = out > 0xffff ? 0xffff : out;
	flow->scales = 0;
}

/* A SYN says where its end begins, and what its windows will mean. */
standalone_memory int window_begin(struct __sk_buff *skb,
				   const struct tcp_segment *segment,
				   struct sg_flow *flow, __u32 direction)
{
	struct sg_tcp_end *end;
	bool is_out = direction == SG_OUT;
	bool is_answer;
	__u8 scale = 0;
	__u32 offset;

	if (!segment || !flow)
		return 0;
	end = &flow->tcp[is_out];
	is_answer = segment->flags & TCP_ACK;
	offset = tcp_option(skb, segment->offset, TCP_OPTION_SCALE, 3);
	offset = offset && bpf_skb_load_bytes(skb, offset + 2, &scale, 1) == 0;
	atomic_change(&flow->flags, SG_FLOW_SCALED(is_out),
		      offset ? SG_FLOW_SCALED(is_out) : 0);
	if (scale > SG_SCALE_MAX)
		scale = SG_SCALE_MAX;
	flow->scales = is_out ? (flow->scales & 0x0f) | scale << 4
			      : (flow->scales & 0xf0) | scale;
	end->sent = segment->seq_end;
	if (is_answer)
		end->acked = segment->ack;
	/* what the other end will acknowledge first, if anything */
	flow->tcp[!is_out].acked = segment->seq + 1;
	/* its own window is not scaled yet */
	flow->window[is_out] = (segment->window + (1U << scale) - 1) >> scale;
	if (is_answer && (!offset || !(flow->flags & SG_FLOW_SCALED(!is_out))))
		window_unscale(flow);
	return 0;
}

/* Return whether the sender can mean this, given what the receiver told it. */
stage bool window_accepts(const struct sg_flow *flow,
			  const struct tcp_segment *segment, __u32 direction)
{
	const struct sg_tcp_end *sender = &flow->tcp[direction == SG_OUT];
	const struct sg_tcp_end *receiver = &flow->tcp[direction != SG_OUT];
	__u32 allowed = window_bytes(flow, !direction);
	__u32 offered = window_bytes(flow, direction);

	if (flow->flags & SG_FLOW_ADOPTED)
		return true;
	if (offered < ACK_AGE_MIN)
		offered = ACK_AGE_MIN;
	/* no further than it may send, no older than what may be resent */
	if (seq_after(segment->seq, receiver->acked + allowed) ||
	    seq_after(sender->sent - allowed - 1, segment->seq_end))
		return false;
	if (!(segment->flags & TCP_ACK))
		return true;
	/* nothing that was not sent, nothing long known */
	return !seq_after(segment->ack, receiver->sent) &&
	       !seq_after(receiver->sent - offered, segment->ack);
}

/* Return how far up the word of both windows an end's is, in bits. */
stage __u32 window_shift(__u32 direction)
{
	bool is_second = direction == SG_OUT;

	return is_second == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) ? 16
									: 0;
}

/* Raise the largest window that this end offered. */
stage void window_raise(struct sg_flow *flow, __u32 direction, __u16 window)
{
	__u32 *word = (__u32 *)flow->window;
	__u32 shift = window_shift(direction);
	__u32 seen = *(volatile __u32 *)word;

	for (int i = 0; i < ATOMIC_TRIES; i++)
		if (window <= (seen >> shift & 0xffff) ||
		    atomic_exchange(word, &seen,
				    (seen & ~(0xffffU << shift)) |
					    (__u32)window << shift))
			return;
}

stage void window_update(struct sg_flow *flow,
			 const struct tcp_segment *segment, __u32 direction)
{
	bool is_out = direction == SG_OUT;
	struct sg_tcp_end *sender = &flow->tcp[is_out];

	seq_raise(&sender->sent, segment->seq_end);
	if (segment->flags & TCP_ACK)
		seq_raise(&sender->acked, segment->ack);
	window_raise(flow, direction, segment->window);
}

/* Return whether the receiver would believe a reset (RFC 5961 3.2): its number
 * is exactly what the receiver expects next. */
stage bool window_reset_is_exact(const struct sg_flow *flow,
				 const struct tcp_segment *segment,
				 __u32 direction)
{
	bool is_out = direction == SG_OUT;

	return flow->flags & SG_FLOW_ADOPTED ||
	       segment->seq == flow->tcp[!is_out].acked ||
	       segment->seq == flow->tcp[is_out].sent;
}

#endif
