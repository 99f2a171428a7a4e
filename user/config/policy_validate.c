// SPDX-License-Identifier: GPL-2.0-or-later
/* The faults that no single line of a configuration can show. See policy.h. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "config/names.h"
#include "config/policy.h"

static int by_port(const void *left, const void *right)
{
	const struct policy_forward *a = *(struct policy_forward *const *)left;
	const struct policy_forward *b = *(struct policy_forward *const *)right;

	if (a->protocol != b->protocol)
		return a->protocol - b->protocol;
	if (a->ports.first != b->ports.first)
		return a->ports.first - b->ports.first;
	return a->line - b->line;
}

/* `fixed` is a port that the gate itself has a use for. */
static int check_fixed(const struct policy_forward *forward,
		       const struct port_range *fixed, const char *what,
		       struct fault *ret_fault, int *ret_line)
{
	if (forward->ports.last < fixed->first ||
	    forward->ports.first > fixed->last)
		return 0;
	*ret_line = forward->line;
	return fault_set(ret_fault, EINVAL,
			 "forward \"%s\": ports %u-%u overlap %s %u-%u",
			 forward->name, forward->ports.first,
			 forward->ports.last, what, fixed->first, fixed->last);
}

static int check_reserved(const struct policy *policy, struct fault *ret_fault,
			  int *ret_line)
{
	struct port_range control = {policy->control_port,
				     policy->control_port};
	int r = 0;

	for (size_t i = 0; i < policy->forward_count; i++) {
		const struct policy_forward *forward = &policy->forwards[i];

		if (forward->protocol == IPPROTO_TCP && policy->control_port)
			r = check_fixed(forward, &control,
					"the host control port", ret_fault,
					ret_line);
		if (r)
			return r;
	}
	return 0;
}

static int check_overlaps(const struct policy *policy, struct fault *ret_fault,
			  int *ret_line)
{
	struct policy_forward **order;
	size_t ports = 0;
	int r = 0;

	order = calloc(policy->forward_count + 1,
		       sizeof(struct policy_forward *));
	if (!order)
		return fault_set(ret_fault, ENOMEM, "out of memory");
	for (size_t i = 0; i < policy->forward_count; i++) {
		order[i] = &policy->forwards[i];
		ports += order[i]->ports.last - order[i]->ports.first + 1U;
	}
	qsort(order, policy->forward_count, sizeof(struct policy_forward *),
	      by_port);
	for (size_t i = 1; i < policy->forward_count && !r; i++) {
		const struct policy_forward *a = order[i - 1];
		const struct policy_forward *b = order[i];
		const struct policy_forward *later = a->line > b->line ? a : b;

		if (a->protocol != b->protocol ||
		    b->ports.first > a->ports.last)
			continue;
		*ret_line = later->line;
		r = fault_set(ret_fault, EINVAL,
			      "forward \"%s\": ports %u-%u overlap forward "
			      "\"%s\" (line %d)",
			      later->name, later->ports.first,
			      later->ports.last, later == a ? b->name : a->name,
			      later == a ? b->line : a->line);
	}
	free(order);
	if (!r && ports > POLICY_FORWARDS_MAX)
		r = fault_set(ret_fault, EINVAL,
			      "%zu forwarded ports; at most %d can be", ports,
			      POLICY_FORWARDS_MAX);
	return r;
}

static int check_networks(const struct policy *policy, struct fault *ret_fault)
{
	const struct network container =
		text_network_of(&policy->container, 128);
	char text[2][TEXT_ADDR_BYTES];

	text_from_network(&policy->container_network, text[0], sizeof(text[0]));
	if (!text_networks_overlap(&container, &policy->container_network)) {
		text_from_addr(&policy->container, text[1], sizeof(text[1]));
		return fault_set(ret_fault, EINVAL,
				 "container address %s is not in the "
				 "container's network %s",
				 text[1], text[0]);
	}
	if (text_networks_overlap(&policy->vpn_network,
				  &policy->container_network)) {
		text_from_network(&policy->vpn_network, text[1],
				  sizeof(text[1]));
		return fault_set(ret_fault, EINVAL,
				 "vpn network %s and container network %s "
				 "overlap",
				 text[1], text[0]);
	}
	return 0;
}

static const char *name_of(int role)
{
	return role == POLICY_EXEMPT ? "exempt"
				     : name_of_role((unsigned int)role);
}

static int check_pattern(const struct policy *policy, const char *pattern,
			 int role, struct fault *ret_fault)
{
	int assigned = policy_assignment(policy, pattern, NULL);

	if (assigned < 0)
		return fault_set(ret_fault, EINVAL,
				 "interface \"%s\" can have no role", pattern);
	if (assigned != role)
		return fault_set(ret_fault, EINVAL,
				 "interface \"%s\" is both %s and %s", pattern,
				 name_of(assigned), name_of(role));
	if (role == POLICY_EXEMPT &&
	    policy_pattern_rank(pattern) == POLICY_RANK_ANY)
		return fault_set(ret_fault, EINVAL,
				 "exempt \"*\" would leave every link open; "
				 "name the links");
	return 0;
}

/* Refuse a pattern that two roles have, as either could be meant. */
static int check_patterns(const struct policy *policy, struct fault *ret_fault)
{
	int r = 0;

	for (int role = 0; role <= POLICY_EXEMPT; role++) {
		const struct policy_role *has = policy_patterns(policy, role);

		for (size_t i = 0; i < has->pattern_count && !r; i++)
			r = check_pattern(policy, has->patterns[i], role,
					  ret_fault);
	}
	return r;
}

int policy_validate(const struct policy *policy, struct fault *ret_fault,
		    int *ret_line)
{
	int r;

	*ret_line = 0;
	r = check_overlaps(policy, ret_fault, ret_line);
	if (!r)
		r = check_reserved(policy, ret_fault, ret_line);
	if (!r)
		r = check_networks(policy, ret_fault);
	if (!r)
		r = check_patterns(policy, ret_fault);
	return r;
}
