// SPDX-License-Identifier: GPL-2.0-or-later
/* See recorder.h. */
#include "ledger/recorder.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/names.h"
#include "gate/end.h"
#include "gate/sweep.h"
#include "ledger/digest.h"
#include "ledger/facts.h"
#include "ledger/flow_log.h"
#include "ledger/former.h"
#include "ledger/network_log.h"
#include "ledger/place.h"
#include "ledger/refusals.h"
#include "ledger/spool.h"
#include "ledger/writer.h"
#include "sys/cleanup.h"
#include "sys/clock.h"

#define RETRY_NS (5 * NS_PER_S)
#define COMPARE_NS (10 * NS_PER_S)
#define REFUSED_NS (60 * NS_PER_S)
#define GRANT_NS (1 * NS_PER_S) /* that a command takes to leave its record */
#define STEP_NS (NS_PER_S / 2)	/* of a clock that somebody has set */

/* A switch of a grant that no command has told of yet. */
struct switched {
	uint64_t since_ns; /* 0: there is none */
	bool is_open;
};

struct recorder {
	const struct pins *pins;
	const struct policy *policy;
	struct place place;
	struct flow_context context;
	struct flow_log *flows;
	struct refusals *refusals;
	struct writer *writer; /* NULL: there is no ledger to be written */
	uint32_t ring;	       /* of the flows: flow_log_ring() */
	uint64_t attached;     /* recorder_attached() */
	int fallback; /* -errno: the place that is named cannot be written */
	struct links links; /* owned; as they were at the last look */
	struct switched switched[SG_GRANT_COUNT];
	bool has_grants; /* those of the start are written */
	uint64_t tried_ns, compared_ns, refused_ns;
	int64_t real_less_boot_ns, boot_less_mono_ns;
	char problem[512];
};

const char *recorder_problem(const struct recorder *recorder)
{
	const char *problem =
		recorder->writer ? writer_problem(recorder->writer) : NULL;

	if (problem)
		return problem;
	return recorder->problem[0] ? recorder->problem : NULL;
}

uint64_t recorder_attached(const struct recorder *recorder)
{
	return recorder->flows ? recorder->attached : 0;
}

int recorder_fd(const struct recorder *recorder)
{
	return recorder->flows ? flow_log_fd(recorder->flows) : -1;
}

/*
 * The lease, without which no flow begins where a record is required
 */

#define LEASE_S 5

static void keep_lease(const struct recorder *recorder)
{
	bool records = recorder->writer && !writer_problem(recorder->writer);
	const struct sg_record_lease lease = {
		.until_s = records ? boot_s() + LEASE_S : 0,
		.is_full = !records,
	};
	__u32 zero = 0;

	bpf_map_update_elem(recorder->pins->map_fds[PINS_record_lease], &zero,
			    &lease, BPF_ANY);
}

static void breathe(void *data)
{
	keep_lease(data);
}

/*
 * Begin and end of a ledger
 */

static void note_clocks(struct recorder *recorder)
{
	uint64_t boot = boot_ns();

	recorder->real_less_boot_ns = (int64_t)(real_ns() - boot);
	recorder->boot_less_mono_ns =
		(int64_t)(boot - clock_ns(CLOCK_MONOTONIC));
}

static void stop(struct recorder *recorder, const char *why)
{
	/* 0: it has not begun */
	if (recorder->flows && recorder->writer &&
	    writer_segment(recorder->writer)) {
		flow_log_compare(recorder->flows, recorder->writer, true);
		flow_log_flush(recorder->flows, recorder->writer);
		refusals_flush(recorder->refusals, recorder->writer);
	}
	writer_close(&recorder->writer, why);
	flow_log_free(&recorder->flows);
	refusals_free(&recorder->refusals);
}

/* In memory, where the place that is named cannot be written. */
static int use_fallback(struct recorder *recorder, struct fault *ret_fault)
{
	int r = place_find(NULL, recorder->pins->dir, &recorder->place,
			   ret_fault);

	return r ? r : place_make(&recorder->place, ret_fault);
}

static int open_writer(struct recorder *recorder, struct fault *ret_fault)
{
	struct place *place = &recorder->place;
	int r = place_find(recorder->policy, recorder->pins->dir, place,
			   ret_fault);

	recorder->fallback = 0;
	if (!r)
		r = place_make(place, ret_fault);
	if (!r)
		recorder->fallback = place_probe(place);
	if (!r && recorder->fallback)
		r = use_fallback(recorder, ret_fault);
	if (r)
		return r;
	place_measure(place);
	recorder->writer =
		writer_open(place->dir, place->most_bytes, ret_fault);
	return recorder->writer ? 0 : -EIO;
}

static int attach(struct recorder *recorder, struct fault *ret_fault)
{
	recorder->ring = flow_log_ring(recorder->pins);
	recorder->refusals = refusals_new(&recorder->context);
	if (!recorder->refusals)
		return fault_set(ret_fault, ENOMEM, "out of memory");
	recorder->flows =
		flow_log_new(&recorder->context, recorder->refusals, ret_fault);
	if (!recorder->flows)
		return -EIO;
	recorder->attached++;
	flow_log_breathe(recorder->flows, breathe, recorder);
	return 0;
}

static int prepare(struct recorder *recorder, struct fault *ret_fault)
{
	int r = boot_id_read(recorder->context.boot_id);

	memset(recorder->context.epochs, 0, sizeof(recorder->context.epochs));
	memset(recorder->context.is_open, 0, sizeof(recorder->context.is_open));
	if (r)
		return fault_set(ret_fault, r, "boot id: %s", strerror(-r));
	r = open_writer(recorder, ret_fault); /* and be the only one */
	return r ? r : attach(recorder, ret_fault);
}

/* A grant may have been switched while nobody wrote. */
static void compare_grants(struct recorder *recorder)
{
	recorder->has_grants = false;
	for (uint32_t id = 0; id < SG_GRANT_COUNT; id++) {
		bool is_open = cut_is_open(recorder->pins, id);

		recorder->switched[id] = (struct switched){0};
		if (is_open != recorder->context.is_open[id])
			recorder->switched[id] =
				(struct switched){boot_ns(), is_open};
	}
}

static int start(struct recorder *recorder, struct fault *ret_fault)
{
	struct record record = {0};
	int r = prepare(recorder, ret_fault);

	if (!r)
		r = former_adopt(recorder->place.dir, recorder->ring,
				 &recorder->context, recorder->flows,
				 recorder->refusals, ret_fault);
	if (r)
		return r;
	facts_add(&record, recorder->policy, &recorder->place,
		  &recorder->links);
	record_number(&record, "ring", recorder->ring);
	record_number(&record, "open", (int64_t)flow_log_open(recorder->flows));
	r = writer_begin(recorder->writer, &record, ret_fault);
	if (r)
		return r;
	writer_balance(recorder->writer)->open = flow_log_open(recorder->flows);
	compare_grants(recorder);
	note_clocks(recorder);
	return 0;
}

/* It is a problem to be in another place than it should, though it is written.
 */
static void say_place(struct recorder *recorder)
{
	recorder->problem[0] = '\0';
	if (recorder->fallback)
		snprintf(recorder->problem, sizeof(recorder->problem),
			 "ledger: %.160s: %s, so it is kept in memory "
			 "(%.160s); make room there, or make it writable",
			 recorder->policy->ledger_dir,
			 strerror(-recorder->fallback), recorder->place.dir);
	if (recorder->place.is_not_the_one)
		snprintf(recorder->problem, sizeof(recorder->problem),
			 "ledger: %.160s is not marked for one, so it is kept "
			 "in memory (%.160s); mount it, or mark it by "
			 "`scoutgate ledger init`",
			 recorder->policy->ledger_dir, recorder->place.dir);
}

/* Is the ledger still where it should be, and of these maps? */
static bool is_elsewhere(const struct recorder *recorder)
{
	struct fault ignored;
	struct place place;

	if (flow_log_ring(recorder->pins) != recorder->ring)
		return true;
	if (place_find(recorder->policy, recorder->pins->dir, &place,
		       &ignored) ||
	    strcmp(place.dir, recorder->place.dir) == 0)
		return false;
	return !recorder->fallback || place_probe(&place) == 0;
}

static void begin(struct recorder *recorder)
{
	uint64_t now_ns = boot_ns();
	struct fault fault;

	if (recorder->tried_ns && now_ns - recorder->tried_ns < RETRY_NS)
		return;
	recorder->tried_ns = now_ns;
	if (recorder->writer && !writer_is_there(recorder->writer))
		stop(recorder, "its directory was taken away");
	if (recorder->writer && is_elsewhere(recorder))
		stop(recorder, "it goes on in another directory, or of "
			       "another instance");
	if (!recorder->writer && start(recorder, &fault)) {
		snprintf(recorder->problem, sizeof(recorder->problem),
			 "ledger: %.400s; nothing is recorded", fault.text);
		stop(recorder, "");
		return;
	}
	say_place(recorder);
}

/*
 * Policies and links
 */

void recorder_rest(struct recorder *recorder)
{
	if (recorder->writer)
		stop(recorder, "another daemon goes on");
}

void recorder_policy(struct recorder *recorder, uint32_t number)
{
	const char *config =
		recorder->policy->text ? recorder->policy->text : "";
	struct record record = {0};
	char hex[DIGEST_BYTES];

	if (number == recorder->context.policy_number)
		return;
	recorder->context.policy_number = number;
	recorder->tried_ns = 0; /* it may name another directory */
	rule_names_release(&recorder->context.rules);
	rule_names_read(recorder->pins, &recorder->context.rules);
	if (!recorder->writer)
		return;
	digest_of(config, strlen(config), hex);
	record_number(&record, "number", number);
	record_text(&record, "sha256", hex);
	/* a longer one is told by its digest, and is in the next start */
	record_text(&record, "config",
		    strlen(config) < RECORD_LINE_MAX / 4 ? config : NULL);
	writer_append(recorder->writer, "policy", &record);
}

void recorder_links(struct recorder *recorder, const struct links *links)
{
	struct links copy = {0};

	if (recorder->writer && recorder->links.count)
		network_log(&recorder->links, links, recorder->policy,
			    recorder->writer);
	copy.items = calloc(links->count + 1, sizeof(*copy.items));
	copy.addrs = calloc(links->addr_count + 1, sizeof(*copy.addrs));
	if (copy.items && copy.addrs) {
		memcpy(copy.items, links->items,
		       links->count * sizeof(*copy.items));
		memcpy(copy.addrs, links->addrs,
		       links->addr_count * sizeof(*copy.addrs));
		copy.count = links->count;
		copy.addr_count = links->addr_count;
	}
	links_release(&recorder->links);
	recorder->links = copy;
	recorder->context.link_ifindex = 0; /* names may have changed */
}

/*
 * Grants: a command leaves a record of who switched one; a switch that none
 * tells of was made by hand, or by its deadline.
 */

/* 0, or -errno: then it is as if it was not switched yet. */
static int write_grant(struct recorder *recorder, unsigned int id, bool is_open,
		       struct record *record)
{
	struct flow_context *context = &recorder->context;
	bool is_opening = is_open && !context->is_open[id];
	int r;

	record_number(record, "epoch",
		      (int64_t)context->epochs[id] + is_opening);
	r = writer_append(recorder->writer, "grant", record);
	if (r)
		return r;
	context->epochs[id] += is_opening;
	context->is_open[id] = is_open;
	recorder->switched[id].since_ns = 0;
	writer_checkpoint(recorder->writer);
	return 0;
}

static const char *switched_by(const struct recorder *recorder,
			       const struct sg_grant *grant)
{
	if (!recorder->has_grants)
		return "boot";
	return grant->open == 1 && !sg_grant_is_open(grant, boot_s())
		       ? "deadline"
		       : "map";
}

static void write_switched(struct recorder *recorder, unsigned int id)
{
	struct record record = {0};
	struct sg_grant grant = {0};
	__u32 key = id;

	bpf_map_lookup_elem(recorder->pins->map_fds[PINS_grants], &key, &grant);
	record_text(&record, "name", name_of_grant(id));
	record_flag(&record, "open", recorder->switched[id].is_open);
	record_text(&record, "via", switched_by(recorder, &grant));
	if (recorder->switched[id].is_open && grant.deadline_s)
		record_time(&record, "deadline",
			    (uint64_t)grant.deadline_s * NS_PER_S);
	else
		record_null(&record, "deadline");
	record_null(&record, "who");
	record_null(&record, "reason");
	record_null(&record, "case");
	write_grant(recorder, id, recorder->switched[id].is_open, &record);
}

void recorder_grants(struct recorder *recorder, const struct cut_change *change)
{
	for (unsigned int id = 0; id < SG_GRANT_COUNT; id++) {
		struct switched *switched = &recorder->switched[id];
		bool is_opened = change->opened & SG_GRANT_BIT(id);

		if (!is_opened && !(change->ended & SG_GRANT_BIT(id)))
			continue;
		/* a command may have told of it already */
		if (recorder->writer &&
		    recorder->context.is_open[id] == is_opened)
			continue;
		*switched = (struct switched){boot_ns(), is_opened};
	}
}

static void write_due_grants(struct recorder *recorder)
{
	uint64_t now_ns = boot_ns();

	for (unsigned int id = 0; id < SG_GRANT_COUNT; id++)
		if (recorder->switched[id].since_ns &&
		    (!recorder->has_grants ||
		     now_ns - recorder->switched[id].since_ns >= GRANT_NS))
			write_switched(recorder, id);
	recorder->has_grants = true;
}

/*
 * Records that commands have left
 */

#define FIELD_BYTES 224 /* of those that are looked at */

/* A field as it is written, or "". */
static const char *field_of(const struct record *record, const char *key,
			    char ret_text[FIELD_BYTES])
{
	size_t room = FIELD_BYTES;

	ret_text[0] = '\0';
	for (size_t i = 0; i < record->count; i++) {
		const struct record_field *field = &record->fields[i];
		bool is_text = record->text[field->first] == '"';

		if (strcmp(field->key, key) != 0 || field->bytes >= room)
			continue;
		snprintf(ret_text, room, "%.*s",
			 (int)field->bytes - 2 * is_text,
			 record->text + field->first + is_text);
		record_decode(ret_text);
	}
	return ret_text;
}

static void take_peer(struct recorder *recorder, const struct record *record)
{
	char address[FIELD_BYTES];
	char name[FIELD_BYTES];
	union sg_addr addr;

	if (text_parse_addr(field_of(record, "address", address), &addr))
		return;
	field_of(record, "name", name);
	peers_set(&recorder->context.peers, &addr,
		  strcmp(name, "null") != 0 ? name : "");
}

static int take_left(const char *event, struct record *record, void *data)
{
	struct recorder *recorder = data;
	char text[FIELD_BYTES];
	int id;

	if (strcmp(event, "grant") == 0) {
		id = grant_by_name(field_of(record, "name", text));
		if (id < 0)
			return 0;
		return write_grant(
			recorder, (unsigned int)id,
			strcmp(field_of(record, "open", text), "true") == 0,
			record);
	}
	if (strcmp(event, "peer") == 0)
		take_peer(recorder, record);
	return writer_append(recorder->writer, event, record);
}

/*
 * The clock
 */

static int64_t distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

/* Somebody has set the clock, or the machine has slept. */
static void watch_clock(struct recorder *recorder)
{
	int64_t real_was_ns = recorder->real_less_boot_ns;
	int64_t slept_ns = recorder->boot_less_mono_ns;
	struct record record = {0};

	note_clocks(recorder);
	if (distance(recorder->real_less_boot_ns, real_was_ns) <
		    (int64_t)STEP_NS &&
	    distance(recorder->boot_less_mono_ns, slept_ns) < (int64_t)STEP_NS)
		return;
	facts_add_clock(&record);
	record_number(&record, "step",
		      (recorder->real_less_boot_ns - real_was_ns) / 1000000);
	slept_ns = recorder->boot_less_mono_ns - slept_ns;
	/* two clocks are not read at once */
	record_number(&record, "slept", slept_ns > 0 ? slept_ns / 1000000 : 0);
	writer_append(recorder->writer, "clock", &record);
	writer_checkpoint(recorder->writer);
}

/*
 * Now and then
 */

static void drain_flows(void *data)
{
	struct recorder *recorder = data;

	flow_log_drain(recorder->flows, recorder->writer);
	keep_lease(recorder);
}

static void end_over(struct recorder *recorder)
{
	_cleanup_(cleanup_close) int end_fd = -1;
	size_t ended;

	if (end_open(recorder->pins->dir, &end_fd) == 0)
		sweep_flows(recorder->pins, end_fd, drain_flows, recorder,
			    &ended);
}

static void compare(struct recorder *recorder, uint64_t now_ns)
{
	if (now_ns - recorder->compared_ns >= COMPARE_NS) {
		recorder->compared_ns = now_ns;
		end_over(recorder);
		/* in a gap, what differs could not be written */
		if (!writer_problem(recorder->writer))
			flow_log_compare(recorder->flows, recorder->writer,
					 false);
		flow_log_flush(recorder->flows, recorder->writer);
	}
	if (now_ns - recorder->refused_ns >= REFUSED_NS) {
		recorder->refused_ns = now_ns;
		refusals_flush(recorder->refusals, recorder->writer);
	}
}

/* Grants before the flows that they let in. */
void recorder_drain(struct recorder *recorder)
{
	if (!recorder->writer)
		return;
	if (!writer_problem(recorder->writer)) /* what they left can wait */
		spool_take(recorder->place.dir, take_left, recorder);
	flow_log_drain(recorder->flows, recorder->writer);
}

void recorder_tick(struct recorder *recorder)
{
	begin(recorder);
	keep_lease(recorder);
	if (!recorder->writer)
		return;
	watch_clock(recorder);
	recorder_drain(recorder);
	write_due_grants(recorder);
	compare(recorder, boot_ns());
	writer_tick(recorder->writer);
}

struct recorder *recorder_new(const struct pins *pins,
			      const struct policy *policy)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	if (!recorder)
		return NULL;
	recorder->pins = pins;
	recorder->policy = policy;
	recorder->context.pins = pins;
	recorder->refused_ns = boot_ns();
	return recorder;
}

void recorder_close(struct recorder **recorder, const char *why)
{
	if (!*recorder)
		return;
	stop(*recorder, why);
	rule_names_release(&(*recorder)->context.rules);
	peers_release(&(*recorder)->context.peers);
	links_release(&(*recorder)->links);
	free(*recorder);
	*recorder = NULL;
}
