// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate grant, revoke: what the owner opens and closes. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/ledger_dir.h"
#include "cmd/show.h"
#include "cmd/verb.h"
#include "config/names.h"
#include "gate/cut.h"
#include "gate/deadline.h"
#include "gate/in_force.h"
#include "gate/pins.h"
#include "gate/saved.h"
#include "ledger/identity.h"
#include "sg_policy.h"
#include "sys/cleanup.h"
#include "sys/clock.h"
#include "sys/report.h"
#include "sys/text.h"

/* Tell how the grant is now, and how it was before. */
static void tell(const struct context *context, const char *name,
		 const struct sg_grant *grant, const struct sg_grant *before)
{
	bool was_open = sg_grant_is_open(before, boot_s());
	char end[DEADLINE_BYTES];
	char was[DEADLINE_BYTES];

	if (context->json) {
		_cleanup_(show_release) struct json_object *root =
			json_object_new_object();

		show_add_text(root, "grant", name);
		show_add_text(root, "state", grant->open ? "open" : "closed");
		if (grant->open && grant->deadline_s)
			show_add_number(root, "seconds_left",
					deadline_seconds_left(grant));
		show_json(root, SHOW_JSON);
		return;
	}
	deadline_describe(before, was);
	deadline_describe(grant, end);
	if (!grant->open)
		printf("%s is closed%s\n", name,
		       was_open ? ", and what it admitted is cut" : " already");
	else if (was_open)
		printf("%s is open %s; it was open %s\n", name, end, was);
	else
		printf("%s is open %s\n", name, end);
}

static int set(const struct context *context, __u32 id,
	       const struct sg_grant *grant, struct sg_grant *ret_before,
	       struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int lock = -1;
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	bool was_open;
	int r;

	lock = pins_lock(context->pin_dir, ret_fault);
	if (lock < 0)
		return lock;
	r = pins_open(context->pin_dir, &pins, ret_fault);
	if (r)
		return r;
	bpf_map_lookup_elem(pins.map_fds[PINS_grants], &id, ret_before);
	was_open = cut_is_open(&pins, id);
	if (grant->open && !was_open) /* it ended by its deadline, or by hand */
		r = cut_flows(&pins, id);
	if (!r &&
	    bpf_map_update_elem(pins.map_fds[PINS_grants], &id, grant, BPF_ANY))
		r = -errno;
	if (!r && !grant->open)
		r = cut_flows(&pins, id);
	return r ? fault_set(ret_fault, r, "%s/grants: %s", context->pin_dir,
			     strerror(-r))
		 : 0;
}

/* The switch is made; it is to be known at the next start, too. */
static int save(const struct context *context, struct fault *ret_fault)
{
	_cleanup_(policy_release) struct policy policy = {0};
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	uint32_t number;
	int r = pins_open(context->pin_dir, &pins, ret_fault);

	if (!r)
		r = in_force_read_settled(&pins, &policy, &number, ret_fault);
	return r ? r
		 : saved_follow(context->state_dir, &policy, &pins, ret_fault);
}

/* For the record, who did it: a person has been told. */
static void note(const char *name, const struct sg_grant *grant)
{
	char end[DEADLINE_BYTES];
	char field[64];

	snprintf(field, sizeof(field), "SG_GRANT=%s", name);
	deadline_describe(grant, end);
	if (grant->open)
		report_note(REPORT_GRANT_SWITCHED, field, "%s was opened %s",
			    name, end);
	else
		report_note(REPORT_GRANT_SWITCHED, field, "%s was closed",
			    name);
}

/* For the ledger: who did it, and why. */
static int leave(const struct context *context, const char *name,
		 const struct sg_grant *grant, struct fault *ret_fault)
{
	struct record record = {0};

	record_text(&record, "name", name);
	record_flag(&record, "open", grant->open);
	record_text(&record, "via", "verb");
	if (grant->deadline_s)
		record_time(&record, "deadline",
			    (uint64_t)grant->deadline_s * NS_PER_S);
	else
		record_null(&record, "deadline");
	record_text(&record, "reason", context->reason);
	record_text(&record, "case", context->case_id);
	identity_add(&record);
	identity_add_claims(&record);
	return ledger_leave(context, "grant", &record, ret_fault);
}

static int change(const struct context *context, const char *name,
		  const struct sg_grant *grant)
{
	struct sg_grant before = {0};
	struct fault fault;
	int left;
	int id = grant_by_name(name);

	if (id < 0)
		return verb_usage("no grant \"%s\"; lan-access or host-control",
				  name);
	if (set(context, (__u32)id, grant, &before, &fault))
		return verb_fail(&fault);
	note(name, grant);
	left = leave(context, name, grant, &fault);
	/* each of the two, whatever becomes of the other */
	if (save(context, &fault) || left) { /* in one line, as every error */
		fprintf(stderr, "scoutgate: %s is %s, but %s\n", name,
			grant->open ? "open" : "closed", fault.text);
		return EXIT_FAILED;
	}
	tell(context, name, grant, &before);
	return EXIT_OK;
}

int verb_grant(const struct context *context, int count, char **args)
{
	struct sg_grant grant = {.open = 1};
	const char *duration = context->duration;
	uint32_t seconds;

	if (count != 1 || (duration && context->until))
		return verb_usage(
			"grant takes a name, and --for DURATION or --until "
			"HH:MM");
	if (context->until) {
		if (text_parse_clock(context->until, time(NULL), &seconds))
			return verb_usage("\"%s\" is no time of day; as 18:00",
					  context->until);
		grant.deadline_s = boot_s() + seconds;
	}
	if (duration) {
		if (text_parse_duration(duration, &seconds) ||
		    !strpbrk(duration, "smhd"))
			return verb_usage(
				"\"%s\" is no duration; as 30s, 30m, 1h30m",
				duration);
		grant.deadline_s = boot_s() + seconds;
	}
	return change(context, args[0], &grant);
}

int verb_revoke(const struct context *context, int count, char **args)
{
	const struct sg_grant grant = {0};

	if (count != 1)
		return verb_usage("revoke takes a name");
	return change(context, args[0], &grant);
}
