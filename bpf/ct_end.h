/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a flow that user space asks for (see struct sg_end): one whose
 * grant was closed, or that is idle. The loader and the daemon run this, and no
 * interface.
 */
#ifndef SG_BPF_CT_END_H
#define SG_BPF_CT_END_H

#include "conntrack.h"

/* 0, or 1: the flow is not there any more. */
stage int end_asked(struct __sk_buff *skb)
{
	struct {
		struct sg_flow_key key;
		__u8 id[3];
		enum sg_end_reason reason;
		__u32 last_s;
	} asked;
	struct sg_flow *flow;

	_Static_assert(sizeof(struct sg_end) ==
			       sizeof(asked) +
				       __builtin_offsetof(struct sg_end, key),
		       "all behind the frame");
	if (bpf_skb_load_bytes(skb, __builtin_offsetof(struct sg_end, key),
			       &asked, sizeof(asked)))
		return 1;
	/* one that is promoted is in both for a moment, and goes on in `flows`
	 */
	flow = bpf_map_lookup_elem(&flows, &asked.key);
	if (!flow)
		flow = bpf_map_lookup_elem(&half_open, &asked.key);
	if (!flow)
		flow = bpf_map_lookup_elem(&flows, &asked.key);
	if (!flow || flow_id(flow->id) != flow_id(asked.id))
		return 1;
	if (asked.reason == sg_end_by_state(flow) &&
	    flow->last_s != asked.last_s)
		return 1;
	return !!flow_end_by(ENDING_BY_USER, &asked.key, flow, asked.reason,
			     clock_now_s());
}

#endif
