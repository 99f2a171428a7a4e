// SPDX-License-Identifier: GPL-2.0-or-later
/* See forwarding.h. */
#include "forwarding.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "entries.h"

#define PATH_BYTES 64

static void path_of(enum forwarding_family family, const char *interface,
		    char ret_path[PATH_BYTES])
{
	snprintf(ret_path, PATH_BYTES, "/proc/sys/net/ipv%d/conf/%s/forwarding",
		 family == FORWARDING_IPV4 ? 4 : 6, interface);
}

int forwarding_get(enum forwarding_family family, const char *interface)
{
	_cleanup_(cleanup_close) int fd = -1;
	char path[PATH_BYTES];
	char value;

	path_of(family, interface, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &value, 1) != 1)
		return -errno;
	return value != '0';
}

int forwarding_set(enum forwarding_family family, const char *interface,
		   bool on)
{
	_cleanup_(cleanup_close) int fd = -1;
	char path[PATH_BYTES];

	path_of(family, interface, path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, on ? "1" : "0", 1) != 1)
		return -errno;
	return 0;
}

bool forwarding_is_on(const char *interface)
{
	return forwarding_get(FORWARDING_IPV4, interface) == 1 ||
	       forwarding_get(FORWARDING_IPV6, interface) == 1;
}

static int close_link(const char *interface, bool *ret_closed)
{
	for (int family = 0; family < FORWARDING_FAMILIES; family++) {
		int r = forwarding_get((enum forwarding_family)family,
				       interface);

		if (r == 1) {
			*ret_closed = true;
			r = forwarding_set((enum forwarding_family)family,
					   interface, false);
		}
		if (r && r != -ENOENT) /* it may have gone meanwhile */
			return r;
	}
	return 0;
}

int forwarding_close(const struct policy *policy, const struct links *links,
		     bool *ret_closed, struct fault *ret_fault)
{
	bool closed = false;
	int r = 0;

	for (size_t i = 0; i < links->count && !r; i++) {
		const struct link *link = &links->items[i];

		if (entries_role(policy, link) < 0)
			continue;
		r = close_link(link->name, &closed);
		if (r)
			fault_set(ret_fault, r,
				  "%s: turning the kernel's forwarding off "
				  "failed: %s; run as root, with /proc/sys "
				  "writable",
				  link->name, strerror(-r));
	}
	if (ret_closed)
		*ret_closed = closed;
	return r;
}
