/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The early drop beside the journey: what a test has an uplink receive is first
 * shown to sg_uplink_early. What that drops, sg_uplink_in must drop too, for
 * the same reason and with the same counters; what it passes, it has not
 * touched.
 */
#ifndef SG_TESTS_TWIN_H
#define SG_TESTS_TWIN_H

#include <stdbool.h>

#include "harness.h"

/* Rules of map `hits` that are looked at: all, as a new policy's get the lowest
 * numbers that the one before does not use. */
#define TWIN_RULES 16

struct twin_counters {
	uint64_t drops[SG_REASON_COUNT];
	uint64_t hits[TWIN_RULES][2]; /* as struct sg_hits */
};

struct twin {
	bool dropped; /* by sg_uplink_early */
	struct twin_counters before;
	struct twin_counters more; /* that sg_uplink_early has counted */
};

/* Return whether this kernel can run an XDP program as if an interface had
 * received the frame (5.15). Call once the interfaces are there. */
bool twin_is_possible(void);

/* Before the packet is received; the counters are then as they were. */
void twin_before(struct twin *twin, const struct frame *frame, enum place at);
/* After. action: sg_uplink_in's. */
void twin_after(const struct twin *twin, enum place at, int action);

/* Return how many frames sg_uplink_early has dropped so far. */
unsigned long twin_drops(void);

#endif
