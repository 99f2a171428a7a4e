/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The deeds of commands, on their way to the ledger: each is a file in
 * DIR/spool, whole or not there. The daemon, which alone writes the ledger,
 * takes them in; one that had none to take it in waits there.
 */
#ifndef SG_USER_SPOOL_H
#define SG_USER_SPOOL_H

#include "ledger/place.h"
#include "ledger/record.h"
#include "sys/fault.h"

#define SPOOL_LATE_S 10

/* Leave a record of an event, which is released. 0, or -errno. */
int spool_leave(const struct place *place, const char *event,
		struct record *record, struct fault *ret_fault);

/* Call each() for every one that waits, oldest first: its fields but `event`,
 * and `late`: it waited longer than SPOOL_LATE_S, or for another boot. It is
 * removed when each() returns 0. Returns how many there were, or -errno. */
int spool_take(const char *dir,
	       int (*each)(const char *event, struct record *record,
			   void *context),
	       void *context);

#endif
