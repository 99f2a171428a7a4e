// SPDX-License-Identifier: GPL-2.0-or-later
/* See hold.h. */
#include "hold.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "pins.h"

#define LOCK "keeper"

int hold_path(const char *pin_dir, const char *end, char ret_path[PATH_MAX])
{
	int at = snprintf(ret_path, PATH_MAX, HOLD_FOLDER "/%llu",
			  (unsigned long long)pins_netns());
	int length = snprintf(ret_path + at, PATH_MAX - (size_t)at, "%s.%s",
			      pin_dir, end);

	if (at + length >= PATH_MAX)
		return -ENAMETOOLONG;
	for (char *c = ret_path + at; *c; c++)
		if (*c == '/')
			*c = ':';
	return 0;
}

static int refuse_others(const char *path, struct fault *ret_fault)
{
	return fault_set(ret_fault, EPERM,
			 "%s: it is another user's, or others may write to it; "
			 "remove it",
			 path);
}

int hold_folder(struct fault *ret_fault)
{
	struct stat st;

	if (mkdir(HOLD_FOLDER, 0700) && errno != EEXIST)
		return fault_set(ret_fault, errno, "%s: %s; run as root",
				 HOLD_FOLDER, strerror(errno));
	if (lstat(HOLD_FOLDER, &st))
		return fault_set(ret_fault, errno, "%s: %s", HOLD_FOLDER,
				 strerror(errno));
	return S_ISDIR(st.st_mode) && pins_is_ours(&st)
		       ? 0
		       : refuse_others(HOLD_FOLDER, ret_fault);
}

int hold_begin(const char *pin_dir, struct fault *ret_fault)
{
	struct flock lock = {.l_type = F_WRLCK};
	char path[PATH_MAX];
	struct stat st;
	int r = hold_path(pin_dir, LOCK, path);

	if (r)
		return fault_set(ret_fault, r, "%.64s...: too long", pin_dir);
	r = hold_folder(ret_fault);
	while (!r) {
		_cleanup_(cleanup_close) int fd = open(
			path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd < 0 || fstat(fd, &st))
			return fault_set(ret_fault, errno, "%s: %s", path,
					 strerror(errno));
		if (!pins_is_ours(&st))
			return refuse_others(path, ret_fault);
		if (fcntl(fd, F_OFD_SETLK, &lock))
			return fault_set(ret_fault, EBUSY,
					 "%s: another `scoutgate run` keeps it",
					 pin_dir);
		if (pins_stand_at(fd, path))
			return cleanup_steal_fd(&fd);
	}
	return r;
}

int hold_keep(const char *pin_dir, int *fd, struct fault *ret_fault)
{
	char path[PATH_MAX];
	int again;

	if (hold_path(pin_dir, LOCK, path) || pins_stand_at(*fd, path))
		return 0;
	again = hold_begin(pin_dir, ret_fault);
	if (again < 0)
		return again;
	cleanup_close(fd);
	*fd = again;
	return 0;
}

void hold_end(const char *pin_dir, int *fd)
{
	char path[PATH_MAX];

	if (*fd >= 0 && hold_path(pin_dir, LOCK, path) == 0 &&
	    pins_stand_at(*fd, path))
		unlink(path);
	cleanup_close(fd);
	*fd = -1;
}

bool hold_is_taken(const char *pin_dir)
{
	struct flock lock = {.l_type = F_WRLCK}; /* asked of, not taken */
	_cleanup_(cleanup_close) int fd = -1;
	char path[PATH_MAX];

	if (hold_path(pin_dir, LOCK, path))
		return false;
	fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 &&
	       lock.l_type != F_UNLCK;
}
