// SPDX-License-Identifier: GPL-2.0-or-later
/* See purge_before.h. */
#include "ledger/purge_before.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/digest.h"
#include "ledger/record.h"
#include "ledger/segment.h"
#include "ledger/walk.h"
#include "sys/cleanup.h"

struct purging {
	const char *date;
	FILE *leaves; /* NULL: it is looked at alone */
	uint64_t records;
	bool is_before; /* each record so far */
};

static int take(const struct walk_record *record, void *data)
{
	struct purging *purging = data;
	char ts[RECORD_TIME_BYTES];
	char leaf[DIGEST_BYTES];

	walk_text(record, "ts", ts, sizeof(ts));
	purging->is_before &= strcmp(ts, purging->date) < 0;
	purging->records++;
	if (!purging->leaves)
		return !purging->is_before;
	digest_of(record->line, record->bytes + 1, leaf); /* with its LF */
	return fprintf(purging->leaves, "%s\n", leaf) < 0 ? -EIO : 0;
}

/* The leaves, whole and on the disk, before the records go. */
static int write_leaves(const char *from, const char *to,
			struct purging *purging, struct fault *ret_fault)
{
	char beside[PATH_MAX + 8];
	int r;

	snprintf(beside, sizeof(beside), "%s.new", to);
	purging->leaves = fopen(beside, "we");
	if (!purging->leaves)
		return fault_set(ret_fault, errno, "%s: %s", beside,
				 strerror(errno));
	r = walk_path(from, 0, take, purging, ret_fault);
	if (fflush(purging->leaves) || fsync(fileno(purging->leaves)))
		r = -errno;
	fclose(purging->leaves);
	if (!r && (rename(beside, to) || unlink(from)))
		r = -errno;
	return r ? fault_set(ret_fault, r, "%s: %s", to, strerror(-r)) : 0;
}

/* 0, 1: it is not all before the date; or -errno. */
static int purge_one(const char *dir, uint32_t number, struct purging *purging,
		     struct fault *ret_fault)
{
	char from[PATH_MAX];
	char to[PATH_MAX];
	int r;

	r = segment_path(dir, number, from);
	if (!r)
		r = segment_leaves_path(dir, number, to);
	if (r)
		return fault_set(ret_fault, r, "%s: too long", dir);
	if (access(from, F_OK))
		return 0; /* it is purged already */
	purging->is_before = true;
	r = walk_path(from, 0, take, purging, ret_fault);
	if (r < 0 || !purging->is_before)
		return r < 0 ? r : 1;
	purging->records = 0;
	return write_leaves(from, to, purging, ret_fault);
}

int purge_before(const char *dir, const char *date,
		 struct purge_result *ret_result, struct fault *ret_fault)
{
	_cleanup_(cleanup_free) uint32_t *numbers = NULL;
	size_t count = 0;
	int r = segment_list(dir, &numbers, &count, ret_fault);

	*ret_result = (struct purge_result){0};
	for (size_t i = 0; i + 1 < count && !r; i++) {
		struct purging purging = {.date = date};

		r = purge_one(dir, numbers[i], &purging, ret_fault);
		if (r || !purging.records)
			continue;
		if (!ret_result->first)
			ret_result->first = numbers[i];
		ret_result->last = numbers[i];
		ret_result->records += purging.records;
	}
	return r < 0 ? r : 0;
}
