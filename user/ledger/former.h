/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This boot before this start, as the ledger tells. */
#ifndef SG_USER_FORMER_H
#define SG_USER_FORMER_H

#include "ledger/flow_log.h"
#include "sys/fault.h"

/* The flows that are open, how far the rings (of that number) are on file, how
 * often grants were opened, and how peers are called. 0 or -errno. */
int former_adopt(const char *dir, uint32_t ring, struct flow_context *context,
		 struct flow_log *flows, struct refusals *refusals,
		 struct fault *ret_fault);

#endif
