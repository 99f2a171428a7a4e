/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The grants as they were left, for the next first start, where the
 * configuration wants that (grants { persist = on }). A grant with a deadline
 * is saved as closed: the boot clock that it goes by does not outlive a boot.
 *
 * STATE_DIR/INSTANCE.grants is there while they are to be saved: a JSON object
 * of booleans by the grants' names.
 */
#ifndef SG_USER_SAVED_H
#define SG_USER_SAVED_H

#include "config/policy.h"
#include "gate/pins.h"
#include "sys/fault.h"

/* Read what was saved into policy->grants, if the policy wants it and there is
 * any. A file that cannot be believed: all are closed, and -errno says why.
 * Where a gate is up already, policy->grants opens none. */
int saved_take(const char *state_dir, const char *pin_dir,
	       struct policy *policy, struct fault *ret_fault);

/* Begin to save, with the grants as they are, or end it, as the policy wants.
 */
int saved_begin(const char *state_dir, const struct policy *policy,
		const struct pins *pins, struct fault *ret_fault);

/* The grants may have changed: save them, if they are saved at all. */
int saved_follow(const char *state_dir, const struct policy *policy,
		 const struct pins *pins, struct fault *ret_fault);

#endif
