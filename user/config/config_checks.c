// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The validators: each value is checked where it stands, so that a message
 * names its line. See config_checks.h.
 */
#include "config/config_checks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/names.h"
#include "config/policy.h"
#include "sys/text.h"

#define SEEN_MAX 128 /* settings outside of forwards, or in one forward */

/* libconfuse hands no pointer on to its callbacks, so the parse in progress is
 * the file's only state. */
static struct {
	const char *name;
	struct fault *fault;
	struct seen {
		const cfg_opt_t *opt;
		unsigned int values;
		char last[64]; /* of them, if it is a list */
		bool is_complete;
	} seen[SEEN_MAX];
	size_t seen_count;
} parse;

__attribute__((format(printf, 2, 0))) void
check_report(cfg_t *cfg, const char *format, va_list args)
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
int check_once(cfg_t *cfg, cfg_opt_t *opt)
{
	unsigned int values = cfg_opt_size(opt);
	bool is_list = opt->flags & CFGF_LIST;
	const char *last =
		is_list && values ? cfg_opt_getnstr(opt, values - 1) : "";
	struct seen *seen = find_seen(opt);
	struct seen now = {.opt = opt, .values = values};

	snprintf(now.last, sizeof(now.last), "%s", last);
	if (!seen) {
		if (parse.seen_count == SEEN_MAX) {
			cfg_error(cfg, "more than %d settings", SEEN_MAX);
			return -1;
		}
		now.is_complete = !is_list || values == 0;
		parse.seen[parse.seen_count++] = now;
		return 0;
	}
	now.is_complete =
		values == seen->values && strcmp(now.last, seen->last) == 0;
	if (seen->is_complete ||
	    (!now.is_complete && values != seen->values + 1)) {
		cfg_error(cfg, "\"%s\" is given twice; keep one",
			  cfg_opt_name(opt));
		return -1;
	}
	*seen = now;
	return 0;
}

/* A list's only value may stand without braces, but then a second assignment
 * looks like the closing brace of the first. */
static int check_braces(cfg_t *section)
{
	const struct seen *seen;

	for (cfg_opt_t *opt = section->opts; opt->name; opt++) {
		seen = find_seen(opt);
		if (seen && !seen->is_complete) {
			cfg_error(section, "%s: write it as a list, {\"...\"}",
				  cfg_opt_name(opt));
			return -1;
		}
	}
	return 0;
}

int check_section(cfg_t *cfg, cfg_opt_t *opt)
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

int check_interfaces(cfg_t *cfg, cfg_opt_t *opt)
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

int check_addr(cfg_t *cfg, cfg_opt_t *opt)
{
	union sg_addr addr;

	if (check_once(cfg, opt))
		return -1;
	if (text_parse_addr(cfg_opt_getnstr(opt, 0), &addr) ||
	    !text_addr_is_v4(&addr))
		return refuse(cfg, opt, cfg_opt_getnstr(opt, 0),
			      "not an IPv4 address; write it as 10.0.3.2");
	return 0;
}

/* One that can be another's: not multicast, loopback or a link's own. */
static bool is_wide6(const union sg_addr *addr)
{
	uint32_t first = ntohl(addr->word[0]);

	return !text_addr_is_v4(addr) && first && first >> 24 != 0xff &&
	       first >> 22 != 0xfe800000 >> 22;
}

int check_addr6(cfg_t *cfg, cfg_opt_t *opt)
{
	union sg_addr addr;

	if (check_once(cfg, opt))
		return -1;
	if (text_parse_addr(cfg_opt_getnstr(opt, 0), &addr) || !is_wide6(&addr))
		return refuse(cfg, opt, cfg_opt_getnstr(opt, 0),
			      "not a unicast IPv6 address beyond the link; "
			      "write it as fd00:3::2");
	return 0;
}

int check_network(cfg_t *cfg, cfg_opt_t *opt)
{
	struct network network;

	if (check_once(cfg, opt))
		return -1;
	if (text_parse_network(cfg_opt_getnstr(opt, 0), &network) ||
	    !text_addr_is_v4(&network.addr))
		return refuse(cfg, opt, cfg_opt_getnstr(opt, 0),
			      "not an IPv4 network; write it as "
			      "10.1.0.0/24, no host bits");
	return 0;
}

/* A list is checked at each of its values: this one. NULL: it is empty. */
static const char *newest_value(cfg_opt_t *opt)
{
	unsigned int count = cfg_opt_size(opt);

	return count ? cfg_opt_getnstr(opt, count - 1) : NULL;
}

int check_networks(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *value = newest_value(opt);
	struct network network;

	if (check_once(cfg, opt))
		return -1;
	if (value && text_parse_network(value, &network))
		return refuse(cfg, opt, value,
			      "not a network; write it as 10.1.0.0/24 or "
			      "fd00:3::/64, no host bits");
	return 0;
}

int check_ports(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *value = newest_value(opt);
	struct port_range range;

	if (check_once(cfg, opt))
		return -1;
	if (value && text_parse_ports(value, &range))
		return refuse(cfg, opt, value,
			      "not a port or range; 1 to 65535, as 22 or "
			      "2000-2009");
	return 0;
}

int check_protocol(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *value = cfg_opt_getnstr(opt, 0);

	if (check_once(cfg, opt))
		return -1;
	if (strcmp(value, "tcp") != 0 && strcmp(value, "udp") != 0)
		return refuse(cfg, opt, value, "neither tcp nor udp");
	return 0;
}

int check_directory(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *path = cfg_opt_getnstr(opt, 0);

	if (check_once(cfg, opt))
		return -1;
	if (path[0] != '/' || strlen(path) >= POLICY_DIR_BYTES)
		return refuse(cfg, opt, path,
			      "not a whole path; write it as /media/case7");
	return 0;
}

int check_when_full(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *value = cfg_opt_getnstr(opt, 0);

	if (check_once(cfg, opt))
		return -1;
	if (strcmp(value, "gap") != 0 && strcmp(value, "refuse") != 0)
		return refuse(cfg, opt, value,
			      "gap (records are lost, and counted) or refuse "
			      "(new flows)");
	return 0;
}

int check_early_mode(cfg_t *cfg, cfg_opt_t *opt)
{
	if (check_once(cfg, opt))
		return -1;
	if (policy_early_by_name(cfg_opt_getnstr(opt, 0)) < 0)
		return refuse(cfg, opt, cfg_opt_getnstr(opt, 0),
			      "neither native, generic nor off");
	return 0;
}

int check_roles(cfg_t *cfg, cfg_opt_t *opt)
{
	if (check_once(cfg, opt))
		return -1;
	if (cfg_opt_size(opt) == 1 && !cfg_opt_getnstr(opt, 0)[0])
		return 0; /* {}: none */
	for (unsigned int i = 0; i < cfg_opt_size(opt); i++)
		if (role_by_name(cfg_opt_getnstr(opt, i)) < 0)
			return refuse(cfg, opt, cfg_opt_getnstr(opt, i),
				      "not a role; vpn, lan or container");
	return 0;
}

int check_uplinks(cfg_t *cfg, cfg_opt_t *opt)
{
	if (check_roles(cfg, opt))
		return -1;
	for (unsigned int i = 0; i < cfg_opt_size(opt); i++)
		if (role_by_name(cfg_opt_getnstr(opt, i)) == SG_ROLE_CONTAINER)
			return refuse(cfg, opt, cfg_opt_getnstr(opt, i),
				      "not an uplink; vpn or lan");
	return 0;
}

static int check_number(cfg_t *cfg, cfg_opt_t *opt, uint32_t low, uint32_t high,
			uint32_t *ret_number)
{
	const char *value = cfg_opt_getnstr(opt, 0);

	if (check_once(cfg, opt))
		return -1;
	if (text_parse_number(value, ret_number) || *ret_number < low ||
	    *ret_number > high) {
		cfg_error(cfg, "%s %.64s: must be a number from %u to %u",
			  cfg_opt_name(opt), value, low, high);
		return -1;
	}
	return 0;
}

int check_port_or_none(cfg_t *cfg, cfg_opt_t *opt)
{
	uint32_t number;

	return check_number(cfg, opt, 0, UINT16_MAX, &number);
}

int check_flows(cfg_t *cfg, cfg_opt_t *opt)
{
	uint32_t number;

	if (check_number(cfg, opt, 16, POLICY_FLOWS_MAX, &number))
		return -1;
	if (number & (number - 1)) {
		cfg_error(cfg, "flows %u: must be a power of two", number);
		return -1;
	}
	return 0;
}

int check_half_open(cfg_t *cfg, cfg_opt_t *opt)
{
	uint32_t number;

	return check_number(cfg, opt, 16, POLICY_FLOWS_MAX, &number);
}

int check_new_per_source(cfg_t *cfg, cfg_opt_t *opt)
{
	uint32_t number;

	return check_number(cfg, opt, 0, POLICY_NEW_PER_SOURCE_MAX, &number);
}

int check_duration(cfg_t *cfg, cfg_opt_t *opt)
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
int check_forward(cfg_t *cfg, cfg_opt_t *opt)
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
	if (cfg_size(forward, "ports") > 1)
		return refuse(cfg, opt, title,
			      "\"to\" goes with one range of ports");
	text_parse_ports(cfg_getnstr(forward, "ports", 0), &from);
	text_parse_ports(cfg_getstr(forward, "to"), &to);
	if (to.last != to.first && to.last - to.first != from.last - from.first)
		return refuse(cfg, opt, title,
			      "\"to\" is not as long as \"ports\"");
	if (to.first + (from.last - from.first) > UINT16_MAX)
		return refuse(cfg, opt, title,
			      "\"to\" reaches past port 65535");
	return 0;
}

int check_masquerade_ports(cfg_t *cfg, cfg_opt_t *opt)
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

void check_begin(const char *name, struct fault *fault)
{
	parse.name = name;
	parse.fault = fault;
	parse.seen_count = 0;
}

bool check_saw_anything(void)
{
	return parse.seen_count > 0;
}
