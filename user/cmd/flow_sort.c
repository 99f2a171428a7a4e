// SPDX-License-Identifier: GPL-2.0-or-later
/* See flow_sort.h. */
#include "cmd/flow_sort.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/text.h"

/* items beyond the top that are taken up before they are cut off at once */
#define BEYOND_TOP 4096

static uint64_t bytes_of(const struct sg_flow *flow)
{
	return flow->traffic[SG_IN].bytes + flow->traffic[SG_OUT].bytes;
}

static uint64_t in_bytes_of(const struct sg_flow *flow)
{
	return flow->traffic[SG_IN].bytes;
}

static uint64_t out_bytes_of(const struct sg_flow *flow)
{
	return flow->traffic[SG_OUT].bytes;
}

static uint64_t packets_of(const struct sg_flow *flow)
{
	return flow->traffic[SG_IN].packets + flow->traffic[SG_OUT].packets;
}

/* the youngest is the one that was created last */
static uint64_t age_of(const struct sg_flow *flow)
{
	return UINT32_MAX - flow->created_s;
}

static uint64_t idle_of(const struct sg_flow *flow)
{
	return UINT32_MAX - flow->last_s;
}

static uint64_t state_of(const struct sg_flow *flow)
{
	return flow->state;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_remotes(const struct sg_flow_key *a,
			   const struct sg_flow_key *b)
{
	int order = memcmp(&a->remote, &b->remote, sizeof(a->remote));

	return order ? order
		     : compare_numbers(ntohs(a->remote_port.be),
				       ntohs(b->remote_port.be));
}

static int compare_locals(const struct sg_flow_key *a,
			  const struct sg_flow_key *b)
{
	int order = memcmp(&a->local, &b->local, sizeof(a->local));

	return order ? order
		     : compare_numbers(ntohs(a->local_port.be),
				       ntohs(b->local_port.be));
}

/* A flow is ordered by a number, or by what its key has. */
static const struct {
	const char *name;
	uint64_t (*value)(const struct sg_flow *flow);
	int (*compare)(const struct sg_flow_key *a,
		       const struct sg_flow_key *b);
} fields[] = {
	{"bytes", bytes_of, NULL},
	{"in-bytes", in_bytes_of, NULL},
	{"out-bytes", out_bytes_of, NULL},
	{"packets", packets_of, NULL},
	{"age", age_of, NULL},
	{"idle", idle_of, NULL},
	{"state", state_of, NULL},
	{"remote", NULL, compare_remotes},
	{"local", NULL, compare_locals},
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

static int refuse_key(const char *name, struct fault *ret_fault)
{
	const char *nearest = NULL;
	char known[128] = "";
	size_t at = 0;

	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (!nearest && text_is_near(name, fields[i].name))
			nearest = fields[i].name;
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s",
				       i ? ", " : "", fields[i].name);
	}
	return nearest ? fault_set(ret_fault, EINVAL,
				   "--sort: no key \"%s\"; is it \"%s\"? "
				   "There are %s",
				   name, nearest, known)
		       : fault_set(ret_fault, EINVAL,
				   "--sort: no key \"%s\"; there are %s", name,
				   known);
}

static int parse_key(const char *name, struct flow_sort *sort,
		     struct fault *ret_fault)
{
	bool is_reversed = name[0] == '-';

	if (sort->key_count == FLOW_SORT_KEYS_MAX)
		return fault_set(ret_fault, EINVAL,
				 "--sort: at most %d keys, as -bytes,remote",
				 FLOW_SORT_KEYS_MAX);
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (strcmp(fields[i].name, name + is_reversed) != 0)
			continue;
		sort->keys[sort->key_count].field = i;
		sort->keys[sort->key_count++].is_reversed = is_reversed;
		return 0;
	}
	return refuse_key(name + is_reversed, ret_fault);
}

int flow_sort_parse(const struct context *context, struct flow_sort *ret_sort,
		    struct fault *ret_fault)
{
	struct flow_sort sort = {0};
	const char *end = context->sort;
	char name[32];
	uint32_t top = 0;

	if (context->top && (text_parse_number(context->top, &top) || !top))
		return fault_set(ret_fault, EINVAL, "--top %s: 1 or more",
				 context->top);
	if (context->top && !context->sort)
		return fault_set(ret_fault, EINVAL,
				 "--top needs an order, as --sort -bytes");
	for (const char *at = end; at; at = *end ? end + 1 : NULL) {
		end = strchrnul(at, ',');
		snprintf(name, sizeof(name), "%.*s", (int)(end - at), at);
		if (parse_key(name, &sort, ret_fault))
			return -EINVAL;
	}
	sort.top = top;
	*ret_sort = sort;
	return 0;
}

static int compare(const void *left, const void *right, void *context)
{
	const struct flow_sort_item *a = left;
	const struct flow_sort_item *b = right;
	const struct flow_sort *sort = context;

	for (size_t i = 0; i < sort->key_count; i++) {
		size_t field = sort->keys[i].field;
		int order =
			fields[field].compare
				? fields[field].compare(&a->key, &b->key)
				: compare_numbers(a->values[i], b->values[i]);

		if (order)
			return sort->keys[i].is_reversed ? -order : order;
	}
	return memcmp(&a->key, &b->key, sizeof(a->key)); /* always the same */
}

void flow_sort_finish(struct flow_sort *sort)
{
	if (sort->count)
		qsort_r(sort->items, sort->count, sizeof(*sort->items), compare,
			sort);
	if (sort->top && sort->count > sort->top)
		sort->count = sort->top;
}

int flow_sort_add(struct flow_sort *sort, const struct sg_flow_key *key,
		  const struct sg_flow *flow, uint8_t map)
{
	struct flow_sort_item *item;

	if (sort->top && sort->count >= sort->top + BEYOND_TOP)
		flow_sort_finish(sort);
	if (sort->count == sort->room) {
		size_t room = sort->room ? sort->room * 2 : BEYOND_TOP;
		struct flow_sort_item *grown =
			reallocarray(sort->items, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		sort->items = grown;
		sort->room = room;
	}
	item = &sort->items[sort->count++];
	*item = (struct flow_sort_item){.key = *key};
	item->key.id[0] = map;
	for (size_t i = 0; i < sort->key_count; i++)
		if (fields[sort->keys[i].field].value)
			item->values[i] =
				fields[sort->keys[i].field].value(flow);
	return 0;
}

void flow_sort_release(struct flow_sort *sort)
{
	free(sort->items);
	sort->items = NULL;
	sort->count = 0;
	sort->room = 0;
}
