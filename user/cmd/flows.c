// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate flows: with packets and bytes each way, and what is to become of
 * each. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/flow_filter.h"
#include "cmd/flow_sort.h"
#include "cmd/judge.h"
#include "cmd/repeat.h"
#include "cmd/show.h"
#include "cmd/stream.h"
#include "config/names.h"
#include "gate/maps.h"
#include "gate/rule_names.h"
#include "sg_flow.h"
#include "sys/cleanup.h"
#include "sys/text.h"

enum column {
	KIND,
	PROTOCOL,
	STATE,
	REMOTE,
	GATE,
	LOCAL,
	INTERFACE,
	IN_PACKETS,
	IN_BYTES,
	OUT_PACKETS,
	OUT_BYTES,
	IDLE_S,
	AGE_S,
	STATUS,
	WHY,
	ROLE,
	RULE,
	GRANTS,
	ID,
	REMOTE_ADDR,
	REMOTE_PORT,
	GATE_ADDR,
	GATE_PORT,
	LOCAL_ADDR,
	LOCAL_PORT,
	BEGUN,
	SEEN,
	COLUMN_COUNT
};

static const struct table_column columns[COLUMN_COUNT] = {
	[KIND] = {"kind", "KIND", TABLE_TEXT, 2},
	[PROTOCOL] = {"protocol", "PROTO", TABLE_TEXT, 0},
	[STATE] = {"state", "STATE", TABLE_TEXT, 0},
	[REMOTE] = {"remote", "REMOTE", TABLE_TEXT, 0},
	[GATE] = {"gate", "GATE", TABLE_TEXT, 3},
	[LOCAL] = {"local", "LOCAL", TABLE_TEXT, 0},
	[INTERFACE] = {"interface", "INTERFACE", TABLE_TEXT, 5},
	[IN_PACKETS] = {"in_packets", "IN PKTS", TABLE_NUMBER, 7},
	[IN_BYTES] = {"in_bytes", "IN BYTES", TABLE_NUMBER, 0},
	[OUT_PACKETS] = {"out_packets", "OUT PKTS", TABLE_NUMBER, 7},
	[OUT_BYTES] = {"out_bytes", "OUT BYTES", TABLE_NUMBER, 0},
	[IDLE_S] = {"idle_s", "IDLE S", TABLE_NUMBER, 4},
	[AGE_S] = {"age_s", "AGE S", TABLE_NUMBER, 6},
	[STATUS] = {"status", "STATUS", TABLE_TEXT, 8},
	[WHY] = {"why", NULL, TABLE_TEXT, 0},
	[ROLE] = {"role", NULL, TABLE_TEXT, 0},
	[RULE] = {"rule", NULL, TABLE_TEXT, 0},
	[GRANTS] = {"grants", NULL, TABLE_NUMBER, 0},
	[ID] = {"id", NULL, TABLE_TEXT, 0},
	[REMOTE_ADDR] = {"remote_addr", NULL, TABLE_TEXT, 0},
	[REMOTE_PORT] = {"remote_port", NULL, TABLE_NUMBER, 0},
	[GATE_ADDR] = {"gate_addr", NULL, TABLE_TEXT, 0},
	[GATE_PORT] = {"gate_port", NULL, TABLE_NUMBER, 0},
	[LOCAL_ADDR] = {"local_addr", NULL, TABLE_TEXT, 0},
	[LOCAL_PORT] = {"local_port", NULL, TABLE_NUMBER, 0},
	[BEGUN] = {"begun", NULL, TABLE_TEXT, 0},
	[SEEN] = {"seen", NULL, TABLE_TEXT, 0},
};

struct listing {
	struct judge judge;
	struct flow_filter filter;
	struct flow_sort sort;
	struct rule_names names;
	const struct pins *pins;
	struct stream *stream;
	bool is_json;
	uint8_t map; /* of maps[]: the one that is read */
	time_t now;  /* of the wall, when judge.now_s was */
};

static uint32_t seconds_since(uint32_t then_s, uint32_t now_s)
{
	return now_s > then_s ? now_s - then_s : 0;
}

/* The interface's name, which most flows share with the one before. */
static const char *name_of_interface(const struct pins *pins, uint32_t ifindex)
{
	static char name[IF_NAMESIZE];
	static uint32_t named;

	if (ifindex != named)
		pins_interface_name(pins, ifindex, name);
	named = ifindex;
	return name;
}

static void set_endpoint(const struct listing *list, enum column whole,
			 enum column addr, const union sg_addr *value,
			 __be16 port)
{
	char text[TEXT_ADDR_BYTES + 8];

	show_endpoint(value, ntohs(port), text, sizeof(text));
	stream_text(list->stream, whole, text);
	if (!list->is_json)
		return;
	text_from_addr(value, text, sizeof(text));
	stream_text(list->stream, addr, text);
	stream_number(list->stream, addr + 1, ntohs(port));
}

/* By the clock on the wall, as far as that was right then (RFC 3339). */
static void set_time(const struct listing *list, enum column column,
		     uint32_t ago_s)
{
	static char
		text[32]; /* most are of the same second as the one before */
	static time_t written;
	time_t then = list->now - ago_s;
	struct tm at;

	if (then != written && gmtime_r(&then, &at))
		strftime(text, sizeof(text), "%FT%TZ", &at);
	written = then;
	stream_text(list->stream, column, text);
}

static void set_grants(const struct listing *list, uint8_t grants)
{
	char text[STREAM_CELL_BYTES] = "[";
	size_t at = 1;

	for (uint32_t id = 0; id < SG_GRANT_COUNT; id++)
		if (grants & SG_GRANT_BIT(id))
			at += (size_t)snprintf(text + at, sizeof(text) - at,
					       "%s\"%s\"", at > 1 ? "," : "",
					       name_of_grant(id));
	stream_set(list->stream, GRANTS, "%s]", text);
}

static void set_rest(const struct listing *list, const struct sg_flow *flow,
		     const struct judgement *judgement, const char *rule)
{
	uint32_t now_s = list->judge.now_s;

	stream_text(list->stream, ROLE, name_of_share(flow->share));
	stream_text(list->stream, RULE, rule ? rule : "");
	stream_text(list->stream, WHY, judgement->why ? judgement->why : "");
	set_grants(list, flow->grants);
	stream_set(list->stream, ID, "%02x%02x%02x", flow->id[0], flow->id[1],
		   flow->id[2]);
	set_time(list, BEGUN, seconds_since(flow->created_s, now_s));
	set_time(list, SEEN, seconds_since(flow->last_s, now_s));
}

static int print_flow(const struct listing *list, const struct sg_flow_key *key,
		      const struct sg_flow *flow,
		      const struct judgement *judgement, const char *rule)
{
	const struct sg_traffic *in = &flow->traffic[SG_IN];
	const struct sg_traffic *out = &flow->traffic[SG_OUT];
	struct stream *stream = list->stream;
	uint32_t now_s = list->judge.now_s;

	stream_text(stream, KIND, name_of_kind(flow->kind));
	stream_text(stream, PROTOCOL, name_of_protocol(key->protocol));
	stream_text(stream, STATE, name_of_state(flow->state));
	set_endpoint(list, REMOTE, REMOTE_ADDR, &key->remote,
		     key->remote_port.be);
	set_endpoint(list, GATE, GATE_ADDR, &flow->gate_addr,
		     flow->gate_port.be);
	set_endpoint(list, LOCAL, LOCAL_ADDR, &key->local, key->local_port.be);
	stream_text(stream, INTERFACE,
		    name_of_interface(list->pins, flow->ifindex));
	stream_number(stream, IN_PACKETS, in->packets);
	stream_number(stream, IN_BYTES, in->bytes);
	stream_number(stream, OUT_PACKETS, out->packets);
	stream_number(stream, OUT_BYTES, out->bytes);
	stream_number(stream, IDLE_S, seconds_since(flow->last_s, now_s));
	stream_number(stream, AGE_S, seconds_since(flow->created_s, now_s));
	if (!list->is_json && judgement->why)
		stream_set(stream, STATUS, "%s: %s", judgement->status,
			   judgement->why);
	else
		stream_text(stream, STATUS, judgement->status);
	if (list->is_json)
		set_rest(list, flow, judgement, rule);
	return stream_row(stream);
}

/* Take up a flow of a map: print it, or put it among those that are sorted. */
static int take_flow(const struct listing *list, struct flow_sort *sort,
		     const struct sg_flow_key *key, const struct sg_flow *flow)
{
	struct sg_flow_key shown = *key;
	struct judgement judgement;
	const char *rule = NULL;

	if (text_addr_is_link_local(&shown.remote))
		shown.remote.word[1] = 0; /* the link, which has a column */
	/* the datapath ends an expired one when it next comes by */
	if (sg_flow_is_over(key, flow, &list->judge.policy, list->judge.now_s))
		return 0;
	judgement = judge_flow(&list->judge, key, flow);
	if (flow->rule != SG_NO_RULE)
		rule = rule_names_find(&list->names, flow->rule);
	if (!flow_filter_takes(&list->filter, &shown, flow, &judgement, rule))
		return 0;
	return sort ? flow_sort_add(sort, key, flow, list->map)
		    : print_flow(list, &shown, flow, &judgement, rule);
}

static int read_flow(const void *map_key, const void *value, void *context)
{
	struct listing *list = context;

	return take_flow(list, list->sort.key_count ? &list->sort : NULL,
			 map_key, value);
}

static const enum pins_map maps[] = {PINS_flows, PINS_half_open};

#define MAP_COUNT (sizeof(maps) / sizeof(maps[0]))

/* Print a flow that was sorted as it is by now; it may have become an open one,
 * or be over. */
static int print_sorted(const struct pins *pins, const struct listing *list,
			const struct flow_sort_item *item)
{
	struct sg_flow_key key = item->key;
	struct sg_flow flow;
	size_t map = key.id[0];

	key.id[0] = 0;
	if (bpf_map_lookup_elem(pins->map_fds[maps[map]], &key, &flow) &&
	    bpf_map_lookup_elem(pins->map_fds[maps[0]], &key, &flow))
		return 0;
	return take_flow(list, NULL, &key, &flow);
}

static int read_flows(const struct pins *pins, struct listing *list)
{
	int r = 0;

	for (list->map = 0; list->map < MAP_COUNT && !r; list->map++)
		r = maps_each(pins->map_fds[maps[list->map]],
			      sizeof(struct sg_flow_key),
			      sizeof(struct sg_flow), read_flow, list);
	flow_sort_finish(&list->sort);
	for (size_t i = 0; i < list->sort.count && !r; i++)
		r = print_sorted(pins, list, &list->sort.items[i]);
	return r;
}

static int list_flows(const struct pins *pins, struct listing *list,
		      enum show_form form)
{
	int r = judge_begin(&list->judge, pins);
	int ended;

	if (!r)
		r = rule_names_read(pins, &list->names);
	if (r)
		return r;
	if (list->filter.rule &&
	    !rule_names_has(&list->names, list->filter.rule))
		return -ENOENT;
	list->pins = pins;
	list->now = time(NULL);
	list->stream = stream_begin("flows", columns, COLUMN_COUNT, form);
	if (!list->stream)
		return -ENOMEM;
	r = read_flows(pins, list);
	ended = stream_end(list->stream);
	return r ? r : ended;
}

static int draw(const struct context *context, const void *what)
{
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	struct listing list = *(const struct listing *)what;
	struct fault fault;
	int r;

	if (pins_open(context->pin_dir, &pins, &fault))
		return verb_fail(&fault);
	r = list_flows(&pins, &list, repeat_form(context));
	rule_names_release(&list.names);
	flow_sort_release(&list.sort);
	if (!r)
		return EXIT_OK;
	if (r == -ENOENT && list.filter.rule)
		return verb_usage("--rule %s: no forward in force has that "
				  "name; `scoutgate forwards` has them",
				  list.filter.rule);
	fault_set(&fault, r, "%s: reading flows failed: %s", context->pin_dir,
		  strerror(-r));
	return verb_fail(&fault);
}

int verb_flows(const struct context *context, int count, char **args)
{
	struct listing list = {.is_json = context->json};
	struct fault fault;

	(void)args;
	if (count)
		return verb_usage("flows takes no arguments");
	if (flow_filter_parse(context, &list.filter, &fault) ||
	    flow_sort_parse(context, &list.sort, &fault))
		return verb_usage("%s", fault.text);
	return repeat_run(context, draw, &list);
}
