/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a grant ends the flows that it admitted. The datapath cuts one at
 * its next packet; one that is idle must not live on when the grant is opened
 * again, so it is cut from here.
 */
#ifndef SG_USER_CUT_H
#define SG_USER_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "gate/pins.h"
#include "sg_policy.h"

/* The grants that were open at the last look. */
struct cut {
	bool open[SG_GRANT_COUNT];
};

/* Return whether a grant (enum sg_grant_id) is open now. */
bool cut_is_open(const struct pins *pins, uint32_t grant);

/* End every flow that needs the grant. Returns 0 or -errno. */
int cut_flows(const struct pins *pins, uint32_t grant);

/* The grants that were opened, and ended, since the last look, as
 * SG_GRANT_BIT()s. */
struct cut_change {
	uint32_t opened;
	uint32_t ended;
};

/* Cut the flows of each grant that has ended since the last look: by its
 * deadline, or by a write to its map. Returns 0 or -errno. */
int cut_ended(struct cut *cut, const struct pins *pins,
	      struct cut_change *ret_change);

#endif
