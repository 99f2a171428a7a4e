/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An ICMP error belongs to the flow whose packet it quotes, and goes
 * where that packet came from (RFC 5508 4, RFC 5927). It moves, refreshes and
 * ends nothing.
 */
#ifndef SG_BPF_ICMP_ERROR_H
#define SG_BPF_ICMP_ERROR_H

#include "allow.h"
#include "icmp_nat.h"
#include "lookup.h"
#include "policy.h"
#include "tcp_window.h"

#define ICMP_UNREACHABLE 3
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12
#define ICMPV6_UNREACHABLE 1
#define ICMPV6_PARAMETER_PROBLEM 4

stage bool icmp_error_is(const struct packet *pkt)
{
	__u8 type = pkt->icmp_type;

	if (pkt->protocol == IPPROTO_ICMPV6)
		return type >= ICMPV6_UNREACHABLE &&
		       type <= ICMPV6_PARAMETER_PROBLEM;
	return type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETER_PROBLEM;
}

/* Turned round, the quoted packet is one that the error's sender's side could
 * send: *pkt becomes that one, for the flow to be found by. */
stage void icmp_error_turn(struct packet *pkt, const struct quote *quote)
{
	pkt->src = quote->dst;
	pkt->dst = quote->src;
	pkt->sport = quote->dport;
	pkt->dport = quote->sport;
	pkt->protocol = quote->protocol;
}

/* And back to the error's own protocol, which has no ports. The addresses that
 * will be rewritten are the same in both. */
stage void icmp_error_turn_back(struct packet *pkt)
{
	pkt->protocol = is_v6(pkt) ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	pkt->sport = 0;
	pkt->dport = 0;
}

/* Return whether the end that sent the quoted packet could have sent it: blind
 * errors do not know the numbers (RFC 5927 4.1). */
stage bool icmp_error_is_likely(const struct sg_flow *flow,
				const struct quote *quote, __u32 sent_by)
{
	const struct sg_tcp_end *end = &flow->tcp[sent_by == SG_OUT];
	const struct sg_tcp_end *peer = &flow->tcp[sent_by != SG_OUT];

	if (quote->protocol != IPPROTO_TCP || flow->flags & SG_FLOW_ADOPTED)
		return true;
	return !seq_after(quote->seq, end->sent) &&
	       (flow_is_half_open(flow) ||
		!seq_after(peer->acked - ACK_AGE_MIN, quote->seq));
}

/* From an uplink, about a packet that went out, which *quote becomes; *ret_flow
 * and *ret_key are its flow. SG_OK: it is the container's; TO_HOST; or the
 * reason to drop. */
static __noinline int icmp_error_from_uplink(struct __sk_buff *skb,
					     struct packet *pkt,
					     struct quote *quote,
					     struct sg_flow **ret_flow,
					     struct sg_flow_key *ret_key)
{
	const struct sg_port *port;
	struct sg_flow *flow = NULL;
	int reason;

	if (!pkt || !quote || !ret_flow || !ret_key)
		return SG_DROP_ICMP_ERROR;
	if (address_is_spoofed(pkt))
		return SG_DROP_SPOOFED;
	reason = quote_read(skb, pkt, quote);
	if (reason)
		return reason;
	if (!addr_equal(&quote->src, &pkt->dst))
		return SG_DROP_ICMP_ERROR;
	icmp_error_turn(pkt, quote);
	port = allow_port(pkt, pkt->protocol, pkt->dport);
	flow = owner_flow(ret_key, pkt, port);
	if (!flow || !flow_is_of(flow, pkt) ||
	    !icmp_error_is_likely(flow, quote, SG_OUT))
		return SG_DROP_ICMP_ERROR;
	reason = allow_arrival(flow, pkt);
	if (!reason)
		reason = allow_flow(ret_key, flow, pkt);
	if (reason)
		return reason;
	icmp_error_turn_back(pkt);
	*ret_flow = flow;
	return flow_is_hosts(flow) ? TO_HOST : SG_OK;
}

/* From the container, about a packet that came in. As above. */
static __noinline int icmp_error_from_container(struct __sk_buff *skb,
						struct packet *pkt,
						struct quote *quote,
						struct sg_flow **ret_flow)
{
	struct sg_flow_key key;
	struct sg_flow *flow;
	int reason;

	if (!pkt || !quote || !ret_flow)
		return SG_DROP_ICMP_ERROR;
	reason = quote_read(skb, pkt, quote);
	if (reason)
		return reason;
	if (!addr_equal(&quote->src, &pkt->dst) ||
	    !addr_equal(&quote->dst, &pkt->src))
		return SG_DROP_ICMP_ERROR;
	icmp_error_turn(pkt, quote);
	flow_key_out(&key, pkt);
	flow = flow_find(&key, pkt);
	if (flow && icmp_error_is_likely(flow, quote, SG_IN)) {
		reason = allow_flow(&key, flow, pkt);
		icmp_error_turn_back(pkt);
		*ret_flow = flow;
		return reason;
	}
	flow_key_in(&key, pkt, &pkt->dst, pkt->dport);
	flow = flow_find(&key, pkt);
	return flow && flow->kind == SG_KIND_HOST ? TO_HOST
						  : SG_DROP_ICMP_ERROR;
}

#endif
