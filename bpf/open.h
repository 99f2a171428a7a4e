/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A packet of no flow begins one, if the policy table says so, under the key
 * that its inner end has; the caller then finds it there, or another CPU's.
 * Each returns SG_OK, TO_HOST (no flow is needed) or the reason to drop.
 */
#ifndef SG_BPF_OPEN_H
#define SG_BPF_OPEN_H

#include "flow.h"
#include "owner.h"
#include "policy.h"

static __noinline int open_from_uplink(const struct packet *pkt,
				       const struct sg_port *port,
				       struct sg_flow_key *ret_key)
{
	struct sg_flow fresh = {};
	int reason;

	if (!pkt || !ret_key)
		return SG_DROP_NOT_GOVERNED;
	reason = policy_from_uplink(pkt, port, &fresh);
	if (reason)
		return reason;
	if (fresh.kind == SG_KIND_FORWARD)
		owner_container_key(ret_key, pkt, port);
	else
		flow_key_in(ret_key, pkt, &pkt->dst, pkt->dport);
	flow_begin(ret_key, &fresh, pkt);
	return SG_OK;
}

static __noinline int open_from_container(struct __sk_buff *skb,
					  const struct packet *pkt,
					  struct sg_flow_key *ret_key)
{
	struct sg_flow fresh = {};
	int reason;

	if (!pkt || !ret_key)
		return SG_DROP_NOT_GOVERNED;
	reason = policy_from_container(skb, pkt, &fresh);
	if (reason)
		return reason;
	flow_key_out(ret_key, pkt);
	flow_begin(ret_key, &fresh, pkt);
	return SG_OK;
}

static __noinline int open_from_host(const struct packet *pkt,
				     const struct sg_flow_key *key)
{
	struct sg_flow fresh = {};

	if (!pkt || !key || !policy_from_host(pkt, &fresh))
		return TO_HOST;
	if (owner_is_container(pkt))
		return SG_DROP_FLOW_CLASH;
	flow_begin(key, &fresh, pkt);
	return SG_OK;
}

#endif
