// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Values to a policy. Trusts the checks: every value that got here is a right
 * one. See config_take.h.
 */
#include "config/config_take.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "config/names.h"
#include "sys/text.h"

static void take_role(cfg_t *section, const char *key, struct policy_role *role)
{
	unsigned int count = cfg_size(section, key);

	if (count == 0)
		return;
	memset(role, 0, sizeof(*role));
	for (unsigned int i = 0; i < count; i++)
		strncpy(role->patterns[role->pattern_count++],
			cfg_getnstr(section, key, i), SG_IFNAME_BYTES - 1);
}

/* Absent: the default stays. Given, be it empty: it counts. */
static void take_roles(cfg_t *section, const char *key, uint8_t *roles)
{
	cfg_opt_t *opt = cfg_getopt(section, key);

	if (cfg_opt_size(opt) == 0)
		return;
	*roles = 0;
	for (unsigned int i = 0; i < cfg_opt_size(opt); i++) {
		int role = role_by_name(cfg_opt_getnstr(opt, i));

		if (role >= 0) /* {} is one empty string */
			*roles |= SG_ROLE_BIT(role);
	}
}

static void take_container(cfg_t *section, struct policy *policy)
{
	take_role(section, "interface", &policy->roles[SG_ROLE_CONTAINER]);
	if (cfg_size(section, "address")) {
		text_parse_addr(cfg_getstr(section, "address"),
				&policy->container);
		policy->container_network =
			text_network_of(&policy->container, 120);
	}
	if (cfg_size(section, "address6"))
		text_parse_addr(cfg_getstr(section, "address6"),
				&policy->container6);
	if (cfg_size(section, "network"))
		text_parse_network(cfg_getstr(section, "network"),
				   &policy->container_network);
}

static int take_forward(cfg_t *section, struct policy *policy)
{
	struct policy_forward forward = {
		.line = section->line,
		.source_first = policy->source_count,
		.source_count = cfg_size(section, "from"),
	};
	struct port_range to;
	int r = 0;

	strncpy(forward.name, cfg_title(section), SG_NAME_BYTES - 1);
	forward.protocol = strcmp(cfg_getstr(section, "protocol"), "tcp") == 0
				   ? IPPROTO_TCP
				   : IPPROTO_UDP;
	for (unsigned int i = 0; i < forward.source_count && !r; i++) {
		struct network network;

		text_parse_network(cfg_getnstr(section, "from", i), &network);
		r = policy_add_source(policy, &network);
	}
	for (unsigned int i = 0; i < cfg_size(section, "ports") && !r; i++) {
		text_parse_ports(cfg_getnstr(section, "ports", i),
				 &forward.ports);
		forward.to_first = forward.ports.first;
		if (cfg_size(section, "to")) {
			text_parse_ports(cfg_getstr(section, "to"), &to);
			forward.to_first = to.first;
		}
		r = policy_add_forward(policy, &forward);
	}
	return r;
}

static void take_numbers(cfg_t *cfg, struct policy *policy)
{
	cfg_t *egress = cfg_getsec(cfg, "egress");
	cfg_t *limits = cfg_getsec(cfg, "limits");
	cfg_t *host = cfg_getsec(cfg, "host");
	cfg_t *timeouts = cfg_getsec(cfg, "timeouts");
	uint32_t port;

	if (cfg_size(egress, "ports"))
		text_parse_ports(cfg_getstr(egress, "ports"),
				 &policy->masquerade_ports);
	if (cfg_size(limits, "flows"))
		text_parse_number(cfg_getstr(limits, "flows"), &policy->flows);
	if (cfg_size(limits, "half-open"))
		text_parse_number(cfg_getstr(limits, "half-open"),
				  &policy->half_open);
	if (cfg_size(limits, "new-per-source"))
		text_parse_number(cfg_getstr(limits, "new-per-source"),
				  &policy->new_per_source);
	if (cfg_size(host, "control-port")) {
		text_parse_number(cfg_getstr(host, "control-port"), &port);
		policy->control_port = (uint16_t)port;
	}
#define X(field, key, seconds)                                                 \
	if (cfg_size(timeouts, key))                                           \
		text_parse_duration(cfg_getstr(timeouts, key),                 \
				    &policy->timeout_s.field);
	POLICY_TIMEOUTS(X)
#undef X
}

static void take_ledger(cfg_t *section, struct policy *policy)
{
	if (cfg_size(section, "directory"))
		snprintf(policy->ledger_dir, sizeof(policy->ledger_dir), "%s",
			 cfg_getstr(section, "directory"));
	policy->record_required = cfg_getbool(section, "required");
	policy->ledger_refuses =
		strcmp(cfg_getstr(section, "when-full"), "refuse") == 0;
}

int config_take(cfg_t *cfg, struct policy *policy)
{
	cfg_t *grants = cfg_getsec(cfg, "grants");
	cfg_t *vpn = cfg_getsec(cfg, "vpn");
	cfg_t *lan = cfg_getsec(cfg, "lan");
	int r = 0;

	take_role(vpn, "interfaces", &policy->roles[SG_ROLE_VPN]);
	if (cfg_size(vpn, "network"))
		text_parse_network(cfg_getstr(vpn, "network"),
				   &policy->vpn_network);
	take_role(lan, "interfaces", &policy->roles[SG_ROLE_LAN]);
	take_role(cfg_getsec(cfg, "exempt"), "interfaces", &policy->exempt);
	policy->clamps_mss[SG_ROLE_VPN] = cfg_getbool(vpn, "mss-clamp");
	policy->clamps_mss[SG_ROLE_LAN] = cfg_getbool(lan, "mss-clamp");
	policy->early[SG_ROLE_VPN] =
		(enum early_mode)policy_early_by_name(cfg_getstr(vpn, "xdp"));
	policy->early[SG_ROLE_LAN] =
		(enum early_mode)policy_early_by_name(cfg_getstr(lan, "xdp"));
	take_container(cfg_getsec(cfg, "container"), policy);
	for (unsigned int i = 0; i < SG_GRANT_COUNT; i++)
		policy->grants[i] = cfg_getbool(grants, name_of_grant(i));
	policy->persists_grants = cfg_getbool(grants, "persist");
	take_roles(cfg_getsec(cfg, "host"), "icmp-echo", &policy->echo_roles);
	take_roles(cfg_getsec(cfg, "egress"), "masquerade",
		   &policy->masquerade_roles);
	policy->egress_strict =
		cfg_getbool(cfg_getsec(cfg, "egress"), "strict");
	take_numbers(cfg, policy);
	take_ledger(cfg_getsec(cfg, "ledger"), policy);
	for (unsigned int i = 0; i < cfg_size(cfg, "forward") && !r; i++)
		r = take_forward(cfg_getnsec(cfg, "forward", i), policy);
	return r;
}
