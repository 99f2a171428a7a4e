/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The early drop's place on an interface: an XDP link. It makes refusing
 * cheaper and decides nothing, so an interface that cannot have it is as safe;
 * a foreign XDP program is never replaced.
 */
#ifndef SG_USER_EARLY_H
#define SG_USER_EARLY_H

#include <stdbool.h>
#include <stdint.h>

#include "config/policy.h"

/* The program that is on an interface, for people. */
enum early_state {
	EARLY_IS_NATIVE,
	EARLY_IS_GENERIC,
	EARLY_IS_FOREIGN, /* another's XDP program has the place */
	EARLY_IS_ABSENT, /* nobody's: none is wanted, or the driver took none */
};

/* Make the program the interface's in this mode, in place of an earlier one of
 * ours; or take ours off (EARLY_OFF). 0, or -errno: it has none of ours. */
int early_set(const char *pin_dir, uint32_t ifindex, enum early_mode mode,
	      int program_fd);

/* Also the program's id, where it is ours. */
enum early_state early_query(const char *pin_dir, uint32_t ifindex,
			     uint32_t *ret_program_id);

#endif
