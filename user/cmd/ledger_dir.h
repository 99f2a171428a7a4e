/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger that a command is about. */
#ifndef SG_USER_LEDGER_DIR_H
#define SG_USER_LEDGER_DIR_H

#include <limits.h>

#include "cmd/verb.h"
#include "ledger/place.h"
#include "ledger/record.h"

/* The place of the instance: by the policy in force, or else by the
 * configuration. 0 or -errno. */
int ledger_place(const struct context *context, struct place *ret_place,
		 struct fault *ret_fault);

/* The one path among the arguments, or the directory of that place. 0 or
 * -errno.
 */
int ledger_path(const struct context *context, int count, char **args,
		char ret_path[PATH_MAX], struct fault *ret_fault);

/* Leave a record for the daemon. 0, or -errno with *ret_fault. */
int ledger_leave(const struct context *context, const char *event,
		 struct record *record, struct fault *ret_fault);

#endif
