/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy in force, as its configuration said it, by map `config`: what a
 * file says now, and which file it was, does not matter.
 */
#ifndef SG_USER_IN_FORCE_H
#define SG_USER_IN_FORCE_H

#include <stdint.h>

#include "config/policy.h"
#include "gate/pins.h"
#include "sys/fault.h"

/* The number of the policy in force; 0: it is not known. */
uint32_t in_force_number(const struct pins *pins);

/* Read the policy in force, and its number. Returns 0; -EAGAIN: another was put
 * in force meanwhile; or -errno; with *ret_fault. policy_release() it. */
int in_force_read(const struct pins *pins, struct policy *ret_policy,
		  uint32_t *ret_number, struct fault *ret_fault);

/* The same, once more while a reload is going on. */
int in_force_read_settled(const struct pins *pins, struct policy *ret_policy,
			  uint32_t *ret_number, struct fault *ret_fault);

/* Write the text of the slot that is not in force. Returns 0 or -errno. */
int in_force_write(const struct pins *pins, uint32_t slot,
		   const struct policy *policy);

/* Delete the text of a slot. Returns 0 or -errno. */
int in_force_clear(const struct pins *pins, uint32_t slot);

#endif
