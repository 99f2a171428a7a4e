// SPDX-License-Identifier: GPL-2.0-or-later
/* See names.h. */
#include "config/names.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "sg_flow.h"
#include "sg_iface.h"
#include "sg_policy.h"
#include "sg_reason.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const role_names[] = {
#define X(id, name) [SG_ROLE_##id] = name,
	SG_ROLES(X)
#undef X
};
_Static_assert(COUNT(role_names) == SG_ROLE_COUNT, "every role has a name");

static const char *const grant_names[] = {
#define X(id, name) [SG_GRANT_##id] = name,
	SG_GRANTS(X)
#undef X
};
_Static_assert(COUNT(grant_names) == SG_GRANT_COUNT, "every grant has a name");

static const char *const kind_names[] = {
#define X(id, name) [SG_KIND_##id] = name,
	SG_KINDS(X)
#undef X
};
_Static_assert(COUNT(kind_names) == SG_KIND_COUNT, "every kind has a name");

static const char *const share_names[] = {
#define X(id, name) [SG_SHARE_##id] = name,
	SG_SHARES(X)
#undef X
};
_Static_assert(COUNT(share_names) == SG_SHARE_COUNT, "every share has a name");

static const char *const state_names[] = {
#define X(id, name) [SG_STATE_##id] = name,
	SG_STATES(X)
#undef X
};
_Static_assert(COUNT(state_names) == SG_STATE_COUNT, "every state has a name");

static const struct {
	const char *name;
	const char *text;
} reasons[] = {[SG_OK] = {"ok", "not dropped"},
#define X(id, name, text) [SG_DROP_##id] = {name, text},
	       SG_REASONS(X)
#undef X
};
_Static_assert(COUNT(reasons) == SG_REASON_COUNT, "every reason has a name");

static const char *pick(const char *const *names, size_t count, unsigned int at)
{
	return at < count ? names[at] : "?";
}

static int find(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -ENOENT;
}

const char *name_of_role(unsigned int role)
{
	return pick(role_names, COUNT(role_names), role);
}

const char *name_of_grant(unsigned int grant)
{
	return pick(grant_names, COUNT(grant_names), grant);
}

const char *name_of_kind(unsigned int kind)
{
	return pick(kind_names, COUNT(kind_names), kind);
}

const char *name_of_share(unsigned int share)
{
	return pick(share_names, COUNT(share_names), share);
}

const char *name_of_state(unsigned int state)
{
	return pick(state_names, COUNT(state_names), state);
}

const char *name_of_reason(unsigned int reason)
{
	return reason < COUNT(reasons) ? reasons[reason].name : "?";
}

const char *text_of_reason(unsigned int reason)
{
	return reason < COUNT(reasons) ? reasons[reason].text : "?";
}

const char *name_of_protocol(unsigned int protocol)
{
	static char number[12];

	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	default:
		snprintf(number, sizeof(number), "%u", protocol);
		return number;
	}
}

int role_by_name(const char *name)
{
	return find(role_names, COUNT(role_names), name);
}

int share_by_name(const char *name)
{
	return find(share_names, COUNT(share_names), name);
}

int state_by_name(const char *name)
{
	return find(state_names, COUNT(state_names), name);
}

int grant_by_name(const char *name)
{
	return find(grant_names, COUNT(grant_names), name);
}
