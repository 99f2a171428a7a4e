// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate up, down, reload: the gate as a whole. */
#include <errno.h>
#include <stdio.h>

#include "cmd/status.h"
#include "cmd/verb.h"
#include "config/config.h"
#include "gate/hold.h"
#include "gate/instance.h"
#include "gate/pins.h"
#include "gate/saved.h"
#include "gate/supervisor_note.h"
#include "sys/cleanup.h"

/* The policy is in force; from here on its grants are saved, or not. */
static int finish(const struct context *context, const struct policy *policy)
{
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	struct fault fault;
	int r = pins_open(context->pin_dir, &pins, &fault);

	if (!r && !hold_is_taken(context->pin_dir))
		supervisor_note_end(
			&pins); /* one that died is missed no more */
	if (!r)
		r = saved_begin(context->state_dir, policy, &pins, &fault);
	if (!r)
		return EXIT_OK;
	fprintf(stderr, "scoutgate: the policy is in force, but %s\n",
		fault.text);
	return EXIT_FAILED;
}

static int apply(const struct context *context, const char *done,
		 int (*how)(const char *, bool, const struct policy *,
			    struct fault *))
{
	_cleanup_(policy_release) struct policy policy = {0};
	struct fault fault;

	if (config_load(context->config, &policy, &fault))
		return verb_fail(&fault);
	if (saved_take(context->state_dir, context->pin_dir, &policy, &fault))
		verb_fail(&fault); /* closed, and up nevertheless */
	if (how(context->pin_dir, context->clsact, &policy, &fault))
		return verb_fail(&fault);
	if (finish(context, &policy))
		return EXIT_FAILED;
	status_say(context, done);
	return EXIT_OK;
}

int verb_up(const struct context *context, int count, char **args)
{
	(void)args;
	return count ? verb_usage("up takes no arguments")
		     : apply(context, "The gate is up.", instance_up);
}

int verb_reload(const struct context *context, int count, char **args)
{
	(void)args;
	return count ? verb_usage("reload takes no arguments")
		     : apply(context, "The configuration is in force.",
			     instance_reload);
}

int verb_down(const struct context *context, int count, char **args)
{
	static const char *const said[] = {
		[INSTANCE_ENDED] =
			"the gate is down: the kernel lets in what it would, "
			"and the container is cut off",
		[INSTANCE_ENDED_BUT_LOOPBACK] =
			"the gate is down: the kernel lets in what it would, "
			"and the container is cut off; lo's forwarding, which "
			"the gate had turned on, stays on, as /proc/sys cannot "
			"be written",
		[INSTANCE_LEFT_SOMETHING] =
			"the gate's pins were gone; what it had left is gone, "
			"too",
		[INSTANCE_WAS_NONE] = "no gate is here; nothing was done",
		[INSTANCE_HAD_REMAINS] =
			"no gate was here; what one that was not begun had "
			"left is gone",
	};
	enum instance_end end;
	struct fault fault;
	int hold;
	int r;

	(void)args;
	if (count)
		return verb_usage("down takes no arguments");
	hold = hold_keep_off(context->pin_dir, &fault);
	if (hold == -EBUSY) {
		fault_set(&fault, EBUSY,
			  "%s: `scoutgate run` keeps it; stop that first",
			  context->pin_dir);
		return verb_fail(&fault);
	}
	/* where no lock can be taken, no supervisor can begin */
	r = instance_down(context->pin_dir, &end, &fault);
	hold_end(context->pin_dir, &hold);
	if (r)
		return verb_fail(&fault);
	puts(said[end]);
	return EXIT_OK;
}
