/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ports that a flow was ever begun on, TCP and UDP: set with the
 * first and never cleared. A packet to any other belongs to none.
 */
#ifndef SG_BPF_PORT_SEEN_H
#define SG_BPF_PORT_SEEN_H

#include "flows_maps.h"
#include "packet.h"

/* NULL: of a protocol that has no ports. */
stage struct sg_port_seen *port_seen_row(__u8 protocol, __be16 port)
{
	__u32 index = bpf_ntohs(port) / SG_PORT_SEEN_PORTS;

	if (protocol == IPPROTO_UDP)
		index += SG_PORT_SEEN_ROWS / 2;
	else if (protocol != IPPROTO_TCP)
		return NULL;
	return bpf_map_lookup_elem(&port_seen, &index);
}

stage __u32 port_seen_at(__be16 port)
{
	return bpf_ntohs(port) % SG_PORT_SEEN_PORTS;
}

/* These return whether the container, the host, or one of the two can have a
 * flow on this port. */
stage bool port_seen_by_container(__u8 protocol, __be16 port)
{
	const struct sg_port_seen *row = port_seen_row(protocol, port);

	return !row || row->containers[port_seen_at(port)];
}

stage bool port_seen_by_host(__u8 protocol, __be16 port)
{
	const struct sg_port_seen *row = port_seen_row(protocol, port);

	return !row || row->hosts[port_seen_at(port)];
}

stage bool port_seen_by_one(__u8 protocol, __be16 port)
{
	const struct sg_port_seen *row = port_seen_row(protocol, port);

	return !row || row->containers[port_seen_at(port)] ||
	       row->hosts[port_seen_at(port)];
}

stage void port_seen_set(__u8 protocol, __be16 port, bool is_hosts)
{
	struct sg_port_seen *row = port_seen_row(protocol, port);
	__u8 *place;

	if (!row)
		return;
	place = is_hosts ? &row->hosts[port_seen_at(port)]
			 : &row->containers[port_seen_at(port)];
	if (!*place)
		*place = 1;
}

/* Of a flow, at both of its inner ends: the gate's port, and the container's,
 * by which a packet may find it too. */
stage void port_seen_note(const struct sg_flow_key *key, __be16 gate_port,
			  bool is_hosts)
{
	port_seen_set(key->protocol, gate_port, is_hosts);
	if (gate_port != key->local_port)
		port_seen_set(key->protocol, key->local_port, is_hosts);
}

#endif
