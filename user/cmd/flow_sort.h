/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order in which `scoutgate flows` lists flows, if one is asked for. For
 * each flow that is listed it keeps what finds it again and what it is ordered
 * by (56 bytes), and with --top no more of them than are needed.
 */
#ifndef SG_USER_FLOW_SORT_H
#define SG_USER_FLOW_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/verb.h"
#include "sg_flow.h"
#include "sys/fault.h"

#define FLOW_SORT_KEYS_MAX 2

struct flow_sort_item {
	struct sg_flow_key key; /* id[0]: the map that it is of */
	uint64_t values[FLOW_SORT_KEYS_MAX];
};

struct flow_sort {
	struct {
		size_t field; /* an index of flow_sort.c's */
		bool is_reversed;
	} keys[FLOW_SORT_KEYS_MAX];
	size_t key_count;	      /* 0: in no order */
	size_t top;		      /* 0: all */
	struct flow_sort_item *items; /* owned */
	size_t count;
	size_t room;
};

/* Read what the command line says. 0, or -EINVAL with *ret_fault. */
int flow_sort_parse(const struct context *context, struct flow_sort *ret_sort,
		    struct fault *ret_fault);

/* Take up a flow. 0 or -ENOMEM. flow_sort_release() it. */
int flow_sort_add(struct flow_sort *sort, const struct sg_flow_key *key,
		  const struct sg_flow *flow, uint8_t map);

/* All are there: put items in order, and forget those beyond the top. */
void flow_sort_finish(struct flow_sort *sort);

void flow_sort_release(struct flow_sort *sort);

#endif
