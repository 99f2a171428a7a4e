/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scoutgate ledger report: the ledger for a case file, as text or as one file
 * of HTML. */
#ifndef SG_USER_LEDGER_REPORT_H
#define SG_USER_LEDGER_REPORT_H

#include "cmd/verb.h"

int ledger_report(const struct context *context, int count, char **args);

#endif
