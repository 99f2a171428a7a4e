/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The number that a forward's rule has in the maps: one that is the same in the
 * policy before keeps its own, and with it its counters and flows, wherever it
 * stands in the file now. The others take numbers that neither policy uses.
 */
#ifndef SG_USER_RULES_H
#define SG_USER_RULES_H

#include "gate/entries.h"
#include "gate/pins.h"

/* Number the entries' rules; `from` is the slot that is in force. Counters of
 * those that are new are zero. 0 or -errno. */
int rules_assign(const struct pins *pins, uint32_t from,
		 struct policy_entries *entries);

#endif
