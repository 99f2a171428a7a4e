/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the maps of a gate that is up to maps of other sizes or of another
 * layout. The new ones stand in DIR/next until they have taken the old ones'
 * place; whatever happens meanwhile, the next `up` takes it to the end.
 *
 * Other sizes: the flow family moves, and keeps every flow. Another layout:
 * nothing of it is read but, from an older one, the grants.
 */
#ifndef SG_USER_MIGRATE_H
#define SG_USER_MIGRATE_H

#include <stdbool.h>

#include "config/policy.h"
#include "gate/pins.h"
#include "sys/fault.h"

struct migrate {
	bool next[PINS_MAP_COUNT]; /* the maps that are new */
	bool is_needed;
	bool is_rebuild; /* all of them: another layout */
	struct pins old; /* those of the maps before that are still there */
};

#define MIGRATE_NONE                                                           \
	{                                                                      \
		.old = PINS_CLOSED                                             \
	}

/* Find what must change for the policy's sizes; and make room for it. -EINVAL:
 * more flows are alive than are wanted. migrate_release() in every case. */
int migrate_plan(const char *pin_dir, const struct policy *policy,
		 struct migrate *ret_migrate, struct fault *ret_fault);
void migrate_release(struct migrate *migrate);

/* Before the programs change: fill `pins`, which has the new maps open. From
 * here on an interrupted migration is taken up again, not begun anew. move_fd:
 * program sg_move. */
int migrate_begin(const struct migrate *migrate, const struct pins *pins,
		  const struct policy *policy, int move_fd,
		  struct fault *ret_fault);

/* The programs have not changed, and will not. */
void migrate_cancel(const char *pin_dir);

/* Every interface has the new programs: what has changed since, and the new
 * maps into the old ones' place. */
int migrate_end(const struct migrate *migrate, const struct pins *pins,
		int move_fd, struct fault *ret_fault);

/* The last step, when the programs are pinned, too. */
void migrate_close(const char *pin_dir);

/* Return whether the policy needs a migration, or one was interrupted. */
bool migrate_would(const struct pins *pins, const struct policy *policy);

/* Return whether a migration was interrupted. */
bool migrate_is_open(const char *pin_dir);

#endif
