// SPDX-License-Identifier: GPL-2.0-or-later
/* A program can be timed over and over on one frame if it leaves the frame as
 * it was: still PIN_DIR has each flow's gate end be the container's, address,
 * port and neighbours, so that a packet is rewritten to what it is, all but its
 * TTL; and its path be trusted for an hour, as nobody has such an address. */
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/maps.h"
#include "gate/pins.h"
#include "sg_flow.h"
#include "sys/clock.h"

#define HOUR_S 3600

static int still(const struct pins *pins)
{
	struct sg_flow_key *keys = NULL;
	struct sg_flow *flows = NULL;
	struct sg_gate gate;
	size_t count = 0;
	__u32 zero = 0;
	int r = bpf_map_lookup_elem(pins->map_fds[PINS_gate], &zero, &gate);

	if (!r)
		r = maps_read(pins->map_fds[PINS_flows], sizeof(*keys),
			      sizeof(*flows), (void **)&keys, (void **)&flows,
			      &count);
	for (size_t i = 0; i < count && !r; i++) {
		flows[i].gate_addr = keys[i].local;
		flows[i].gate_port.be = keys[i].local_port.be;
		flows[i].path_s = boot_s() + HOUR_S;
		r = bpf_map_update_elem(pins->map_fds[PINS_flows], &keys[i],
					&flows[i], BPF_EXIST);
	}
	free(keys);
	free(flows);
	return r;
}

int main(int argc, char **argv)
{
	struct pins pins = PINS_CLOSED;
	struct fault fault;

	if (argc != 2) {
		fputs("usage: still PIN_DIR\n", stderr);
		return 2;
	}
	if (pins_open(argv[1], &pins, &fault)) {
		fprintf(stderr, "%s\n", fault.text);
		return 1;
	}
	if (still(&pins)) {
		perror(argv[1]);
		return 1;
	}
	pins_close(&pins);
	return 0;
}
