/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interface family. The loader writes it from what the kernel says of
 * links and addresses; the datapath reads it, and learns gate.container_mac.
 */
#ifndef SG_MAPS_IFACES_H
#define SG_MAPS_IFACES_H

#include "sg_iface.h"

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_gate);
} gate SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32); /* ifindex */
	__type(value, struct sg_iface);
} ifaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32); /* ifindex */
	__type(value, struct sg_exempt);
} exempt SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct sg_vlan_key);
	__type(value, __u32); /* ifindex */
} vlans SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct sg_gate_addr_key);
	__type(value, __u32); /* prefix length of the mapped form, bits */
} addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sg_subnet_key);
	__type(value, struct sg_subnet);
} subnets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SG_SUBNET_BITS_ROWS);
	__type(key, __u32); /* row */
	__type(value, struct sg_row);
} subnet_bits SEC(".maps");

#endif
