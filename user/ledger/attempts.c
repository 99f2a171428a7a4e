// SPDX-License-Identifier: GPL-2.0-or-later
/* See attempts.h. */
#include "ledger/attempts.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "config/names.h"
#include "sys/clock.h"
#include "sys/text.h"

/* A source, and the rule that it was after */
struct fold_key {
	union sg_addr orig; /* all 0: of many, folded into one */
	uint32_t rule;
	uint8_t kind;
	uint8_t protocol;
};

struct fold {
	struct fold_key key;
	struct sg_flow sample; /* the first one's, for its rule's name */
	union sg_addr resp;
	bool has_many;			/* more than one of resp */
	uint16_t first_port, last_port; /* host byte order */
	uint64_t flows, packets, bytes, answer_packets, answer_bytes;
	uint64_t refused; /* of these, by a reset */
	uint64_t first_ns, last_ns;
};

struct attempts {
	struct fold folds[ATTEMPTS_LINES + 1]; /* the last: of all others */
	size_t count;
};

struct attempts *attempts_new(void)
{
	return calloc(1, sizeof(struct attempts));
}

void attempts_free(struct attempts **attempts)
{
	free(*attempts);
	*attempts = NULL;
}

static bool is_key(const struct fold_key *a, const struct fold_key *b)
{
	return memcmp(&a->orig, &b->orig, sizeof(a->orig)) == 0 &&
	       a->rule == b->rule && a->kind == b->kind &&
	       a->protocol == b->protocol;
}

static struct fold *find(struct attempts *attempts, const struct fold_key *key)
{
	struct fold *others = &attempts->folds[ATTEMPTS_LINES];

	for (size_t i = 0; i < attempts->count; i++)
		if (is_key(&attempts->folds[i].key, key))
			return &attempts->folds[i];
	if (attempts->count == ATTEMPTS_LINES)
		return others;
	attempts->folds[attempts->count] = (struct fold){.key = *key};
	return &attempts->folds[attempts->count++];
}

static void begin(struct fold *fold, const struct sg_event *event,
		  const union sg_addr *resp, uint16_t port)
{
	fold->sample = event->flow;
	fold->resp = *resp;
	fold->first_port = fold->last_port = port;
	fold->first_ns = event->flow.begun_ns;
}

void attempts_add(struct attempts *attempts, const struct sg_event *event)
{
	const struct sg_flow *flow = &event->flow;
	enum sg_direction origin = sg_flow_initiator(flow);
	bool is_in = origin == SG_IN;
	const struct fold_key key = {
		.orig = is_in ? event->key.remote : event->key.local,
		.rule = flow->rule,
		.kind = flow->kind,
		.protocol = event->key.protocol,
	};
	const union sg_addr *resp =
		is_in ? &flow->gate_addr : &event->key.remote;
	uint16_t port =
		ntohs(is_in ? flow->gate_port.be : event->key.remote_port.be);
	struct fold *fold = find(attempts, &key);

	if (!fold->flows)
		begin(fold, event, resp, port);
	fold->has_many |= memcmp(&fold->resp, resp, sizeof(*resp)) != 0;
	fold->first_port = port < fold->first_port ? port : fold->first_port;
	fold->last_port = port > fold->last_port ? port : fold->last_port;
	fold->flows++;
	fold->refused += flow->state == SG_STATE_REFUSED;
	fold->packets += flow->traffic[origin].packets;
	fold->bytes += flow->traffic[origin].bytes;
	fold->answer_packets += flow->traffic[!origin].packets;
	fold->answer_bytes += flow->traffic[!origin].bytes;
	if (flow->begun_ns < fold->first_ns)
		fold->first_ns = flow->begun_ns;
	if (event->at_ns > fold->last_ns)
		fold->last_ns = event->at_ns;
}

static void add_addr(struct record *record, const char *key,
		     const union sg_addr *addr, bool is_known)
{
	char text[TEXT_ADDR_BYTES];

	text_from_addr(addr, text, sizeof(text));
	record_text(record, key, is_known ? text : NULL);
}

static void write_fold(const struct fold *fold, bool is_one,
		       struct flow_context *context, struct writer *writer)
{
	struct record record = {0};

	add_addr(&record, "orig_h", &fold->key.orig, is_one);
	add_addr(&record, "resp_h", &fold->resp, is_one && !fold->has_many);
	record_text(&record, "proto",
		    is_one ? name_of_protocol(fold->key.protocol) : NULL);
	record_text(&record, "kind",
		    is_one ? name_of_kind(fold->key.kind) : NULL);
	record_text(&record, "rule",
		    is_one ? flow_rule(context, &fold->sample) : NULL);
	record_number(&record, "resp_p_min", fold->first_port);
	record_number(&record, "resp_p_max", fold->last_port);
	record_number(&record, "flows", (int64_t)fold->flows);
	record_number(&record, "refused", (int64_t)fold->refused);
	record_number(&record, "pkts", (int64_t)fold->packets);
	record_number(&record, "ip_bytes", (int64_t)fold->bytes);
	record_number(&record, "resp_pkts", (int64_t)fold->answer_packets);
	record_number(&record, "resp_ip_bytes", (int64_t)fold->answer_bytes);
	record_time(&record, "first", fold->first_ns);
	record_time(&record, "last", fold->last_ns);
	writer_append(writer, "attempts", &record);
}

void attempts_flush(struct attempts *attempts, struct flow_context *context,
		    struct writer *writer)
{
	struct fold *others = &attempts->folds[ATTEMPTS_LINES];

	for (size_t i = 0; i < attempts->count; i++)
		write_fold(&attempts->folds[i], true, context, writer);
	if (others->flows)
		write_fold(others, false, context, writer);
	attempts->count = 0;
	*others = (struct fold){0};
}
