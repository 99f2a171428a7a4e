/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verdict on a flow under the policy in force, as the datapath will judge
 * it with its next packet. */
#ifndef SG_USER_JUDGE_H
#define SG_USER_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "gate/pins.h"
#include "sg_flow.h"
#include "sg_policy.h"

/* The state that all flows of one list are judged by. */
struct judge {
	const struct pins *pins;
	uint32_t slot; /* in force */
	struct sg_policy policy;
	bool is_open[SG_GRANT_COUNT];
	uint32_t now_s; /* boot clock */
};

struct judgement {
	bool is_live;
	const char *status; /* "live", "no answer", "closing", "refused",
			       "reset", "will be cut" */
	const char *why;    /* of the last; NULL: none */
};

/* 0 or -errno. */
int judge_begin(struct judge *ret_judge, const struct pins *pins);

/* Judge a flow that is not over (sg_flow_is_over()). */
struct judgement judge_flow(const struct judge *judge,
			    const struct sg_flow_key *key,
			    const struct sg_flow *flow);

#endif
