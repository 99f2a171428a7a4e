/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the ledger says of this boot before this start. */
#ifndef SG_USER_FORMER_H
#define SG_USER_FORMER_H

#include "ledger/flow_log.h"
#include "sys/fault.h"

/* Which flows are open, what of the rings (of that number) is on file, how
 * often grants were opened, and how peers are called. 0 or -errno. */
int former_adopt(const char *dir, uint32_t ring, struct flow_context *context,
		 struct flow_log *flows, struct fault *ret_fault);

#endif
