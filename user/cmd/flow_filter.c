// SPDX-License-Identifier: GPL-2.0-or-later
/* See flow_filter.h. */
#include "cmd/flow_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "config/names.h"

static int parse_state(const char *text, struct flow_filter *filter,
		       struct fault *ret_fault)
{
	filter->is_all = strcmp(text, "live") != 0;
	if (!filter->is_all || strcmp(text, "all") == 0)
		return 0;
	filter->state = state_by_name(text);
	return filter->state >= 0
		       ? 0
		       : fault_set(ret_fault, EINVAL,
				   "--state %s: live, all, or a state as "
				   "established",
				   text);
}

static int parse_port(const char *text, struct flow_filter *filter,
		      struct fault *ret_fault)
{
	uint32_t port;

	if (text_parse_number(text, &port) || port == 0 || port > 65535)
		return fault_set(ret_fault, EINVAL, "--port %s: 1 to 65535",
				 text);
	filter->port = (uint16_t)port;
	return 0;
}

int flow_filter_parse(const struct context *context,
		      struct flow_filter *ret_filter, struct fault *ret_fault)
{
	struct flow_filter filter = {
		.is_all = context->json, /* a program chooses itself */
		.state = -1,
		.share = -1,
		.rule = context->rule,
	};

	if (context->state && parse_state(context->state, &filter, ret_fault))
		return -EINVAL;
	if (context->port && parse_port(context->port, &filter, ret_fault))
		return -EINVAL;
	if (context->role)
		filter.share = share_by_name(context->role);
	if (context->role && filter.share < 0)
		return fault_set(ret_fault, EINVAL,
				 "--role %s: vpn, lan, container or host",
				 context->role);
	filter.has_network = context->remote != NULL;
	if (context->remote &&
	    text_parse_network(context->remote, &filter.network))
		return fault_set(ret_fault, EINVAL,
				 "--remote %s: an address, or a network as "
				 "10.1.0.0/24",
				 context->remote);
	*ret_filter = filter;
	return 0;
}

static bool is_in(const struct network *network, const union sg_addr *addr)
{
	const struct network host = {.addr = *addr, .prefix = 128};

	return text_networks_overlap(network, &host);
}

bool flow_filter_takes(const struct flow_filter *filter,
		       const struct sg_flow_key *key,
		       const struct sg_flow *flow,
		       const struct judgement *judgement, const char *rule)
{
	uint16_t port = htons(filter->port);

	if ((!filter->is_all && !judgement->is_live) ||
	    (filter->state >= 0 && flow->state != filter->state) ||
	    (filter->share >= 0 && flow->share != filter->share) ||
	    (filter->has_network && !is_in(&filter->network, &key->remote)))
		return false;
	if (port && key->local_port.be != port && key->remote_port.be != port &&
	    flow->gate_port.be != port)
		return false;
	return !filter->rule || (rule && strcmp(rule, filter->rule) == 0);
}
