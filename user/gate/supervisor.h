/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An instance that is kept as its policy says: its maps follow the links, and
 * pins and hooks that somebody took away are put back. The supervisor holds the
 * maps and programs open, so that nothing of them is lost with a pin.
 */
#ifndef SG_USER_SUPERVISOR_H
#define SG_USER_SUPERVISOR_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "config/policy.h"
#include "gate/cut.h"
#include "gate/dataplane.h"
#include "gate/pins.h"
#include "sys/fault.h"
#include "sys/links.h"

/* A folder as it was at a look; all 0: not looked at. */
struct supervisor_folder {
	dev_t device;
	ino_t inode;
	struct timespec changed;
};

struct supervisor {
	const char *pin_dir;
	bool clsact;
	int hold; /* the supervisor's lock: there is one */
	struct pins pins;
	int program_fds[DATAPLANE_PROGRAM_COUNT];
	struct supervisor_folder maps_seen, programs_seen;
	bool is_guard_doubtful; /* nftables has changed since it was seen */
	uint64_t digest; /* of the network's state that is in force; 0: none */
	struct cut cut;
	struct policy policy;	/* owned: the one in force, as last learned */
	uint32_t policy_number; /* of that one */
};

/* Become the instance's supervisor, bring it up, and hold it. 0 or -errno
 * (-EBUSY: there is another supervisor); supervisor_close() in every case. */
int supervisor_open(const char *pin_dir, bool clsact,
		    const struct policy *policy, struct supervisor *ret_keep,
		    struct fault *ret_fault);
void supervisor_close(struct supervisor *supervisor);

/* Learn the policy in force, if it is another than the one known, whoever put
 * it there; *ret_is_new (may be NULL) says whether. 0 or -errno. */
int supervisor_learn(struct supervisor *supervisor, bool *ret_is_new,
		     struct fault *ret_fault);

/* Links or addresses may have changed: if anything that matters has (struct
 * links), programs on those that have a role, maps as they are now. */
int supervisor_follow_change(struct supervisor *supervisor,
			     struct fault *ret_fault);

/* The links as they are now; links_release() them. */
int supervisor_links(const struct supervisor *supervisor,
		     struct links *ret_links, struct fault *ret_fault);

/* Be the supervisor still, if somebody has removed the lock. 0 or -errno:
 * -EBUSY: another is, and the gate is his to repair; with any other it stays
 * this one's.
 */
int supervisor_hold(struct supervisor *supervisor, struct fault *ret_fault);

/* Put right what is not. *ret_what says what, or is NULL: nothing was.
 * -EPROTO: another scoutgate has made the gate anew, with a layout of its own.
 */
int supervisor_repair(struct supervisor *supervisor, const char **ret_what,
		      struct fault *ret_fault);

/* Cut what grants admitted that have ended since the last call. */
int supervisor_cut(struct supervisor *supervisor, struct cut_change *ret_change,
		   struct fault *ret_fault);

/* A new policy, whole or not at all. */
int supervisor_reload(struct supervisor *supervisor,
		      const struct policy *policy, struct fault *ret_fault);

#endif
