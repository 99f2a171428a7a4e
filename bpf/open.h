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
#include "window.h"

/* An empty flow to be filled in. */
stage struct sg_flow *open_fresh(void)
{
	struct scratch *room = scratch_get();

	if (!room)
		return NULL;
	__builtin_memset(&room->fresh, 0, sizeof(room->fresh));
	return &room->fresh;
}

/* In the table it is complete: another CPU's packet may find it at once. */
stage void open_begin(struct __sk_buff *skb, const struct sg_flow_key *key,
		      struct sg_flow *fresh, const struct packet *pkt)
{
	if (key->protocol == IPPROTO_TCP)
		window_begin(skb, pkt, fresh, flow_initiator(fresh));
	flow_begin(key, fresh, pkt);
}

static __noinline int open_from_uplink(struct __sk_buff *skb,
				       const struct packet *pkt,
				       const struct sg_port *port,
				       struct sg_flow_key *ret_key)
{
	struct sg_flow *fresh = open_fresh();
	int reason;

	if (!pkt || !ret_key || !fresh)
		return SG_DROP_NOT_GOVERNED;
	reason = policy_from_uplink(pkt, port, fresh);
	if (reason)
		return reason;
	if (fresh->kind == SG_KIND_FORWARD)
		owner_container_key(ret_key, pkt, port);
	else
		flow_key_in(ret_key, pkt, &pkt->dst, pkt->dport);
	open_begin(skb, ret_key, fresh, pkt);
	return SG_OK;
}

static __noinline int open_from_container(struct __sk_buff *skb,
					  const struct packet *pkt,
					  struct sg_flow_key *ret_key)
{
	struct sg_flow *fresh = open_fresh();
	int reason;

	if (!pkt || !ret_key || !fresh)
		return SG_DROP_NOT_GOVERNED;
	reason = policy_from_container(skb, pkt, fresh);
	if (reason)
		return reason;
	flow_key_out(ret_key, pkt);
	open_begin(skb, ret_key, fresh, pkt);
	return SG_OK;
}

static __noinline int open_from_host(struct __sk_buff *skb,
				     const struct packet *pkt,
				     const struct sg_flow_key *key)
{
	struct sg_flow *fresh = open_fresh();

	if (!pkt || !key || !fresh || !policy_from_host(skb, pkt, fresh))
		return TO_HOST;
	if (owner_is_container(pkt))
		return SG_DROP_FLOW_CLASH;
	open_begin(skb, key, fresh, pkt);
	return SG_OK;
}

#endif
