// SPDX-License-Identifier: GPL-2.0-or-later
/* See ledger_show.h. */
#include "cmd/ledger_show.h"

#include <stdio.h>
#include <string.h>

#include "cmd/ledger_dir.h"
#include "ledger/record.h"

/* An event, or those that begin with it: "flow" is all of flows. */
static bool is_event(const struct walk_record *record, const char *event)
{
	struct canonical_value value = walk_field(record, "event");
	size_t bytes = strlen(event);

	return value.bytes >= bytes && memcmp(value.at, event, bytes) == 0 &&
	       (value.bytes == bytes || value.at[bytes] == '.');
}

static bool has_address(const struct walk_record *record, const char *address)
{
	static const char *const keys[] = {"id.orig_h", "id.resp_h", "orig_h",
					   "nat.resp_h", "address"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (canonical_is_text(walk_field(record, keys[i]), address))
			return true;
	return false;
}

/* Dates are texts that sort: "2026-11-30" is before all of that day. */
static bool is_in_time(const struct context *context,
		       const struct walk_record *record)
{
	char ts[RECORD_TIME_BYTES];

	walk_text(record, "ts", ts, sizeof(ts));
	return (!context->since || strcmp(ts, context->since) >= 0) &&
	       (!context->before || strcmp(ts, context->before) < 0);
}

bool ledger_is_wanted(const struct context *context,
		      const struct walk_record *record)
{
	return (!context->event || is_event(record, context->event)) &&
	       (!context->remote || has_address(record, context->remote)) &&
	       is_in_time(context, record);
}

/* Those that prove, and do not tell. */
static bool is_of_the_chain(struct canonical_value key)
{
	static const char *const keys[] = {"boot", "cpu", "event", "n",	 "note",
					   "prev", "seq", "sig",   "ts", "v"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (canonical_is_text(key, keys[i]))
			return true;
	return false;
}

static void print_line(const struct walk_record *record)
{
	struct canonical_value key, value;
	char event[32];
	char ts[RECORD_TIME_BYTES];
	const char *at = NULL;

	walk_text(record, "ts", ts, sizeof(ts));
	walk_text(record, "event", event, sizeof(event));
	printf("%s %s", ts, event);
	while (canonical_next(record->line, record->bytes, &at, &key, &value))
		if (!is_of_the_chain(key) && value.type != 'n')
			printf(" %.*s=%.*s", (int)key.bytes, key.at,
			       (int)value.bytes, value.at);
	putchar('\n');
}

static int show(const struct walk_record *record, void *data)
{
	const struct context *context = data;

	if (!ledger_is_wanted(context, record))
		return 0;
	if (context->json)
		printf("%.*s\n", (int)record->bytes, record->line);
	else
		print_line(record);
	return ferror(stdout) ? -1 : 0;
}

int ledger_show(const struct context *context, int count, char **args)
{
	struct context wanted = *context;
	char path[PATH_MAX];
	struct fault fault;
	int r = 0;

	if (count > 1)
		return verb_usage("ledger show takes one path");
	if (ledger_path(context, count, args, path, &fault))
		return verb_fail(&fault);
	r = walk_path(path, 0, show, &wanted, &fault);
	return r && !ferror(stdout) ? verb_fail(&fault) : EXIT_OK;
}
