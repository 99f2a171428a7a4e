// SPDX-License-Identifier: GPL-2.0-or-later
/* See sweep.h. */
#include "gate/sweep.h"

#include <errno.h>

#include "gate/end.h"
#include "gate/maps.h"
#include "sg_policy.h"
#include "sys/clock.h"

#define PAUSE_EACH 512 /* ends */
#define GRACE_S 2      /* to a packet that is on its way through the datapath */

struct sweep {
	struct sg_policy policy;
	uint32_t then_s; /* those that were over then */
	int end_fd;
	void (*pause)(void *data);
	void *data;
	size_t ended;
};

static int sweep_one(const void *key, const void *value, void *context)
{
	const struct sg_flow *flow = value;
	struct sweep *sweep = context;
	int r;

	if (!sg_flow_is_over(key, flow, &sweep->policy, sweep->then_s))
		return 0;
	r = end_flow(sweep->end_fd, key, flow, sg_end_by_state(flow));
	if (!r && ++sweep->ended % PAUSE_EACH == 0)
		sweep->pause(sweep->data);
	return r == -ENOENT ? 0 : r;
}

int sweep_flows(const struct pins *pins, int end_fd, void (*pause)(void *data),
		void *data, size_t *ret_ended)
{
	static const enum pins_map tables[] = {PINS_half_open, PINS_flows};
	struct sweep sweep = {.end_fd = end_fd,
			      .pause = pause,
			      .data = data,
			      .then_s = boot_s() - GRACE_S};
	int r = pins_policy(pins, &sweep.policy);

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && !r; i++)
		r = maps_each(pins->map_fds[tables[i]],
			      sizeof(struct sg_flow_key),
			      sizeof(struct sg_flow), sweep_one, &sweep);
	if (!r)
		*ret_ended = sweep.ended;
	return r;
}
