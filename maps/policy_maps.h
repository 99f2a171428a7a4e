/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy family. The loader writes all of it; the datapath reads all but
 * `forwards`, `config` and `supervisor`, and writes only `hits`. Each lives
 * from `up` to `down`.
 */
#ifndef SG_MAPS_POLICY_H
#define SG_MAPS_POLICY_H

#include "sg_policy.h"

#include <bpf/bpf_helpers.h>

/* The slot that is in force. The one write to it switches the whole policy. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_active);
} active SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SG_SLOTS);
	__type(key, __u32); /* slot */
	__type(value, struct sg_policy);
} policy SEC(".maps");

/* Also written by the owner, by hand: scoutgate(8). Key: enum sg_grant_id. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SG_GRANT_COUNT);
	__type(key, __u32);
	__type(value, struct sg_grant);
} grants SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SG_SLOTS * 2 * 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sg_port_key);
	__type(value, struct sg_port);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SG_SLOTS *SG_PORT_BITS_ROWS);
	__type(key, __u32); /* slot * SG_PORT_BITS_ROWS + row */
	__type(value, struct sg_row);
} port_bits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sg_source_key);
	__type(value, __u32); /* 1 */
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SG_SLOTS * 2 * 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sg_forward_key);
	__type(value, struct sg_forward);
} forwards SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SG_SLOTS * 512); /* of 2 MiB each */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sg_config_key);
	__type(value, struct sg_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_supervisor);
} supervisor SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, SG_SLOTS * 2 * 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32); /* rule */
	__type(value, struct sg_hits);
} hits SEC(".maps");

#endif
