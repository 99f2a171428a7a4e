/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flows that `scoutgate flows` is asked for. */
#ifndef SG_USER_FLOW_FILTER_H
#define SG_USER_FLOW_FILTER_H

#include "cmd/judge.h"
#include "cmd/verb.h"
#include "sys/fault.h"
#include "sys/text.h"

struct flow_filter {
	bool is_all; /* or those that are live alone */
	int state;   /* enum sg_state; -1: whatever */
	int share;   /* enum sg_share; -1: whosever */
	bool has_network;
	struct network network; /* that the remote is in */
	uint16_t port;		/* of either end, or the gate's; 0: any */
	const char *rule;	/* a forward's name; NULL: any */
};

/* Read what the command line says. 0, or -EINVAL with *ret_fault. */
int flow_filter_parse(const struct context *context,
		      struct flow_filter *ret_filter, struct fault *ret_fault);

/* rule: the name of the flow's forward, or NULL. */
bool flow_filter_takes(const struct flow_filter *filter,
		       const struct sg_flow_key *key,
		       const struct sg_flow *flow,
		       const struct judgement *judgement, const char *rule);

#endif
