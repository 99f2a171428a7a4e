/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a packet that goes no further: count it under its reason.
 */
#ifndef SG_BPF_DROP_H
#define SG_BPF_DROP_H

#include "counters_maps.h"
#include "packet.h"

stage void count_add(__u32 ifindex, __u32 reason)
{
	struct sg_drop_key key = {.ifindex = ifindex, .reason = reason};
	__u64 *count = bpf_map_lookup_elem(&drops, &key);
	__u64 zero = 0;

	if (!count) {
		bpf_map_update_elem(&drops, &key, &zero, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&drops, &key);
	}
	if (count)
		(*count)++;
}

static __noinline int count_drop(__u32 ifindex, __u32 reason)
{
	count_add(ifindex, reason);
	return TC_ACT_SHOT;
}

#endif
