/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scoutgate ledger show: records, as lines for people, or as they are. */
#ifndef SG_USER_LEDGER_SHOW_H
#define SG_USER_LEDGER_SHOW_H

#include "cmd/verb.h"
#include "ledger/walk.h"

int ledger_show(const struct context *context, int count, char **args);

/* Return whether a record is of the times, events and addresses that the
 * command line asks for. */
bool ledger_is_wanted(const struct context *context,
		      const struct walk_record *record);

#endif
