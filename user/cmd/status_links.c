// SPDX-License-Identifier: GPL-2.0-or-later
/* See status_links.h. */
#include "cmd/status_links.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "cmd/finding.h"
#include "cmd/show.h"
#include "config/names.h"
#include "gate/dataplane.h"
#include "gate/early.h"
#include "gate/forwarding.h"
#include "gate/hook.h"
#include "gate/loopback.h"
#include "gate/maps.h"
#include "sg_iface.h"
#include "sys/cleanup.h"
#include "sys/links.h"
#include "sys/text.h"

static uint32_t program_id(const char *pin_dir, enum dataplane_program program)
{
	_cleanup_(cleanup_close) int fd = -1;
	struct bpf_prog_info info = {0};
	__u32 bytes = sizeof(info);
	char path[PINS_PATH_BYTES];

	if (pins_path(pin_dir, "programs", dataplane_program_name(program),
		      path))
		return 0;
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &bytes))
		return 0;
	return info.id;
}

/* Return the name that a link has today, until the next call. */
static const char *name_of_link(uint32_t ifindex)
{
	static char name[IF_NAMESIZE];

	return if_indextoname(ifindex, name) ? name : "a link that is gone";
}

/* Find another's program before ours: what it lets pass, ours never sees. */
static void check_order(struct json_object *findings, const struct hook *hook,
			enum hook_mode mode, const char *key, uint32_t id)
{
	_cleanup_(cleanup_close) int fd = -1;
	struct bpf_prog_info info = {0};
	__u32 bytes = sizeof(info);
	uint32_t first = hook_preceded_by(hook, mode, id);

	if (!first)
		return;
	fd = bpf_prog_get_fd_by_id(first);
	if (fd >= 0)
		bpf_obj_get_info_by_fd(fd, &info, &bytes);
	finding_add(findings,
		    "%s: the program %s comes before the gate's on %s; run "
		    "`scoutgate up`, which puts the gate's first",
		    name_of_link(hook->ifindex),
		    info.name[0] ? info.name : "of another", key);
}

static void add_hook(struct json_object *row, struct json_object *findings,
		     const char *pin_dir, uint32_t ifindex, enum hook_side side,
		     enum dataplane_program program)
{
	struct hook hook = {pin_dir, ifindex, side};
	const char *key = side == HOOK_INGRESS ? "ingress" : "egress";
	enum hook_mode mode;
	uint32_t id;

	if (hook_query(&hook, &mode, &id)) {
		show_add_text(row, key, "absent");
		finding_add(findings,
			    "%s: no program on %s; run `scoutgate up`",
			    name_of_link(ifindex), key);
		return;
	}
	show_add_text(row, key, hook_mode_name(mode));
	if (id != program_id(pin_dir, program))
		finding_add(findings,
			    "%s: another program than the gate's on %s; run "
			    "`scoutgate up`",
			    name_of_link(ifindex), key);
	check_order(findings, &hook, mode, key, id);
}

/* Add the program that refuses before there is an skb, if a driver lets it. */
static void add_early(struct json_object *row, struct json_object *findings,
		      const char *pin_dir, uint32_t ifindex)
{
	static const char *const words[] = {
		[EARLY_IS_NATIVE] = "native",
		[EARLY_IS_GENERIC] = "generic",
		[EARLY_IS_FOREIGN] = "another's",
		[EARLY_IS_ABSENT] = "none",
	};
	uint32_t id = 0;
	enum early_state state = early_query(pin_dir, ifindex, &id);

	show_add_text(row, "early_drop", words[state]);
	if (id && id != program_id(pin_dir, DATAPLANE_sg_uplink_early))
		finding_add(findings,
			    "%s: another program than the gate's drops early; "
			    "run `scoutgate up`",
			    name_of_link(ifindex));
}

/* The second layer: what the kernel would do if the gate were not there. */
static void add_forwarding(struct json_object *row,
			   struct json_object *findings, uint32_t ifindex)
{
	char name[IF_NAMESIZE]; /* of today */
	bool on = if_indextoname(ifindex, name) && forwarding_is_on(name);

	show_add_text(row, "forwarding", on ? "on" : "off");
	if (on)
		finding_add(findings,
			    "%s: the kernel would forward past the gate; run "
			    "`scoutgate up`",
			    name);
}

static int by_interface(const void *left, const void *right)
{
	struct json_object *const *a = left;
	struct json_object *const *b = right;

	return strcmp(show_text_of(*a, "interface"),
		      show_text_of(*b, "interface"));
}

/* Say which links a role waits for. */
static void add_waiting(struct json_object *waiting,
			const struct policy_role *role, unsigned int id)
{
	struct json_object *row = show_add_row(waiting);
	char text[256] = "";
	size_t at = 0;

	for (size_t i = 0; i < role->pattern_count && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s",
				       i ? ", " : "", role->patterns[i]);
	show_add_text(row, "role", name_of_role(id));
	show_add_text(row, "interfaces", text);
}

static int add_ifaces(const struct pins *pins, const struct policy *policy,
		      struct json_object *rows, struct json_object *waiting,
		      struct json_object *findings)
{
	_cleanup_(cleanup_free) uint32_t *keys = NULL;
	_cleanup_(cleanup_free) struct sg_iface *ifaces = NULL;
	bool found[SG_ROLE_COUNT] = {false};
	size_t count;
	int r = maps_read(pins->map_fds[PINS_ifaces], sizeof(*keys),
			  sizeof(*ifaces), (void **)&keys, (void **)&ifaces,
			  &count);

	for (size_t i = 0; i < count && !r; i++) {
		enum sg_role role = ifaces[i].role;
		struct json_object *row;
		char today[IF_NAMESIZE];

		if (!if_indextoname(keys[i], today)) /* it has gone */
			continue;
		row = show_add_row(rows);
		found[role] = true;
		show_add_text(row, "interface", ifaces[i].name);
		show_add_text(row, "role", name_of_role(role));
		add_hook(row, findings, pins->dir, keys[i], HOOK_INGRESS,
			 role == SG_ROLE_CONTAINER ? DATAPLANE_sg_container_in
						   : DATAPLANE_sg_uplink_in);
		add_hook(row, findings, pins->dir, keys[i], HOOK_EGRESS,
			 DATAPLANE_sg_host_out);
		add_early(row, findings, pins->dir, keys[i]);
		add_forwarding(row, findings, keys[i]);
	}
	json_object_array_sort(rows, by_interface);
	for (unsigned int role = 0; role < SG_ROLE_COUNT && !r; role++)
		if (!found[role])
			add_waiting(waiting, &policy->roles[role], role);
	return r;
}

/* Return whether a route of the host's leads to the container by the link, as
 * an address in its network brings one: otherwise nobody there is its gateway.
 */
static bool has_its_network(const struct links *links, uint32_t ifindex,
			    const union sg_addr *container)
{
	const struct network host = {*container, .prefix = 128};

	for (size_t i = 0; i < links->route_count; i++) {
		const struct link_route *route = &links->routes[i];
		const struct network network = {route->addr, route->prefix};

		if (route->ifindex == ifindex &&
		    text_networks_overlap(&network, &host))
			return true;
	}
	return false;
}

/* The container is there when both ends of its link are up; an uplink may well
 * have no cable. */
static void check_container(const struct links *links, const struct link *link,
			    const struct policy *policy,
			    struct json_object *findings)
{
	char text[TEXT_ADDR_BYTES];

	if (!link->has_carrier) {
		finding_add(findings,
			    link->is_up ? "%s: the container's end is down; "
					  "nothing reaches the container"
					: "%s: it is down; nothing reaches the "
					  "container; run `ip link set %s up`",
			    link->name, link->name);
	} else if (!has_its_network(links, link->ifindex, &policy->container)) {
		text_from_addr(&policy->container, text, sizeof(text));
		finding_add(findings,
			    "%s: the host has no address in the container's "
			    "network (%s), so the container has no gateway; "
			    "add one, as 50-scoutgate.network does",
			    link->name, text);
	}
}

/* Every link that could carry packets is governed, exempt, or a finding. */
static void add_link(const struct pins *pins, const struct policy *policy,
		     const struct links *links, const struct link *link,
		     struct json_object *rows, struct json_object *findings)
{
	struct sg_exempt exempt;
	struct sg_iface iface;
	struct json_object *row;

	if (strcmp(link->name, "lo") == 0 ||
	    bpf_map_lookup_elem(pins->map_fds[PINS_ifaces], &link->ifindex,
				&iface) == 0) {
		if (link->is_port)
			finding_add(findings,
				    "%s: it has become a port of another link; "
				    "run `scoutgate up`",
				    link->name);
		else if (strcmp(link->name, "lo") != 0 &&
			 iface.role == SG_ROLE_CONTAINER)
			check_container(links, link, policy, findings);
		return;
	}
	if (bpf_map_lookup_elem(pins->map_fds[PINS_exempt], &link->ifindex,
				&exempt) == 0) {
		row = show_add_row(rows);
		show_add_text(row, "interface", link->name);
		show_add_text(row, "role", "exempt");
	} else if (link->is_up && !link->is_port) {
		finding_add(findings,
			    "%s: it is not governed; run `scoutgate up`, or "
			    "name it in the configuration",
			    link->name);
	}
}

/* An address that came with nobody there to say so: the gate does not answer at
 * it. */
static void check_addr(const struct pins *pins, const struct link_addr *addr,
		       struct json_object *findings)
{
	const struct sg_gate_addr_key key = {addr->ifindex, addr->addr};
	char text[TEXT_ADDR_BYTES];
	struct sg_iface iface;
	uint32_t prefix;

	if (bpf_map_lookup_elem(pins->map_fds[PINS_ifaces], &addr->ifindex,
				&iface) ||
	    bpf_map_lookup_elem(pins->map_fds[PINS_addresses], &key, &prefix) ==
		    0)
		return;
	text_from_addr(&addr->addr, text, sizeof(text));
	finding_add(findings,
		    "%s: its address %s is not known to the gate; run "
		    "`scoutgate up`, or `scoutgate run`, which follows",
		    iface.name, text);
}

/* Name the rules that the kernel would go by, and the gate cannot. */
static void check_rules(const struct links *links, struct json_object *findings)
{
	if (links->unfollowed & LINKS_RULE_IIF)
		finding_add(findings,
			    "an `ip rule` with iif is not followed for what "
			    "the container sends; use from, to or ports");
	if (links->unfollowed & LINKS_RULE_TOS)
		finding_add(findings,
			    "an `ip rule` or route with tos or dscp is not "
			    "followed for what the container sends; use from, "
			    "to or ports");
	if (links->unfollowed & LINKS_RULE_SUPPRESS)
		finding_add(findings,
			    "an `ip -6 rule` with suppress_prefixlength or "
			    "suppress_ifgroup is not followed, so the "
			    "container has no IPv6 to the outside; use from, "
			    "to or ports");
}

int status_add_links(const struct pins *pins, const struct policy *policy,
		     struct json_object *rows, struct json_object *waiting,
		     struct json_object *findings)
{
	_cleanup_(links_release) struct links links = {0};
	struct fault fault;
	int r = add_ifaces(pins, policy, rows, waiting, findings);

	if (!r)
		r = links_read(&links, &fault);
	for (size_t i = 0; i < links.count && !r; i++)
		add_link(pins, policy, &links, &links.items[i], rows, findings);
	for (size_t i = 0; i < links.addr_count && !r; i++)
		check_addr(pins, &links.addrs[i], findings);
	check_rules(&links, findings);
	if (!r && !loopback_is_set())
		finding_add(findings,
			    "lo: its forwarding is off, so that the gate finds "
			    "no way out for the container; run `scoutgate up`");
	return r;
}
