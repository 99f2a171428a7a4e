// SPDX-License-Identifier: GPL-2.0-or-later
/* See policy.h. */
#include "config/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SNAT_PORTS_MIN 8192

static void add_pattern(struct policy_role *role, const char *pattern)
{
	strncpy(role->patterns[role->pattern_count++], pattern,
		SG_IFNAME_BYTES - 1);
}

void policy_init(struct policy *ret_policy)
{
	memset(ret_policy, 0, sizeof(*ret_policy));
	add_pattern(&ret_policy->roles[SG_ROLE_VPN], "tap0");
	add_pattern(&ret_policy->roles[SG_ROLE_LAN], "*");
	add_pattern(&ret_policy->roles[SG_ROLE_CONTAINER], "ve-container");
	text_parse_addr("10.0.3.2", &ret_policy->container);
	text_parse_network("10.0.3.0/24", &ret_policy->container_network);
	text_parse_network("10.1.0.0/24", &ret_policy->vpn_network);
	ret_policy->control_port = 23;
	ret_policy->echo_roles = SG_ROLE_BIT(SG_ROLE_VPN) |
				 SG_ROLE_BIT(SG_ROLE_LAN) |
				 SG_ROLE_BIT(SG_ROLE_CONTAINER);
	ret_policy->masquerade_roles =
		SG_ROLE_BIT(SG_ROLE_VPN) | SG_ROLE_BIT(SG_ROLE_LAN);
	ret_policy->masquerade_ports = (struct port_range){1024, 32767};
	ret_policy->flows = 65536;
	ret_policy->half_open = 131072;
	ret_policy->new_per_source = 100;
	ret_policy->clamps_mss[SG_ROLE_VPN] = true;
	ret_policy->clamps_mss[SG_ROLE_LAN] = true;
	ret_policy->early[SG_ROLE_VPN] = EARLY_NATIVE;
	ret_policy->early[SG_ROLE_LAN] = EARLY_NATIVE;
#define X(field, key, seconds) ret_policy->timeout_s.field = seconds;
	POLICY_TIMEOUTS(X)
#undef X
}

void policy_deny_all(struct policy *policy)
{
	policy->control_port = 0;
	policy->echo_roles = 0;
	policy->masquerade_roles = 0;
}

void policy_release(struct policy *policy)
{
	free(policy->forwards);
	free(policy->sources);
	free(policy->text);
	policy->text = NULL;
	policy->forwards = NULL;
	policy->sources = NULL;
	policy->forward_count = 0;
	policy->source_count = 0;
}

uint32_t policy_gc_ring_entries(const struct policy *policy)
{
	return policy->flows + policy->half_open;
}

uint32_t policy_snat_port_entries(const struct policy *policy)
{
	const struct port_range *ports = &policy->masquerade_ports;
	uint32_t of_a_protocol =
		ports->last - ports->first + 1U + SG_PORT_RESERVED - 1;

	if (of_a_protocol <
	    SNAT_PORTS_MIN) /* other small ranges, the same map */
		of_a_protocol = SNAT_PORTS_MIN;
	return 4 * of_a_protocol; /* TCP, UDP, ICMP, ICMPv6 */
}

int policy_add_source(struct policy *policy, const struct network *source)
{
	struct network *grown;

	grown = reallocarray(policy->sources, policy->source_count + 1,
			     sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	policy->sources = grown;
	policy->sources[policy->source_count++] = *source;
	return 0;
}

int policy_add_forward(struct policy *policy,
		       const struct policy_forward *forward)
{
	struct policy_forward *grown;

	grown = reallocarray(policy->forwards, policy->forward_count + 1,
			     sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	policy->forwards = grown;
	policy->forwards[policy->forward_count++] = *forward;
	return 0;
}

size_t policy_pattern_rank(const char *pattern)
{
	return strchr(pattern, '*') ? strlen(pattern) : POLICY_RANK_EXACT;
}

const struct policy_role *policy_patterns(const struct policy *policy, int role)
{
	return role == POLICY_EXEMPT ? &policy->exempt : &policy->roles[role];
}

/* Return the rank of the pattern of a role that fits best; 0: none fits. */
static size_t best_rank(const struct policy_role *role, const char *interface)
{
	size_t best = 0;

	for (size_t i = 0; i < role->pattern_count; i++) {
		size_t rank = policy_pattern_rank(role->patterns[i]);

		if (rank > best &&
		    text_interface_matches(role->patterns[i], interface))
			best = rank;
	}
	return best;
}

int policy_assignment(const struct policy *policy, const char *interface,
		      size_t *ret_rank)
{
	int found = -ENOENT;
	size_t best = 0;

	if (strcmp(interface, "lo") == 0)
		return -ENOENT;
	for (int role = 0; role <= POLICY_EXEMPT; role++) {
		size_t rank =
			best_rank(policy_patterns(policy, role), interface);

		if (rank > best) {
			best = rank;
			found = role;
		}
	}
	if (ret_rank)
		*ret_rank = best;
	return found;
}

int policy_role_of(const struct policy *policy, const char *interface)
{
	int role = policy_assignment(policy, interface, NULL);

	return role == POLICY_EXEMPT ? -ENOENT : role;
}

int policy_early_by_name(const char *name)
{
	static const char *const names[] = {
#define X(id, name) [EARLY_##id] = name,
		POLICY_EARLY_MODES(X)
#undef X
	};

	for (int mode = 0; mode < EARLY_MODE_COUNT; mode++)
		if (strcmp(names[mode], name) == 0)
			return mode;
	return -ENOENT;
}
