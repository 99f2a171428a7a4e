// SPDX-License-Identifier: GPL-2.0-or-later
/* See forwarding.h. */
#include "gate/forwarding.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "gate/entries.h"
#include "sys/cleanup.h"

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

#define ALL "all" /* IPv6's one switch, for every interface */

bool forwarding_is_on(const char *interface)
{
	return forwarding_get(FORWARDING_IPV4, interface) == 1 ||
	       forwarding_get(FORWARDING_IPV6, ALL) == 1;
}

bool forwarding_is_open(const struct policy *policy, const struct links *links)
{
	bool governs = false;

	for (size_t i = 0; i < links->count; i++) {
		if (entries_role(policy, &links->items[i]) < 0)
			continue;
		governs = true;
		if (forwarding_get(FORWARDING_IPV4, links->items[i].name) == 1)
			return true;
	}
	return governs && forwarding_get(FORWARDING_IPV6, ALL) == 1;
}

/* Turn one switch off, which may have gone meanwhile. */
static int turn_off(enum forwarding_family family, const char *interface,
		    struct fault *ret_fault)
{
	int r = forwarding_get(family, interface);
	char path[PATH_BYTES];

	if (r == 1)
		r = forwarding_set(family, interface, false);
	if (!r || r == -ENOENT)
		return 0;
	path_of(family, interface, path);
	return fault_set(ret_fault, r,
			 "%s: turning the kernel's forwarding off failed: %s; "
			 "run as root, with /proc/sys writable",
			 path, strerror(-r));
}

int forwarding_close(const struct policy *policy, const struct links *links,
		     struct fault *ret_fault)
{
	bool governs = false;
	int r = 0;

	for (size_t i = 0; i < links->count && !r; i++) {
		if (entries_role(policy, &links->items[i]) < 0)
			continue;
		governs = true;
		r = turn_off(FORWARDING_IPV4, links->items[i].name, ret_fault);
	}
	return governs && !r ? turn_off(FORWARDING_IPV6, ALL, ret_fault) : r;
}
