/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Before there is an skb: what is sure to be refused, whatever the flow table
 * holds, goes no further, under the reason that it would have then. That is
 * what is malformed, and what begins no conversation on a port on which none
 * was ever begun. All else is passed on, to be judged in full.
 */
#ifndef SG_BPF_EARLY_H
#define SG_BPF_EARLY_H

#include "begin.h"
#include "link.h"
#include "owner.h"
#include "plain.h"
#include "policy.h"

/* What goes to the host by its kind alone (link.h), or is for a flow to say: it
 * is passed on. */
stage bool early_is_special(const struct packet *pkt, int parsed)
{
	if (parsed == SG_DROP_PROTOCOL)
		return !is_v6(pkt) && pkt->protocol == IPPROTO_IGMP;
	if (parsed == SG_DROP_ICMP_TYPE)
		return true;
	if (is_icmp(pkt->protocol))
		return !is_echo_request(pkt);
	return pkt->protocol == IPPROTO_UDP && link_is_dhcp_client(pkt);
}

/* SG_OK: for sg_uplink_in to judge. Otherwise the reason to drop. */
stage int early_judge(const struct packet *pkt)
{
	const struct sg_port *port = allow_port(pkt, pkt->protocol, pkt->dport);
	int reason;

	if (!is_icmp(pkt->protocol) && owner_may_have_flow(pkt, port))
		return SG_OK;
	reason = policy_refuses(pkt, port);
	if (reason <= 0)
		return SG_OK;
	if (port && policy_is_forwards(reason))
		policy_count_hit(port->rule, false);
	return reason;
}

/* As above. */
stage int early(struct xdp_md *ctx)
{
	const void *end = (void *)(long)ctx->data_end;
	const struct ethhdr *eth = (void *)(long)ctx->data;
	struct packet pkt = {};
	int reason = plain_parse(eth, end, ctx->data_end - ctx->data, &pkt);
	bool is_plain = !reason;

	if (reason == NOT_PLAIN || early_is_special(&pkt, reason) ||
	    (is_plain && !is_icmp(pkt.protocol) &&
	     begun_by_one(pkt.protocol, pkt.dport)))
		return SG_OK;
	pkt.ifindex = ctx->ingress_ifindex;
	pkt.iface = bpf_map_lookup_elem(&ifaces, &pkt.ifindex);
	if (!pkt.iface || !pkt.iface->has_ethernet || begin(pkt.ifindex, &pkt))
		return SG_OK;
	if (!is_plain)
		return reason;
	/* others are to many, or not to the gate */
	return (const void *)(eth + 1) <= end &&
			       mac_equal(eth->h_dest, pkt.iface->mac)
		       ? early_judge(&pkt)
		       : SG_OK;
}

#endif
