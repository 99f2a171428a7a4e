/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The layer behind the gate, in Netfilter: an interface whose name has a role
 * is closed to the host's own sockets until the gate governs it, and always to
 * the kernel's forwarding. So one that comes while the daemon is dead, or sets
 * itself up before the daemon has heard of it, exposes nothing. What the gate
 * redirects does not come by it.
 *
 * It is table `scoutgate` of family inet, of this network namespace, and not
 * there on a kernel without nf_tables.
 */
#ifndef SG_USER_GUARD_H
#define SG_USER_GUARD_H

#include <stdbool.h>

#include "links.h"
#include "policy.h"

/* Those of the links that the policy governs are governed from now on. Returns
 * whether the kernel has taken it: it stays as it was otherwise. */
bool guard_set(const struct policy *policy, const struct links *links);

void guard_remove(void);

bool guard_is_there(void);

#endif
