// SPDX-License-Identifier: GPL-2.0-or-later
/* See refusals.h. */
#include "ledger/refusals.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "config/names.h"
#include "gate/maps.h"
#include "sg_reason.h"
#include "sys/cleanup.h"
#include "sys/clock.h"

#define ROWS_MAX 8192 /* of map `drops` */
#define LINES_MAX 64  /* in a minute; what is beyond is one more by reason */

struct row {
	struct sg_drop_key key;
	uint64_t packets; /* as of the last flush */
};

struct refusals {
	struct flow_context *context;
	struct row *rows; /* owned, sorted by key */
	size_t count;
	uint64_t flushed_ns;
	size_t lines;			  /* of this flush */
	uint64_t others[SG_REASON_COUNT]; /* packets beyond LINES_MAX */
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

static void write_line(struct refusals *refusals, struct writer *writer,
		       uint32_t reason, const char *link, uint64_t packets)
{
	struct record record = {0};

	record_text(&record, "reason", name_of_reason(reason));
	record_text(&record, "link", link);
	record_null(&record, "orig_h");
	record_null(&record, "resp_p");
	record_number(&record, "pkts", (int64_t)packets);
	record_flag(&record, "others", true);
	record_time(&record, "first", refusals->flushed_ns);
	record_time(&record, "last", boot_ns());
	writer_append(writer, "refused", &record);
}

static void write_row(struct refusals *refusals, struct writer *writer,
		      const struct row *row)
{
	uint64_t before = packets_before(refusals, &row->key);
	/* rows of links that are gone are put together: purge.h */
	uint64_t packets = row->packets > before ? row->packets - before : 0;

	if (!packets)
		return;
	if (refusals->lines++ < LINES_MAX)
		write_line(refusals, writer, row->key.reason,
			   flow_link(refusals->context, row->key.ifindex),
			   packets);
	else if (row->key.reason < SG_REASON_COUNT)
		refusals->others[row->key.reason] += packets;
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

void refusals_flush(struct refusals *refusals, struct writer *writer)
{
	struct row *rows = NULL;
	size_t count = 0;

	if (read_rows(refusals, &rows, &count))
		return;
	refusals->lines = 0;
	memset(refusals->others, 0, sizeof(refusals->others));
	for (size_t i = 0; i < count; i++)
		write_row(refusals, writer, &rows[i]);
	for (uint32_t reason = 0; reason < SG_REASON_COUNT; reason++)
		if (refusals->others[reason])
			write_line(refusals, writer, reason, NULL,
				   refusals->others[reason]);
	free(refusals->rows);
	refusals->rows = rows;
	refusals->count = count;
	refusals->flushed_ns = boot_ns();
}

struct refusals *refusals_new(struct flow_context *context)
{
	struct refusals *refusals = calloc(1, sizeof(*refusals));

	if (!refusals)
		return NULL;
	refusals->context = context;
	refusals->flushed_ns = boot_ns();
	/* what was refused before is not of this start */
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
