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

/* What decides over packets of a family that an interface receives. */
static const char *switch_of(enum forwarding_family family,
			     const char *interface)
{
	return family == FORWARDING_IPV4 ? interface : "all";
}

bool forwarding_is_on(const char *interface)
{
	for (int family = 0; family < FORWARDING_FAMILIES; family++)
		if (forwarding_get(family, switch_of(family, interface)) == 1)
			return true;
	return false;
}

bool forwarding_is_open(const struct policy *policy, const struct links *links)
{
	for (size_t i = 0; i < links->count; i++)
		if (entries_role(policy, &links->items[i]) >= 0 &&
		    forwarding_is_on(links->items[i].name))
			return true;
	return false;
}

static int close_link(const char *interface)
{
	for (int family = 0; family < FORWARDING_FAMILIES; family++) {
		const char *name = switch_of(family, interface);
		int r = forwarding_get(family, name);

		if (r == 1)
			r = forwarding_set(family, name, false);
		if (r && r != -ENOENT) /* it may have gone meanwhile */
			return r;
	}
	return 0;
}

int forwarding_close(const struct policy *policy, const struct links *links,
		     struct fault *ret_fault)
{
	for (size_t i = 0; i < links->count; i++) {
		const struct link *link = &links->items[i];
		int r = 0;

		if (entries_role(policy, link) >= 0)
			r = close_link(link->name);
		if (r)
			return fault_set(ret_fault, r,
					 "%s: turning the kernel's forwarding "
					 "off failed: %s; run as root, with "
					 "/proc/sys writable",
					 link->name, strerror(-r));
	}
	return 0;
}
