/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a masquerade port for its container port: as long as an open flow
 * uses it, and until a second that half-open and ended ones have said.
 */
#ifndef SG_BPF_MAPPING_H
#define SG_BPF_MAPPING_H

#include "flows_maps.h"
#include "packet.h"
#include "scratch.h"

#define MAPPING_AFTER_S 10 /* for what is late, when a flow has ended */

stage struct sg_mapping *mapping_find(__u8 protocol, __be16 gate_port)
{
	struct sg_mapping_key key = {
		.protocol = protocol,
		.gate_port = gate_port,
	};

	return bpf_map_lookup_elem(&mappings, &key);
}

stage void mapping_raise(struct sg_mapping *mapping, __u32 until_s)
{
	if ((__s32)(until_s - mapping->until_s) > 0)
		mapping->until_s = until_s;
}

/* Keep it until then at the least. */
standalone int mapping_keep(__u32 protocol, __u32 gate_port, __u32 until_s)
{
	struct sg_mapping *mapping = mapping_find(protocol, gate_port);

	if (mapping)
		mapping_raise(mapping, until_s);
	return 0;
}

/* The half-open flow that kept it until `was_s` needs it no longer than until
 * then; another may have asked for more. */
standalone int mapping_shorten(__u32 protocol, __u32 gate_port, __u32 was_s,
			       __u32 until_s)
{
	struct sg_mapping *mapping = mapping_find(protocol, gate_port);

	if (mapping && (__s32)(mapping->until_s - was_s) <= 1)
		mapping->until_s = until_s;
	return 0;
}

/* An open flow begins to use it. */
stage void mapping_hold(const struct sg_flow_key *key, struct sg_flow *flow)
{
	struct sg_mapping *mapping =
		mapping_find(key->protocol, flow->gate_port);

	flow->holds_port = mapping && flow->kind == SG_KIND_MASQUERADE;
	if (!flow->holds_port)
		return;
	bpf_spin_lock(&mapping->lock);
	mapping->flows++;
	bpf_spin_unlock(&mapping->lock);
}

/* A flow that is over shares its gate port with nobody any more. */
standalone_memory int mapping_unshare(const struct sg_flow_key *key,
				      const struct sg_flow *flow)
{
	const struct sg_shared_port *shared;
	struct scratch *room = scratch_get();

	if (!key || !flow || !room || flow->kind != SG_KIND_MASQUERADE)
		return 0;
	room->shared = *key;
	room->shared.local = flow->gate_addr;
	room->shared.local_port = flow->gate_port;
	shared = bpf_map_lookup_elem(&shared_ports, &room->shared);
	if (shared && shared->container_port == key->local_port)
		bpf_map_delete_elem(&shared_ports, &room->shared);
	return 0;
}

/* It has ended, or is about to: once, whoever says so. */
standalone_memory int mapping_release(const struct sg_flow_key *key,
				      struct sg_flow *flow, __u32 until_s)
{
	struct sg_mapping *mapping;

	if (!key || !flow || !flow->holds_port)
		return 0;
	mapping = mapping_find(key->protocol, flow->gate_port);
	if (!mapping)
		return 0;
	bpf_spin_lock(&mapping->lock);
	if (flow->holds_port && mapping->flows)
		mapping->flows--;
	flow->holds_port = 0;
	mapping_raise(mapping, until_s);
	bpf_spin_unlock(&mapping->lock);
	return 0;
}

#endif
