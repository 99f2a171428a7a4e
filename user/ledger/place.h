/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The place of an instance's ledger: the directory that the configuration
 * names, if it is marked (scoutgate ledger init), and so the disk that is meant
 * is mounted there; otherwise one in memory, which is gone with the power.
 */
#ifndef SG_USER_PLACE_H
#define SG_USER_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/policy.h"
#include "sys/fault.h"

struct place {
	char dir[PATH_MAX];
	char fstype[32]; /* as the mount table has it; "" : it has none */
	char device[PATH_MAX];
	bool is_volatile;    /* in memory */
	bool is_not_the_one; /* that is named: it is not marked */
	uint64_t most_bytes; /* that a ledger in memory may take; 0: any */
};

/* Its directory. policy NULL: it is not known. 0, or -errno. */
int place_find(const struct policy *policy, const char *pin_dir,
	       struct place *ret_place, struct fault *ret_fault);

/* All else of it, by the mount table. */
void place_measure(struct place *place);

/* Try to make a file there. 0 or -errno. */
int place_probe(const struct place *place);

/* Make the directory that the instance uses when it has no other. 0 or -errno.
 */
int place_make(const struct place *place, struct fault *ret_fault);

#endif
