// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate status: is the gate whole, and what is open. */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "dataplane.h"
#include "early.h"
#include "forwarding.h"
#include "forwards.h"
#include "guard.h"
#include "hook.h"
#include "links.h"
#include "maps.h"
#include "names.h"
#include "pins.h"
#include "sg_iface.h"
#include "sg_policy.h"
#include "shares.h"
#include "show.h"
#include "text.h"
#include "verb.h"

static const struct show_column iface_columns[] = {
	{"interface", "INTERFACE"},   {"role", "ROLE"},
	{"ingress", "INGRESS"},	      {"egress", "EGRESS"},
	{"early_drop", "EARLY DROP"}, {"forwarding", "KERNEL FORWARDS"},
};

static const struct show_column grant_columns[] = {
	{"grant", "GRANT"},
	{"state", "STATE"},
	{"seconds_left", "SECONDS LEFT"},
};

static const struct show_column trouble_columns[] = {{"trouble", "TROUBLE"}};

/* A finding that keeps the gate from being healthy. */
__attribute__((format(printf, 2, 3))) static void
add_trouble(struct json_object *troubles, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	show_add_text(show_add_row(troubles), "trouble", text);
}

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

/* What another's program before ours lets pass, ours never sees. */
static void check_order(struct json_object *troubles, const struct hook *hook,
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
	add_trouble(troubles,
		    "%s: the program %s comes before the gate's on %s; run "
		    "`scoutgate up`, which puts the gate's first",
		    name_of_link(hook->ifindex),
		    info.name[0] ? info.name : "of another", key);
}

static void add_hook(struct json_object *row, struct json_object *troubles,
		     const char *pin_dir, uint32_t ifindex, enum hook_side side,
		     enum dataplane_program program)
{
	struct hook hook = {pin_dir, ifindex, side};
	const char *key = side == HOOK_INGRESS ? "ingress" : "egress";
	enum hook_mode mode;
	uint32_t id;

	if (hook_query(&hook, &mode, &id)) {
		show_add_text(row, key, "absent");
		add_trouble(troubles,
			    "%s: no program on %s; run `scoutgate up`",
			    name_of_link(ifindex), key);
		return;
	}
	show_add_text(row, key, hook_mode_name(mode));
	if (id != program_id(pin_dir, program))
		add_trouble(troubles,
			    "%s: another program than the gate's on %s; run "
			    "`scoutgate up`",
			    name_of_link(ifindex), key);
	check_order(troubles, &hook, mode, key, id);
}

/* What refuses before there is an skb, where the driver lets it. */
static void add_early(struct json_object *row, struct json_object *troubles,
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
		add_trouble(troubles,
			    "%s: another program than the gate's drops early; "
			    "run `scoutgate up`",
			    name_of_link(ifindex));
}

/* The second layer: what the kernel would do if the gate were not there. */
static void add_forwarding(struct json_object *row,
			   struct json_object *troubles, uint32_t ifindex)
{
	char name[IF_NAMESIZE]; /* of today */
	bool on = if_indextoname(ifindex, name) && forwarding_is_on(name);

	show_add_text(row, "forwarding", on ? "on" : "off");
	if (on)
		add_trouble(troubles,
			    "%s: the kernel would forward past the gate; run "
			    "`scoutgate up`",
			    name);
}

static int by_interface(const void *left, const void *right)
{
	struct json_object *const *a = left;
	struct json_object *const *b = right;

	return strcmp(
		json_object_get_string(json_object_object_get(*a, "interface")),
		json_object_get_string(
			json_object_object_get(*b, "interface")));
}

static int add_ifaces(const struct pins *pins, struct json_object *rows,
		      struct json_object *troubles)
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
		add_hook(row, troubles, pins->dir, keys[i], HOOK_INGRESS,
			 role == SG_ROLE_CONTAINER ? DATAPLANE_sg_container_in
						   : DATAPLANE_sg_uplink_in);
		add_hook(row, troubles, pins->dir, keys[i], HOOK_EGRESS,
			 DATAPLANE_sg_host_out);
		add_early(row, troubles, pins->dir, keys[i]);
		add_forwarding(row, troubles, keys[i]);
	}
	json_object_array_sort(rows, by_interface);
	for (unsigned int role = 0; role < SG_ROLE_COUNT && !r; role++)
		if (!found[role])
			add_trouble(troubles, "no interface has the role %s",
				    name_of_role(role));
	return r;
}

/* The container is there when both ends of its link are up; an uplink may well
 * have no cable. */
static void check_container(const struct link *link,
			    const struct sg_iface *iface,
			    struct json_object *troubles)
{
	if (iface->role != SG_ROLE_CONTAINER || link->has_carrier)
		return;
	add_trouble(troubles,
		    link->is_up ? "%s: the container's end is down; nothing "
				  "reaches the container"
				: "%s: it is down; nothing reaches the "
				  "container; run `ip link set %s up`",
		    link->name, link->name);
}

/* Every link that could carry packets is governed, exempt, or a finding. */
static void add_link(const struct pins *pins, const struct link *link,
		     struct json_object *rows, struct json_object *troubles)
{
	struct sg_exempt exempt;
	struct sg_iface iface;
	struct json_object *row;

	if (strcmp(link->name, "lo") == 0 ||
	    bpf_map_lookup_elem(pins->map_fds[PINS_ifaces], &link->ifindex,
				&iface) == 0) {
		if (link->is_port)
			add_trouble(troubles,
				    "%s: it has become a port of another link; "
				    "run `scoutgate up`",
				    link->name);
		else if (strcmp(link->name, "lo") != 0)
			check_container(link, &iface, troubles);
		return;
	}
	if (bpf_map_lookup_elem(pins->map_fds[PINS_exempt], &link->ifindex,
				&exempt) == 0) {
		row = show_add_row(rows);
		show_add_text(row, "interface", link->name);
		show_add_text(row, "role", "exempt");
	} else if (link->is_up && !link->is_port) {
		add_trouble(troubles,
			    "%s: it is not governed; run `scoutgate up`, or "
			    "name it in the configuration",
			    link->name);
	}
}

/* An address that came with nobody there to say so: the gate does not answer at
 * it. */
static void check_addr(const struct pins *pins, const struct link_addr *addr,
		       struct json_object *troubles)
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
	add_trouble(troubles,
		    "%s: its address %s is not known to the gate; run "
		    "`scoutgate up`, or `scoutgate run`, which follows",
		    iface.name, text);
}

static int add_links(const struct pins *pins, struct json_object *rows,
		     struct json_object *troubles)
{
	_cleanup_(links_release) struct links links = {0};
	struct fault fault;
	int r = links_read(&links, &fault);

	for (size_t i = 0; i < links.count && !r; i++)
		add_link(pins, &links.items[i], rows, troubles);
	for (size_t i = 0; i < links.addr_count && !r; i++)
		check_addr(pins, &links.addrs[i], troubles);
	if (links.has_iif_rule)
		add_trouble(troubles,
			    "an `ip rule` with iif is not followed for what "
			    "the container sends; use from, to or ports");
	return r;
}

static int add_grants(const struct pins *pins, struct json_object *rows)
{
	uint32_t now_s = boot_s();

	for (__u32 id = 0; id < SG_GRANT_COUNT; id++) {
		struct json_object *row = show_add_row(rows);
		struct sg_grant grant;
		bool open;

		if (bpf_map_lookup_elem(pins->map_fds[PINS_grants], &id,
					&grant))
			return -errno;
		open = sg_grant_is_open(&grant, now_s);
		show_add_text(row, "grant", name_of_grant(id));
		show_add_text(row, "state", open ? "open" : "closed");
		if (open && grant.deadline_s)
			show_add_number(row, "seconds_left",
					grant.deadline_s - now_s);
	}
	return 0;
}

/* How full the flow tables are; who is refused for want of room. */
static int add_shares(const struct pins *pins, struct json_object *rows,
		      struct json_object *troubles)
{
	_cleanup_(show_release) struct json_object *full =
		json_object_new_array();
	int r = shares_add(pins, rows, full);

	for (size_t i = 0; i < json_object_array_length(full); i++)
		add_trouble(troubles,
			    "the flow table has no room for more of %s's "
			    "conversations; raise limits.flows, or see "
			    "`scoutgate flows` for whose they are",
			    json_object_get_string(
				    json_object_array_get_idx(full, i)));
	return r;
}

#define TABLE(root, key, columns)                                              \
	print_section(root, key, columns, sizeof(columns) / sizeof(columns[0]))

static void print_section(struct json_object *root, const char *key,
			  const struct show_column *columns, size_t count)
{
	struct json_object *rows = json_object_object_get(root, key);

	if (columns == trouble_columns && json_object_array_length(rows) == 0)
		return;
	show_table(rows, columns, count);
	putchar('\n');
}

static void print_text(struct json_object *root)
{
	TABLE(root, "interfaces", iface_columns);
	TABLE(root, "grants", grant_columns);
	forwards_print(json_object_object_get(root, "forwards"));
	putchar('\n');
	shares_print(json_object_object_get(root, "shares"));
	putchar('\n');
	TABLE(root, "troubles", trouble_columns);
	printf("guard: %s\nhealth: %s\n",
	       json_object_get_boolean(json_object_object_get(root, "guard"))
		       ? "nftables"
		       : "absent",
	       json_object_get_string(json_object_object_get(root, "health")));
}

static int report(const struct context *context, const struct pins *pins,
		  struct fault *ret_fault)
{
	_cleanup_(show_release) struct json_object *root =
		json_object_new_object();
	struct json_object *ifaces = show_add_list(root, "interfaces");
	struct json_object *grants = show_add_list(root, "grants");
	struct json_object *rules = show_add_list(root, "forwards");
	struct json_object *troubles = show_add_list(root, "troubles");
	bool healthy;
	int r = add_ifaces(pins, ifaces, troubles);

	if (pins_check_netns(pins, ret_fault))
		add_trouble(troubles,
			    "it is the gate of another network namespace; run "
			    "scoutgate there to see its interfaces");
	if (!r)
		r = add_links(pins, ifaces, troubles);
	if (!r)
		r = add_grants(pins, grants);
	if (!r)
		r = forwards_add(pins, rules);
	if (!r)
		r = add_shares(pins, show_add_list(root, "shares"), troubles);
	if (r)
		return fault_set(ret_fault, r, "%s: reading failed: %s",
				 context->pin_dir, strerror(-r));
	healthy = json_object_array_length(troubles) == 0;
	show_add_flag(root, "guard", guard_is_there());
	show_add_text(root, "health", healthy ? "healthy" : "degraded");
	if (context->json)
		show_json(root);
	else
		print_text(root);
	return healthy ? EXIT_OK : EXIT_DEGRADED;
}

int verb_status(const struct context *context, int count, char **args)
{
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	struct fault fault;
	int r;

	(void)args;
	if (count)
		return verb_usage("status takes no arguments");
	r = pins_open(context->pin_dir, &pins, &fault);
	if (r) {
		verb_fail(&fault);
		return r == -ENOENT ? EXIT_NOT_LOADED : EXIT_FAILED;
	}
	r = report(context, &pins, &fault);
	return r < 0 ? verb_fail(&fault) : r;
}
