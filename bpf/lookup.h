/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The owner of a gate port: the container, by a forward or a masquerade port,
 * or else the host.
 */
#ifndef SG_BPF_LOOKUP_H
#define SG_BPF_LOOKUP_H

#include "allow.h"
#include "conntrack.h"
#include "parse_l4.h"
#include "snat.h"

/* Return the container's port that the gate's port in a key stands for by
 * masquerade, towards the key's remote, in network order; or -1. The key is as
 * the remote sees it. */
static __noinline int owner_masqueraded(const struct sg_flow_key *outer)
{
	const struct sg_shared_port *shared;
	const struct sg_snat_port *snat_port;

	if (!outer)
		return -1;
	snat_port = snat_port_find(outer->protocol, outer->local_port.be);
	if (!snat_port)
		return -1;
	if (snat_port->is_shared) {
		shared = bpf_map_lookup_elem(&shared_ports, outer);
		if (shared)
			return shared->container_port.be;
	}
	return snat_port->container_port.be;
}

/* Find the container's port that a gate port stands for, by a forward (`port`,
 * may be NULL) or else by masquerade. False: the port is the host's. One
 * pointer is judged at a time: a compiler may join two NULL checks by an OR,
 * and the verifier refuses arithmetic on a pointer that may be NULL. */
stage bool owner_container_port(const struct sg_flow_key *outer,
				const struct sg_port *port, __be16 *ret_port)
{
	int masqueraded;

	if (port) {
		*ret_port = port->container_port.be;
		return true;
	}
	masqueraded = owner_masqueraded(outer);
	*ret_port = masqueraded;
	return masqueraded >= 0;
}

/* Fill in the key that a packet from an uplink has if it is for the container.
 * False: it can only be for the host. */
stage bool owner_container_key(struct sg_flow_key *ret_key,
			       const struct packet *pkt,
			       const struct sg_port *port)
{
	__be16 local_port;

	flow_key_in(ret_key, pkt, &pkt->dst, pkt->dport);
	if (!owner_container_port(ret_key, port, &local_port))
		return false;
	ret_key->local = *container_addr(pkt);
	ret_key->local_port.be = local_port;
	return true;
}

/* Return whether an uplink's packet can be of the container's flows:
 * one was begun on its port, or on the container's that this stands for. */
stage bool owner_may_be_container(const struct packet *pkt,
				  const struct sg_port *port)
{
	return port_seen_by_container(pkt->protocol, pkt->dport) ||
	       (port &&
		port_seen_by_container(pkt->protocol, port->container_port.be));
}

/* The host's own flow of a packet that comes in to it. */
stage struct sg_flow *owner_host_flow(struct sg_flow_key *ret_key,
				      const struct packet *pkt)
{
	if (!port_seen_by_host(pkt->protocol, pkt->dport))
		return NULL;
	flow_key_in(ret_key, pkt, &pkt->dst, pkt->dport);
	return flow_find(ret_key, pkt);
}

/* The flow of a packet from an uplink: the container's, or else the host's; or
 * NULL. *ret_key is its key. An echo request is of none: one with the
 * identifier 0 would find an answer's. */
stage struct sg_flow *owner_flow(struct sg_flow_key *ret_key,
				 const struct packet *pkt,
				 const struct sg_port *port)
{
	struct sg_flow *flow = NULL;

	if (is_icmp(pkt->protocol) && is_echo_request(pkt))
		return NULL;
	if (owner_may_be_container(pkt, port) &&
	    owner_container_key(ret_key, pkt, port))
		flow = flow_find(ret_key, pkt);
	/* by another port of the gate's: this one may be the host's */
	if (flow && !port && !flow_is_of(flow, pkt))
		flow = NULL;
	return flow ? flow : owner_host_flow(ret_key, pkt);
}

/* Return whether an uplink's packet of a protocol without ports, for which it
 * was refused, may be an answer to the container. */
static __noinline bool owner_may_be_portless(const struct packet *pkt,
					     int reason)
{
	return pkt && parse_is_portless(pkt, reason) &&
	       snat_port_find(pkt->protocol, 0);
}

/* The host begins a flow under a gate port by which the container talks
 * to the same remote: its own is the host's to choose, and the container's
 * ends, if it is one that it began. A forward's is the remote's: whether there
 * is such a one. */
stage bool owner_yields(const struct packet *pkt)
{
	const struct sg_port *port = allow_port(pkt, pkt->protocol, pkt->sport);
	struct sg_flow *flow;
	struct sg_flow_key key;
	__be16 local_port;

	flow_key_out(&key, pkt);
	if (!owner_container_port(&key, port, &local_port))
		return true;
	key.local = *container_addr(pkt);
	key.local_port.be = local_port;
	flow = flow_find(&key, pkt);
	if (!flow || flow->gate_port.be != pkt->sport ||
	    !addr_equal(&flow->gate_addr, &pkt->src))
		return true;
	if (flow->kind != SG_KIND_MASQUERADE)
		return false;
	flow_end(&key, flow, SG_END_EVICTED, pkt->now_s);
	return true;
}

#endif
