/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows, put together from the records of their begin, updates and end. */
#ifndef SG_USER_SESSIONS_H
#define SG_USER_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/record.h"
#include "ledger/walk.h"
#include "sys/text.h"

#define SESSION_UID_BYTES 21

struct session {
	char uid[SESSION_UID_BYTES];
	char proto[8];
	char kind[16];
	char orig_h[TEXT_ADDR_BYTES], resp_h[TEXT_ADDR_BYTES];
	uint16_t orig_p, resp_p;
	char rule[32], peer[64], link[16], grants[64];
	char since[RECORD_TIME_BYTES]; /* of its first record */
	char until[RECORD_TIME_BYTES]; /* of its newest packet, as it is known
					*/
	uint64_t orig_pkts, orig_ip_bytes, resp_pkts, resp_ip_bytes;
	char state[16];
	char reason[16]; /* why it ended; "": it has not, by the records */
};

/* Return whether it was begun from outside: to the container, or the host. */
bool session_came_in(const struct session *session);

struct sessions;
typedef int (*sessions_each)(const struct session *session, void *context);

struct sessions *sessions_new(sessions_each each, void *context);
/* Take in a record: each() is called with a session that it ends. Returns what
 * each() returns, or 0. */
int sessions_take(struct sessions *sessions, const struct walk_record *record);
/* Call each() for those that did not end, and free it. */
int sessions_finish(struct sessions **sessions);

#endif
