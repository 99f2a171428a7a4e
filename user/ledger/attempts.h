/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flows that nobody answered, folded: a record for each source, rule and
 * address that it was after, whatever the ports. A scan of a million ports is
 * some lines.
 */
#ifndef SG_USER_ATTEMPTS_H
#define SG_USER_ATTEMPTS_H

#include "ledger/flow_record.h"
#include "ledger/writer.h"

#define ATTEMPTS_LINES 64 /* at a time; the other sources are one line more */

struct attempts;

struct attempts *attempts_new(void);
void attempts_free(struct attempts **attempts);
void attempts_add(struct attempts *attempts, const struct sg_event *event);
/* Write what was added since the last time. */
void attempts_flush(struct attempts *attempts, struct flow_context *context,
		    struct writer *writer);

#endif
