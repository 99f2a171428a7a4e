/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which ports a conversation was ever begun on, TCP and UDP: set with the
 * first and never cleared. A packet to any other belongs to none.
 */
#ifndef SG_BPF_BEGUN_H
#define SG_BPF_BEGUN_H

#include "flows_maps.h"
#include "packet.h"

stage __u8 *begun_place(__u8 protocol, __be16 port)
{
	__u32 index = bpf_ntohs(port) / SG_BEGUN_PORTS;
	struct sg_begun *row;

	if (protocol == IPPROTO_UDP)
		index += SG_BEGUN_ROWS / 2;
	else if (protocol != IPPROTO_TCP)
		return NULL;
	row = bpf_map_lookup_elem(&begun, &index);
	return row ? &row->port[bpf_ntohs(port) % SG_BEGUN_PORTS] : NULL;
}

stage bool begun_has(__u8 protocol, __be16 port)
{
	const __u8 *place = begun_place(protocol, port);

	return !place || *place;
}

stage void begun_set(__u8 protocol, __be16 port)
{
	__u8 *place = begun_place(protocol, port);

	if (place && !*place)
		*place = 1;
}

/* Of a flow, at both of its inner ends: the gate's port, and the container's,
 * by which a packet may find it too. */
stage void begun_note(const struct sg_flow_key *key, __be16 gate_port)
{
	begun_set(key->protocol, gate_port);
	if (gate_port != key->local_port)
		begun_set(key->protocol, key->local_port);
}

#endif
