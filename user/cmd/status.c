// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate status: is the gate whole, and what is open. */
#include "cmd/status.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/fallbacks.h"
#include "cmd/finding.h"
#include "cmd/forwards.h"
#include "cmd/repeat.h"
#include "cmd/shares.h"
#include "cmd/show.h"
#include "cmd/status_links.h"
#include "cmd/summary.h"
#include "config/names.h"
#include "gate/deadline.h"
#include "gate/guard.h"
#include "gate/hold.h"
#include "gate/in_force.h"
#include "gate/maps.h"
#include "gate/pins.h"
#include "gate/supervisor_note.h"
#include "ledger/place.h"
#include "ledger/segment.h"
#include "sg_policy.h"
#include "sys/cleanup.h"
#include "sys/clock.h"
#include "version.h"

#define STALE_S 10 /* a daemon looks several times a second */

static const struct table_column iface_columns[] = {
	{"interface", "INTERFACE", TABLE_TEXT, 0},
	{"role", "ROLE", TABLE_TEXT, 0},
	{"ingress", "INGRESS", TABLE_TEXT, 0},
	{"egress", "EGRESS", TABLE_TEXT, 0},
	{"early_drop", "EARLY DROP", TABLE_TEXT, 0},
	{"forwarding", "KERNEL FORWARDS", TABLE_TEXT, 0},
};

static const struct table_column grant_columns[] = {
	{"grant", "GRANT", TABLE_TEXT, 0},
	{"state", "STATE", TABLE_TEXT, 0},
	{"until", "UNTIL", TABLE_TEXT, 0},
};

static const struct table_column problem_columns[] = {
	{"problem", "PROBLEM", TABLE_TEXT, 0}};

static int add_grants(const struct pins *pins, struct json_object *rows)
{
	uint32_t now_s = boot_s();

	for (__u32 id = 0; id < SG_GRANT_COUNT; id++) {
		struct json_object *row = show_add_row(rows);
		char until[DEADLINE_BYTES];
		struct sg_grant grant;
		bool open;

		if (bpf_map_lookup_elem(pins->map_fds[PINS_grants], &id,
					&grant))
			return -errno;
		open = sg_grant_is_open(&grant, now_s);
		show_add_text(row, "grant", name_of_grant(id));
		show_add_text(row, "state", open ? "open" : "closed");
		if (!open || !grant.deadline_s)
			continue;
		show_add_number(row, "seconds_left", grant.deadline_s - now_s);
		deadline_describe(&grant, until);
		show_add_text(row, "until", until + strlen("until "));
	}
	return 0;
}

/* Add how full the flow tables are, and who is refused for want of room. */
static int add_shares(const struct pins *pins, struct json_object *rows,
		      struct json_object *findings)
{
	_cleanup_(show_release) struct json_object *full =
		json_object_new_array();
	int r = shares_add(pins, rows, full);

	for (size_t i = 0; i < json_object_array_length(full); i++)
		finding_add(findings,
			    "the flow table has no room for more of %s's "
			    "flows; raise limits.flows, or see "
			    "`scoutgate flows` for whose they are",
			    json_object_get_string(
				    json_object_array_get_idx(full, i)));
	return r;
}

/* Add the masquerade ports in use, and that there are no more of a protocol. */
static int add_ports(const struct pins *pins, const struct policy *policy,
		     struct json_object *ports, struct json_object *findings)
{
	static const char *const protocols[] = {"tcp", "udp"};
	int r = shares_add_ports(pins, policy, ports);
	int64_t room =
		json_object_get_int64(json_object_object_get(ports, "room"));

	for (size_t i = 0; i < 2 && !r; i++)
		if (json_object_get_int64(json_object_object_get(
			    ports, protocols[i])) >= room)
			finding_add(findings,
				    "all %lld masquerade ports of %s are in "
				    "use; raise egress.ports, or see "
				    "`scoutgate flows` for whose they are",
				    (long long)room, protocols[i]);
	return r;
}

/* Return whether a supervisor without its lock is there: one that has just said
 * what is wrong, as that somebody keeps it from the lock. */
static bool supervisor_lives(const struct sg_supervisor *supervisor,
			     uint32_t now_s)
{
	return supervisor->problem[0] &&
	       now_s - supervisor->looked_s <= STALE_S &&
	       kill((pid_t)supervisor->pid, 0) == 0;
}

/* Add the daemon that keeps it so. There need not be one. */
static int add_daemon(const struct pins *pins, struct json_object *daemon,
		      struct json_object *findings)
{
	struct fault other;
	bool runs = hold_is_taken(pins->dir);
	uint32_t now_s = boot_s();
	struct sg_supervisor supervisor;
	int r = supervisor_note_read(pins, &supervisor);

	if (pins_check_netns(pins, &other)) /* its daemon is not seen here */
		return 0;
	if (!runs && !r && supervisor.pid)
		runs = supervisor_lives(&supervisor, now_s);
	show_add_flag(daemon, "running", runs);
	if (r || !supervisor.pid)
		return r;
	show_add_number(daemon, "pid", supervisor.pid);
	show_add_number(daemon, "for_s", now_s - supervisor.since_s);
	show_add_number(daemon, "looked_s_ago", now_s - supervisor.looked_s);
	show_add_flag(daemon, "died", !runs);
	if (!runs)
		return 0; /* the gate is whole; what it misses is found here */
	if (now_s - supervisor.looked_s > STALE_S)
		finding_add(findings,
			    "`scoutgate run` (pid %u) has not looked at the "
			    "gate for %u s; start it again",
			    supervisor.pid, now_s - supervisor.looked_s);
	else if (supervisor.problem[0])
		finding_add(findings, "`scoutgate run`: %.*s", SG_PROBLEM_BYTES,
			    supervisor.problem);
	return 0;
}

static int add_guard(const struct pins *pins, const struct policy *policy,
		     struct json_object *root, struct json_object *findings)
{
	static const char *const words[] = {
		[GUARD_WHOLE] = "nftables",
		[GUARD_CHANGED] = "changed",
		[GUARD_ABSENT] = "absent",
		[GUARD_UNSUPPORTED] = "no nf_tables in this kernel",
		[GUARD_UNKNOWN] = "not to be asked now",
	};
	_cleanup_(cleanup_free) uint32_t *governed = NULL;
	enum guard_state state;
	size_t count;
	int r = maps_keys(pins->map_fds[PINS_ifaces], sizeof(*governed),
			  (void **)&governed, &count);

	if (r)
		return r;
	state = guard_query(policy, count);
	show_add_flag(root, "guard", state == GUARD_WHOLE);
	show_add_text(root, "guard_state", words[state]);
	if (state == GUARD_UNKNOWN)
		finding_add(findings, "the guard could not be looked at; run "
				      "`scoutgate status` again");
	if (state == GUARD_CHANGED || state == GUARD_ABSENT)
		finding_add(findings,
			    "the guard (nftables table inet " GUARD_TABLE
			    ") is %s; run `scoutgate up`",
			    words[state]);
	return 0;
}

/* Add the place of the record, and its newest segment. */
static void add_ledger(const struct pins *pins, const struct policy *policy,
		       struct json_object *ledger)
{
	char current[SEGMENT_NAME_BYTES];
	struct fault ignored;
	struct place place;

	if (place_find(policy, pins->dir, &place, &ignored))
		return;
	place_measure(&place);
	show_add_text(ledger, "directory", place.dir);
	show_add_flag(ledger, "volatile", place.is_volatile);
	if (segment_current(place.dir, current) == 0)
		show_add_text(ledger, "current", current);
}

/* One that a loader left behind when it was killed costs time alone. */
static int check_changing(const struct pins *pins, struct json_object *root)
{
	_cleanup_(cleanup_close) int lock = -1;
	struct sg_active active;
	struct fault fault;
	int r = pins_active(pins, &active);

	if (r || !(active.generation & SG_CHANGING))
		return r;
	lock = pins_lock(pins->dir, &fault); /* who is at it is waited for */
	if (lock < 0 || pins_active(pins, &active) ||
	    !(active.generation & SG_CHANGING))
		return 0;
	show_add_text(root, "note",
		      "a change of interfaces was interrupted, so that packets "
		      "take the slow way; run `scoutgate up`");
	return 0;
}

#define TABLE(root, key, columns)                                              \
	print_section(root, key, columns, sizeof(columns) / sizeof(columns[0]))

static void print_section(struct json_object *root, const char *key,
			  const struct table_column *columns, size_t count)
{
	struct json_object *rows = json_object_object_get(root, key);

	if (columns == problem_columns && json_object_array_length(rows) == 0)
		return;
	show_table(rows, columns, count);
	putchar('\n');
}

static void print_daemon(struct json_object *daemon)
{
	struct json_object *running = json_object_object_get(daemon, "running");
	struct json_object *died = json_object_object_get(daemon, "died");
	char text[256];

	if (!running) /* of another network namespace: it is not seen here */
		return;
	if (json_object_get_boolean(died))
		snprintf(text, sizeof(text),
			 "daemon: DIED, pid %s; nothing follows interfaces and "
			 "addresses: start `scoutgate run` again",
			 show_text_of(daemon, "pid"));
	else if (died)
		snprintf(text, sizeof(text),
			 "daemon: running, pid %s, for %s s",
			 show_text_of(daemon, "pid"),
			 show_text_of(daemon, "for_s"));
	else if (json_object_get_boolean(running))
		snprintf(text, sizeof(text), "daemon: starting");
	else
		snprintf(text, sizeof(text),
			 "daemon: not running; interfaces and addresses are as "
			 "at the last `scoutgate up`");
	show_paragraph(text);
}

static void print_ledger(struct json_object *ledger)
{
	bool is_volatile = json_object_get_boolean(
		json_object_object_get(ledger, "volatile"));
	char text[PATH_MAX + 64];

	if (!show_text_of(ledger, "current"))
		return;
	snprintf(text, sizeof(text), "ledger: %s/%s%s",
		 show_text_of(ledger, "directory"),
		 show_text_of(ledger, "current"),
		 is_volatile ? ", in memory" : "");
	show_paragraph(text);
}

static void print_note(const char *note)
{
	char text[256];

	snprintf(text, sizeof(text), "note: %s", note);
	show_paragraph(text);
}

static void print_text(struct json_object *root)
{
	show_paragraph(show_text_of(root, "summary"));
	putchar('\n');
	TABLE(root, "problems", problem_columns);
	TABLE(root, "interfaces", iface_columns);
	TABLE(root, "grants", grant_columns);
	forwards_print(json_object_object_get(root, "forwards"));
	putchar('\n');
	shares_print(json_object_object_get(root, "shares"));
	shares_print_ports(json_object_object_get(root, "ports"));
	putchar('\n');
	print_daemon(json_object_object_get(root, "daemon"));
	print_ledger(json_object_object_get(root, "ledger"));
	if (json_object_object_get(root, "note"))
		print_note(show_text_of(root, "note"));
	printf("guard: %s\n", show_text_of(root, "guard_state"));
	fallbacks_print(json_object_object_get(root, "fallbacks"));
	printf("version: %s, layout %s\nhealth: %s\n",
	       show_text_of(root, "version"), show_text_of(root, "layout"),
	       show_text_of(root, "health"));
}

/* Fill all lists of root, and what is not as it should be. */
static int collect(const struct pins *pins, const struct policy *policy,
		   struct json_object *root, const struct summary *found)
{
	struct fault fault;
	char text[SUMMARY_BYTES];
	int r = status_add_links(pins, policy, found->interfaces,
				 found->waiting, found->findings);

	if (pins_check_netns(pins, &fault))
		finding_add(found->findings,
			    "it is the gate of another network namespace; run "
			    "scoutgate there to see its interfaces");
	if (!r)
		r = add_grants(pins, show_add_list(root, "grants"));
	if (!r)
		r = forwards_add(pins, show_add_list(root, "forwards"));
	if (!r)
		r = add_shares(pins, show_add_list(root, "shares"),
			       found->findings);
	if (!r)
		r = add_ports(pins, policy, show_add_object(root, "ports"),
			      found->findings);
	if (!r)
		r = add_daemon(pins, found->daemon, found->findings);
	add_ledger(pins, policy, show_add_object(root, "ledger"));
	if (!r)
		r = add_guard(pins, policy, root, found->findings);
	if (!r)
		r = check_changing(pins, root);
	if (!r)
		r = summary_write(pins, found, text);
	if (!r)
		show_add_text(root, "summary", text);
	return r;
}

/* Make the lists of root that findings are put in. */
static struct summary begin(struct json_object *root)
{
	return (struct summary){
		.interfaces = show_add_list(root, "interfaces"),
		.waiting = show_add_list(root, "waiting"),
		.findings = show_add_list(root, "problems"),
		.daemon = show_add_object(root, "daemon"),
	};
}

void status_say(const struct context *context, const char *done)
{
	_cleanup_(policy_release) struct policy policy = {0};
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	_cleanup_(show_release) struct json_object *root =
		json_object_new_object();
	_cleanup_(show_release) struct json_object *said =
		json_object_new_object();
	const struct summary found = begin(root);
	const char *text = "";
	struct fault ignored;
	uint32_t number;

	if (pins_open(context->pin_dir, &pins, &ignored) == 0 &&
	    in_force_read_settled(&pins, &policy, &number, &ignored) == 0 &&
	    collect(&pins, &policy, root, &found) == 0)
		text = show_text_of(root, "summary");
	show_add_text(said, "summary", text);
	if (context->json)
		show_json(said, SHOW_JSON);
	else
		printf("%s%s%s\n", done, text[0] ? " " : "", text);
}

static int report(const struct context *context, const struct pins *pins,
		  const struct policy *policy, struct fault *ret_fault)
{
	_cleanup_(show_release) struct json_object *root =
		json_object_new_object();
	const struct summary found = begin(root);
	int r = collect(pins, policy, root, &found);
	bool healthy;

	if (r)
		return fault_set(ret_fault, r, "%s: reading failed: %s",
				 context->pin_dir, strerror(-r));
	fallbacks_add(show_add_list(root, "fallbacks"));
	healthy = json_object_array_length(found.findings) == 0;
	show_add_text(root, "version", SCOUTGATE_VERSION);
	show_add_number(root, "layout", SG_LAYOUT);
	show_add_text(root, "health",
		      !healthy					? "degraded"
		      : json_object_array_length(found.waiting) ? "waiting"
								: "healthy");
	if (context->json)
		show_json(root, repeat_form(context));
	else
		print_text(root);
	return healthy ? EXIT_OK : EXIT_DEGRADED;
}

/* A document for programs all the same: there is no gate, or none that can be
 * read. */
static void print_none(const struct context *context, int status,
		       const struct fault *fault)
{
	_cleanup_(show_release) struct json_object *root =
		json_object_new_object();

	show_add_text(root, "summary", fault->text);
	show_add_text(root, "version", SCOUTGATE_VERSION);
	show_add_text(root, "health",
		      status == EXIT_NOT_LOADED ? "not loaded" : "unknown");
	show_json(root, repeat_form(context));
}

static int draw(const struct context *context, const void *what)
{
	_cleanup_(policy_release) struct policy policy = {0};
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	struct fault fault;
	uint32_t number;
	int r = pins_open(context->pin_dir, &pins, &fault);
	int status = r == -ENOENT ? EXIT_NOT_LOADED : EXIT_FAILED;

	(void)what;
	if (!r)
		r = in_force_read_settled(&pins, &policy, &number, &fault);
	if (!r)
		r = report(context, &pins, &policy, &fault);
	if (r >= 0)
		return r;
	if (context->json)
		print_none(context, status, &fault);
	verb_fail(&fault);
	return status;
}

int verb_status(const struct context *context, int count, char **args)
{
	(void)args;
	return count ? verb_usage("status takes no arguments")
		     : repeat_run(context, draw, NULL);
}
