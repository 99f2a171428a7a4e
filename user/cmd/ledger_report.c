// SPDX-License-Identifier: GPL-2.0-or-later
/* See ledger_report.h. */
#include "cmd/ledger_report.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cmd/ledger_dir.h"
#include "cmd/ledger_show.h"
#include "cmd/show.h"
#include "ledger/sessions.h"
#include "ledger/verify.h"
#include "sys/cleanup.h"
#include "sys/clock.h"
#include "sys/printable.h"

#define CELL_BYTES 512
#define COLUMNS_MAX 6

/* A section of the report: a table, whose rows are arrays of texts. */
struct section {
	const char *title;
	struct table_column columns[COLUMNS_MAX];
	size_t column_count;
	struct json_object *rows;
};

enum { DAYS, PEERS, GRANTS, TIMELINE, REFUSALS, ATTEMPTS, SECTION_COUNT };

#define TEXT(heading)                                                          \
	{                                                                      \
		heading, heading, TABLE_TEXT, 0                                \
	}
#define NUMBER(heading)                                                        \
	{                                                                      \
		heading, heading, TABLE_NUMBER, 0                              \
	}

struct report {
	const struct context *context;
	struct section sections[SECTION_COUNT];
	struct sessions *sessions;
	struct verify verify;
};

static const struct section empty[SECTION_COUNT] = {
	[DAYS] = {"Each day (UTC)",
		  {TEXT("DAY"), NUMBER("FLOWS"), NUMBER("BYTES IN"),
		   NUMBER("BYTES OUT")},
		  4,
		  NULL},
	[PEERS] = {"Each peer",
		   {TEXT("FROM"), TEXT("NAME"), NUMBER("FLOWS"),
		    NUMBER("BYTES IN"), NUMBER("BYTES OUT")},
		   5,
		   NULL},
	[GRANTS] = {"Under each grant",
		    {TEXT("GRANT"), NUMBER("FLOWS"), NUMBER("BYTES IN"),
		     NUMBER("BYTES OUT")},
		    4,
		    NULL},
	[TIMELINE] = {"What happened",
		      {TEXT("TIME (UTC)"), TEXT("EVENT"), TEXT("WHAT")},
		      3,
		      NULL},
	[REFUSALS] = {"Refused",
		      {TEXT("REASON"), TEXT("FROM"), NUMBER("PACKETS")},
		      3,
		      NULL},
	[ATTEMPTS] = {"Attempts that nobody answered",
		      {TEXT("FROM"), TEXT("RULE"), NUMBER("FLOWS"),
		       NUMBER("PACKETS")},
		      4,
		      NULL},
};

/* A text that whoever named something may have made up. */
static void add_cell(struct json_object *row, const char *text)
{
	char shown[CELL_BYTES];

	printable_copy(text, shown, sizeof(shown));
	json_object_array_add(row, json_object_new_string(shown));
}

/* Add to the numbers of the row of so many texts, which is made if it is not
 * there. Rows are found by their texts: `rows` is an object. */
static void count(struct section *section, const char *const *texts,
		  size_t text_count, const uint64_t *numbers,
		  size_t number_count)
{
	struct json_object *row;
	char key[CELL_BYTES] = "";

	for (size_t i = 0, used = 0; i < text_count && used < sizeof(key); i++)
		used += (size_t)snprintf(key + used, sizeof(key) - used, "%s\n",
					 texts[i]);
	row = json_object_object_get(section->rows, key);
	if (!row) {
		row = json_object_new_array();
		for (size_t i = 0; i < text_count; i++)
			add_cell(row, texts[i]);
		for (size_t i = 0; i < number_count; i++)
			json_object_array_add(row, json_object_new_int64(0));
		json_object_object_add(section->rows, key, row);
	}
	for (size_t i = 0; i < number_count; i++) {
		struct json_object *cell =
			json_object_array_get_idx(row, text_count + i);

		json_object_set_int64(cell, json_object_get_int64(cell) +
						    (int64_t)numbers[i]);
	}
}

/* Bytes in: to the container or the host. */
static int add_session(const struct session *session, void *data)
{
	struct report *report = data;
	bool is_in = session_came_in(session);
	uint64_t numbers[] = {
		1, is_in ? session->orig_ip_bytes : session->resp_ip_bytes,
		is_in ? session->resp_ip_bytes : session->orig_ip_bytes};
	char day[11];
	const char *days[] = {day};
	const char *peers[] = {session->orig_h, session->peer};
	const char *grants[] = {session->grants};

	snprintf(day, sizeof(day), "%.10s", session->since);
	if (!session->kind[0])
		return 0; /* its end alone is on file */
	count(&report->sections[DAYS], days, 1, numbers, 3);
	count(&report->sections[PEERS], peers, 2, numbers, 3);
	if (session->grants[0])
		count(&report->sections[GRANTS], grants, 1, numbers, 3);
	return 0;
}

static void add_event(struct report *report, const struct walk_record *record,
		      const char *event, const char *what)
{
	struct section *section = &report->sections[TIMELINE];
	struct json_object *row = json_object_new_array();
	char ts[RECORD_TIME_BYTES];
	char key[32];

	walk_text(record, "ts", ts, sizeof(ts));
	ts[strcspn(ts, ".")] = '\0'; /* to the second */
	ts[strcspn(ts, "T")] = ' ';
	json_object_array_add(row, json_object_new_string(ts));
	json_object_array_add(row, json_object_new_string(event));
	add_cell(row, what);
	snprintf(key, sizeof(key), "%d",
		 json_object_object_length(section->rows));
	json_object_object_add(section->rows, key, row);
}

/* The fields of an event that tell a person what it was. */
static const struct {
	const char *event;
	const char *keys[6];
} told[] = {
	{"start", {"version", "boot_id"}},
	{"stop", {"why"}},
	{"grant", {"name", "open", "via", "reason", "case"}},
	{"policy", {"sha256"}},
	{"gap", {"why", "lost"}},
	{"clock", {"step"}},
	{"link", {"name", "role", "change"}},
	{"address", {"name", "address", "change"}},
	{"peer", {"address", "name"}},
	{"note", {"text"}},
	{"anchor", {"file", "sha256"}},
	{"export", {"to"}},
	{"purge", {"before", "first", "last", "records"}},
};

static void tell(struct report *report, const struct walk_record *record,
		 const char *event, const char *const *keys)
{
	char what[CELL_BYTES] = "";
	size_t used = 0;

	for (; *keys && used < sizeof(what); keys++) {
		struct canonical_value value = walk_field(record, *keys);
		char text[CELL_BYTES / 2];

		if (!value.type || value.type == 'n')
			continue;
		if (canonical_text(value, text, sizeof(text)))
			snprintf(text, sizeof(text), "%.*s", (int)value.bytes,
				 value.at);
		used += (size_t)snprintf(what + used, sizeof(what) - used,
					 "%s%s %s", used ? ", " : "", *keys,
					 text);
	}
	add_event(report, record, event, what);
}

static void add_counted(struct report *report, const struct walk_record *record)
{
	char first[TEXT_ADDR_BYTES];
	char second[TEXT_ADDR_BYTES];
	const char *texts[] = {first, second};
	uint64_t numbers[2];

	if (walk_is(record, "refused")) {
		walk_text(record, "reason", first, sizeof(first));
		walk_text(record, "orig_h", second, sizeof(second));
		numbers[0] = walk_number(record, "pkts");
		count(&report->sections[REFUSALS], texts, 2, numbers, 1);
	}
	if (walk_is(record, "attempts")) {
		walk_text(record, "orig_h", first, sizeof(first));
		walk_text(record, "rule", second, sizeof(second));
		numbers[0] = walk_number(record, "flows");
		numbers[1] = walk_number(record, "pkts");
		count(&report->sections[ATTEMPTS], texts, 2, numbers, 2);
	}
}

static int take(const struct walk_record *record, void *data)
{
	struct report *report = data;

	if (!ledger_is_wanted(report->context, record))
		return 0;
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (walk_is(record, told[i].event))
			tell(report, record, told[i].event, told[i].keys);
	add_counted(report, record);
	return sessions_take(report->sessions, record);
}

/*
 * As text, and as HTML
 */

static void fill_cells(struct json_object *row, size_t columns,
		       const char **ret_cells)
{
	for (size_t i = 0; i < columns; i++)
		ret_cells[i] = json_object_get_string(
			json_object_array_get_idx(row, i));
}

static void print_text_section(const struct section *section)
{
	struct table *table =
		table_begin(section->columns, section->column_count);

	printf("\n%s\n", section->title);
	json_object_object_foreach(section->rows, key, row)
	{
		const char *cells[COLUMNS_MAX];

		(void)key;
		fill_cells(row, section->column_count, cells);
		table_row(table, cells);
	}
	table_end(table);
}

static void print_escaped(const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", stdout);
			break;
		case '<':
			fputs("&lt;", stdout);
			break;
		case '>':
			fputs("&gt;", stdout);
			break;
		case '"':
			fputs("&quot;", stdout);
			break;
		default:
			putchar(*text);
		}
}

static void print_html_section(const struct section *section)
{
	printf("<h2>%s</h2>\n<table><tr>", section->title);
	for (size_t i = 0; i < section->column_count; i++)
		printf("<th>%s</th>", section->columns[i].heading);
	puts("</tr>");
	json_object_object_foreach(section->rows, key, row)
	{
		const char *cells[COLUMNS_MAX];

		(void)key;
		fill_cells(row, section->column_count, cells);
		fputs("<tr>", stdout);
		for (size_t i = 0; i < section->column_count; i++) {
			printf("<td%s>",
			       section->columns[i].kind == TABLE_NUMBER
				       ? " class=n"
				       : "");
			print_escaped(cells[i]);
			fputs("</td>", stdout);
		}
		puts("</tr>");
	}
	if (!json_object_object_length(section->rows))
		printf("<tr><td colspan=%zu>none</td></tr>\n",
		       section->column_count);
	puts("</table>");
}

/* One sentence of what the ledger itself shows. */
static void verdict_text(const struct report *report, char *ret_text,
			 size_t room)
{
	const struct verify *verify = &report->verify;

	if (verify->wrong.why)
		snprintf(ret_text, room,
			 "BROKEN at segment %u, record %" PRIu64
			 " (%s): nothing from there on is as it was written.",
			 verify->wrong.segment, verify->wrong.n,
			 verify->wrong.why);
	else
		snprintf(ret_text, room,
			 "%s: %" PRIu64 " records in %" PRIu64
			 " segments fit their chain and their %" PRIu64
			 " signatures. By itself this proves nothing against "
			 "who was root of the machine: compare the head with "
			 "one that was noted elsewhere.",
			 verify_verdict(verify), verify->records,
			 verify->segments, verify->checkpoints);
}

static const char style[] =
	"body{font:16px/1.5 sans-serif;max-width:70em;margin:2em auto;"
	"padding:0 1em}table{border-collapse:collapse;margin-bottom:1em}"
	"th,td{border:1px solid #bbb;padding:.2em .6em;text-align:left;"
	"vertical-align:top;overflow-wrap:anywhere}th{background:#eee}"
	".n{text-align:right}code{overflow-wrap:anywhere}"
	".broken{color:#b00;font-weight:bold}";

static void print_html(const struct report *report, const char *made)
{
	char verdict[CELL_BYTES];

	verdict_text(report, verdict, sizeof(verdict));
	printf("<!DOCTYPE html>\n<html lang=en><meta charset=utf-8>\n"
	       "<title>scoutgate ledger %s</title>\n<style>%s</style>\n"
	       "<h1>Ledger %s</h1>\n<p>Made %s</p>\n",
	       report->verify.ledger, style, report->verify.ledger, made);
	printf("<h2>Is it whole?</h2>\n<p%s>",
	       report->verify.wrong.why ? " class=broken" : "");
	print_escaped(verdict);
	printf("</p>\n<p>head <code>%s</code></p>\n<ul>\n",
	       report->verify.chain);
	for (size_t i = 0; i < report->verify.said_count; i++)
		printf("<li>%s</li>\n", report->verify.said[i]);
	puts("</ul>");
	for (size_t i = 0; i < SECTION_COUNT; i++)
		print_html_section(&report->sections[i]);
	puts("</html>");
}

static void print_text(const struct report *report, const char *made)
{
	char verdict[CELL_BYTES];

	verdict_text(report, verdict, sizeof(verdict));
	printf("Ledger %s, made %s\n\n", report->verify.ledger, made);
	show_paragraph(verdict);
	printf("head %s\n", report->verify.chain);
	for (size_t i = 0; i < report->verify.said_count; i++)
		printf("  %s\n", report->verify.said[i]);
	for (size_t i = 0; i < SECTION_COUNT; i++)
		print_text_section(&report->sections[i]);
}

static int collect(struct report *report, const char *path,
		   struct fault *ret_fault)
{
	int r = verify_path(path, &report->verify, ret_fault);

	memcpy(report->sections, empty, sizeof(empty));
	for (size_t i = 0; i < SECTION_COUNT; i++)
		report->sections[i].rows = json_object_new_object();
	report->sessions = sessions_new(add_session, report);
	if (!r)
		r = walk_path(path, 0, take, report, ret_fault);
	sessions_finish(&report->sessions);
	return r;
}

static void release(struct report *report)
{
	verify_release(&report->verify);
	for (size_t i = 0; i < SECTION_COUNT; i++)
		json_object_put(report->sections[i].rows);
}

int ledger_report(const struct context *context, int count_of_args, char **args)
{
	_cleanup_(release) struct report report = {.context = context};
	char made[RECORD_TIME_BYTES];
	char path[PATH_MAX];
	struct fault fault;

	if (context->html && context->text)
		return verb_usage("--html and --text: one of them");
	if (count_of_args > 1)
		return verb_usage("ledger report takes one path");
	if (ledger_path(context, count_of_args, args, path, &fault))
		return verb_fail(&fault);
	if (collect(&report, path, &fault))
		return verb_fail(&fault);
	record_date_text(real_ns(), made);
	if (context->html)
		print_html(&report, made);
	else
		print_text(&report, made);
	return EXIT_OK;
}
