/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Old segments, cut down to their leaves: their contents are gone, and that
 * they were there, and in which order, is known still. */
#ifndef SG_USER_PURGE_BEFORE_H
#define SG_USER_PURGE_BEFORE_H

#include <stddef.h>
#include <stdint.h>

#include "sys/fault.h"

struct purge_result {
	uint32_t first, last; /* segments; 0: none */
	uint64_t records;
};

/* Purge the oldest segments of which every record is before a date, as records
 * have it; never the newest. 0 or -errno: some may be purged already. */
int purge_before(const char *dir, const char *date,
		 struct purge_result *ret_result, struct fault *ret_fault);

#endif
