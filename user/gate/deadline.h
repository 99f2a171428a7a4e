/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Until when a grant is open, as people say it. */
#ifndef SG_USER_DEADLINE_H
#define SG_USER_DEADLINE_H

#include <stddef.h>

#include <stdint.h>

#include "sg_policy.h"

#define DEADLINE_BYTES 64

/* Return how many seconds a grant with a deadline is open yet. */
uint32_t deadline_seconds_left(const struct sg_grant *grant);

/* "until 14:32:05 (0:30:00 h)", by the clock on the wall, or "until it is
 * revoked". */
void deadline_describe(const struct sg_grant *grant,
		       char ret_text[DEADLINE_BYTES]);

#endif
