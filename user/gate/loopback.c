// SPDX-License-Identifier: GPL-2.0-or-later
/* See loopback.h. */
#include "gate/loopback.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "gate/accept_ra.h"
#include "gate/forwarding.h"
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

static int forward_ipv6(const char *pin_dir)
{
	int r;

	accept_ra_raise(pin_dir);
	r = forwarding_set(FORWARDING_IPV6, "lo", true);
	accept_ra_restore(pin_dir);
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
			    ? forward_ipv6(pins->dir)
			    : forwarding_set(family, "lo", true);
	return r;
}

int loopback_set(const struct pins *pins, struct fault *ret_fault)
{
	accept_ra_restore(pins->dir); /* of one that was killed */
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

bool loopback_is_set(void)
{
	return forwarding_get(FORWARDING_IPV4, "lo") == 1 &&
	       forwarding_get(FORWARDING_IPV6, "lo") != 0;
}

int loopback_restore(const struct pins *pins)
{
	struct sg_gate gate;
	int first = 0;

	if (read_gate(pins, &gate))
		return 0;
	for (int family = 0; family < FORWARDING_FAMILIES; family++) {
		int r = 0;

		if (gate.loopback_set & 1U << family)
			r = forwarding_set((enum forwarding_family)family, "lo",
					   false);
		first = first ? first : r;
	}
	return first;
}
