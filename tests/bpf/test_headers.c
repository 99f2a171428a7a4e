// SPDX-License-Identifier: GPL-2.0-or-later
/* Headers that are wrong in a place where a right one is long, or doubled; and
 * packets that look like those of a flow that goes on, and are not. */
#include <bpf/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "probes.h"

#define FRAGMENT 44
#define DESTINATION 60

static void a_total_that_ends_in_the_options(void **state)
{
	struct spec spec = vpn_udp;
	struct frame frame;

	(void)state;
	spec.options_bytes = 8;
	memset(spec.options, 1, 8);
	for (uint8_t total = 20; total < 28; total++) {
		build_frame(&frame, &spec, TAP0, false);
		frame.data[14 + 2] = 0;
		frame.data[14 + 3] = total;
		fix_ip_sum(&frame);
		assert_dropped(&frame, TAP0, SG_DROP_IP_HEADER);
	}
	assert_delivered(&spec, TAP0);
}

/* RFC 8200 4.1: one fragment header at the most. */
static void a_fragment_header_comes_once(void **state)
{
	struct spec spec =
		between("fd00:7::9", "fd00:7::2", 40000, 22, IPPROTO_TCP, SYN);
	uint8_t *option = spec.options;

	(void)state;
	harness_restart("container { address6 = \"fd00:3::2\" }\n"
			"forward \"ssh\" { ports = {\"22\"} }\n");
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	spec.extension = FRAGMENT;
	spec.options_bytes = 8;
	option[0] = IPPROTO_TCP;
	option[7] = 77; /* its id; whole, RFC 6946 */
	assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
	spec.options_bytes = 16;
	option[0] = DESTINATION;
	option[8] = IPPROTO_TCP;
	option[10] = 1; /* PadN */
	option[11] = 4;
	assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
	memset(option, 0, 16);
	option[0] = FRAGMENT;
	option[7] = 77;
	option[8] = IPPROTO_TCP;
	option[15] = 78;
	assert_spec_dropped(&spec, ETH0, SG_DROP_IP_OPTION);
}

static void an_ipv4_address_is_none_in_ipv6(void **state)
{
	static const char *const cases[][2] = {
		{"fd00:7::9", "::ffff:192.168.7.2"},
		{"::ffff:192.168.7.9", "fd00:7::2"},
		{"::ffff:192.168.7.9", "::ffff:192.168.7.2"},
	};
	struct spec spec;

	(void)state;
	harness_restart("container { address6 = \"fd00:3::2\" }\n"
			"forward \"ssh\" { ports = {\"22\"} }\n");
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		spec = between(cases[i][0], cases[i][1], 40000, 22, IPPROTO_TCP,
			       SYN);
		assert_spec_dropped(&spec, ETH0, SG_DROP_SPOOFED);
		/* by the long way, too */
		spec.extension = DESTINATION;
		spec.options_bytes = 8;
		spec.options[0] = IPPROTO_TCP;
		spec.options[2] = 1;
		spec.options[3] = 4;
		assert_spec_dropped(&spec, ETH0, SG_DROP_SPOOFED);
	}
	spec = between("fd00:3::2", "::ffff:192.168.7.9", 33000, 80,
		       IPPROTO_TCP, SYN);
	assert_refused(&spec, VE_CONTAINER, SG_DROP_SPOOFED);
}

/* The program of the container's link, on a link that is not governed: what
 * goes on elsewhere does not go on there. */
static void a_flow_does_not_go_on_by_any_link(void **state)
{
	const uint8_t mac[] = CONTAINER_MAC; /* which peer3 has */
	struct spec out =
		between("10.0.3.2", "192.168.7.9", 33000, 53, IPPROTO_UDP, 0);
	struct spec answer =
		between("192.168.7.9", "192.168.7.2", 53, 0, IPPROTO_UDP, 0);
	uint32_t former = gate_test.ifindex[VE_CONTAINER];
	struct frame frame;

	(void)state;
	assert_left(&out, &frame);
	answer.dport = frame_sport(&frame);
	assert_delivered_to(&answer, ETH0, out.sport);
	assert_left(&out, NULL);
	build_frame(&frame, &out, VE_CONTAINER, false);
	memcpy(frame.data, mac, sizeof(mac));
	gate_test.ifindex[VE_CONTAINER] = if_nametoindex("peer3");
	bpf_map_delete_elem(gate_test.pins.map_fds[PINS_ifaces],
			    &gate_test.ifindex[VE_CONTAINER]);
	assert_dropped(&frame, VE_CONTAINER, SG_DROP_NOT_GOVERNED);
	gate_test.ifindex[VE_CONTAINER] = former;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_total_that_ends_in_the_options),
		TEST(a_fragment_header_comes_once),
		TEST(an_ipv4_address_is_none_in_ipv6),
		TEST(a_flow_does_not_go_on_by_any_link),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
