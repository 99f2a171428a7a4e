/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets that were refused, a minute at a time: as much as `drops` counts, and
 * by whom as far as the samples of the datapath tell.
 */
#ifndef SG_USER_REFUSALS_H
#define SG_USER_REFUSALS_H

#include "ledger/flow_record.h"
#include "ledger/writer.h"

struct refusals;

struct refusals *refusals_new(struct flow_context *context);
void refusals_free(struct refusals **refusals);
/* A ledger before this start has so many of a reason (its name) on file; or
 * none of what this gate counts. */
void refusals_adopt(struct refusals *refusals, const char *reason,
		    uint64_t packets);
void refusals_adopt_none(struct refusals *refusals);

/* A sample that the datapath took. */
void refusals_add(struct refusals *refusals, const struct sg_refusal *sample);
/* Write what was refused since the last time. */
void refusals_flush(struct refusals *refusals, struct writer *writer);

#endif
