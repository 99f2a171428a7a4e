/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ring by which expired flows are found with nobody's help: each entry of
 * `flows` has one token in it, and each new flow looks at the two oldest.
 */
#ifndef SG_BPF_SWEEP_H
#define SG_BPF_SWEEP_H

#include "flows_maps.h"
#include "packet.h"

#define SWEEP_TRIES 4 /* against other CPUs at the same end of the ring */

/* set by the loader: max_entries of `sweep`, a power of two */
const volatile __u32 sweep_size = 65536;

/* Put a token for a flow at the tail. 0, or -1: full, or other CPUs were always
 * first. */
static __noinline int sweep_push(const struct sg_sweep *token)
{
	struct sg_sweep_hand *hand;
	struct sg_sweep *slot;
	__u32 zero = 0;
	__u32 index;
	__u32 tail;
	int done = 0;

	hand = bpf_map_lookup_elem(&sweep_hand, &zero);
	if (!hand || !token)
		return -1;
	for (int i = 0; i < SWEEP_TRIES && !done; i++) {
		tail = hand->tail;
		index = tail & (sweep_size - 1);
		slot = bpf_map_lookup_elem(&sweep, &index);
		if (!slot)
			return -1;
		bpf_spin_lock(&hand->lock);
		if (hand->tail == tail && tail - hand->head < sweep_size) {
			*slot = *token;
			hand->tail = tail + 1;
			done = 1;
		}
		bpf_spin_unlock(&hand->lock);
	}
	return done ? 0 : -1;
}

/* Take the oldest token. 0, or -1: empty, or other CPUs were always first. */
static __noinline int sweep_pop(struct sg_sweep *ret_token)
{
	struct sg_sweep_hand *hand;
	struct sg_sweep *slot;
	__u32 zero = 0;
	__u32 index;
	__u32 head;
	int done = 0;

	hand = bpf_map_lookup_elem(&sweep_hand, &zero);
	if (!hand || !ret_token)
		return -1;
	for (int i = 0; i < SWEEP_TRIES && !done; i++) {
		head = hand->head;
		index = head & (sweep_size - 1);
		slot = bpf_map_lookup_elem(&sweep, &index);
		if (!slot)
			return -1;
		bpf_spin_lock(&hand->lock);
		if (hand->head == head && head != hand->tail) {
			*ret_token = *slot;
			hand->head = head + 1;
			done = 1;
		}
		bpf_spin_unlock(&hand->lock);
	}
	return done ? 0 : -1;
}

#endif
