/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A packet of no flow begins one, if the policy table says so, under the key
 * that its inner end has; the caller then finds it there, or another CPU's.
 * Each returns SG_OK, TO_HOST (no flow is needed) or the reason to drop.
 */
#ifndef SG_BPF_CT_NEW_H
#define SG_BPF_CT_NEW_H

#include "conntrack.h"
#include "ct_gc.h"
#include "lookup.h"
#include "policy.h"
#include "tcp_window.h"

/* An empty flow to be filled in. */
stage struct sg_flow *open_fresh(void)
{
	struct scratch *scratch = scratch_get();

	if (!scratch)
		return NULL;
	__builtin_memset(&scratch->fresh, 0, sizeof(scratch->fresh));
	return &scratch->fresh;
}

/* Return the share that a flow belongs to, by what the policy said of it. */
stage enum sg_share open_share(const struct sg_flow *fresh,
			       const struct packet *pkt)
{
	if (fresh->kind == SG_KIND_MASQUERADE)
		return SG_SHARE_CONTAINER;
	if (fresh->kind == SG_KIND_HOST)
		return SG_SHARE_HOST;
	return pkt->iface->role == SG_ROLE_VPN ? SG_SHARE_VPN : SG_SHARE_LAN;
}

/* Into the table, with its token; when another CPU was first with the same key,
 * its entry stays. */
stage void open_insert(const struct sg_flow_key *key, struct sg_flow *fresh,
		       const struct packet *pkt)
{
	__u32 ring = SG_RING(SG_TABLE_HALF_OPEN, fresh->share);
	struct scratch *scratch = scratch_get();

	gc_half_open(pkt->slot, ring, pkt->now_s);
	if (!scratch ||
	    bpf_map_update_elem(&half_open, key, fresh, BPF_NOEXIST))
		return;
	gc_ring_note(scratch, key, fresh);
	if (!gc_ring_push(ring))
		return;
	/* another CPU has taken the room that there was */
	gc_half_open(pkt->slot, ring, pkt->now_s);
	gc_ring_note(scratch, key, fresh);
	if (gc_ring_push(ring))
		flow_end(key, fresh, SG_END_TABLE, pkt->now_s);
}

/* In the table it is complete: another CPU's packet may find it at once. What
 * the caller does not know of it is filled in here. SG_OK, or the reason why it
 * does not begin. is_recorded: it is none of the host's own, which are its to
 * decide, so that the VPN comes back in any case. */
stage int open_begin(struct __sk_buff *skb, const struct sg_flow_key *key,
		     struct sg_flow *fresh, const struct packet *pkt,
		     bool is_recorded)
{
	if (is_recorded && pkt->policy->record_required &&
	    !event_is_recorded(pkt->policy->record_required, pkt->now_s))
		return SG_DROP_NO_RECORD;
	fresh->share = open_share(fresh, pkt);
	/* or somebody would be connected and mute */
	if (!gc_open(pkt->slot, fresh->share, pkt->now_s, GC_PER_FLOW) &&
	    key->protocol == IPPROTO_TCP &&
	    !gc_open(pkt->slot, fresh->share, pkt->now_s,
		     GC_WHEN_FULL | GC_CLOSED_TOO))
		return SG_DROP_TABLE_FULL;
	if (key->protocol == IPPROTO_TCP)
		window_begin(skb, &pkt->tcp, fresh, sg_flow_initiator(fresh));
	fresh->state =
		key->protocol == IPPROTO_TCP ? SG_STATE_SYN_SENT : SG_STATE_NEW;
	/* of the host's own, the packet at hand completes it */
	if (fresh->flags & SG_FLOW_ADOPTED && fresh->kind == SG_KIND_HOST)
		fresh->state = SG_STATE_SYN_RECEIVED;
	fresh->generation = pkt->generation;
	fresh->begun_ns = bpf_ktime_get_boot_ns();
	fresh->created_s = pkt->now_s;
	fresh->last_s = pkt->now_s;
	fresh->path_s = pkt->now_s;
	flow_new_id(fresh->id);
	port_seen_note(key, fresh->gate_port.be, flow_is_hosts(fresh));
	open_insert(key, fresh, pkt);
	return SG_OK;
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
	reason = policy_from_uplink(skb, pkt, port, fresh);
	if (reason)
		return reason;
	if (fresh->kind == SG_KIND_FORWARD)
		owner_container_key(ret_key, pkt, port);
	else
		flow_key_in(ret_key, pkt, &pkt->dst, pkt->dport);
	return open_begin(skb, ret_key, fresh, pkt, true);
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
	return open_begin(skb, ret_key, fresh, pkt, true);
}

static __noinline int open_from_host(struct __sk_buff *skb,
				     const struct packet *pkt,
				     const struct sg_flow_key *key)
{
	struct sg_flow *fresh = open_fresh();

	if (!pkt || !key || !fresh || !policy_from_host(skb, pkt, fresh))
		return TO_HOST;
	if (!owner_yields(pkt))
		return SG_DROP_FLOW_CLASH;
	return open_begin(skb, key, fresh, pkt, false);
}

#endif
