/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Before there is an skb: what is sure to be refused, whatever the flow table
 * holds, goes no further, under the reason that it would have then: what is
 * malformed, and what the policy does not let begin a flow. To a port
 * on which one was ever begun all is passed on, to be judged in full.
 */
#ifndef SG_BPF_XDP_H
#define SG_BPF_XDP_H

#include "control.h"
#include "lookup.h"
#include "parse.h"
#include "parse_fast.h"
#include "policy.h"

/* Return whether a packet goes to the host by its kind alone (control.h), or a
 * flow must decide on it: it is passed on. */
stage bool early_is_special(const struct packet *pkt, int parsed)
{
	if (parsed == SG_DROP_PROTOCOL)
		return (!is_v6(pkt) && pkt->protocol == IPPROTO_IGMP) ||
		       snat_port_find(pkt->protocol, 0);
	if (parsed == SG_DROP_ICMP_TYPE)
		return true;
	if (is_icmp(pkt->protocol))
		return !is_echo_request(pkt);
	return pkt->protocol == IPPROTO_UDP && link_is_dhcp_client(pkt);
}

/* Return whether a flow was ever begun on a plain packet's port. Ask
 * before the packet is known to be plain, as most that pass are. */
stage bool early_is_seen(bool v6, const void *l3, const void *end)
{
	const struct iphdr *ip = l3;
	const struct ipv6hdr *ip6 = l3;
	/* TCP's are where UDP's are */
	const struct udphdr *ports =
		v6 ? (const void *)(ip6 + 1) : (const void *)(ip + 1);
	__u8 protocol;

	if ((const void *)(ports + 1) > end)
		return false;
	protocol = v6 ? ip6->nexthdr : ip->protocol;
	return (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) &&
	       port_seen_by_one(protocol, ports->dest);
}

/* SG_OK: for sg_uplink_in to judge. Otherwise the reason to drop. That nothing
 * was begun on the port itself is known. */
static __noinline int early_judge(const struct packet *pkt)
{
	const struct sg_port *port = allow_port(pkt, pkt->protocol, pkt->dport);
	int reason;

	/* apart, for the verifier: it loses track of a pointer that may be NULL
	 */
	if (!port) {
		reason = policy_refuses(pkt, NULL);
		return reason > 0 ? reason : SG_OK;
	}
	if (port_seen_by_container(pkt->protocol, port->container_port.be))
		return SG_OK;
	reason = policy_refuses(pkt, port);
	/* the sender of a packet of no flow may be told by a reset */
	if (reason <= 0 || reason == SG_DROP_NO_FLOW)
		return SG_OK;
	if (policy_is_forwards(reason))
		policy_count_hit(port->rule, false);
	return reason;
}

/* As above. */
stage int early_of(struct xdp_md *ctx, bool v6)
{
	const void *end = (void *)(long)ctx->data_end;
	const struct ethhdr *eth = (void *)(long)ctx->data;
	__u32 ifindex = ctx->ingress_ifindex;
	struct packet pkt = {};
	int reason;

	if (early_is_seen(v6, eth + 1, end))
		return SG_OK;
	reason = plain_parse(v6, eth, end, end - (const void *)eth, &pkt);
	if (reason == NOT_PLAIN || early_is_special(&pkt, reason))
		return SG_OK;
	pkt.iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (!pkt.iface || !pkt.iface->has_ethernet || begin(ifindex, &pkt))
		return SG_OK;
	if (reason)
		return reason;
	/* others are to many, or not to the gate */
	return (const void *)(eth + 1) <= end &&
			       mac_equal(eth->h_dest, pkt.iface->mac)
		       ? early_judge(&pkt)
		       : SG_OK;
}

stage int early(struct xdp_md *ctx)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;

	if ((const void *)(eth + 1) > (void *)(long)ctx->data_end)
		return SG_OK;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return early_of(ctx, false);
	return eth->h_proto == bpf_htons(ETH_P_IPV6) ? early_of(ctx, true)
						     : SG_OK;
}

#endif
