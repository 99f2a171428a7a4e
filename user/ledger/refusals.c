// SPDX-License-Identifier: GPL-2.0-or-later
/* See refusals.h. */
#include "ledger/refusals.h"

#include <bpf/bpf.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "config/names.h"
#include "gate/maps.h"
#include "sg_reason.h"
#include "sys/cleanup.h"
#include "sys/clock.h"
#include "sys/text.h"

#define SOURCES_MAX 40 /* in a minute that a line is for each */
#define ROWS_MAX                                                               \
	30 /* the same of links and reasons; what is beyond is one             \
	      more by reason */

struct row {
	struct sg_drop_key key;
	uint64_t packets; /* as of the last flush */
};

/* One whose packets were sampled. */
struct source {
	struct sg_drop_key key;
	union sg_addr addr;
	uint8_t protocol;
	uint16_t first_port, last_port; /* that it was after; 0: none */
	uint64_t packets;
	uint64_t first_ns, last_ns;
};

struct refusals {
	struct flow_context *context;
	struct source sources[SOURCES_MAX];
	size_t source_count;
	struct row *rows; /* owned, sorted by key */
	size_t count;
	uint64_t flushed_ns;
	size_t lines; /* of this flush */
	/* packets: that are on file; that are not yet, in this flush */
	uint64_t recorded[SG_REASON_COUNT], left[SG_REASON_COUNT];
};

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct sg_drop_key));
}

static uint64_t packets_before(const struct refusals *refusals,
			       const struct sg_drop_key *key)
{
	const struct row *row =
		refusals->count ? bsearch(key, refusals->rows, refusals->count,
					  sizeof(*refusals->rows), by_key)
				: NULL;

	return row ? row->packets : 0;
}

/*
 * Samples: who, and after what, by the headers that are in them
 */

/* The offset of the IP header in a sample; its version is found there. */
static size_t ip_at(const struct sg_refusal *sample)
{
	return sample->has_ethernet ? ETH_HLEN : 0;
}

static void read_ports(const uint8_t *l4, const uint8_t *end,
		       struct source *ret_source)
{
	bool has_ports = ret_source->protocol == IPPROTO_TCP ||
			 ret_source->protocol == IPPROTO_UDP;

	if (has_ports && l4 + 4 <= end)
		ret_source->first_port = ret_source->last_port =
			(uint16_t)(l4[2] << 8 | l4[3]);
}

/* False: it is of no IP. */
static bool read_source(const struct sg_refusal *sample,
			struct source *ret_source)
{
	const uint8_t *ip = sample->head + ip_at(sample);
	const uint8_t *end = sample->head + sizeof(sample->head);
	uint32_t v4;

	if (ip[0] >> 4 == 4) {
		memcpy(&v4, ip + 12, sizeof(v4));
		ret_source->addr = text_addr_from_v4(v4);
		ret_source->protocol = ip[9];
		if (!(ip[6] & 0x1f) && !ip[7]) /* no later fragment */
			read_ports(ip + (ip[0] & 15) * 4, end, ret_source);
		return true;
	}
	if (ip[0] >> 4 != 6)
		return false;
	memcpy(&ret_source->addr, ip + 8, sizeof(ret_source->addr));
	ret_source->protocol = ip[6];
	read_ports(ip + 40, end, ret_source);
	return true;
}

static bool is_of(const struct source *a, const struct source *b)
{
	return memcmp(&a->key, &b->key, sizeof(a->key)) == 0 &&
	       memcmp(&a->addr, &b->addr, sizeof(a->addr)) == 0 &&
	       a->protocol == b->protocol;
}

void refusals_add(struct refusals *refusals, const struct sg_refusal *sample)
{
	struct source source = {.key = {sample->ifindex, sample->reason},
				.first_ns = sample->at_ns};
	struct source *found = NULL;

	if (!read_source(sample, &source))
		return;
	for (size_t i = 0; i < refusals->source_count && !found; i++)
		if (is_of(&refusals->sources[i], &source))
			found = &refusals->sources[i];
	if (!found && refusals->source_count == SOURCES_MAX)
		return; /* one of the others */
	if (!found) {
		found = &refusals->sources[refusals->source_count++];
		*found = source;
	}
	found->packets++;
	found->last_ns = sample->at_ns;
	if (source.first_port < found->first_port)
		found->first_port = source.first_port;
	if (source.last_port > found->last_port)
		found->last_port = source.last_port;
}

/*
 * Lines
 */

static void write_line(struct refusals *refusals, struct writer *writer,
		       uint32_t reason, const char *link, uint64_t packets,
		       struct record *record)
{
	record_text(record, "reason", name_of_reason(reason));
	record_text(record, "link", link);
	record_number(record, "pkts", (int64_t)packets);
	if (writer_append(writer, "refused", record) == 0)
		refusals->recorded[reason] += packets;
	refusals->left[reason] -= packets;
}

/* Those that no sample tells of. */
static void write_others(struct refusals *refusals, struct writer *writer,
			 uint32_t reason, const char *link, uint64_t packets)
{
	struct record record = {0};

	if (!packets)
		return;
	record_null(&record, "orig_h");
	record_null(&record, "resp_p");
	record_flag(&record, "others", true);
	record_time(&record, "first", refusals->flushed_ns);
	record_time(&record, "last", boot_ns());
	write_line(refusals, writer, reason, link, packets, &record);
}

static void write_source(struct refusals *refusals, const struct source *source,
			 struct writer *writer, const char *link,
			 uint64_t packets)
{
	struct record record = {0};
	char text[TEXT_ADDR_BYTES];

	text_from_addr(&source->addr, text, sizeof(text));
	record_text(&record, "orig_h", text);
	record_text(&record, "proto", name_of_protocol(source->protocol));
	if (source->last_port)
		record_number(&record, "resp_p", source->first_port);
	else
		record_null(&record, "resp_p");
	if (source->last_port != source->first_port)
		record_number(&record, "resp_p_max", source->last_port);
	record_flag(&record, "others", false);
	record_time(&record, "first", source->first_ns);
	record_time(&record, "last", source->last_ns);
	write_line(refusals, writer, source->key.reason, link, packets,
		   &record);
}

static uint64_t at_most(uint64_t packets, uint64_t limit)
{
	return packets < limit ? packets : limit;
}

/* A source's line has as many packets as samples: so all lines of a row are as
 * many as it counts, and no more. */
static void write_row(struct refusals *refusals, struct writer *writer,
		      const struct row *row)
{
	uint32_t reason = row->key.reason;
	uint64_t before = packets_before(refusals, &row->key);
	uint64_t packets = row->packets > before ? row->packets - before : 0;
	const char *link;

	/* a row of a link that is gone is added to that of all such: purge.h */
	if (!packets || row->key.ifindex == SG_GONE_IFINDEX ||
	    reason >= SG_REASON_COUNT || refusals->lines++ >= ROWS_MAX)
		return;
	packets = at_most(packets, refusals->left[reason]);
	link = flow_link(refusals->context, row->key.ifindex);
	for (size_t i = 0; i < refusals->source_count && packets; i++) {
		const struct source *source = &refusals->sources[i];
		uint64_t sampled = at_most(source->packets, packets);

		if (memcmp(&source->key, &row->key, sizeof(row->key)) != 0)
			continue;
		write_source(refusals, source, writer, link, sampled);
		packets -= sampled;
	}
	write_others(refusals, writer, reason, link, packets);
}

static int read_rows(const struct refusals *refusals, struct row **ret_rows,
		     size_t *ret_count)
{
	int fd = refusals->context->pins->map_fds[PINS_drops];
	_cleanup_(cleanup_free) struct sg_drop_key *keys = NULL;
	int r = maps_keys(fd, sizeof(*keys), (void **)&keys, ret_count);
	struct row *rows;

	if (r)
		return r;
	rows = calloc(*ret_count + 1, sizeof(*rows));
	if (!rows)
		return -1;
	for (size_t i = 0; i < *ret_count; i++) {
		rows[i].key = keys[i];
		maps_sum(fd, &keys[i], 1, &rows[i].packets);
	}
	qsort(rows, *ret_count, sizeof(*rows), by_key);
	*ret_rows = rows;
	return 0;
}

/* Of each reason, the packets that are not on file. */
static void count_left(struct refusals *refusals, const struct row *rows,
		       size_t count)
{
	memset(refusals->left, 0, sizeof(refusals->left));
	for (size_t i = 0; i < count; i++)
		if (rows[i].key.reason < SG_REASON_COUNT)
			refusals->left[rows[i].key.reason] += rows[i].packets;
	for (uint32_t reason = 0; reason < SG_REASON_COUNT; reason++)
		refusals->left[reason] -= at_most(refusals->recorded[reason],
						  refusals->left[reason]);
}

void refusals_flush(struct refusals *refusals, struct writer *writer)
{
	struct row *rows = NULL;
	size_t count = 0;

	if (read_rows(refusals, &rows, &count))
		return;
	count_left(refusals, rows, count);
	refusals->lines = 0;
	for (size_t i = 0; i < count; i++)
		write_row(refusals, writer, &rows[i]);
	for (uint32_t reason = 0; reason < SG_REASON_COUNT; reason++)
		write_others(refusals, writer, reason, NULL,
			     refusals->left[reason]);
	refusals->source_count = 0;
	free(refusals->rows);
	refusals->rows = rows;
	refusals->count = count;
	refusals->flushed_ns = boot_ns();
}

void refusals_adopt(struct refusals *refusals, const char *reason,
		    uint64_t packets)
{
	for (uint32_t i = 0; i < SG_REASON_COUNT; i++)
		if (strcmp(name_of_reason(i), reason) == 0)
			refusals->recorded[i] += packets;
}

void refusals_adopt_none(struct refusals *refusals)
{
	memset(refusals->recorded, 0, sizeof(refusals->recorded));
}

struct refusals *refusals_new(struct flow_context *context)
{
	struct refusals *refusals = calloc(1, sizeof(*refusals));

	if (!refusals)
		return NULL;
	refusals->context = context;
	refusals->flushed_ns = boot_ns();
	/* by link, what was refused before is not of this start */
	if (read_rows(refusals, &refusals->rows, &refusals->count))
		refusals->count = 0;
	return refusals;
}

void refusals_free(struct refusals **refusals)
{
	if (*refusals)
		free((*refusals)->rows);
	free(*refusals);
	*refusals = NULL;
}
