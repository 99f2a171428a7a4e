// SPDX-License-Identifier: GPL-2.0-or-later
/* See ledger_dir.h. */
#include "cmd/ledger_dir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "gate/in_force.h"
#include "gate/pins.h"
#include "ledger/spool.h"
#include "sys/cleanup.h"

int ledger_place(const struct context *context, struct place *ret_place,
		 struct fault *ret_fault)
{
	_cleanup_(policy_release) struct policy policy = {0};
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	struct fault ignored;
	uint32_t number;
	int r = pins_open(context->pin_dir, &pins, &ignored);

	if (!r)
		r = in_force_read_settled(&pins, &policy, &number, &ignored);
	if (r)
		r = config_load(context->config, &policy, &ignored);
	return place_find(r ? NULL : &policy, context->pin_dir, ret_place,
			  ret_fault);
}

int ledger_path(const struct context *context, int count, char **args,
		char ret_path[PATH_MAX], struct fault *ret_fault)
{
	struct place place;
	int r = 0;

	if (count)
		return snprintf(ret_path, PATH_MAX, "%s", args[0]) < PATH_MAX
			       ? 0
			       : fault_set(ret_fault, ENAMETOOLONG,
					   "%.64s...: too long", args[0]);
	r = ledger_place(context, &place, ret_fault);
	if (!r)
		memcpy(ret_path, place.dir, PATH_MAX);
	return r;
}

int ledger_leave(const struct context *context, const char *event,
		 struct record *record, struct fault *ret_fault)
{
	struct place place;
	int r = ledger_place(context, &place, ret_fault);

	if (!r)
		return spool_leave(&place, event, record, ret_fault);
	record_release(record);
	return r;
}
