// SPDX-License-Identifier: GPL-2.0-or-later
/* See walk.h. */
#include "ledger/walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/segment.h"
#include "sys/cleanup.h"

struct canonical_value walk_field(const struct walk_record *record,
				  const char *key)
{
	return canonical_find(record->line, record->bytes, key);
}

bool walk_is(const struct walk_record *record, const char *event)
{
	return canonical_is_text(walk_field(record, "event"), event);
}

void walk_text(const struct walk_record *record, const char *key,
	       char *ret_text, size_t room)
{
	if (canonical_text(walk_field(record, key), ret_text, room))
		ret_text[0] = '\0';
}

uint64_t walk_number(const struct walk_record *record, const char *key)
{
	int64_t number = canonical_number(walk_field(record, key));

	return number > 0 ? (uint64_t)number : 0;
}

static int walk_file(const char *path, uint32_t segment,
		     int (*each)(const struct walk_record *record,
				 void *context),
		     void *context, struct fault *ret_fault)
{
	_cleanup_(segment_close) struct segment_reader *reader =
		segment_open(path, ret_fault);
	struct walk_record record = {.segment = segment};
	bool whole;
	int r = 0;

	if (!reader)
		return -EIO;
	while (!r &&
	       segment_next(reader, &record.line, &record.bytes, &whole)) {
		record.bytes--;
		if (whole && canonical_is(record.line, record.bytes))
			r = each(&record, context);
	}
	return r;
}

int walk_path(const char *path, uint32_t first,
	      int (*each)(const struct walk_record *record, void *context),
	      void *context, struct fault *ret_fault)
{
	_cleanup_(cleanup_free) uint32_t *numbers = NULL;
	size_t count = 0;
	struct stat st;
	int r;

	if (stat(path, &st))
		return fault_set(ret_fault, errno, "%s: %s", path,
				 strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return walk_file(path, 0, each, context, ret_fault);
	r = segment_list(path, &numbers, &count, ret_fault);
	for (size_t i = 0; i < count && !r; i++) {
		char file[PATH_MAX];

		if (segment_path(path, numbers[i], file))
			return fault_set(ret_fault, ENAMETOOLONG,
					 "%s: too long", path);
		if (numbers[i] >= first && access(file, F_OK) == 0)
			r = walk_file(file, numbers[i], each, context,
				      ret_fault);
	}
	return r;
}
