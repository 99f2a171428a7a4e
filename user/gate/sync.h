/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries into live maps, so that the datapath sees the old or the new. */
#ifndef SG_USER_SYNC_H
#define SG_USER_SYNC_H

#include "config/policy.h"
#include "gate/pins.h"
#include "sys/links.h"

/* The whole policy into the slot that is out of force, then one index write
 * puts it in force. On failure the old one stays. */
int sync_policy(const struct pins *pins, const struct policy *policy,
		struct fault *ret_fault);

/* The links have changed: until sync_settle(), each packet asks for its own
 * link and path. */
int sync_changing(const struct pins *pins, struct fault *ret_fault);

/* The same policy, in force for what the links now are. */
int sync_settle(const struct pins *pins, struct fault *ret_fault);

/* The links that the policy governs, with their addresses. What is in force is
 * then to be put in force anew, by one of the above; until then, and if that
 * fails, no packet goes by what a flow has met of its interface. is_watched:
 * somebody will hear of it when the container's link comes up. */
int sync_links(const struct pins *pins, const struct policy *policy,
	       const struct links *links, bool is_watched,
	       struct fault *ret_fault);

/* The grants as the configuration wants them at first start. */
int sync_grants(const struct pins *pins, const struct policy *policy,
		struct fault *ret_fault);

#endif
