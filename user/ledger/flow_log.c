// SPDX-License-Identifier: GPL-2.0-or-later
/* See flow_log.h. */
#include "ledger/flow_log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/maps.h"
#include "sys/cleanup.h"
#include "sys/clock.h"

#define UPDATE_NS (50 * NS_PER_S) /* looked at each 10 s: within 60 */
#define CPUS_MAX 4096
#define GONE_AT_ONCE 256
#define BREATHE_EACH 4096 /* flows that are compared */
#define DRAIN_MAX 40000	  /* events */

/* A flow that is open by the ledger. */
struct open_flow {
	char uid[FLOW_UID_BYTES];
	uint64_t packets; /* both ways, when they were last written */
	uint64_t written_ns;
	bool is_closing; /* that was written */
	bool is_former;	 /* of maps that are gone: the gate was down */
	uint32_t seen; /* the comparison that saw it last, or that before which
			  it began */
};

/* The events of a ring that are on file, of one CPU. Numbers of neighbours may
 * be in another order than the ring. */
struct filed {
	uint64_t newest; /* 0: none is */
	uint64_t before; /* a bit for each of the 64 up to it */
};

struct flow_log {
	struct flow_context *context;
	struct ring_buffer *rings;
	struct attempts *attempts;
	struct refusals *refusals;
	struct writer *writer; /* while a ring is read */
	void *open;	       /* a tree of open_flow, by uid */
	uint64_t open_count;
	uint32_t comparison;
	uint64_t compared;
	void (*breathe)(void *data);
	void *breathe_data;
	bool is_last;	     /* of the comparisons: nothing waits for another */
	struct filed *filed; /* by CPU */
	size_t taken;	     /* of the rings, in this drain */
	uint64_t lost[SG_EVENTS_COUNT]; /* that are on file */
	uint64_t lost_until_ns[SG_EVENTS_COUNT];
	struct open_flow *gone[GONE_AT_ONCE];
	size_t gone_count;
};

static const char *const ring_names[] = {
	[SG_EVENTS_FLOWS] = "flows",
	[SG_EVENTS_ATTEMPTS] = "attempts",
	[SG_EVENTS_REFUSALS] = "refusals",
};

static int by_uid(const void *a, const void *b)
{
	return strcmp(((const struct open_flow *)a)->uid,
		      ((const struct open_flow *)b)->uid);
}

static struct open_flow *find(struct flow_log *log, const char *uid)
{
	struct open_flow key;
	struct open_flow **found;

	memcpy(key.uid, uid, FLOW_UID_BYTES);
	found = tfind(&key, &log->open, by_uid);
	return found ? *found : NULL;
}

static struct open_flow *note(struct flow_log *log, const char *uid)
{
	struct open_flow *flow = calloc(1, sizeof(*flow));

	if (!flow)
		return NULL;
	memcpy(flow->uid, uid, FLOW_UID_BYTES);
	flow->seen = log->comparison;
	flow->written_ns = boot_ns();
	if (!tsearch(flow, &log->open, by_uid)) {
		free(flow);
		return NULL;
	}
	log->open_count++;
	return flow;
}

static void forget(struct flow_log *log, struct open_flow *flow)
{
	tdelete(flow, &log->open, by_uid);
	free(flow);
	log->open_count--;
}

void flow_log_adopt(struct flow_log *log, const char *uid, bool is_ring)
{
	struct open_flow *open = find(log, uid);

	if (!open)
		open = note(log, uid);
	if (open)
		open->is_former = !is_ring;
}

void flow_log_adopt_end(struct flow_log *log, const char *uid)
{
	struct open_flow *flow = find(log, uid);

	if (flow)
		forget(log, flow);
}

void flow_log_adopt_seq(struct flow_log *log, uint32_t cpu, uint64_t seq)
{
	struct filed *filed = &log->filed[cpu % CPUS_MAX];

	if (seq > filed->newest) {
		filed->before = seq - filed->newest < 64
					? filed->before << (seq - filed->newest)
					: 0;
		filed->newest = seq;
	}
	if (filed->newest - seq < 64)
		filed->before |= UINT64_C(1) << (filed->newest - seq);
}

void flow_log_adopt_lost(struct flow_log *log, const char *ring, uint64_t lost)
{
	for (uint32_t i = 0; i < SG_EVENTS_COUNT; i++)
		if (strcmp(ring_names[i], ring) == 0)
			log->lost[i] = lost;
}

void flow_log_adopt_ring(struct flow_log *log)
{
	memset(log->filed, 0, CPUS_MAX * sizeof(*log->filed));
	memset(log->lost, 0, sizeof(log->lost));
}

void flow_log_breathe(struct flow_log *log, void (*breathe)(void *data),
		      void *data)
{
	log->breathe = breathe;
	log->breathe_data = data;
}

uint64_t flow_log_open(const struct flow_log *log)
{
	return log->open_count;
}

/*
 * Records. What could not be written is counted by the writer, and as lost in
 * the balance, which tells of records alone.
 */

static int write_begin(struct flow_log *log, const char *event,
		       const struct sg_flow_key *key,
		       const struct sg_flow *flow, struct record *record)
{
	struct writer_balance *balance = writer_balance(log->writer);
	int r;

	flow_add(record, log->context, key, flow);
	r = writer_append(log->writer, event, record);
	if (r)
		return r;
	balance->begun++;
	balance->open++;
	return 0;
}

/* One whose end could not be written stays open by the ledger, until a
 * comparison says that it is gone. */
static int write_end(struct flow_log *log, const char *event,
		     struct record *record)
{
	struct writer_balance *balance = writer_balance(log->writer);
	int r = writer_append(log->writer, event, record);

	if (r)
		return r;
	balance->ended++;
	balance->open--;
	return 0;
}

static void add_source(struct record *record, const struct sg_event *event)
{
	record_number(record, "cpu", event->cpu);
	record_number(record, "seq", (int64_t)event->seq);
	record_time(record, "at", event->at_ns);
}

/* Of a flow whose begin is not on file. NULL: it could not be written. */
static struct open_flow *write_found(struct flow_log *log, const char *uid,
				     const struct sg_flow_key *key,
				     const struct sg_flow *flow)
{
	struct record record = {0};

	record_text(&record, "why", "its begin is not on file");
	return write_begin(log, "found", key, flow, &record) == 0
		       ? note(log, uid)
		       : NULL;
}

static void take_begin(struct flow_log *log, const struct sg_event *event,
		       const char *uid)
{
	struct record record = {0};

	if (find(log, uid))
		return; /* it was found before its begin was read */
	add_source(&record, event);
	/* one whose begin could not be written is found later */
	if (write_begin(log, "flow.begin", &event->key, &event->flow,
			&record) == 0)
		note(log, uid);
}

static void take_end(struct flow_log *log, const struct sg_event *event,
		     const char *uid)
{
	struct open_flow *open = find(log, uid);
	struct record record = {0};

	if (!open)
		open = write_found(log, uid, &event->key, &event->flow);
	if (!open)
		return;
	add_source(&record, event);
	flow_add(&record, log->context, &event->key, &event->flow);
	flow_add_end(&record, event->reason);
	if (write_end(log, "flow.end", &record) == 0)
		forget(log, open);
}

/* Return whether the last writer had written it before it was killed. */
static bool is_filed(const struct flow_log *log, const struct sg_event *event)
{
	const struct filed *filed = &log->filed[event->cpu % CPUS_MAX];

	if (event->seq > filed->newest)
		return false;
	return filed->newest - event->seq >= 64 ||
	       filed->before >> (filed->newest - event->seq) & 1;
}

/* More than a ring holds: who makes flows faster than they are written is not
 * to keep the daemon from all else. */
static int enough(struct flow_log *log)
{
	return ++log->taken < DRAIN_MAX ? 0 : -EAGAIN;
}

static int on_flow(void *data, void *sample, size_t bytes)
{
	const struct sg_event *event = sample;
	struct flow_log *log = data;
	char uid[FLOW_UID_BYTES];

	if (bytes < sizeof(*event))
		return 0;
	if (is_filed(log, event))
		return enough(log);
	flow_uid(log->context, &event->key, &event->flow, uid);
	if (event->type == SG_EVENT_BEGIN)
		take_begin(log, event, uid);
	else
		take_end(log, event, uid);
	return enough(log);
}

static int on_attempt(void *data, void *sample, size_t bytes)
{
	struct flow_log *log = data;

	if (bytes >= sizeof(struct sg_event))
		attempts_add(log->attempts, sample);
	return enough(log);
}

static int on_refusal(void *data, void *sample, size_t bytes)
{
	struct flow_log *log = data;

	if (bytes >= sizeof(struct sg_refusal))
		refusals_add(log->refusals, sample);
	return 0;
}

/*
 * Events that the rings had no room for
 */

/* All CPUs' together. */
static int read_count(const struct flow_log *log, uint32_t ring,
		      struct sg_event_count *ret_count)
{
	_cleanup_(cleanup_free) struct sg_event_count *each = NULL;
	int cpus = libbpf_num_possible_cpus();

	*ret_count = (struct sg_event_count){.first_lost_ns = UINT64_MAX};
	each = cpus > 0 ? calloc((size_t)cpus, sizeof(*each)) : NULL;
	if (!each ||
	    bpf_map_lookup_elem(log->context->pins->map_fds[PINS_event_counts],
				&ring, each))
		return -1;
	for (int i = 0; i < cpus; i++) {
		ret_count->lost += each[i].lost;
		ret_count->lost_packets += each[i].lost_packets;
		ret_count->lost_bytes += each[i].lost_bytes;
		if (each[i].lost &&
		    each[i].first_lost_ns < ret_count->first_lost_ns)
			ret_count->first_lost_ns = each[i].first_lost_ns;
		if (each[i].last_lost_ns > ret_count->last_lost_ns)
			ret_count->last_lost_ns = each[i].last_lost_ns;
	}
	return 0;
}

static void write_lost(struct flow_log *log, uint32_t ring)
{
	struct sg_event_count count;
	struct record record = {0};
	char why[64];

	if (read_count(log, ring, &count) || count.lost <= log->lost[ring])
		return;
	snprintf(why, sizeof(why), "the ring of %s was full", ring_names[ring]);
	record_text(&record, "why", why);
	record_text(&record, "ring", ring_names[ring]);
	record_time(&record, "from",
		    log->lost_until_ns[ring] ? log->lost_until_ns[ring]
					     : count.first_lost_ns);
	record_time(&record, "until", count.last_lost_ns);
	record_number(&record, "lost", (int64_t)(count.lost - log->lost[ring]));
	/* since the gate was brought up */
	record_number(&record, "all_lost", (int64_t)count.lost);
	record_number(&record, "all_pkts", (int64_t)count.lost_packets);
	record_number(&record, "all_ip_bytes", (int64_t)count.lost_bytes);
	if (writer_append(log->writer, "gap", &record))
		return;
	writer_balance(log->writer)->lost += count.lost - log->lost[ring];
	log->lost[ring] = count.lost;
	log->lost_until_ns[ring] = count.last_lost_ns;
}

void flow_log_drain(struct flow_log *log, struct writer *writer)
{
	log->writer = writer;
	log->taken = 0;
	ring_buffer__consume(log->rings);
	write_lost(log, SG_EVENTS_FLOWS);
	write_lost(log, SG_EVENTS_ATTEMPTS);
}

void flow_log_flush(struct flow_log *log, struct writer *writer)
{
	attempts_flush(log->attempts, log->context, writer);
}

/*
 * The tables
 */

static void update(struct flow_log *log, struct open_flow *open,
		   const struct sg_flow_key *key, const struct sg_flow *flow)
{
	uint64_t packets = flow->traffic[0].packets + flow->traffic[1].packets;
	bool closes = flow->state > SG_STATE_ESTABLISHED && !open->is_closing;
	struct record record = {0};
	uint64_t now_ns = boot_ns();
	bool is_due = log->is_last || now_ns - open->written_ns >= UPDATE_NS;

	if (!closes && (packets == open->packets || !is_due))
		return;
	flow_add(&record, log->context, key, flow);
	record_flag(&record, "final", false);
	writer_append(log->writer, "flow.update", &record);
	open->packets = packets;
	open->is_closing |= closes;
	open->written_ns = now_ns;
}

static int compare_one(const void *key, const void *value, void *data)
{
	struct flow_log *log = data;
	char uid[FLOW_UID_BYTES];
	struct open_flow *open;

	flow_uid(log->context, key, value, uid);
	open = find(log, uid);
	/* its begin may be in the ring still: then it is written now, and
	 * passed over there */
	if (!open)
		open = write_found(log, uid, key, value);
	if (!open)
		return 0;
	if (++log->compared % BREATHE_EACH == 0 && log->breathe)
		log->breathe(log->breathe_data);
	open->seen = log->comparison;
	update(log, open, key, value);
	return 0;
}

static void collect_unseen(const void *node, VISIT which, void *data)
{
	struct open_flow *open = *(struct open_flow *const *)node;
	struct flow_log *log = data;

	if ((which == postorder || which == leaf) &&
	    open->seen != log->comparison && log->gone_count < GONE_AT_ONCE)
		log->gone[log->gone_count++] = open;
}

/* Those that are open by the ledger alone: their end was lost. */
static void write_gone(struct flow_log *log)
{
	do {
		log->gone_count = 0;
		twalk_r(log->open, collect_unseen, log);
		for (size_t i = 0; i < log->gone_count; i++) {
			struct record record = {0};

			record_text(&record, "uid", log->gone[i]->uid);
			record_text(&record, "reason",
				    log->gone[i]->is_former ? "down" : "lost");
			if (write_end(log, "gone", &record))
				return;
			forget(log, log->gone[i]);
		}
	} while (log->gone_count == GONE_AT_ONCE);
}

void flow_log_compare(struct flow_log *log, struct writer *writer, bool is_last)
{
	int fd = log->context->pins->map_fds[PINS_flows];

	flow_log_drain(log, writer);
	log->comparison++;
	log->is_last = is_last;
	if (maps_each(fd, sizeof(struct sg_flow_key), sizeof(struct sg_flow),
		      compare_one, log))
		return;
	/* what ended meanwhile is in the ring by now, and what began is not
	 * unseen: note() */
	flow_log_drain(log, writer);
	write_gone(log);
}

/*
 * Begin and end
 */

uint32_t flow_log_ring(const struct pins *pins)
{
	struct bpf_map_info info = {0};
	__u32 bytes = sizeof(info);

	return bpf_obj_get_info_by_fd(pins->map_fds[PINS_flow_events], &info,
				      &bytes)
		       ? 0
		       : info.id;
}

int flow_log_fd(const struct flow_log *log)
{
	return ring_buffer__epoll_fd(log->rings);
}

struct flow_log *flow_log_new(struct flow_context *context,
			      struct refusals *refusals,
			      struct fault *ret_fault)
{
	const int *fds = context->pins->map_fds;
	struct flow_log *log = calloc(1, sizeof(*log));

	if (log) {
		log->context = context;
		log->refusals = refusals;
		log->filed = calloc(CPUS_MAX, sizeof(*log->filed));
		log->attempts = attempts_new();
		log->rings = ring_buffer__new(fds[PINS_flow_events], on_flow,
					      log, NULL);
	}
	if (log && log->filed && log->attempts && log->rings &&
	    ring_buffer__add(log->rings, fds[PINS_attempt_events], on_attempt,
			     log) == 0 &&
	    ring_buffer__add(log->rings, fds[PINS_refusals], on_refusal, log) ==
		    0)
		return log;
	fault_set(ret_fault, errno, "%s/flow_events: %s", context->pins->dir,
		  strerror(errno));
	if (log)
		flow_log_free(&log);
	return NULL;
}

void flow_log_free(struct flow_log **log)
{
	if (!*log)
		return;
	ring_buffer__free((*log)->rings);
	attempts_free(&(*log)->attempts);
	while ((*log)->open)
		forget(*log, *(struct open_flow **)(*log)->open);
	free((*log)->filed);
	free(*log);
	*log = NULL;
}
