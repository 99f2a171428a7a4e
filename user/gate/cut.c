// SPDX-License-Identifier: GPL-2.0-or-later
/* See cut.h. */
#include "gate/cut.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "gate/end.h"
#include "gate/maps.h"
#include "sg_flow.h"
#include "sys/cleanup.h"
#include "sys/clock.h"

bool cut_is_open(const struct pins *pins, uint32_t grant)
{
	struct sg_grant entry;

	return bpf_map_lookup_elem(pins->map_fds[PINS_grants], &grant,
				   &entry) == 0 &&
	       sg_grant_is_open(&entry, boot_s());
}

static int cut_table(int fd, int end_fd, uint32_t grant)
{
	_cleanup_(cleanup_free) struct sg_flow_key *keys = NULL;
	_cleanup_(cleanup_free) struct sg_flow *flows = NULL;
	size_t count;
	int r = maps_read(fd, sizeof(*keys), sizeof(*flows), (void **)&keys,
			  (void **)&flows, &count);

	for (size_t i = 0; i < count && !r; i++) {
		if (!(flows[i].grants & SG_GRANT_BIT(grant)))
			continue;
		r = end_flow(end_fd, &keys[i], &flows[i], SG_END_GRANT);
		if (r == -ENOENT)
			r = 0;
	}
	return r;
}

int cut_flows(const struct pins *pins, uint32_t grant)
{
	_cleanup_(cleanup_close) int end_fd = -1;
	int r = end_open(pins->dir, &end_fd);

	if (!r)
		r = cut_table(pins->map_fds[PINS_flows], end_fd, grant);
	return r ? r : cut_table(pins->map_fds[PINS_half_open], end_fd, grant);
}

int cut_ended(struct cut *cut, const struct pins *pins,
	      struct cut_change *ret_change)
{
	int r = 0;

	*ret_change = (struct cut_change){0};
	for (uint32_t id = 0; id < SG_GRANT_COUNT; id++) {
		bool open = cut_is_open(pins, id);

		if (cut->open[id] && !open)
			r = cut_flows(pins, id);
		if (r) /* it is tried again */
			return r;
		if (open && !cut->open[id])
			ret_change->opened |= SG_GRANT_BIT(id);
		if (!open && cut->open[id])
			ret_change->ended |= SG_GRANT_BIT(id);
		cut->open[id] = open;
	}
	return r;
}
