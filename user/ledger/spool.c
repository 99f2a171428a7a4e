// SPDX-License-Identifier: GPL-2.0-or-later
/* See spool.h. */
#include "ledger/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/canonical.h"
#include "sys/boot_id.h"
#include "sys/cleanup.h"
#include "sys/clock.h"

#define FOLDER "spool"
#define LINE_MAX_BYTES 64000 /* the daemon adds fields to it */

static int make_folder(const struct place *place, char ret_path[PATH_MAX],
		       struct fault *ret_fault)
{
	int r = place_make(place, ret_fault);

	if (r)
		return r;
	if (snprintf(ret_path, PATH_MAX, "%s/" FOLDER, place->dir) >= PATH_MAX)
		return fault_set(ret_fault, ENAMETOOLONG, "%s: too long",
				 place->dir);
	return mkdir(ret_path, 0700) && errno != EEXIST
		       ? fault_set(ret_fault, errno, "%s: %s", ret_path,
				   strerror(errno))
		       : 0;
}

/* Names sort by time. */
static int write_file(const char *folder, const char *line)
{
	_cleanup_(cleanup_close) int fd = -1;
	char beside[PATH_MAX];
	char path[PATH_MAX];
	int room = snprintf(path, sizeof(path), "%s/%020" PRIu64 ".%d", folder,
			    real_ns(), getpid());

	if (room >= (int)sizeof(path) - 5)
		return -ENAMETOOLONG;
	snprintf(beside, sizeof(beside), "%.*s.new", room, path);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	if (fd < 0)
		return -errno;
	if (write(fd, line, strlen(line)) != (ssize_t)strlen(line) ||
	    fdatasync(fd) || rename(beside, path)) {
		int r = errno ? -errno : -ENOSPC;

		unlink(beside);
		return r;
	}
	return 0;
}

int spool_leave(const struct place *place, const char *event,
		struct record *record, struct fault *ret_fault)
{
	_cleanup_(cleanup_free) char *line = NULL;
	char boot_id[BOOT_ID_BYTES] = "";
	char folder[PATH_MAX];
	int r = make_folder(place, folder, ret_fault);

	boot_id_read(boot_id);
	record_text(record, "event", event);
	record_time(record, "at", boot_ns());
	record_text(record, "at_boot_id", boot_id);
	line = record_print(record, "", NULL);
	record_release(record);
	if (r)
		return r;
	if (line && strlen(line) > LINE_MAX_BYTES)
		return fault_set(ret_fault, E2BIG,
				 "%s: too long for a record; %d bytes are most",
				 event, LINE_MAX_BYTES);
	errno = 0;
	r = line ? write_file(folder, line) : -ENOMEM;
	return r ? fault_set(ret_fault, r, "%s: %s", folder, strerror(-r)) : 0;
}

static bool is_late(const char *line, size_t bytes)
{
	int64_t at_ns = canonical_time(canonical_find(line, bytes, "at"));
	char boot_id[BOOT_ID_BYTES] = "";

	boot_id_read(boot_id);
	return at_ns < 0 ||
	       !canonical_is_text(canonical_find(line, bytes, "at_boot_id"),
				  boot_id) ||
	       (int64_t)boot_ns() - at_ns > SPOOL_LATE_S * (int64_t)NS_PER_S;
}

/* The keys of a record live as long as it: they are in `line`, which is cut up.
 */
static void fill(struct record *record, char *line, size_t bytes, bool late)
{
	struct canonical_value key, value;
	const char *at = NULL;

	while (canonical_next(line, bytes, &at, &key, &value)) {
		size_t quote = value.type == '"';
		_cleanup_(cleanup_free) char *json =
			strndup(value.at - quote, value.bytes + 2 * quote);

		line[key.at + key.bytes - line] = '\0';
		if (json && strcmp(key.at, "event") != 0 &&
		    (late || strcmp(key.at, "at_boot_id") != 0))
			record_value(record, key.at, json);
	}
}

static int take(char *line, size_t bytes,
		int (*each)(const char *event, struct record *record,
			    void *context),
		void *context)
{
	struct record record = {0};
	char event[32];
	bool late;

	if (!canonical_is(line, bytes) ||
	    canonical_text(canonical_find(line, bytes, "event"), event,
			   sizeof(event)))
		return 0; /* of nobody who knows the form */
	late = is_late(line, bytes);
	fill(&record, line, bytes, late);
	record_flag(&record, "late", late);
	return each(event, &record, context);
}

static int not_new(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && !strstr(entry->d_name, ".new");
}

static int take_file(int folder, const char *name,
		     int (*each)(const char *event, struct record *record,
				 void *context),
		     void *context)
{
	_cleanup_(cleanup_free) char *line = malloc(RECORD_LINE_MAX);
	_cleanup_(cleanup_close) int fd = -1;
	ssize_t bytes;

	fd = openat(folder, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bytes = fd < 0 || !line ? -1 : read(fd, line, RECORD_LINE_MAX - 1);
	if (bytes < 0)
		return -EIO;
	line[bytes] = '\0';
	if (take(line, (size_t)bytes, each, context))
		return -EAGAIN;
	return unlinkat(folder, name, 0) ? -errno : 0;
}

int spool_take(const char *dir,
	       int (*each)(const char *event, struct record *record,
			   void *context),
	       void *context)
{
	_cleanup_(cleanup_close) int folder = -1;
	struct dirent **entries;
	char path[PATH_MAX];
	int count;
	int r = 0;

	if (snprintf(path, sizeof(path), "%s/" FOLDER, dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return errno == ENOENT ? 0 : -errno;
	count = scandirat(folder, ".", &entries, not_new, alphasort);
	for (int i = 0; i < count; i++) {
		/* what cannot be taken now waits, and so does what is later */
		if (!r)
			r = take_file(folder, entries[i]->d_name, each,
				      context);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return count;
}
