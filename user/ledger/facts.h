/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program, the machine and its clock, as a ledger's start tells. */
#ifndef SG_USER_FACTS_H
#define SG_USER_FACTS_H

#include "config/policy.h"
#include "ledger/place.h"
#include "ledger/record.h"
#include "sys/links.h"

/* links may be empty. */
void facts_add(struct record *record, const struct policy *policy,
	       const struct place *place, const struct links *links);

/* The clocks now: real, boot, mono, rtc, status and maxerror_us of adjtimex(2);
 * boot - mono is how long the machine has slept. */
void facts_add_clock(struct record *record);

#endif
