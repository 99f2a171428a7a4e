// SPDX-License-Identifier: GPL-2.0-or-later
/* Addresses that can be nobody's there, in IPv6, where few of them are in a
 * network that the configuration names. */
#include <netinet/in.h>

#include "probes.h"

#define CONFIG                                                                 \
	"container { address6 = \"fd00:3::2\" }\n"                             \
	"forward \"ssh\" { ports = {\"22\"} }\n"

static int setup(void **state)
{
	shell_runs("ip addr add fe80::77/64 dev eth0 nodad;"
		   "ip addr add fd00:1:7::2/64 dev tap0 nodad");
	harness_setup(state);
	harness_restart(CONFIG);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	return 0;
}

/* The namespace is the next test's, too: as it was. */
static int teardown(void **state)
{
	shell_runs("ip addr del fe80::77/64 dev eth0;"
		   "ip addr del fd00:1:7::2/64 dev tap0;"
		   "ip addr replace fd00:3::1/64 dev ve-container nodad");
	return harness_teardown(state);
}

static void the_container_reaches_no_such_address(void **state)
{
	static const struct {
		const char *to;
		enum sg_reason reason;
	} cases[] = {
		{"::", SG_DROP_NOT_UNICAST},
		{"::1", SG_DROP_NOT_UNICAST},
		{"ff02::1", SG_DROP_NOT_UNICAST},
		{"ff0e::1", SG_DROP_NOT_UNICAST},
		{"fe80::9", SG_DROP_NO_ROUTE},
		{"::2", SG_DROP_NO_ROUTE},
		{"fd00:7::2", SG_DROP_HOST_CLOSED},
	};
	struct spec spec;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		spec = between("fd00:3::2", cases[i].to, 33000, 80, IPPROTO_TCP,
			       SYN);
		assert_refused(&spec, VE_CONTAINER, cases[i].reason);
	}
	spec = between("fd00:3::2", "fd00:7::9", 33000, 80, IPPROTO_TCP, SYN);
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_REDIRECT);
}

static void no_such_source_is_behind_an_uplink(void **state)
{
	static const struct {
		const char *from;
		enum sg_reason reason;
	} cases[] = {
		{"::", SG_DROP_SPOOFED},
		{"::1", SG_DROP_SPOOFED},
		{"ff02::1", SG_DROP_SPOOFED},
		{"fd00:3::2", SG_DROP_SPOOFED}, /* the container */
		{"fd00:3::9", SG_DROP_SPOOFED}, /* and its network */
		{"fd00:1::9", SG_DROP_SPOOFED}, /* of vpn */
		{"fd00:1:7::9", SG_DROP_SPOOFED},
		{"fd00:7::2", SG_DROP_SPOOFED}, /* the gate's own */
		{"fe80::77", SG_DROP_SPOOFED},
		{"fe80::78", SG_DROP_SOURCE_REFUSED},
	};
	struct spec spec;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		spec = between(cases[i].from, "fd00:7::2", 40000, 22,
			       IPPROTO_TCP, SYN);
		assert_spec_dropped(&spec, ETH0, cases[i].reason);
	}
	spec.src = "fd00:7::9";
	spec.dst = "::1";
	assert_spec_dropped(&spec, ETH0, SG_DROP_NOT_UNICAST);
	spec.dst = "fd00:1::2"; /* of another link of the gate's */
	assert_spec_dropped(&spec, ETH0, SG_DROP_NOT_GATE);
	spec.dst = "fd00:7::2";
	assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
}

/* Also where the host has no address in the container's network. */
static void nor_is_a_container_that_has_no_network(void **state)
{
	struct spec spec =
		between("fd00:3::2", "fd00:7::2", 40000, 22, IPPROTO_TCP, SYN);

	(void)state;
	shell_runs("ip addr del fd00:3::1/64 dev ve-container");
	harness_restart(CONFIG);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	assert_spec_dropped(&spec, ETH0, SG_DROP_SPOOFED);
}

/* RFC 4007: a link-local address is another's on each link. */
static void a_link_local_remote_is_of_its_link(void **state)
{
	struct spec spec =
		between("fd00:7::2", "fe80::9", 40000, 53, IPPROTO_UDP, 0);

	(void)state;
	assert_int_equal(send_out(&spec, ETH0, NULL), ACTION_PASS);
	assert_int_equal(send_out(&spec, TAP0, NULL), ACTION_PASS);
	assert_int_equal(flow_count(PINS_half_open), 2);
	assert_int_equal(send_out(&spec, ETH0, NULL), ACTION_PASS);
	assert_int_equal(flow_count(PINS_half_open), 2);
}

static void what_is_to_many_begins_no_flow(void **state)
{
	static const char *const cases[][2] = {
		{"fd00:7::2", "ff02::fb"},
		{"192.168.7.2", "224.0.0.251"},
		{"192.168.7.2", "255.255.255.255"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct spec spec = between(cases[i][0], cases[i][1], 5353, 5353,
					   IPPROTO_UDP, 0);

		assert_int_equal(send_out(&spec, ETH0, NULL), ACTION_PASS);
	}
	assert_no_flow();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_container_reaches_no_such_address),
		CASE(no_such_source_is_behind_an_uplink),
		CASE(nor_is_a_container_that_has_no_network),
		CASE(a_link_local_remote_is_of_its_link),
		CASE(what_is_to_many_begins_no_flow),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
