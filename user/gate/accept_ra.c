// SPDX-License-Identifier: GPL-2.0-or-later
/* See accept_ra.h. The note is the indexes of interfaces, as they may be
 * renamed before it is read. */
#include "gate/accept_ra.h"

#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gate/hold.h"
#include "gate/pins.h"
#include "sys/cleanup.h"

static void release_names(struct if_nameindex **names)
{
	if (*names)
		if_freenameindex(*names);
}

/* Open an interface's switch, if it has this value. Returns a descriptor, or
 * -1. */
static int open_switch(const char *interface, char value)
{
	_cleanup_(cleanup_close) int fd = -1;
	char path[64];
	char now;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra",
		 interface);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd >= 0 && read(fd, &now, 1) == 1 && now == value
		       ? cleanup_steal_fd(&fd)
		       : -1;
}

/* Set an interface's switch, if it is as it was. */
static void change(uint32_t ifindex, char from, char to)
{
	_cleanup_(cleanup_close) int fd = -1;
	char name[IF_NAMESIZE];

	if (if_indextoname(ifindex, name))
		fd = open_switch(name, from);
	if (fd >= 0 && pwrite(fd, &to, 1, 0) != 1)
		return; /* the interface has gone meanwhile */
}

/* Find the interfaces whose switch is 1. The caller frees them. */
static size_t find(uint32_t **ret_indexes)
{
	_cleanup_(release_names) struct if_nameindex *names = if_nameindex();
	uint32_t *indexes;
	size_t all = 0;
	size_t count = 0;

	while (names && names[all].if_index)
		all++;
	indexes = calloc(all + 1, sizeof(*indexes));
	for (size_t i = 0; i < all && indexes; i++) {
		_cleanup_(cleanup_close) int fd =
			open_switch(names[i].if_name, '1');

		if (fd >= 0)
			indexes[count++] = names[i].if_index;
	}
	*ret_indexes = indexes;
	return count;
}

static bool note(const char *path, const uint32_t *indexes, size_t count)
{
	_cleanup_(cleanup_close) int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		     0600);
	size_t bytes = count * sizeof(*indexes);

	if (fd >= 0 && write(fd, indexes, bytes) == (ssize_t)bytes)
		return true;
	if (fd >= 0)
		unlink(path);
	return false;
}

void accept_ra_raise(const char *pin_dir)
{
	_cleanup_(cleanup_free) uint32_t *indexes = NULL;
	size_t count = find(&indexes);
	char path[PATH_MAX];
	struct fault ignored;

	if (!count || hold_folder(&ignored) ||
	    hold_path(pin_dir, "accept_ra", path) ||
	    !note(path, indexes, count))
		return;
	for (size_t i = 0; i < count; i++)
		change(indexes[i], '1', '2');
}

void accept_ra_restore(const char *pin_dir)
{
	_cleanup_(cleanup_close) int fd = -1;
	char path[PATH_MAX];
	uint32_t ifindex;
	struct stat st;

	if (hold_path(pin_dir, "accept_ra", path))
		return;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && pins_is_ours(&st))
		while (read(fd, &ifindex, sizeof(ifindex)) == sizeof(ifindex))
			change(ifindex, '2', '1');
	unlink(path);
}
