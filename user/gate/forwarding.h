/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's own forwarding: IPv4's by interface, IPv6's of the machine, as
 * the kernel has no other switch (ip6_forward()). The gate needs none but lo's
 * (see loopback.h); where it is off, nothing crosses when the gate is not
 * there.
 */
#ifndef SG_USER_FORWARDING_H
#define SG_USER_FORWARDING_H

#include <stdbool.h>

#include "config/policy.h"
#include "sys/fault.h"
#include "sys/links.h"

enum forwarding_family {
	FORWARDING_IPV4,
	FORWARDING_IPV6,
	FORWARDING_FAMILIES
};

/* 0, 1 or -errno; -ENOENT: no such interface, or a kernel without IPv6 */
int forwarding_get(enum forwarding_family family, const char *interface);
/* 0 or -errno */
int forwarding_set(enum forwarding_family family, const char *interface,
		   bool on);

/* Return whether the kernel would forward what this interface receives. */
bool forwarding_is_on(const char *interface);

/* Return whether it is on for any interface that the policy governs. */
bool forwarding_is_open(const struct policy *policy, const struct links *links);

/* Off for every interface that the policy governs; lo's of IPv6, too. */
int forwarding_close(const struct policy *policy, const struct links *links,
		     struct fault *ret_fault);

#endif
