/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process that asks for something: what the kernel knows of it, and what it
 * says of itself. */
#ifndef SG_USER_IDENTITY_H
#define SG_USER_IDENTITY_H

#include "ledger/record.h"

/* Add `who` {exe, loginuid, parent, pid, session, tty, uid}: of this process,
 * by the kernel; null: it has none (audit: 4294967295). */
void identity_add(struct record *record);

/* Add `claims`: of sudo and sshd's environment, which anybody can set. */
void identity_add_claims(struct record *record);

#endif
