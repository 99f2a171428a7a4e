/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state now, in sentences: the first line of `status`, with which the verbs
 * that put a policy in force end. */
#ifndef SG_USER_STATUS_H
#define SG_USER_STATUS_H

#include "cmd/verb.h"

/* Print it behind what a verb has done; or, if the context asks for JSON, as
 * its `summary`. What cannot be read is left out: the verb has done its work.
 */
void status_say(const struct context *context, const char *done);

#endif
