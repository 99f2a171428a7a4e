/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reports of what happens, for later readers: to the journal, with a MESSAGE_ID
 * by which one is found and explained (user/systemd/scoutgate.catalog), where
 * there is one; as a line on standard error otherwise.
 */
#ifndef SG_USER_REPORT_H
#define SG_USER_REPORT_H

/* X(ENUM, "MESSAGE_ID", priority of syslog) */
#define REPORT_EVENTS(X)                                                       \
	X(POLICY, "da0b2857149a48ae8cdcc707d07f33fe", LOG_NOTICE)              \
	X(GRANT_SWITCHED, "304b94dd1d4a42248dcd837ce5a7f2f2", LOG_NOTICE)      \
	X(GRANT_OPEN, "64f34bbd19fb4652a25a43746f0b0878", LOG_NOTICE)          \
	X(GRANT_ENDED, "aab60fb24da64fa4aa2a07fcfc6ac8f4", LOG_NOTICE)         \
	X(LEDGER, "5d0c2f0ac7e24b3f9a70c1a5a9a0a3b1", LOG_NOTICE)              \
	X(STRANGER, "7a215efeab3f49df95cd39f6c488a0b6", LOG_WARNING)           \
	X(REPAIRED, "99170298290f4b6a97567dad3bf40ee3", LOG_WARNING)           \
	X(PROBLEM, "03a0a9b1a7d4469494a4db18cf021df5", LOG_ERR)                \
	X(PROBLEM_OVER, "f45ffe022fbe4efe996fe546292ed931", LOG_NOTICE)

enum report_event {
#define X(id, message_id, priority) REPORT_##id,
	REPORT_EVENTS(X)
#undef X
};

/* Say it as the daemon does. field: "SG_NAME=value" or NULL. */
__attribute__((format(printf, 3, 4))) void
report(enum report_event event, const char *field, const char *format, ...);

/* Note it in the journal alone, where there is one: what a person did, who has
 * read it on the terminal. by: the user behind sudo is added. */
__attribute__((format(printf, 3, 4))) void report_note(enum report_event event,
						       const char *field,
						       const char *format, ...);

#endif
