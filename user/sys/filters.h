/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filters of a clsact hook in the order in which they see a packet, by
 * rtnetlink. */
#ifndef SG_USER_FILTERS_H
#define SG_USER_FILTERS_H

#include <stdint.h>

struct filter {
	uint32_t priority;
	uint32_t handle;
	uint32_t program_id; /* 0: it runs none of BPF's */
};

/* Find the first filter on a hook; parent is TC_H_MAKE(TC_H_CLSACT, ...). 0,
 * -ENOENT: there is none, or -errno. */
int filters_first(uint32_t ifindex, uint32_t parent, struct filter *ret_first);

#endif
