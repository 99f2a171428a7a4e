/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a masquerade port for its container port: as long as an open flow
 * uses it, and until a second that half-open and ended ones have said.
 */
#ifndef SG_BPF_SNAT_PORT_H
#define SG_BPF_SNAT_PORT_H

#include "flows_maps.h"
#include "packet.h"
#include "scratch.h"

#define MAPPING_AFTER_S 10 /* for what is late, when a flow has ended */

stage struct sg_snat_port *snat_port_find(__u8 protocol, __be16 gate_port)
{
	struct sg_snat_port_key key = {
		.protocol = protocol,
		.gate_port = gate_port,
	};

	return bpf_map_lookup_elem(&snat_ports, &key);
}

stage void snat_port_raise(struct sg_snat_port *snat_port, __u32 until_s)
{
	if ((__s32)(until_s - snat_port->until_s) > 0)
		snat_port->until_s = until_s;
}

/* Keep it until then at the least. */
standalone int snat_port_keep(__u32 protocol, __u32 gate_port, __u32 until_s)
{
	struct sg_snat_port *snat_port = snat_port_find(protocol, gate_port);

	if (snat_port)
		snat_port_raise(snat_port, until_s);
	return 0;
}

/* The half-open flow that kept it until `was_s` needs it no longer than until
 * then; another may have asked for more. */
standalone int snat_port_shorten(__u32 protocol, __u32 gate_port, __u32 was_s,
				 __u32 until_s)
{
	struct sg_snat_port *snat_port = snat_port_find(protocol, gate_port);

	if (snat_port && (__s32)(snat_port->until_s - was_s) <= 1)
		snat_port->until_s = until_s;
	return 0;
}

/* An open flow begins to use it. */
stage void snat_port_hold(const struct sg_flow_key *key, struct sg_flow *flow)
{
	struct sg_snat_port *snat_port =
		snat_port_find(key->protocol, flow->gate_port);

	flow->holds_port = snat_port && flow->kind == SG_KIND_MASQUERADE;
	if (!flow->holds_port)
		return;
	bpf_spin_lock(&snat_port->lock);
	snat_port->flows++;
	bpf_spin_unlock(&snat_port->lock);
}

/* A flow that is over shares its gate port with nobody any more. */
standalone_memory int snat_port_unshare(const struct sg_flow_key *key,
					const struct sg_flow *flow)
{
	const struct sg_shared_port *shared;
	struct scratch *scratch = scratch_get();

	if (!key || !flow || !scratch || flow->kind != SG_KIND_MASQUERADE)
		return 0;
	scratch->shared = *key;
	scratch->shared.local = flow->gate_addr;
	scratch->shared.local_port = flow->gate_port;
	shared = bpf_map_lookup_elem(&shared_ports, &scratch->shared);
	if (shared && shared->container_port == key->local_port)
		bpf_map_delete_elem(&shared_ports, &scratch->shared);
	return 0;
}

/* It has ended, or is about to: once, whoever says so. */
standalone_memory int snat_port_release(const struct sg_flow_key *key,
					struct sg_flow *flow, __u32 until_s)
{
	struct sg_snat_port *snat_port;

	if (!key || !flow || !flow->holds_port)
		return 0;
	snat_port = snat_port_find(key->protocol, flow->gate_port);
	if (!snat_port)
		return 0;
	bpf_spin_lock(&snat_port->lock);
	if (flow->holds_port && snat_port->flows)
		snat_port->flows--;
	flow->holds_port = 0;
	snat_port_raise(snat_port, until_s);
	bpf_spin_unlock(&snat_port->lock);
	return 0;
}

#endif
