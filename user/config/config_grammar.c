// SPDX-License-Identifier: GPL-2.0-or-later
/* The grammar, in libconfuse's terms. See config_grammar.h. */
#include "config/config_grammar.h"

#include "config/config_checks.h"
#include "config/policy.h"

static cfg_opt_t vpn_opts[] = {
	CFG_STR_LIST("interfaces", NULL, CFGF_NODEFAULT),
	CFG_STR("network", NULL, CFGF_NODEFAULT),
	CFG_BOOL("mss-clamp", cfg_true, CFGF_NONE),
	CFG_STR("xdp", "native", CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t lan_opts[] = {
	CFG_STR_LIST("interfaces", NULL, CFGF_NODEFAULT),
	CFG_BOOL("mss-clamp", cfg_true, CFGF_NONE),
	CFG_STR("xdp", "native", CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t container_opts[] = {
	CFG_STR("interface", NULL, CFGF_NODEFAULT),
	CFG_STR("address", NULL, CFGF_NODEFAULT),
	CFG_STR("address6", NULL, CFGF_NODEFAULT),
	CFG_STR("network", NULL, CFGF_NODEFAULT),
	CFG_END(),
};

static cfg_opt_t exempt_opts[] = {
	CFG_STR_LIST("interfaces", NULL, CFGF_NODEFAULT),
	CFG_END(),
};

static cfg_opt_t forward_opts[] = {
	CFG_STR("protocol", "tcp", CFGF_NONE),
	CFG_STR_LIST("ports", NULL, CFGF_NODEFAULT),
	CFG_STR("to", NULL, CFGF_NODEFAULT),
	CFG_STR_LIST("from", NULL, CFGF_NODEFAULT),
	CFG_END(),
};

static cfg_opt_t grants_opts[] = {
	CFG_BOOL("persist", cfg_false, CFGF_NONE),
#define X(id, name) CFG_BOOL(name, cfg_false, CFGF_NONE),
	SG_GRANTS(X)
#undef X
		CFG_END(),
};

static cfg_opt_t host_opts[] = {
	CFG_STR("control-port", NULL, CFGF_NODEFAULT),
	CFG_STR_LIST("icmp-echo", NULL, CFGF_NODEFAULT),
	CFG_END(),
};

static cfg_opt_t egress_opts[] = {
	CFG_STR_LIST("masquerade", NULL, CFGF_NODEFAULT),
	CFG_STR("ports", NULL, CFGF_NODEFAULT),
	CFG_BOOL("strict", cfg_false, CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t limits_opts[] = {
	CFG_STR("flows", NULL, CFGF_NODEFAULT),
	CFG_STR("half-open", NULL, CFGF_NODEFAULT),
	CFG_STR("new-per-source", NULL, CFGF_NODEFAULT),
	CFG_END(),
};

static cfg_opt_t timeouts_opts[] = {
#define X(field, key, seconds) CFG_STR(key, NULL, CFGF_NODEFAULT),
	POLICY_TIMEOUTS(X)
#undef X
		CFG_END(),
};

static cfg_opt_t ledger_opts[] = {
	CFG_STR("directory", NULL, CFGF_NODEFAULT),
	CFG_BOOL("required", cfg_false, CFGF_NONE),
	CFG_STR("when-full", "gap", CFGF_NONE),
	CFG_END(),
};

static cfg_opt_t file_opts[] = {
	CFG_SEC("vpn", vpn_opts, CFGF_NONE),
	CFG_SEC("lan", lan_opts, CFGF_NONE),
	CFG_SEC("container", container_opts, CFGF_NONE),
	CFG_SEC("exempt", exempt_opts, CFGF_NONE),
	CFG_SEC("forward", forward_opts,
		CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
	CFG_SEC("grants", grants_opts, CFGF_NONE),
	CFG_SEC("host", host_opts, CFGF_NONE),
	CFG_SEC("egress", egress_opts, CFGF_NONE),
	CFG_SEC("limits", limits_opts, CFGF_NONE),
	CFG_SEC("timeouts", timeouts_opts, CFGF_NONE),
	CFG_SEC("ledger", ledger_opts, CFGF_NONE),
	CFG_END(),
};

static const struct {
	const char *key;
	cfg_validate_callback_t check;
} checks[] = {{"vpn", check_section},
	      {"vpn|interfaces", check_interfaces},
	      {"vpn|network", check_network},
	      {"vpn|mss-clamp", check_once},
	      {"vpn|xdp", check_early_mode},
	      {"lan", check_section},
	      {"lan|interfaces", check_interfaces},
	      {"lan|mss-clamp", check_once},
	      {"lan|xdp", check_early_mode},
	      {"container", check_section},
	      {"container|interface", check_interfaces},
	      {"container|address", check_addr},
	      {"container|address6", check_addr6},
	      {"container|network", check_network},
	      {"exempt", check_section},
	      {"exempt|interfaces", check_interfaces},
	      {"forward", check_forward},
	      {"forward|protocol", check_protocol},
	      {"forward|ports", check_ports},
	      {"forward|to", check_ports},
	      {"forward|from", check_networks},
	      {"grants", check_section},
	      {"grants|persist", check_once},
#define X(id, name) {"grants|" name, check_once},
	      SG_GRANTS(X)
#undef X
		      {"host", check_section},
	      {"host|control-port", check_port_or_none},
	      {"host|icmp-echo", check_roles},
	      {"egress", check_section},
	      {"egress|masquerade", check_uplinks},
	      {"egress|ports", check_masquerade_ports},
	      {"limits", check_section},
	      {"limits|flows", check_flows},
	      {"limits|half-open", check_half_open},
	      {"limits|new-per-source", check_new_per_source},
	      {"ledger", check_section},
	      {"ledger|directory", check_directory},
	      {"ledger|required", check_once},
	      {"ledger|when-full", check_when_full},
	      {"timeouts", check_section},
#define X(field, key, seconds) {"timeouts|" key, check_duration},
	      POLICY_TIMEOUTS(X)
#undef X
};

cfg_t *grammar_new(const char *name, struct fault *fault)
{
	cfg_t *cfg = cfg_init(file_opts, CFGF_NONE);

	if (!cfg)
		return NULL;
	check_begin(name, fault);
	cfg_set_error_function(cfg, check_report);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		cfg_set_validate_func(cfg, checks[i].key, checks[i].check);
	return cfg;
}

bool grammar_saw_anything(cfg_t *cfg)
{
	return check_saw_anything() || cfg_size(cfg, "forward") > 0;
}
