/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links and addresses that come, go and change, as records. */
#ifndef SG_USER_NETWORK_LOG_H
#define SG_USER_NETWORK_LOG_H

#include "config/policy.h"
#include "ledger/writer.h"
#include "sys/links.h"

/* Write what differs between two looks at the network. */
void network_log(const struct links *before, const struct links *now,
		 const struct policy *policy, struct writer *writer);

#endif
