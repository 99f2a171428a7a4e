/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An ICMP error belongs to the conversation whose packet it quotes. Those of
 * the host's own conversations are passed to the host; others go no further.
 */
#ifndef SG_BPF_ICMP_ERROR_H
#define SG_BPF_ICMP_ERROR_H

#include "flow.h"
#include "policy.h"

#define ICMP_UNREACHABLE 3
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12
#define ICMP_HEADER_BYTES 8

stage bool icmp_error_is(const struct packet *pkt)
{
	return pkt->protocol == IPPROTO_ICMP &&
	       (pkt->icmp_type == ICMP_UNREACHABLE ||
		pkt->icmp_type == ICMP_TIME_EXCEEDED ||
		pkt->icmp_type == ICMP_PARAMETER_PROBLEM);
}

/* RFC 792, 5508: the quoted packet is one that the host sent to the remote.
 * TO_HOST, or the reason to drop; the flow is neither moved nor refreshed. */
static __noinline int icmp_error_to_host(struct __sk_buff *skb,
					 const struct packet *pkt)
{
	struct sg_flow_key key = {};
	const struct sg_flow *flow;
	struct iphdr quoted;
	__be16 l4[4]; /* ports, or for ICMP: type and code, sum, identifier */
	__u32 at;

	if (!pkt)
		return SG_DROP_ICMP_TYPE;
	at = pkt->l4_at + ICMP_HEADER_BYTES;
	if (bpf_skb_load_bytes(skb, at, &quoted, sizeof(quoted)) ||
	    quoted.version != 4 || quoted.ihl < 5 ||
	    bpf_skb_load_bytes(skb, at + quoted.ihl * 4, l4, sizeof(l4)))
		return SG_DROP_ICMP_TYPE;
	key.remote = addr_from_v4(quoted.daddr);
	key.local = addr_from_v4(quoted.saddr);
	key.protocol = quoted.protocol;
	key.local_port = l4[0];
	key.remote_port = l4[1];
	if (quoted.protocol == IPPROTO_ICMP) {
		key.local_port = l4[2];
		key.remote_port = 0;
	}
	flow = flow_find(&key, pkt);
	if (!flow || flow->kind != SG_KIND_HOST ||
	    flow->ifindex != pkt->ifindex || !addr_equal(&key.local, &pkt->dst))
		return SG_DROP_ICMP_TYPE;
	return TO_HOST;
}

#endif
