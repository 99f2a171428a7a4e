/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many flows one source on a LAN may begin in a second, so that no one
 * neighbour has the gate to himself.
 */
#ifndef SG_BPF_LIMIT_H
#define SG_BPF_LIMIT_H

#include "clock.h"
#include "flows_maps.h"
#include "packet.h"

/* Counts the packet, which would begin a flow. SG_OK or the reason to drop. */
static __noinline int limit_source(const struct packet *pkt)
{
	struct sg_newcomer first = {.flows = 1};
	struct sg_newcomer *newcomer;
	struct sg_addr source;

	if (!pkt || pkt->iface->role != SG_ROLE_LAN ||
	    !pkt->policy->new_per_source)
		return SG_OK;
	source = pkt->src;
	if (is_v6(pkt)) { /* a /64 is one host's to use (RFC 4291) */
		source.word[2] = 0;
		source.word[3] = 0;
	}
	newcomer = bpf_map_lookup_elem(&newcomers, &source);
	if (!newcomer || clock_is_over(pkt->now_s, newcomer->second, 0)) {
		first.second = pkt->now_s;
		bpf_map_update_elem(&newcomers, &source, &first, BPF_ANY);
		return SG_OK;
	}
	if (newcomer->flows >= pkt->policy->new_per_source)
		return SG_DROP_SOURCE_LIMIT;
	__sync_fetch_and_add(&newcomer->flows, 1);
	return SG_OK;
}

#endif
