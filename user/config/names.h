/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words that people read for the enums of the ABI. */
#ifndef SG_USER_NAMES_H
#define SG_USER_NAMES_H

/* Each returns a static string; "?" for a value that is not in the enum. */
const char *name_of_role(unsigned int role);
const char *name_of_grant(unsigned int grant);
const char *name_of_reason(unsigned int reason);
const char *text_of_reason(unsigned int reason);
const char *name_of_kind(unsigned int kind);
const char *name_of_share(unsigned int share);
const char *name_of_state(unsigned int state);
const char *name_of_protocol(unsigned int protocol); /* IPPROTO_*: "tcp" …;
			of one without ports its number, until the next call */

/* The value of a name, or -ENOENT. */
int role_by_name(const char *name);
int share_by_name(const char *name);
int state_by_name(const char *name);
int grant_by_name(const char *name);

#endif
