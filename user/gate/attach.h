/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs on the interfaces: which interface gets which, and loses it. */
#ifndef SG_USER_ATTACH_H
#define SG_USER_ATTACH_H

#include "config/policy.h"
#include "gate/hook.h"
#include "sys/links.h"

struct attach {
	enum hook_mode mode;
	const int *program_fds; /* by enum dataplane_program */
};

/* Every interface that the policy gives a role gets its programs. */
int attach_links(const char *pin_dir, const struct attach *how,
		 const struct policy *policy, const struct links *links,
		 struct fault *ret_fault);

/* An interface that had a role, and has none in the policy, loses its. */
void attach_forget(const char *pin_dir, uint32_t ifindex,
		   const struct policy *policy, const struct links *links);

/* After a failure: those among `before` have the former programs again, the
 * others none. */
void attach_undo(const char *pin_dir, const struct attach *former,
		 const struct policy *policy, const struct links *links,
		 const uint32_t *before, size_t count);

/* All of them lose theirs. */
int attach_remove(const char *pin_dir, const struct links *links,
		  struct fault *ret_fault);

#endif
