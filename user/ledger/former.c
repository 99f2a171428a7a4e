// SPDX-License-Identifier: GPL-2.0-or-later
/* See former.h. */
#include "ledger/former.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/names.h"
#include "ledger/segment.h"
#include "ledger/walk.h"
#include "sys/cleanup.h"
#include "sys/text.h"

struct former {
	uint32_t ring;
	bool is_ring; /* this part of the ledger is of the same rings */
	struct flow_context *context;
	struct flow_log *flows;
	struct refusals *refusals;
};

static void take_start(struct former *former, const struct walk_record *record)
{
	former->is_ring = walk_number(record, "ring") == former->ring;
	if (former->is_ring)
		return;
	flow_log_adopt_ring(former->flows);
	refusals_adopt_none(former->refusals);
}

static void take_flow(struct former *former, const struct walk_record *record)
{
	char uid[FLOW_UID_BYTES];

	walk_text(record, "uid", uid, sizeof(uid));
	if (strlen(uid) != FLOW_UID_BYTES - 1)
		return;
	if (walk_is(record, "flow.end") || walk_is(record, "gone"))
		flow_log_adopt_end(former->flows, uid);
	else if (walk_is(record, "flow.begin") || walk_is(record, "found"))
		flow_log_adopt(former->flows, uid, former->is_ring);
	if (former->is_ring && walk_number(record, "seq"))
		flow_log_adopt_seq(former->flows,
				   (uint32_t)walk_number(record, "cpu"),
				   walk_number(record, "seq"));
}

static void take_peer(struct former *former, const struct walk_record *record)
{
	char address[TEXT_ADDR_BYTES];
	char name[PEERS_NAME_BYTES];
	union sg_addr addr;

	walk_text(record, "address", address, sizeof(address));
	walk_text(record, "name", name, sizeof(name));
	if (text_parse_addr(address, &addr) == 0)
		peers_set(&former->context->peers, &addr, name);
}

static void take_grant(struct former *former, const struct walk_record *record)
{
	char name[32];
	int id;

	walk_text(record, "name", name, sizeof(name));
	id = grant_by_name(name);
	if (id >= 0)
		former->context->epochs[id] = walk_number(record, "epoch");
	if (id >= 0)
		former->context->is_open[id] =
			walk_field(record, "open").type == 't';
}

static void take_gap(struct former *former, const struct walk_record *record)
{
	char ring[16];

	walk_text(record, "ring", ring, sizeof(ring));
	if (former->is_ring)
		flow_log_adopt_lost(former->flows, ring,
				    walk_number(record, "all_lost"));
}

static void take_refused(struct former *former,
			 const struct walk_record *record)
{
	char reason[32];

	walk_text(record, "reason", reason, sizeof(reason));
	if (former->is_ring)
		refusals_adopt(former->refusals, reason,
			       walk_number(record, "pkts"));
}

static int take(const struct walk_record *record, void *data)
{
	struct former *former = data;

	if (walk_is(record, "start"))
		take_start(former, record);
	else if (walk_is(record, "peer"))
		take_peer(former, record);
	else if (walk_is(record, "grant"))
		take_grant(former, record);
	else if (walk_is(record, "refused"))
		take_refused(former, record);
	else if (walk_is(record, "gap"))
		take_gap(former, record);
	else
		take_flow(former, record);
	return 0;
}

/* The boot that a segment is of, by its first record. */
static bool is_of_boot(const char *dir, uint32_t number, const char *boot_id)
{
	_cleanup_(segment_close) struct segment_reader *reader = NULL;
	struct walk_record record;
	char path[PATH_MAX];
	struct fault ignored;
	bool whole;

	if (segment_path(dir, number, path))
		return false;
	reader = segment_open(path, &ignored);
	if (!reader ||
	    !segment_next(reader, &record.line, &record.bytes, &whole))
		return false;
	record.bytes--;
	return canonical_is(record.line, record.bytes) &&
	       canonical_is_text(walk_field(&record, "boot_id"), boot_id);
}

int former_adopt(const char *dir, uint32_t ring, struct flow_context *context,
		 struct flow_log *flows, struct refusals *refusals,
		 struct fault *ret_fault)
{
	_cleanup_(cleanup_free) uint32_t *numbers = NULL;
	struct former former = {ring, false, context, flows, refusals};
	size_t count = 0;
	size_t first;
	int r = segment_list(dir, &numbers, &count, ret_fault);

	if (r)
		return r;
	for (first = count; first > 0; first--)
		if (!is_of_boot(dir, numbers[first - 1], context->boot_id))
			break;
	return first == count ? 0
			      : walk_path(dir, numbers[first], take, &former,
					  ret_fault);
}
