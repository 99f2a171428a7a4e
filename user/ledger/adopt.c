// SPDX-License-Identifier: GPL-2.0-or-later
/* See adopt.h. */
#include "ledger/adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/canonical.h"
#include "ledger/digest.h"
#include "ledger/segment.h"
#include "sys/cleanup.h"
#include "sys/file.h"

/* One reading of a segment. */
struct reading {
	struct writer_previous *previous;
	struct digest *file;
	struct digest *torn; /* what stands behind the whole records */
	int torn_fd;	     /* -1: none does */
	bool is_stopped;
};

static bool is_event(const char *line, size_t bytes, const char *event)
{
	return canonical_is_text(canonical_find(line, bytes, "event"), event);
}

static int torn_path(const char *dir, uint32_t number, char ret_path[PATH_MAX])
{
	char name[SEGMENT_NAME_BYTES];

	snprintf(name, sizeof(name), "%08u.torn", number);
	return file_path(dir, name, ret_path);
}

static int open_torn(const char *dir, uint32_t segment)
{
	char path[PATH_MAX];

	if (torn_path(dir, segment, path))
		return -1;
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0600);
}

static int take_torn(struct reading *reading, const char *dir,
		     const char *bytes, size_t count)
{
	if (reading->torn_fd < 0)
		reading->torn_fd = open_torn(dir, reading->previous->segment);
	digest_add(reading->torn, bytes, count);
	reading->previous->torn_bytes += count;
	/* a copy for people: there may be no room for it */
	return reading->torn_fd >= 0 && write(reading->torn_fd, bytes, count) ==
						(ssize_t)count
		       ? 0
		       : -errno;
}

static void take_line(struct reading *reading, const char *line, size_t bytes)
{
	struct writer_previous *previous = reading->previous;

	digest_chain(previous->chain, line, bytes, previous->chain);
	previous->records++;
	if (is_event(line, bytes - 1, "stop"))
		reading->is_stopped = true;
	else if (!is_event(line, bytes - 1, "checkpoint"))
		reading->is_stopped = false;
}

static void read_all(struct reading *reading, const char *dir,
		     struct segment_reader *reader)
{
	const char *line;
	size_t bytes;
	bool whole;

	while (segment_next(reader, &line, &bytes, &whole)) {
		digest_add(reading->file, line, bytes);
		if (reading->previous->torn_bytes || !whole ||
		    !canonical_is(line, bytes - 1))
			take_torn(reading, dir, line, bytes);
		else
			take_line(reading, line, bytes);
	}
	digest_so_far(reading->file, reading->previous->sha256);
	digest_so_far(reading->torn, reading->previous->torn_sha256);
	reading->previous->end = reading->previous->torn_bytes ? "torn"
				 : reading->is_stopped	       ? "stop"
							       : "killed";
}

static int adopt_file(const char *dir, uint32_t number,
		      struct writer_previous *ret_previous,
		      struct fault *ret_fault)
{
	_cleanup_(segment_close) struct segment_reader *reader = NULL;
	_cleanup_(digest_free) struct digest *file = digest_new();
	_cleanup_(digest_free) struct digest *torn = digest_new();
	struct reading reading = {ret_previous, file, torn, -1, false};
	char path[PATH_MAX];
	int r;

	*ret_previous = (struct writer_previous){.chain = DIGEST_CHAIN_BEGIN,
						 .segment = number};
	r = segment_path(dir, number, path);
	if (r)
		return fault_set(ret_fault, r, "%s: too long", dir);
	reader = file && torn ? segment_open(path, ret_fault) : NULL;
	if (!reader)
		return -EIO;
	read_all(&reading, dir, reader);
	cleanup_close(&reading.torn_fd);
	return 0;
}

/* One without a whole record, as a file system may leave it that lost what was
 * forced to it: it is none, and its bytes are kept by another name. */
static int put_aside(const char *dir, uint32_t number, struct fault *ret_fault)
{
	char from[PATH_MAX];
	char to[PATH_MAX];

	if (segment_path(dir, number, from) || torn_path(dir, number, to))
		return fault_set(ret_fault, ENAMETOOLONG, "%s: too long", dir);
	return rename(from, to) ? fault_set(ret_fault, errno, "%s: %s", from,
					    strerror(errno))
				: 0;
}

int adopt_newest(const char *dir, struct writer_previous *ret_previous,
		 struct fault *ret_fault)
{
	_cleanup_(cleanup_free) uint32_t *numbers = NULL;
	size_t count;
	int r = segment_list(dir, &numbers, &count, ret_fault);

	*ret_previous = (struct writer_previous){.chain = DIGEST_CHAIN_BEGIN};
	for (; !r && count && !ret_previous->records; count--) {
		uint32_t number = numbers[count - 1];

		r = adopt_file(dir, number, ret_previous, ret_fault);
		if (!r && !ret_previous->records) {
			r = put_aside(dir, number, ret_fault);
			*ret_previous = (struct writer_previous){
				.chain = DIGEST_CHAIN_BEGIN};
		}
	}
	return r;
}
