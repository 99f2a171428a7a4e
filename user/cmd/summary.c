// SPDX-License-Identifier: GPL-2.0-or-later
/* See summary.h. */
#include "cmd/summary.h"
#include "cmd/show.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/deadline.h"
#include "gate/maps.h"
#include "sg_flow.h"
#include "sg_policy.h"
#include "sys/clock.h"

/* The remotes of one share that are connected now. */
struct remotes {
	struct sg_policy policy;
	uint32_t now_s;
	uint8_t share;
	union sg_addr *addrs; /* owned */
	size_t count;
	size_t room;
};

static int add_remote(const void *key, const void *value, void *context)
{
	const struct sg_flow_key *flow_key = key;
	const struct sg_flow *flow = value;
	struct remotes *remotes = context;
	union sg_addr *grown;

	if (flow->share != remotes->share ||
	    (flow->state != SG_STATE_ESTABLISHED &&
	     flow->state != SG_STATE_ASSURED) ||
	    sg_flow_is_over(flow_key, flow, &remotes->policy, remotes->now_s))
		return 0;
	if (remotes->count &&
	    memcmp(&remotes->addrs[remotes->count - 1], &flow_key->remote,
		   sizeof(flow_key->remote)) == 0)
		return 0;
	if (remotes->count == remotes->room) {
		remotes->room = remotes->room ? remotes->room * 2 : 64;
		grown = reallocarray(remotes->addrs, remotes->room,
				     sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		remotes->addrs = grown;
	}
	remotes->addrs[remotes->count++] = flow_key->remote;
	return 0;
}

static int compare(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(union sg_addr));
}

/* Return how many remotes of a share are connected; or -errno. */
static long count_remotes(const struct pins *pins, uint8_t share)
{
	struct remotes remotes = {.share = share, .now_s = boot_s()};
	long count = 0;
	int r = pins_policy(pins, &remotes.policy);

	if (!r)
		r = maps_each(pins->map_fds[PINS_flows],
			      sizeof(struct sg_flow_key),
			      sizeof(struct sg_flow), add_remote, &remotes);
	if (!r && remotes.count)
		qsort(remotes.addrs, remotes.count, sizeof(union sg_addr),
		      compare);
	for (size_t i = 0; i < remotes.count; i++)
		count += i == 0 ||
			 compare(&remotes.addrs[i - 1], &remotes.addrs[i]) != 0;
	free(remotes.addrs);
	return r ? r : count;
}

__attribute__((format(printf, 2, 3))) static void say(char *text,
						      const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	if (used && used + 1 < SUMMARY_BYTES)
		text[used++] = ' ';
	va_start(args, format);
	vsnprintf(text + used, SUMMARY_BYTES - used, format, args);
	va_end(args);
}

static void say_findings(const struct summary *found, char *text)
{
	size_t count = json_object_array_length(found->findings);

	if (count)
		say(text, "NOT HEALTHY: %zu %s to be mended, see below.", count,
		    count == 1 ? "thing is" : "things are");
}

static void say_lan(const struct sg_grant *lan, long connected, char *text)
{
	char end[DEADLINE_BYTES];

	if (!sg_grant_is_open(lan, boot_s())) {
		say(text, "Closed to the LAN.");
		return;
	}
	deadline_describe(lan, end);
	say(text, "OPEN to the LAN %s; %ld of its hosts %s connected.", end,
	    connected, connected == 1 ? "is" : "are");
}

static void say_experts(long connected, char *text)
{
	if (connected == 0)
		say(text, "No expert is connected.");
	else
		say(text, "%ld expert%s connected.", connected,
		    connected == 1 ? " is" : "s are");
}

static void say_host(const struct sg_grant *host, const struct sg_grant *lan,
		     const struct sg_policy *policy, char *text)
{
	char end[DEADLINE_BYTES];

	if (!policy->control_port || !sg_grant_is_open(host, boot_s()))
		return;
	deadline_describe(host, end);
	say(text, "This machine's own port %u is OPEN to the VPN%s %s.",
	    policy->control_port,
	    sg_grant_is_open(lan, boot_s()) ? " and to the LAN" : "", end);
}

static void say_waiting(const struct summary *found, char *text)
{
	size_t count = json_object_array_length(found->waiting);

	for (size_t i = 0; i < count; i++) {
		struct json_object *row =
			json_object_array_get_idx(found->waiting, i);

		say(text, "Waiting for %s (%s).",
		    show_text_of(row, "interfaces"), show_text_of(row, "role"));
	}
	if (count && !json_object_get_boolean(
			     json_object_object_get(found->daemon, "running")))
		say(text, "Without `scoutgate run`, `scoutgate up` takes it in "
			  "when it is there.");
}

static void say_daemon(const struct summary *found, char *text)
{
	if (json_object_get_boolean(
		    json_object_object_get(found->daemon, "died")))
		say(text, "The daemon has died: start `scoutgate run` again.");
}

/* The rest of the world: nothing of it, but by what is left alone. */
static void say_rest(const struct summary *found, char *text)
{
	char names[256] = "";
	size_t at = 0;

	for (size_t i = 0; i < json_object_array_length(found->interfaces) &&
			   at < sizeof(names);
	     i++) {
		struct json_object *row =
			json_object_array_get_idx(found->interfaces, i);
		const char *role = show_text_of(row, "role");

		if (strcmp(role, "exempt") == 0)
			at += (size_t)snprintf(names + at, sizeof(names) - at,
					       "%s%s", at ? ", " : "",
					       show_text_of(row, "interface"));
	}
	if (json_object_array_length(found->findings))
		return;
	if (at)
		say(text,
		    "Nothing else can reach this machine, but by %s, which the "
		    "configuration leaves alone.",
		    names);
	else
		say(text, "Nothing else can reach this machine.");
}

int summary_write(const struct pins *pins, const struct summary *found,
		  char ret_text[SUMMARY_BYTES])
{
	const __u32 ids[] = {SG_GRANT_LAN_ACCESS, SG_GRANT_HOST_CONTROL};
	int fd = pins->map_fds[PINS_grants];
	struct sg_grant lan;
	struct sg_grant host;
	struct sg_policy policy;
	long experts;
	long neighbours = 0;

	if (bpf_map_lookup_elem(fd, &ids[0], &lan) ||
	    bpf_map_lookup_elem(fd, &ids[1], &host))
		return -errno;
	experts = count_remotes(pins, SG_SHARE_VPN);
	if (sg_grant_is_open(&lan, boot_s())) /* they are said only then */
		neighbours = count_remotes(pins, SG_SHARE_LAN);
	if (experts < 0 || neighbours < 0 || pins_policy(pins, &policy))
		return -EIO;
	ret_text[0] = '\0';
	say_findings(found, ret_text);
	say_lan(&lan, neighbours, ret_text);
	say_experts(experts, ret_text);
	say_host(&host, &lan, &policy, ret_text);
	say_waiting(found, ret_text);
	say_daemon(found, ret_text);
	say_rest(found, ret_text);
	return 0;
}
