// SPDX-License-Identifier: GPL-2.0-or-later
/* See place.h. */
#include "ledger/place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "ledger/segment.h"
#include "sys/file.h"
#include "sys/text.h"

#define RUN_DIR "/run/scoutgate"
/* of memory: the live system needs the rest */
#define VOLATILE_BYTES (UINT64_C(64) << 20)
#define VOLATILE_PART 4

/* Instances are told apart by where they are pinned: its slashes as colons. */
static int volatile_dir(const char *pin_dir, char ret_dir[PATH_MAX])
{
	size_t at = sizeof(RUN_DIR);

	if (snprintf(ret_dir, PATH_MAX, RUN_DIR "/%s",
		     pin_dir + (pin_dir[0] == '/')) >= PATH_MAX)
		return -ENAMETOOLONG;
	text_colons(ret_dir + at);
	return 0;
}

/* Of the mount that a path is on: the longest that it begins with. */
static void find_mount(struct place *place, const char *path)
{
	FILE *table = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	size_t best = 0;

	while (table && (entry = getmntent(table)) != NULL) {
		size_t bytes = strlen(entry->mnt_dir);

		if (bytes < best || strncmp(path, entry->mnt_dir, bytes) != 0 ||
		    (bytes > 1 && path[bytes] && path[bytes] != '/'))
			continue;
		best = bytes;
		snprintf(place->fstype, sizeof(place->fstype), "%s",
			 entry->mnt_type);
		snprintf(place->device, sizeof(place->device), "%s",
			 entry->mnt_fsname);
	}
	if (table)
		endmntent(table);
}

void place_measure(struct place *place)
{
	struct statfs fs;
	uint64_t part;

	find_mount(place, place->dir);
	if (statfs(place->dir, &fs) && statfs(RUN_DIR, &fs) &&
	    statfs("/run", &fs))
		return;
	place->is_volatile =
		fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
	if (place->is_volatile && place->fstype[0] == '\0')
		strcpy(place->fstype, "tmpfs");
	part = (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize / VOLATILE_PART;
	/* what was given a directory of its own may fill it */
	place->most_bytes =
		strncmp(place->dir, RUN_DIR "/", sizeof(RUN_DIR)) != 0 ? 0
		: part && part < VOLATILE_BYTES			       ? part
						: VOLATILE_BYTES;
}

int place_find(const struct policy *policy, const char *pin_dir,
	       struct place *ret_place, struct fault *ret_fault)
{
	char id[SEGMENT_ID_BYTES];
	int r;

	*ret_place = (struct place){0};
	if (policy && policy->ledger_dir[0] &&
	    segment_read_id(policy->ledger_dir, id) == 0) {
		snprintf(ret_place->dir, sizeof(ret_place->dir), "%s",
			 policy->ledger_dir);
	} else {
		ret_place->is_not_the_one = policy && policy->ledger_dir[0];
		r = volatile_dir(pin_dir, ret_place->dir);
		if (r)
			return fault_set(ret_fault, r, "--pin-dir: too long");
	}
	return 0;
}

int place_probe(const struct place *place)
{
	char path[PATH_MAX];
	int fd;

	if (file_path(place->dir, "probe", path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	unlink(path);
	return 0;
}

int place_make(const struct place *place, struct fault *ret_fault)
{
	char id[SEGMENT_ID_BYTES];

	if (strncmp(place->dir, RUN_DIR "/", sizeof(RUN_DIR)) == 0 &&
	    mkdir(RUN_DIR, 0700) && errno != EEXIST)
		return fault_set(ret_fault, errno, RUN_DIR ": %s",
				 strerror(errno));
	return segment_mark(place->dir, id, ret_fault);
}
