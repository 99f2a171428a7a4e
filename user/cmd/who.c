// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate who: the sessions that came in, past and live, by the ledger. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/ledger_dir.h"
#include "cmd/ledger_show.h"
#include "cmd/show.h"
#include "cmd/verb.h"
#include "ledger/sessions.h"
#include "sys/cleanup.h"
#include "sys/printable.h"

static const struct table_column columns[] = {
	{"from", "FROM", TABLE_TEXT, 0},
	{"name", "NAME", TABLE_TEXT, 2},
	{"to", "TO", TABLE_TEXT, 0},
	{"rule", "RULE", TABLE_TEXT, 3},
	{"since", "SINCE", TABLE_TEXT, 0},
	{"until", "UNTIL", TABLE_TEXT, 0},
	{"in_bytes", "IN", TABLE_NUMBER, 1},
	{"out_bytes", "OUT", TABLE_NUMBER, 1},
	{"grants", "GRANTS", TABLE_TEXT, 4},
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))
#define CELL_BYTES 96

struct who {
	const struct context *context;
	struct sessions *sessions;
	struct table *table; /* NULL: JSON */
	struct json_object *rows;
};

/* Both ends have said that they are through, or it is not there any more. */
static bool is_over(const struct session *session)
{
	return session->reason[0] || strcmp(session->state, "closing") == 0 ||
	       strcmp(session->state, "reset") == 0;
}

static void print_end(const char *host, uint16_t port,
		      char ret_text[CELL_BYTES])
{
	char shown[TEXT_ADDR_BYTES];

	printable_copy(host, shown, sizeof(shown));
	host = shown;
	snprintf(ret_text, CELL_BYTES, strchr(host, ':') ? "[%s]:%u" : "%s:%u",
		 host, port);
}

static void add_json(struct who *who, const struct session *session)
{
	struct json_object *row = show_add_row(who->rows);

	show_add_text(row, "uid", session->uid);
	show_add_text(row, "proto", session->proto);
	show_add_text(row, "orig_h", session->orig_h);
	show_add_number(row, "orig_p", session->orig_p);
	show_add_text(row, "resp_h", session->resp_h);
	show_add_number(row, "resp_p", session->resp_p);
	show_add_text(row, "name", session->peer);
	show_add_text(row, "rule", session->rule);
	show_add_text(row, "grants", session->grants);
	show_add_text(row, "since", session->since);
	show_add_text(row, "until", is_over(session) ? session->until : "");
	show_add_number(row, "in_bytes", session->orig_ip_bytes);
	show_add_number(row, "out_bytes", session->resp_ip_bytes);
	show_add_text(row, "reason", session->reason);
}

/* To the second, which a person reads. */
static void print_time(const char *ts, char ret_text[CELL_BYTES])
{
	snprintf(ret_text, CELL_BYTES, "%.10s %.8s", ts,
		 strlen(ts) > 19 ? ts + 11 : "");
}

static int add(const struct session *session, void *data)
{
	struct who *who = data;
	char from[CELL_BYTES], to[CELL_BYTES], since[CELL_BYTES],
		until[CELL_BYTES], in[CELL_BYTES], out[CELL_BYTES];
	char name[CELL_BYTES], rule[CELL_BYTES], grants[CELL_BYTES];
	const char *cells[COLUMN_COUNT] = {from,  name, to,  rule,  since,
					   until, in,	out, grants};

	if (!session_came_in(session))
		return 0;
	if (who->rows) {
		add_json(who, session);
		return 0;
	}
	/* of a ledger that may be another's */
	printable_copy(session->peer, name, sizeof(name));
	printable_copy(session->rule, rule, sizeof(rule));
	printable_copy(session->grants, grants, sizeof(grants));
	print_end(session->orig_h, session->orig_p, from);
	print_end(session->resp_h, session->resp_p, to);
	print_time(session->since, since);
	if (is_over(session))
		print_time(session->until, until);
	else
		strcpy(until, "live");
	snprintf(in, sizeof(in), "%" PRIu64, session->orig_ip_bytes);
	snprintf(out, sizeof(out), "%" PRIu64, session->resp_ip_bytes);
	return table_row(who->table, cells);
}

static int take(const struct walk_record *record, void *data)
{
	struct who *who = data;

	return ledger_is_wanted(who->context, record)
		       ? sessions_take(who->sessions, record)
		       : 0;
}

static int print_all(struct who *who, const char *dir, struct fault *ret_fault)
{
	int r;

	who->sessions = sessions_new(add, who);
	if (!who->rows)
		who->table = table_begin(columns, COLUMN_COUNT);
	r = who->sessions ? walk_path(dir, 0, take, who, ret_fault) : -1;
	if (sessions_finish(&who->sessions) && !r)
		r = fault_set(ret_fault, 12, "out of memory");
	if (who->table)
		table_end(who->table);
	return r;
}

int verb_who(const struct context *context, int count, char **args)
{
	_cleanup_(show_release) struct json_object *root = NULL;
	struct who who = {.context = context};
	char path[PATH_MAX];
	struct fault fault;
	int r;

	if (count > 1)
		return verb_usage("who takes at most a ledger's directory");
	if (ledger_path(context, count, args, path, &fault))
		return verb_fail(&fault);
	if (context->json) {
		root = json_object_new_object();
		who.rows = show_add_list(root, "sessions");
	}
	r = print_all(&who, path, &fault);
	if (root)
		show_json(root, SHOW_JSON);
	return r ? verb_fail(&fault) : EXIT_OK;
}
