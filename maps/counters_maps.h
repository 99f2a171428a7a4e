/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The drops, by interface and reason. The datapath writes, the loader reads; an
 * entry appears with its first packet, and is added to that of SG_GONE_IFINDEX
 * when its interface has gone.
 */
#ifndef SG_MAPS_COUNTERS_H
#define SG_MAPS_COUNTERS_H

#include "sg_reason.h"

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct sg_drop_key);
	__type(value, __u64); /* packets */
} drops SEC(".maps");

#endif
