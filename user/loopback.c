// SPDX-License-Identifier: GPL-2.0-or-later
/* See loopback.h. */
#include "loopback.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "forwarding.h"
#include "sg_iface.h"

static int read_gate(const struct pins *pins, struct sg_gate *ret_gate)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(pins->map_fds[PINS_gate], &zero, ret_gate)
		       ? -errno
		       : 0;
}

static int write_gate(const struct pins *pins, const struct sg_gate *gate)
{
	__u32 zero = 0;

	return bpf_map_update_elem(pins->map_fds[PINS_gate], &zero, gate,
				   BPF_ANY)
		       ? -errno
		       : 0;
}

/* Change an interface's accept_ra, if it is what it is said to be. Return
 * whether it was. */
static bool change_accept_ra(const char *interface, char from, char to)
{
	_cleanup_(cleanup_close) int fd = -1;
	char path[64];
	char value;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra",
		 interface);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd >= 0 && read(fd, &value, 1) == 1 && value == from &&
	       pwrite(fd, &to, 1, 0) == 1;
}

static void release_names(struct if_nameindex **names)
{
	if (*names)
		if_freenameindex(*names);
}

/* When any interface begins to forward IPv6, the kernel forgets all routes that
 * routers have advertised (rt6_purge_dflt_routers), but for interfaces that
 * take advertisements even if they forward: accept_ra is 2. So it is for a
 * moment. */
static int forward_ipv6(void)
{
	_cleanup_(release_names) struct if_nameindex *names = if_nameindex();
	_cleanup_(cleanup_free) bool *changed = NULL;
	size_t count = 0;
	int r;

	while (names && names[count].if_index)
		count++;
	changed = calloc(count + 1, sizeof(*changed));
	if (!changed)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		changed[i] = change_accept_ra(names[i].if_name, '1', '2');
	r = forwarding_set(FORWARDING_IPV6, "lo", true);
	for (size_t i = 0; i < count; i++)
		if (changed[i])
			change_accept_ra(names[i].if_name, '2', '1');
	return r;
}

static int set(const struct pins *pins, enum forwarding_family family)
{
	int value = forwarding_get(family, "lo");
	struct sg_gate gate;
	int r;

	if (value == -ENOENT && family == FORWARDING_IPV6)
		return 0; /* a kernel without it */
	if (value < 0 || value == 1)
		return value < 0 ? value : 0;
	r = read_gate(pins, &gate);
	if (r)
		return r;
	/* noted first: down puts back what may be set */
	gate.loopback_set |= 1U << family;
	r = write_gate(pins, &gate);
	if (!r)
		r = family == FORWARDING_IPV6
			    ? forward_ipv6()
			    : forwarding_set(family, "lo", true);
	return r;
}

int loopback_set(const struct pins *pins, struct fault *ret_fault)
{
	for (int family = 0; family < FORWARDING_FAMILIES; family++) {
		int r = set(pins, (enum forwarding_family)family);

		if (r)
			return fault_set(ret_fault, r,
					 "lo: turning forwarding on failed: "
					 "%s; run as root, with /proc/sys "
					 "writable",
					 strerror(-r));
	}
	return 0;
}

void loopback_restore(const struct pins *pins)
{
	struct sg_gate gate;

	if (read_gate(pins, &gate))
		return;
	for (int family = 0; family < FORWARDING_FAMILIES; family++)
		if (gate.loopback_set & 1U << family)
			forwarding_set((enum forwarding_family)family, "lo",
				       false);
}
