// SPDX-License-Identifier: GPL-2.0-or-later
/* See rules.h. */
#include "gate/rules.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gate/maps.h"
#include "sys/cleanup.h"

/* The policy that is in force, sorted by what the rules say. */
struct former {
	struct sg_forward *forwards;
	size_t count;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, offsetof(struct sg_forward, rule));
}

static int read_former(const struct pins *pins, uint32_t slot,
		       struct sg_forward **ret_forwards, size_t *ret_count)
{
	_cleanup_(cleanup_free) struct sg_forward_key *keys = NULL;
	struct sg_forward *forwards = NULL;
	size_t kept = 0;
	size_t count;
	int r = maps_read(pins->map_fds[PINS_forwards], sizeof(*keys),
			  sizeof(*forwards), (void **)&keys, (void **)&forwards,
			  &count);

	if (r)
		return r;
	for (size_t i = 0; i < count; i++)
		if (keys[i].slot == slot)
			forwards[kept++] = forwards[i];
	if (kept) /* or there may be no array */
		qsort(forwards, kept, sizeof(*forwards), compare);
	*ret_forwards = forwards;
	*ret_count = kept;
	return 0;
}

/* Numbers below `limit` that are in use. */
static void mark(bool *used, size_t limit, uint32_t rule)
{
	if (rule < limit)
		used[rule] = true;
}

static int zero_hits(const struct pins *pins, const uint32_t *rules,
		     size_t count)
{
	size_t bytes =
		(size_t)libbpf_num_possible_cpus() * sizeof(struct sg_hits);
	_cleanup_(cleanup_free) void *zeros = calloc(count + 1, bytes);

	return zeros ? maps_write(pins->map_fds[PINS_hits], rules, zeros, count,
				  sizeof(*rules), bytes)
		     : -ENOMEM;
}

/* The ports and sources still have their forward's position for a number. */
static void renumber(struct policy_entries *entries)
{
	for (size_t i = 0; i < entries->port_count; i++)
		entries->ports[i].rule =
			entries->forwards[entries->ports[i].rule].rule;
	for (size_t i = 0; i < entries->source_count; i++)
		entries->source_keys[i].rule =
			entries->forwards[entries->source_keys[i].rule].rule;
}

static int assign(const struct pins *pins, const struct former *former,
		  struct policy_entries *entries)
{
	size_t limit = former->count + entries->forward_count + 1;
	_cleanup_(cleanup_free) bool *used = calloc(limit, sizeof(*used));
	_cleanup_(cleanup_free) uint32_t *fresh =
		calloc(entries->forward_count + 1, sizeof(*fresh));
	size_t fresh_count = 0;
	uint32_t next = 0;

	if (!used || !fresh)
		return -ENOMEM;
	for (size_t i = 0; i < former->count; i++)
		mark(used, limit, former->forwards[i].rule);
	for (size_t i = 0; i < entries->forward_count; i++) {
		struct sg_forward *forward = &entries->forwards[i];
		const struct sg_forward *same =
			former->count ? bsearch(forward, former->forwards,
						former->count, sizeof(*forward),
						compare)
				      : NULL;

		if (same) {
			forward->rule = same->rule;
			continue;
		}
		while (used[next])
			next++;
		forward->rule = next++;
		fresh[fresh_count++] = forward->rule;
	}
	renumber(entries);
	return zero_hits(pins, fresh, fresh_count);
}

int rules_assign(const struct pins *pins, uint32_t from,
		 struct policy_entries *entries)
{
	_cleanup_(cleanup_free) struct sg_forward *forwards = NULL;
	struct former former = {0};
	int r = read_former(pins, from, &forwards, &former.count);

	former.forwards = forwards;
	return r ? r : assign(pins, &former, entries);
}
