/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The layer behind the gate, in Netfilter: an interface that is not exempt is
 * closed to the host's own sockets until the gate governs it, and always to the
 * kernel's forwarding. So one that comes while the daemon is dead, or sets
 * itself up before the daemon has heard of it, exposes nothing. What the gate
 * redirects does not come by it.
 *
 * It is table `scoutgate` of family inet, of this network namespace, and not
 * there on a kernel without nf_tables.
 */
#ifndef SG_USER_GUARD_H
#define SG_USER_GUARD_H

#include <stdbool.h>

#include "config/policy.h"
#include "sys/links.h"

#define GUARD_TABLE "scoutgate"

/* Those of the links that the policy governs are governed from now on. Returns
 * whether the kernel has taken it: it stays as it was otherwise. */
bool guard_set(const struct policy *policy, const struct links *links);

void guard_remove(void);

bool guard_is_there(void);

/* The state of the guard's rules. */
enum guard_state {
	GUARD_WHOLE,
	GUARD_CHANGED, /* rules were added, or taken away, or put to sleep */
	GUARD_ABSENT,
	GUARD_UNSUPPORTED, /* the kernel has no nf_tables */
	GUARD_UNKNOWN,	   /* it could not be asked */
};
/* governed: so many links were governed when it was set. */
enum guard_state guard_query(const struct policy *policy, size_t governed);

/* Return how many rules the guard has for names, in each chain; *ret_accepted:
 * of those that let by. */
size_t guard_name_count(const struct policy *policy, size_t *ret_accepted);

#endif
