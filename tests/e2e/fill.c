// SPDX-License-Identifier: GPL-2.0-or-later
/* Many flows at once: fill PIN_DIR COUNT puts so many of the VPN's to tcp 22
 * into map `flows`, each from an address of its own. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/maps.h"
#include "gate/pins.h"
#include "sg_flow.h"
#include "sys/clock.h"
#include "sys/text.h"

#define AT_ONCE 4096

static void make_flow(uint32_t number, struct sg_flow_key *key,
		      struct sg_flow *flow)
{
	*key = (struct sg_flow_key){
		.remote = text_addr_from_v4(htonl(0x0b000000 + number)),
		.local = text_addr_from_v4(htonl(0x0a000302)),
		.remote_port.be = htons(40000),
		.local_port.be = htons(22),
		.protocol = IPPROTO_TCP,
	};
	*flow = (struct sg_flow){
		.gate_addr = text_addr_from_v4(htonl(0x0a010002)),
		.gate_port.be = htons(22),
		.kind = SG_KIND_FORWARD,
		.state = SG_STATE_ESTABLISHED,
		.share = SG_SHARE_VPN,
		.created_s = boot_s(),
		.last_s = boot_s(),
	};
}

static int fill(int fd, uint32_t count)
{
	static struct sg_flow_key keys[AT_ONCE];
	static struct sg_flow flows[AT_ONCE];
	int r = 0;

	for (uint32_t done = 0; done < count && !r; done += AT_ONCE) {
		uint32_t some = count - done < AT_ONCE ? count - done : AT_ONCE;

		for (uint32_t i = 0; i < some; i++)
			make_flow(done + i, &keys[i], &flows[i]);
		r = maps_write(fd, keys, flows, some, sizeof(keys[0]),
			       sizeof(flows[0]));
	}
	return r;
}

int main(int argc, char **argv)
{
	struct pins pins = PINS_CLOSED;
	struct fault fault;
	int r;

	if (argc != 3) {
		fputs("usage: fill PIN_DIR COUNT\n", stderr);
		return 2;
	}
	if (pins_open(argv[1], &pins, &fault)) {
		fprintf(stderr, "%s\n", fault.text);
		return 1;
	}
	r = fill(pins.map_fds[PINS_flows],
		 (uint32_t)strtoul(argv[2], NULL, 10));
	pins_close(&pins);
	if (r)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
	return r != 0;
}
