// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The grammar, in libconfuse's terms. Each value is checked where it stands,
 * by a validator, so that a message names its line; what only the whole can
 * show is policy_validate()'s. See config.h.
 */
#include "config.h"

#include <confuse.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "file.h"
#include "names.h"

#define SEEN_MAX 128 /* settings outside of forwards, or in one forward */

/* libconfuse hands no pointer on to its callbacks, so the parse in progress is
 * the file's only state; config_parse() sets and clears it. */
static struct {
	const char *name;
	struct fault *fault;
	struct seen {
		const cfg_opt_t *opt;
		unsigned int values;
		bool is_complete;
	} seen[SEEN_MAX];
	size_t seen_count;
} parse;

__attribute__((format(printf, 2, 0))) static void
report(cfg_t *cfg, const char *format, va_list args)
{
	char what[256];

	if (parse.fault->text[0]) /* the first is the cause */
		return;
	vsnprintf(what, sizeof(what), format, args);
	for (char *c = what; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' '; /* a message is one line */
	fault_set(parse.fault, EINVAL, "%s:%d: %s", parse.name, cfg->line,
		  what);
}

static struct seen *find_seen(const cfg_opt_t *opt)
{
	for (size_t i = 0; i < parse.seen_count; i++)
		if (parse.seen[i].opt == opt)
			return &parse.seen[i];
	return NULL;
}

/* A setting's second assignment would silently win over its first. A list's
 * validator is called for each value, and once more at its closing brace. */
static int check_once(cfg_t *cfg, cfg_opt_t *opt)
{
	unsigned int values = cfg_opt_size(opt);
	bool is_list = opt->flags & CFGF_LIST;
	struct seen *seen = find_seen(opt);

	if (!seen) {
		if (parse.seen_count == SEEN_MAX) {
			cfg_error(cfg, "more than %d settings", SEEN_MAX);
			return -1;
		}
		parse.seen[parse.seen_count++] = (struct seen){
			.opt = opt,
			.values = values,
			.is_complete = !is_list || values == 0,
		};
		return 0;
	}
	if (seen->is_complete ||
	    (values != seen->values && values != seen->values + 1)) {
		cfg_error(cfg, "\"%s\" is given twice; keep one",
			  cfg_opt_name(opt));
		return -1;
	}
	seen->is_complete = values == seen->values;
	seen->values = values;
	return 0;
}

/* libconfuse takes a list's only value without braces, and unchecked. */
static int check_braces(cfg_t *section)
{
	for (cfg_opt_t *opt = section->opts; opt->name; opt++)
		if (opt->flags & CFGF_LIST && cfg_opt_size(opt) &&
		    !find_seen(opt)) {
			cfg_error(section, "%s: write it as a list, {\"...\"}",
				  cfg_opt_name(opt));
			return -1;
		}
	return 0;
}

static int check_section(cfg_t *cfg, cfg_opt_t *opt)
{
	if (check_once(cfg, opt))
		return -1;
	return check_braces(cfg_opt_getnsec(opt, 0));
}

static int refuse(cfg_t *cfg, cfg_opt_t *opt, const char *value,
		  const char *wanted)
{
	cfg_error(cfg, "%s \"%.64s\": %s", cfg_opt_name(opt), value, wanted);
	return -1;
}

static int check_interfaces(cfg_t *cfg, cfg_opt_t *opt)
{
	unsigned int count = cfg_opt_size(opt);

	if (check_once(cfg, opt))
		return -1;
	if (count > POLICY_PATTERNS_MAX) {
		cfg_error(cfg, "%u interfaces; at most %d can be", count,
			  POLICY_PATTERNS_MAX);
		return -1;
	}
	for (unsigned int i = 0; i < count; i++)
		if (!text_is_interface(cfg_opt_getnstr(opt, i)))
			return refuse(cfg, opt, cfg_opt_getnstr(opt, i),
				      "not an interface name; up to 15 "
				      "characters, \"*\" only at the end");
	return 0;
}

static int check_addr(cfg_t *cfg, cfg_opt_t *opt)
{
	struct sg_addr addr;

	if (check_once(cfg, opt))
		return -1;
	if (text_parse_addr(cfg_opt_getnstr(opt, 0), &addr))
		return refuse(cfg, opt, cfg_opt_getnstr(opt, 0),
			      "not an IPv4 address; write it as 10.0.3.2");
	return 0;
}

static int check_networks(cfg_t *cfg, cfg_opt_t *opt)
{
	struct network network;

	if (check_once(cfg, opt))
		return -1;
	for (unsigned int i = 0; i < cfg_opt_size(opt); i++)
		if (text_parse_network(cfg_opt_getnstr(opt, i), &network))
			return refuse(cfg, opt, cfg_opt_getnstr(opt, i),
				      "not an IPv4 network; write it as "
				      "10.1.0.0/24, no host bits");
	return 0;
}

static int check_ports(cfg_t *cfg, cfg_opt_t *opt)
{
	struct port_range range;

	if (check_once(cfg, opt))
		return -1;
	for (unsigned int i = 0; i < cfg_opt_size(opt); i++)
		if (text_parse_ports(cfg_opt_getnstr(opt, i), &range))
			return refuse(cfg, opt, cfg_opt_getnstr(opt, i),
				      "not a port or range; 1 to 65535, as 22 "
				      "or 2000-2009");
	return 0;
}

static int check_protocol(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *value = cfg_opt_getnstr(opt, 0);

	if (check_once(cfg, opt))
		return -1;
	if (strcmp(value, "tcp") != 0 && strcmp(value, "udp") != 0)
		return refuse(cfg, opt, value, "neither tcp nor udp");
	return 0;
}

static int check_roles(cfg_t *cfg, cfg_opt_t *opt)
{
	if (check_once(cfg, opt))
		return -1;
	for (unsigned int i = 0; i < cfg_opt_size(opt); i++)
		if (role_by_name(cfg_opt_getnstr(opt, i)) < 0)
			return refuse(cfg, opt, cfg_opt_getnstr(opt, i),
				      "not a role; vpn, lan or container");
	return 0;
}

static int check_uplinks(cfg_t *cfg, cfg_opt_t *opt)
{
	if (check_roles(cfg, opt))
		return -1;
	for (unsigned int i = 0; i < cfg_opt_size(opt); i++)
		if (role_by_name(cfg_opt_getnstr(opt, i)) == SG_ROLE_CONTAINER)
			return refuse(cfg, opt, cfg_opt_getnstr(opt, i),
				      "not an uplink; vpn or lan");
	return 0;
}

static int check_number(cfg_t *cfg, cfg_opt_t *opt, long low, long high)
{
	long value = cfg_opt_getnint(opt, 0);

	if (check_once(cfg, opt))
		return -1;
	if (value < low || value > high) {
		cfg_error(cfg, "%s %ld: must be %ld to %ld", cfg_opt_name(opt),
			  value, low, high);
		return -1;
	}
	return 0;
}

static int check_port_or_none(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_number(cfg, opt, 0, UINT16_MAX);
}

static int check_flows(cfg_t *cfg, cfg_opt_t *opt)
{
	long value = cfg_opt_getnint(opt, 0);

	if (check_number(cfg, opt, 16, POLICY_FLOWS_MAX))
		return -1;
	if (value & (value - 1)) {
		cfg_error(cfg, "flows %ld: must be a power of two", value);
		return -1;
	}
	return 0;
}

static int check_half_open(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_number(cfg, opt, 16, POLICY_FLOWS_MAX);
}

static int check_duration(cfg_t *cfg, cfg_opt_t *opt)
{
	uint32_t seconds;

	if (check_once(cfg, opt))
		return -1;
	if (text_parse_duration(cfg_opt_getnstr(opt, 0), &seconds))
		return refuse(cfg, opt, cfg_opt_getnstr(opt, 0),
			      "not a duration; as \"30s\", \"4m\", \"5d\"");
	return 0;
}

/* The settings of a section that is complete cannot come again. */
static void forget_seen(const cfg_t *section)
{
	struct seen *seen;

	for (const cfg_opt_t *opt = section->opts; opt->name; opt++) {
		seen = find_seen(opt);
		if (seen)
			*seen = parse.seen[--parse.seen_count];
	}
}

/* A forward as a whole: what it must have, and what goes with what. */
static int check_forward(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *forward = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	const char *title = cfg_title(forward);
	struct port_range from;
	struct port_range to;

	if (check_braces(forward))
		return -1;
	forget_seen(forward);
	if (!title[0] || strlen(title) >= SG_NAME_BYTES)
		return refuse(cfg, opt, title, "name of 1 to 31 characters");
	if (cfg_size(forward, "ports") == 0)
		return refuse(cfg, opt, title, "has no ports; give some");
	if (cfg_size(forward, "to") == 0)
		return 0;
	if (cfg_size(forward, "to") > 1 || cfg_size(forward, "ports") > 1)
		return refuse(cfg, opt, title,
			      "\"to\" goes with one range of ports");
	text_parse_ports(cfg_getnstr(forward, "ports", 0), &from);
	text_parse_ports(cfg_getnstr(forward, "to", 0), &to);
	if (to.last != to.first && to.last - to.first != from.last - from.first)
		return refuse(cfg, opt, title,
			      "\"to\" is not as long as \"ports\"");
	if (to.first + (from.last - from.first) > UINT16_MAX)
		return refuse(cfg, opt, title,
			      "\"to\" reaches past port 65535");
	return 0;
}

static int check_masquerade_ports(cfg_t *cfg, cfg_opt_t *opt)
{
	struct port_range range;

	if (check_once(cfg, opt))
		return -1;
	if (text_parse_ports(cfg_opt_getnstr(opt, 0), &range) ||
	    range.first < 1024)
		return refuse(cfg, opt, cfg_opt_getnstr(opt, 0),
			      "not a range of ports from 1024 on");
	return 0;
}

static cfg_opt_t uplink_opts[] = {
	CFG_STR_LIST("interfaces", NULL, CFGF_NODEFAULT),
	CFG_STR("network", NULL, CFGF_NODEFAULT),
	CFG_END(),
};

static cfg_opt_t lan_opts[] = {
	CFG_STR_LIST("interfaces", NULL, CFGF_NODEFAULT),
	CFG_END(),
};

static cfg_opt_t container_opts[] = {
	CFG_STR("interface", NULL, CFGF_NODEFAULT),
	CFG_STR("address", NULL, CFGF_NODEFAULT),
	CFG_STR("network", NULL, CFGF_NODEFAULT),
	CFG_END(),
};

static cfg_opt_t forward_opts[] = {
	CFG_STR("protocol", "tcp", CFGF_NONE),
	CFG_STR_LIST("ports", NULL, CFGF_NODEFAULT),
	CFG_STR_LIST("to", NULL, CFGF_NODEFAULT),
	CFG_STR_LIST("from", NULL, CFGF_NODEFAULT),
	CFG_END(),
};

static cfg_opt_t grants_opts[] = {
#define X(id, name) CFG_BOOL(name, cfg_false, CFGF_NONE),
	SG_GRANTS(X)
#undef X
		CFG_END(),
};

static cfg_opt_t host_opts[] = {
	CFG_INT("control-port", 0, CFGF_NODEFAULT),
	CFG_STR_LIST("icmp-echo", NULL, CFGF_NODEFAULT),
	CFG_END(),
};

static cfg_opt_t egress_opts[] = {
	CFG_STR_LIST("masquerade", NULL, CFGF_NODEFAULT),
	CFG_STR("ports", NULL, CFGF_NODEFAULT),
	CFG_END(),
};

static cfg_opt_t limits_opts[] = {
	CFG_INT("flows", 0, CFGF_NODEFAULT),
	CFG_INT("half-open", 0, CFGF_NODEFAULT),
	CFG_END(),
};

static cfg_opt_t timeouts_opts[] = {
#define X(field, key, seconds) CFG_STR(key, NULL, CFGF_NODEFAULT),
	POLICY_TIMEOUTS(X)
#undef X
		CFG_END(),
};

/* Put behind the text: libconfuse takes the end of the file for the end of
 * every open section, but this has its place only outside of all of them. */
#define FILE_END "end of file"

static cfg_opt_t file_opts[] = {
	CFG_BOOL(FILE_END, cfg_false, CFGF_NONE),
	CFG_SEC("vpn", uplink_opts, CFGF_NONE),
	CFG_SEC("lan", lan_opts, CFGF_NONE),
	CFG_SEC("container", container_opts, CFGF_NONE),
	CFG_SEC("forward", forward_opts,
		CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
	CFG_SEC("grants", grants_opts, CFGF_NONE),
	CFG_SEC("host", host_opts, CFGF_NONE),
	CFG_SEC("egress", egress_opts, CFGF_NONE),
	CFG_SEC("limits", limits_opts, CFGF_NONE),
	CFG_SEC("timeouts", timeouts_opts, CFGF_NONE),
	CFG_END(),
};

static const struct {
	const char *key;
	cfg_validate_callback_t check;
} checks[] = {{"vpn", check_section},
	      {"vpn|interfaces", check_interfaces},
	      {"vpn|network", check_networks},
	      {"lan", check_section},
	      {"lan|interfaces", check_interfaces},
	      {"container", check_section},
	      {"container|interface", check_interfaces},
	      {"container|address", check_addr},
	      {"container|network", check_networks},
	      {"forward", check_forward},
	      {"forward|protocol", check_protocol},
	      {"forward|ports", check_ports},
	      {"forward|to", check_ports},
	      {"forward|from", check_networks},
	      {"grants", check_section},
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
	      {"timeouts", check_section},
#define X(field, key, seconds) {"timeouts|" key, check_duration},
	      POLICY_TIMEOUTS(X)
#undef X
};

/* What follows trusts the checks above: every value there is a right one. */

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

	if (!(opt->flags & CFGF_MODIFIED))
		return;
	*roles = 0;
	for (unsigned int i = 0; i < cfg_opt_size(opt); i++)
		*roles |= SG_ROLE_BIT(role_by_name(cfg_opt_getnstr(opt, i)));
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
			text_parse_ports(cfg_getnstr(section, "to", 0), &to);
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

	if (cfg_size(egress, "ports"))
		text_parse_ports(cfg_getstr(egress, "ports"),
				 &policy->masquerade_ports);
	if (cfg_size(limits, "flows"))
		policy->flows = (uint32_t)cfg_getint(limits, "flows");
	if (cfg_size(limits, "half-open"))
		policy->half_open = (uint32_t)cfg_getint(limits, "half-open");
	if (cfg_size(host, "control-port"))
		policy->control_port =
			(uint16_t)cfg_getint(host, "control-port");
#define X(field, key, seconds)                                                 \
	if (cfg_size(timeouts, key))                                           \
		text_parse_duration(cfg_getstr(timeouts, key),                 \
				    &policy->timeout_s.field);
	POLICY_TIMEOUTS(X)
#undef X
}

static int take(cfg_t *cfg, struct policy *policy)
{
	cfg_t *grants = cfg_getsec(cfg, "grants");
	cfg_t *vpn = cfg_getsec(cfg, "vpn");
	int r = 0;

	take_role(vpn, "interfaces", &policy->roles[SG_ROLE_VPN]);
	if (cfg_size(vpn, "network"))
		text_parse_network(cfg_getstr(vpn, "network"),
				   &policy->vpn_network);
	take_role(cfg_getsec(cfg, "lan"), "interfaces",
		  &policy->roles[SG_ROLE_LAN]);
	take_container(cfg_getsec(cfg, "container"), policy);
	for (unsigned int i = 0; i < SG_GRANT_COUNT; i++)
		policy->grants[i] = cfg_getbool(grants, name_of_grant(i));
	take_roles(cfg_getsec(cfg, "host"), "icmp-echo", &policy->echo_roles);
	take_roles(cfg_getsec(cfg, "egress"), "masquerade",
		   &policy->masquerade_roles);
	take_numbers(cfg, policy);
	for (unsigned int i = 0; i < cfg_size(cfg, "forward") && !r; i++)
		r = take_forward(cfg_getnsec(cfg, "forward", i), policy);
	return r;
}

static void release_cfg(cfg_t **cfg)
{
	if (*cfg)
		cfg_free(*cfg);
}

static int count_lines(const char *text)
{
	int lines = 1;

	for (; text[0] && text[1]; text++)
		lines += text[0] == '\n';
	return lines;
}

static int parse_closed(cfg_t *cfg, const char *text)
{
	_cleanup_(cleanup_free) char *closed = NULL;
	struct fault *fault = parse.fault;

	if (asprintf(&closed, "%s\n\"%s\" = on\n", text, FILE_END) < 0)
		return fault_set(fault, ENOMEM, "out of memory");
	if (cfg_parse_buf(cfg, closed) == CFG_SUCCESS &&
	    cfg_getbool(cfg, FILE_END))
		return 0;
	if (!fault->text[0] || strstr(fault->text, FILE_END))
		return fault_set(fault, EINVAL,
				 "%s:%d: the file ends inside a section, list, "
				 "comment or string; close it",
				 parse.name, count_lines(text));
	return -EINVAL;
}

static int parse_text(const char *text, struct policy *policy)
{
	_cleanup_(release_cfg) cfg_t *cfg = cfg_init(file_opts, CFGF_NONE);
	int line;
	int r;

	if (!cfg)
		return fault_set(parse.fault, ENOMEM, "out of memory");
	cfg_set_error_function(cfg, report);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		cfg_set_validate_func(cfg, checks[i].key, checks[i].check);
	r = parse_closed(cfg, text);
	if (r)
		return r;
	if (parse.seen_count == 0 && cfg_size(cfg, "forward") == 0)
		policy_deny_all(policy);
	r = take(cfg, policy);
	if (r)
		return fault_set(parse.fault, r, "out of memory");
	r = policy_validate(policy, parse.fault, &line);
	if (r) {
		struct fault inner = *parse.fault;

		/* of no one line: the section that it is most about */
		if (line == 0)
			line = cfg_getsec(cfg, "container")->line;
		return fault_set(parse.fault, r, "%s:%d: %.400s", parse.name,
				 line ? line : 1, inner.text);
	}
	return 0;
}

int config_parse(const char *text, const char *name, struct policy *ret_policy,
		 struct fault *ret_fault)
{
	struct policy policy;
	int r;

	policy_init(&policy);
	ret_fault->text[0] = '\0';
	parse.name = name;
	parse.fault = ret_fault;
	parse.seen_count = 0;
	r = parse_text(text, &policy);
	parse.fault = NULL;
	if (r) {
		policy_release(&policy);
		return r;
	}
	*ret_policy = policy;
	return 0;
}

int config_load(const char *path, struct policy *ret_policy,
		struct fault *ret_fault)
{
	_cleanup_(cleanup_free) char *text = NULL;
	int r = file_read_config(path, &text, ret_fault);

	return r ? r : config_parse(text, path, ret_policy, ret_fault);
}
