/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow family. The datapath writes all of it, and ends flows for the
 * loader, too, which reads it for people. max_entries of `flows`, `half_open`
 * and `gc_ring` are the configuration's limits.
 */
#ifndef SG_MAPS_FLOWS_H
#define SG_MAPS_FLOWS_H

#include "sg_flow.h"

#include <bpf/bpf_helpers.h>

/* Flows that both ends have joined; a full table refuses the new. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct sg_flow_key);
	__type(value, struct sg_flow);
} flows SEC(".maps");

/* Flows that one end has begun; a full share forgets its oldest. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__type(key, struct sg_flow_key);
	__type(value, struct sg_flow);
} half_open SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SG_PORT_SEEN_ROWS);
	__type(key, __u32); /* port / SG_PORT_SEEN_PORTS; TCP's, then UDP's */
	__type(value, struct sg_port_seen);
} port_seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536 + 131072);
	__type(key, __u32); /* sg_ring_first() + position in the ring */
	__type(value, struct sg_gc_token);
} gc_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SG_RINGS);
	__type(key, __u32); /* SG_RING() */
	__type(value, struct sg_gc_hand);
} gc_hand SEC(".maps");

/* An entry is in force while a flow uses it, and a little longer. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4 * (31744 + 1023));
	__type(key, struct sg_snat_port_key);
	__type(value, struct sg_snat_port);
} snat_ports SEC(".maps");

/* Ports that flows share once all are in use. An entry goes with its flow. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct sg_flow_key);
	__type(value, struct sg_shared_port);
} shared_ports SEC(".maps");

/* Bounded, and the oldest is forgotten: a flood of fragments costs fragments.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct sg_fragment_key);
	__type(value, struct sg_fragment);
} fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, struct sg_fragment_key);
	__type(value, struct sg_frag_queue);
} frag_queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct sg_new_flow_rate_key);
	__type(value, struct sg_new_flow_rate);
} new_flow_rate SEC(".maps");

#endif
