/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a gate whose pins are gone has left in this network namespace: filters,
 * the guard, lo's forwarding. */
#ifndef SG_USER_LEFTOVER_H
#define SG_USER_LEFTOVER_H

#include <stddef.h>

#include "fault.h"

/* Remove it; *ret_count: of how many things. -EEXIST: a gate is in force here,
 * pinned elsewhere than in pin_dir; nothing was touched. 0 or -errno. */
int leftover_remove(const char *pin_dir, size_t *ret_count,
		    struct fault *ret_fault);

#endif
