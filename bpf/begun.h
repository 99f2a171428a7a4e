/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which ports a conversation was ever begun on, TCP and UDP: one bit each, set
 * with the first and never cleared. A packet to any other belongs to none.
 */
#ifndef SG_BPF_BEGUN_H
#define SG_BPF_BEGUN_H

#include "flows_maps.h"
#include "packet.h"

stage __u64 *begun_word(__u8 protocol, __be16 port)
{
	__u32 index = bpf_ntohs(port) / 64;

	if (protocol == IPPROTO_UDP)
		index += SG_BEGUN_WORDS / 2;
	else if (protocol != IPPROTO_TCP)
		return NULL;
	return bpf_map_lookup_elem(&begun, &index);
}

stage bool begun_has(__u8 protocol, __be16 port)
{
	const __u64 *word = begun_word(protocol, port);

	return !word || *word & 1ULL << bpf_ntohs(port) % 64;
}

stage void begun_set(__u8 protocol, __be16 port)
{
	__u64 *word = begun_word(protocol, port);
	__u64 bit = 1ULL << bpf_ntohs(port) % 64;

	if (word && !(*word & bit))
		__sync_fetch_and_or(word, bit);
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
