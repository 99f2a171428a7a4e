/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From `half_open` to `flows`, when both ends have joined; each that comes
 * looks at two that are there already, and ends them if they have expired.
 */
#ifndef SG_BPF_PROMOTE_H
#define SG_BPF_PROMOTE_H

#include "flow.h"
#include "scratch.h"
#include "sweep.h"

#define SWEEP_PER_FLOW 2 /* so a full round takes half as many new flows */

/* The token of a flow: its key, and its id where a key has zeros. */
stage void promote_token(struct sg_sweep *ret_token,
			 const struct sg_flow_key *key,
			 const struct sg_flow *flow)
{
	ret_token->key = *key;
	__builtin_memcpy(ret_token->key.id, flow->id, sizeof(flow->id));
}

/* Look at the oldest tokens: end what has expired, put the others back. */
standalone int promote_sweep(__u32 side, __u32 now_s)
{
	const struct sg_policy *in_force = bpf_map_lookup_elem(&policy, &side);
	struct scratch *room = scratch_get();
	struct sg_flow_key key;
	struct sg_flow *flow;

	if (!in_force || !room)
		return 0;
	for (int i = 0; i < SWEEP_PER_FLOW; i++) {
		if (sweep_pop())
			return 0;
		key = room->token.key;
		__builtin_memset(key.id, 0, sizeof(key.id));
		flow = bpf_map_lookup_elem(&flows, &key);
		if (!flow || !flow_has_id(flow, room->token.key.id))
			continue;
		if (flow_is_expired(flow, key.protocol, in_force, now_s))
			flow_end(&key, flow, now_s);
		else
			sweep_push();
	}
	return 0;
}

/* The flow in the scratch room into `flows`, with its token. 0, or -1: the
 * table is full. */
stage int promote_insert(struct scratch *room, const struct sg_flow_key *key,
			 __u32 now_s)
{
	promote_token(&room->token, key, &room->promoted);
	if (bpf_map_update_elem(&flows, key, &room->promoted, BPF_NOEXIST))
		return bpf_map_lookup_elem(&flows, key) ? 0 : -1;
	if (sweep_push()) { /* nobody would ever end it */
		bpf_map_delete_elem(&flows, key);
		return -1;
	}
	if (room->promoted.kind == SG_KIND_MASQUERADE)
		flow_count_mapping(key->protocol, room->promoted.gate_port,
				   now_s, 1);
	return 0;
}

/* Move a half-open flow to `flows`, in its new state. Returns it there, or
 * NULL when the table is full; it then stays half open. */
static __noinline struct sg_flow *promote(const struct sg_flow_key *key,
					  const struct sg_flow *flow,
					  const struct packet *pkt, __u8 state)
{
	struct scratch *room = scratch_get();
	struct sg_flow *promoted;

	if (!key || !flow || !pkt || !room)
		return NULL;
	promote_sweep(pkt->side, pkt->now_s);
	room->promoted = *flow;
	room->promoted.state = state;
	if (promote_insert(room, key, pkt->now_s))
		return NULL;
	promoted = bpf_map_lookup_elem(&flows, key);
	if (promoted)
		bpf_map_delete_elem(&half_open, key);
	return promoted;
}

#endif
