// SPDX-License-Identifier: GPL-2.0-or-later
/* Time passes for flows, without waiting: age PIN_DIR SECONDS makes
 * every flow look as if its newest packet were so much older. */
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>

#include "gate/maps.h"
#include "gate/pins.h"
#include "sg_flow.h"

static int age(int fd, uint32_t seconds)
{
	struct sg_flow_key *keys = NULL;
	struct sg_flow *flows = NULL;
	size_t count = 0;
	int r = maps_read(fd, sizeof(*keys), sizeof(*flows), (void **)&keys,
			  (void **)&flows, &count);

	for (size_t i = 0; i < count && !r; i++) {
		flows[i].last_s -= seconds;
		r = bpf_map_update_elem(fd, &keys[i], &flows[i], BPF_EXIST);
	}
	free(keys);
	free(flows);
	return r;
}

int main(int argc, char **argv)
{
	struct pins pins = PINS_CLOSED;
	struct fault fault;
	uint32_t seconds;

	if (argc != 3) {
		fputs("usage: age PIN_DIR SECONDS\n", stderr);
		return 2;
	}
	seconds = (uint32_t)strtoul(argv[2], NULL, 10);
	if (pins_open(argv[1], &pins, &fault)) {
		fprintf(stderr, "%s\n", fault.text);
		return 1;
	}
	if (age(pins.map_fds[PINS_flows], seconds) ||
	    age(pins.map_fds[PINS_half_open], seconds)) {
		perror(argv[1]);
		return 1;
	}
	pins_close(&pins);
	return 0;
}
