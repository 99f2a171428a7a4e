// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate grant, revoke: what the owner opens and closes. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "cut.h"
#include "names.h"
#include "pins.h"
#include "saved.h"
#include "sg_policy.h"
#include "text.h"
#include "verb.h"

static int set(const struct context *context, __u32 id,
	       const struct sg_grant *grant, struct fault *ret_fault)
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
		 : saved_follow(context->state_dir, &pins, ret_fault);
}

static int change(const struct context *context, const char *name,
		  const struct sg_grant *grant)
{
	struct fault fault;
	int id = grant_by_name(name);

	if (id < 0)
		return verb_usage("no grant \"%s\"; lan-access or host-control",
				  name);
	return set(context, (__u32)id, grant, &fault) ? verb_fail(&fault)
						      : EXIT_OK;
}

int verb_grant(const struct context *context, int count, char **args)
{
	struct sg_grant grant = {.open = 1};
	uint32_t seconds;

	if (count != 1 && !(count == 3 && strcmp(args[1], "--for") == 0))
		return verb_usage("grant takes a name, and --for DURATION");
	if (count == 3) {
		if (text_parse_duration(args[2], &seconds))
			return verb_usage("\"%s\" is no duration; as 30m, 2h",
					  args[2]);
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
