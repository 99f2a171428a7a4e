/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The remains of a gate whose pins are gone in this network namespace: filters,
 * the guard, lo's forwarding. */
#ifndef SG_USER_LEFTOVER_H
#define SG_USER_LEFTOVER_H

#include <stddef.h>

#include "sys/fault.h"

/* Remove them; *ret_count: how many things. -EEXIST: a gate is in force here,
 * pinned elsewhere than in pin_dir; nothing was touched. 0 or -errno. */
int leftover_remove(const char *pin_dir, size_t *ret_count,
		    struct fault *ret_fault);

/* Refuse to begin a gate where another one, pinned elsewhere, is in force in
 * this network namespace: the links have room for one. -EEXIST, or 0. */
int leftover_check_alone(const char *pin_dir, struct fault *ret_fault);

#endif
