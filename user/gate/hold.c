// SPDX-License-Identifier: GPL-2.0-or-later
/* See hold.h. */
#include "gate/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gate/pins.h"
#include "sys/cleanup.h"
#include "sys/text.h"

#define LOCK "supervisor"
#define WAIT_NS 20000000
#define SUPERVISOR_TRIES 4 /* who takes a gate down ends like a supervisor */
#define DOWN_TRIES 300	   /* 6 s: far longer than that takes */

int hold_path(const char *pin_dir, const char *end, char ret_path[PATH_MAX])
{
	int at = snprintf(ret_path, PATH_MAX, HOLD_FOLDER "/%llu",
			  (unsigned long long)pins_netns());
	int length = snprintf(ret_path + at, PATH_MAX - (size_t)at, "%s.%s",
			      pin_dir, end);

	if (at + length >= PATH_MAX)
		return -ENAMETOOLONG;
	text_colons(ret_path + at);
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

/* Open the lock's file, made if it is missing. */
static int open_file(const char *path, struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int fd =
		open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return fault_set(ret_fault, errno, "%s: %s", path,
				 strerror(errno));
	return pins_is_ours(&st) ? cleanup_steal_fd(&fd)
				 : refuse_others(path, ret_fault);
}

/* Take the lock of this type once. -EBUSY: a supervisor has it; -EAGAIN: who
 * takes the gate down, or nobody any more. */
static int take(const char *pin_dir, short type, struct fault *ret_fault)
{
	struct flock lock = {.l_type = type};
	_cleanup_(cleanup_close) int fd = -1;
	char path[PATH_MAX];
	int r = hold_path(pin_dir, LOCK, path);

	if (r)
		return fault_set(ret_fault, r, "%.64s...: too long", pin_dir);
	r = hold_folder(ret_fault);
	if (r)
		return r;
	fd = open_file(path, ret_fault);
	if (fd < 0)
		return fd;
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0 && pins_stand_at(fd, path))
		return cleanup_steal_fd(&fd);
	lock = (struct flock){.l_type = F_RDLCK};
	if (fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_WRLCK)
		return fault_set(ret_fault, EBUSY,
				 "%s: another `scoutgate run` keeps it",
				 pin_dir);
	return fault_set(ret_fault, EAGAIN,
			 "%s: `scoutgate down` is taking it down", pin_dir);
}

/* Take it within a time: a supervisor that stays is not waited for, but whoever
 * takes the gate down is. */
static int take_in_time(const char *pin_dir, short type,
			struct fault *ret_fault)
{
	const struct timespec a_little = {.tv_nsec = WAIT_NS};
	int fd = take(pin_dir, type, ret_fault);

	for (int tries = 1; tries < DOWN_TRIES; tries++) {
		if (fd != -EAGAIN &&
		    (fd != -EBUSY || tries >= SUPERVISOR_TRIES))
			break;
		nanosleep(&a_little, NULL);
		fd = take(pin_dir, type, ret_fault);
	}
	return fd;
}

int hold_begin(const char *pin_dir, struct fault *ret_fault)
{
	return take_in_time(pin_dir, F_WRLCK, ret_fault);
}

int hold_keep_off(const char *pin_dir, struct fault *ret_fault)
{
	return take_in_time(pin_dir, F_RDLCK, ret_fault);
}

int hold_keep(const char *pin_dir, int *fd, struct fault *ret_fault)
{
	char path[PATH_MAX];
	int again;

	if (hold_path(pin_dir, LOCK, path) || pins_stand_at(*fd, path))
		return 0;
	again = take(pin_dir, F_WRLCK, ret_fault);
	if (again < 0) /* who takes it down keeps supervisors off, too */
		return again == -EAGAIN ? -EBUSY : again;
	cleanup_close(fd);
	*fd = again;
	return 0;
}

void hold_end(const char *pin_dir, int *fd)
{
	struct flock lock = {.l_type = F_WRLCK}; /* nobody else has it, too */
	char path[PATH_MAX];

	if (*fd >= 0 && hold_path(pin_dir, LOCK, path) == 0 &&
	    pins_stand_at(*fd, path) && fcntl(*fd, F_OFD_SETLK, &lock) == 0)
		unlink(path);
	cleanup_close(fd);
	*fd = -1;
}

bool hold_is_taken(const char *pin_dir)
{
	struct flock lock = {.l_type = F_RDLCK}; /* asked of, not taken */
	_cleanup_(cleanup_close) int fd = -1;
	char path[PATH_MAX];

	if (hold_path(pin_dir, LOCK, path))
		return false;
	fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 &&
	       lock.l_type != F_UNLCK;
}
