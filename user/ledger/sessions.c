// SPDX-License-Identifier: GPL-2.0-or-later
/* See sessions.h. */
#include "ledger/sessions.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/boot_id.h"

struct sessions {
	void *open;		     /* a tree of sessions, by uid */
	char boot_id[BOOT_ID_BYTES]; /* of the newest start */
	sessions_each each;
	void *context;
	int result;
};

static int by_uid(const void *a, const void *b)
{
	return strcmp(((const struct session *)a)->uid,
		      ((const struct session *)b)->uid);
}

bool session_came_in(const struct session *session)
{
	return strcmp(session->kind, "forward") == 0 ||
	       strcmp(session->kind, "control") == 0;
}

struct sessions *sessions_new(sessions_each each, void *context)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	if (sessions) {
		sessions->each = each;
		sessions->context = context;
	}
	return sessions;
}

/* "lan-access 2, host-control 1": names and epochs */
static void take_grants(const struct walk_record *record,
			struct session *session)
{
	struct canonical_value list = walk_field(record, "grants");
	const char *at = list.at + 1;
	size_t used = 0;

	session->grants[0] = '\0';
	while (list.type == '[' && at < list.at + list.bytes && *at == '{') {
		size_t left = (size_t)(list.at + list.bytes - at);
		struct canonical_value name = canonical_find(at, left, "name");
		int64_t epoch =
			canonical_number(canonical_find(at, left, "epoch"));
		const char *end = memchr(at, '}', left);

		used += (size_t)snprintf(
			session->grants + used, sizeof(session->grants) - used,
			"%s%.*s %lld", used ? ", " : "", (int)name.bytes,
			name.at, (long long)epoch);
		if (!end || used >= sizeof(session->grants))
			return;
		at = end + 2;
	}
}

static void take_ends(const struct walk_record *record, struct session *session)
{
#define TEXT(key, field)                                                       \
	walk_text(record, key, session->field, sizeof(session->field))
	TEXT("proto", proto);
	TEXT("kind", kind);
	TEXT("id.orig_h", orig_h);
	TEXT("id.resp_h", resp_h);
	TEXT("rule", rule);
	TEXT("link", link);
	TEXT("start_ts", since);
	if (!session->since[0])
		TEXT("ts", since);
#undef TEXT
	session->orig_p = (uint16_t)walk_number(record, "id.orig_p");
	session->resp_p = (uint16_t)walk_number(record, "id.resp_p");
	take_grants(record, session);
}

static void take_counts(const struct walk_record *record,
			struct session *session)
{
	session->orig_pkts = walk_number(record, "orig_pkts");
	session->orig_ip_bytes = walk_number(record, "orig_ip_bytes");
	session->resp_pkts = walk_number(record, "resp_pkts");
	session->resp_ip_bytes = walk_number(record, "resp_ip_bytes");
	walk_text(record, "last_ts", session->until, sizeof(session->until));
	if (!session->until[0])
		walk_text(record, "ts", session->until, sizeof(session->until));
	walk_text(record, "state", session->state, sizeof(session->state));
	walk_text(record, "peer", session->peer, sizeof(session->peer));
}

static struct session *find(struct sessions *sessions, const char *uid)
{
	struct session key;
	struct session **found;

	snprintf(key.uid, sizeof(key.uid), "%s", uid);
	found = tfind(&key, &sessions->open, by_uid);
	return found ? *found : NULL;
}

static struct session *begin(struct sessions *sessions, const char *uid)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	snprintf(session->uid, sizeof(session->uid), "%s", uid);
	if (!tsearch(session, &sessions->open, by_uid)) {
		free(session);
		return NULL;
	}
	return session;
}

static int end(struct sessions *sessions, struct session *session)
{
	int r = sessions->each(session, sessions->context);

	tdelete(session, &sessions->open, by_uid);
	free(session);
	return r;
}

static int end_all(struct sessions *sessions, const char *reason)
{
	int r = 0;

	while (sessions->open) {
		struct session *session = *(struct session **)sessions->open;
		int done;

		snprintf(session->reason, sizeof(session->reason), "%s",
			 reason);
		done = end(sessions, session);
		r = r ? r : done;
	}
	return r;
}

/* No flow outlives a boot, whether or not its end could be written. */
static int take_start(struct sessions *sessions,
		      const struct walk_record *record)
{
	char boot_id[BOOT_ID_BYTES];
	bool is_other;

	walk_text(record, "boot_id", boot_id, sizeof(boot_id));
	is_other = strcmp(boot_id, sessions->boot_id) != 0;
	memcpy(sessions->boot_id, boot_id, sizeof(boot_id));
	return is_other ? end_all(sessions, "lost") : 0;
}

static bool is_of_flow(const struct walk_record *record)
{
	return walk_is(record, "flow.begin") || walk_is(record, "found") ||
	       walk_is(record, "flow.update") || walk_is(record, "flow.end") ||
	       walk_is(record, "gone");
}

int sessions_take(struct sessions *sessions, const struct walk_record *record)
{
	char uid[SESSION_UID_BYTES];
	struct session *session;
	bool is_gone = walk_is(record, "gone");

	if (walk_is(record, "start"))
		return take_start(sessions, record);
	if (!is_of_flow(record))
		return 0;
	walk_text(record, "uid", uid, sizeof(uid));
	session = find(sessions, uid);
	if (!session && is_gone)
		return 0;
	if (!session)
		session = begin(sessions, uid);
	if (!session)
		return -ENOMEM;
	if (!is_gone) { /* which knows nothing of it */
		take_ends(record, session);
		take_counts(record, session);
	}
	if (!is_gone && !walk_is(record, "flow.end"))
		return 0;
	walk_text(record, "reason", session->reason, sizeof(session->reason));
	if (!session->reason[0])
		strcpy(session->reason, "gone");
	return end(sessions, session);
}

int sessions_finish(struct sessions **sessions)
{
	int r = *sessions ? end_all(*sessions, "") : 0;

	free(*sessions);
	*sessions = NULL;
	return r;
}
