// SPDX-License-Identifier: GPL-2.0-or-later
/* The path of a forward's answers: by the link that the remote asked by, to
 * whom, from which address, and what refuses them. */
#include <bpf/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "probes.h"

#define FAR "203.0.113.9" /* by the default route, of tap0; asks by eth0 */
#define SSH "forward \"ssh\" { ports = {\"22\"} }\n"
#define DNS "forward \"dns\" { protocol = udp ports = {\"53\"} }\n"
#define ADDRESS6 "container { address6 = \"fd00:3::2\" }\n"

static void lan_is_open(void)
{
	harness_restart(ADDRESS6 SSH DNS);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
}

static int setup(void **state)
{
	shell_runs("ip route add default via 10.1.0.1 metric 100 proto 99;"
		   "ip route add default via 10.1.0.1 table 200 proto 99;"
		   "ip -6 route add default via fd00:1::1 proto 99;"
		   "ip addr add 192.168.7.50/24 dev eth0;"
		   "sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1");
	harness_setup(state);
	lan_is_open();
	return 0;
}

/* The namespace is the next test's, too: as it was. */
static int teardown(void **state)
{
	shell_runs("ip route flush proto 99; ip -6 route flush proto 99; ip "
		   "route flush table 200;"
		   "while ip rule del prio 100; do :; done 2>/dev/null;"
		   "ip link del eth1 2>/dev/null;"
		   "ip addr replace 192.168.7.2/24 dev eth0;"
		   "ip addr replace fd00:7::2/64 dev eth0 nodad;"
		   "ip addr del fe80::77/64 dev eth0 2>/dev/null;"
		   "ip addr del 192.168.7.50/24 dev eth0 2>/dev/null;:");
	return harness_teardown(state);
}

static struct spec ask_of(const char *remote)
{
	struct spec spec =
		between(remote, "192.168.7.2", 40000, 53, IPPROTO_UDP, 0);

	if (strchr(remote, ':'))
		spec.dst = "fd00:7::2";
	spec.payload_bytes = 9;
	return spec;
}

static struct spec answer_of(const char *remote)
{
	struct spec spec =
		between("10.0.3.2", remote, 53, 40000, IPPROTO_UDP, 0);

	if (strchr(remote, ':'))
		spec.src = "fd00:3::2";
	spec.payload_bytes = 9;
	return spec;
}

/* The flow after the remote has asked and the container has answered. */
static struct sg_flow asked_by(const char *remote)
{
	struct spec answer = answer_of(remote);
	struct spec ask = ask_of(remote);
	struct sg_flow_key key;
	struct sg_flow flow;

	assert_int_equal(send_in(&ask, ETH0, NULL), ACTION_REDIRECT);
	assert_int_equal(send_in(&answer, VE_CONTAINER, NULL), ACTION_REDIRECT);
	the_flow(&key, &flow);
	assert_int_equal(flow.ifindex, gate_test.ifindex[ETH0]);
	return flow;
}

/* To an address of 192.168.7.0/24, which ends so. */
static void assert_next_hop(const struct sg_flow *flow, uint32_t v4)
{
	assert_false(flow->flags & (SG_FLOW_BY_MAC | SG_FLOW_NO_PATH));
	assert_int_equal(ntohl(flow->next_hop.word[2]), 0xffff);
	assert_int_equal(ntohl(flow->next_hop.word[3]), v4);
}

static void assert_by_mac(const struct sg_flow *flow)
{
	const uint8_t mac[] = REMOTE_MAC;

	assert_true(flow->flags & SG_FLOW_BY_MAC);
	assert_memory_equal(&flow->next_hop, mac, sizeof(mac));
}

static void by_the_route_of_the_same_link(void **state)
{
	struct sg_flow flow;

	(void)state;
	shell_runs("ip route add " FAR " via 192.168.7.8 proto 99");
	lan_is_open();
	flow = asked_by(FAR);
	assert_next_hop(&flow, 0xc0a80708);
}

static void by_the_links_router(void **state)
{
	struct sg_flow flow;

	(void)state;
	shell_runs("ip route add default via 192.168.7.9 metric 600 proto 99");
	lan_is_open();
	flow = asked_by(FAR);
	assert_next_hop(&flow, 0xc0a80709);
}

static void to_a_neighbour_of_the_links_own_network(void **state)
{
	struct sg_flow flow;

	(void)state;
	shell_runs("ip route add default via 192.168.7.9 metric 600 proto 99;"
		   "ip rule add to 192.168.7.11 lookup 200 prio 100");
	lan_is_open();
	flow = asked_by("192.168.7.11");
	assert_next_hop(&flow, 0xc0a8070b);
}

/* If the link has no route, the answer goes by the neighbour that has asked,
 * until there is one. */
static void by_the_neighbour_that_asked(void **state)
{
	struct spec answer = answer_of(FAR);
	struct sg_flow_key key;
	struct sg_flow flow;

	(void)state;
	flow = asked_by(FAR);
	assert_by_mac(&flow);
	shell_runs("ip route add " FAR " via 192.168.7.8 proto 99");
	assert_int_equal(send_in(&answer, VE_CONTAINER, NULL), ACTION_REDIRECT);
	the_flow(&key, &flow);
	assert_next_hop(&flow, 0xc0a80708);
}

/* A network that a route has put behind the link is not on it. */
static void not_as_if_a_routes_network_were_the_links(void **state)
{
	struct sg_flow flow;

	(void)state;
	shell_runs("ip route add 198.51.100.0/24 via 192.168.7.9 proto 99;"
		   "ip rule add to 198.51.100.7 lookup 200 prio 100");
	lan_is_open();
	flow = asked_by("198.51.100.7");
	assert_by_mac(&flow);
}

/* eth1 has another network of the same role. */
static void add_eth1(void)
{
	shell_runs("ip link add eth1 address 02:00:00:00:01:02 type veth "
		   "peer name peer8;"
		   "ip link set peer8 up; ip link set eth1 up;"
		   "ip addr add 192.168.8.2/24 dev eth1");
	lan_is_open();
}

static void not_as_if_anothers_network_were_the_links(void **state)
{
	struct sg_flow flow;

	(void)state;
	add_eth1();
	flow = asked_by("192.168.8.9");
	assert_by_mac(&flow);
}

/* A remote that comes by another link since, to which the only route leads, is
 * answered by it; its own link is asked first. */
static void by_the_link_that_it_comes_by_now(void **state)
{
	struct spec answer = answer_of(FAR);
	struct spec ask = ask_of(FAR);
	struct frame frame;
	struct sg_flow_key key;
	struct sg_flow flow;

	(void)state;
	add_eth1();
	shell_runs("ip route add " FAR " via 192.168.8.9 proto 99");
	flow = asked_by(FAR); /* by eth0 */
	assert_by_mac(&flow);
	build_frame(&frame, &ask, ETH0, false);
	gate_test.ifindex[ETH0] = if_nametoindex("eth1");
	assert_int_equal(run_in(&frame, ETH0), ACTION_REDIRECT);
	assert_int_equal(send_in(&answer, VE_CONTAINER, NULL), ACTION_REDIRECT);
	the_flow(&key, &flow);
	assert_int_equal(flow.ifindex, if_nametoindex("eth1"));
	assert_next_hop(&flow, 0xc0a80809);
	assert_int_equal(ntohl(flow.gate_addr.word[3]), 0xc0a80702);
}

/* Nor is a neighbour of another link the flow's. */
static void not_by_a_neighbour_of_another_link(void **state)
{
	struct spec ask = ask_of(FAR);
	struct frame frame;
	struct sg_flow_key key;
	struct sg_flow flow;

	(void)state;
	add_eth1();
	flow = asked_by(FAR);
	build_frame(&frame, &ask, ETH0, false);
	frame.data[6 + 5] ^= 0x40; /* from another MAC */
	gate_test.ifindex[ETH0] = if_nametoindex("eth1");
	assert_int_equal(run_in(&frame, ETH0), ACTION_REDIRECT);
	the_flow(&key, &flow);
	assert_by_mac(&flow);
	assert_int_equal(flow.ifindex, if_nametoindex("eth0"));
}

static void what_a_rule_refuses_is_not_sent(void **state)
{
	static const struct {
		const char *rule;
		enum sg_reason reason;
	} cases[] = {
		{"from 10.0.3.2 prohibit", SG_DROP_ROUTE_PROHIBIT},
		{"from 10.0.3.2 blackhole", SG_DROP_ROUTE_BLACKHOLE},
		{"from 192.168.7.2 prohibit", SG_DROP_ROUTE_PROHIBIT},
		{"from 192.168.7.2 blackhole", SG_DROP_ROUTE_BLACKHOLE},
	};
	struct spec answer = answer_of(FAR);
	struct spec ask = ask_of(FAR);
	char command[128];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(command, sizeof(command), "ip rule add %s prio 100",
			 cases[i].rule);
		shell_runs(command);
		lan_is_open();
		assert_int_equal(send_in(&ask, ETH0, NULL), ACTION_REDIRECT);
		assert_refused(&answer, VE_CONTAINER, cases[i].reason);
		shell_runs("ip rule del prio 100");
		assert_int_equal(send_in(&answer, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
	}
}

/* The host has given up the address that the remote asked. */
static void udp_answers_from_the_next_address(void **state)
{
	struct spec answer = answer_of("192.168.7.9");
	struct frame frame;

	(void)state;
	asked_by("192.168.7.9");
	shell_runs("ip addr del 192.168.7.2/24 dev eth0");
	harness_reload(ADDRESS6 SSH DNS);
	assert_int_equal(send_in(&answer, VE_CONTAINER, &frame),
			 ACTION_REDIRECT);
	assert_string_equal(frame_src(&frame), "192.168.7.50");
}

/* It asked the link's second address, which is there yet. */
static void udp_answers_from_the_address_that_was_asked(void **state)
{
	struct spec ask = ask_of("192.168.7.9");
	struct spec answer = answer_of("192.168.7.9");
	struct frame frame;

	(void)state;
	ask.dst = "192.168.7.50";
	assert_int_equal(send_in(&ask, ETH0, NULL), ACTION_REDIRECT);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(send_in(&answer, VE_CONTAINER, &frame),
				 ACTION_REDIRECT);
		assert_string_equal(frame_src(&frame), "192.168.7.50");
		harness_reload(ADDRESS6 SSH DNS); /* asks for the path again */
	}
}

static void tcp_waits_for_its_address(void **state)
{
	struct spec syn = between("192.168.7.9", "192.168.7.2", 40000, 22,
				  IPPROTO_TCP, SYN);
	struct spec reply;

	(void)state;
	open_tcp(&syn, ETH0, &reply);
	shell_runs("ip addr del 192.168.7.2/24 dev eth0");
	harness_reload(ADDRESS6 SSH DNS);
	assert_refused(&reply, VE_CONTAINER, SG_DROP_NO_ROUTE);
	shell_runs("ip addr add 192.168.7.2/24 dev eth0");
	harness_reload(ADDRESS6 SSH DNS);
	assert_int_equal(send_in(&reply, VE_CONTAINER, NULL), ACTION_REDIRECT);
}

/* Of no meaning to who is not on the link. */
static void no_answer_goes_on_from_a_link_local_address(void **state)
{
	struct spec answer = answer_of("fd00:7::9");

	(void)state;
	asked_by("fd00:7::9");
	shell_runs("ip addr add fe80::77/64 dev eth0 nodad;"
		   "ip addr del fd00:7::2/64 dev eth0;"
		   "ip -6 route replace fd00:7::/64 dev eth0");
	harness_reload(ADDRESS6 SSH DNS);
	assert_refused(&answer, VE_CONTAINER, SG_DROP_NO_ROUTE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(by_the_route_of_the_same_link),
		CASE(by_the_links_router),
		CASE(to_a_neighbour_of_the_links_own_network),
		CASE(by_the_neighbour_that_asked),
		CASE(not_as_if_a_routes_network_were_the_links),
		CASE(not_as_if_anothers_network_were_the_links),
		CASE(by_the_link_that_it_comes_by_now),
		CASE(not_by_a_neighbour_of_another_link),
		CASE(what_a_rule_refuses_is_not_sent),
		CASE(udp_answers_from_the_next_address),
		CASE(udp_answers_from_the_address_that_was_asked),
		CASE(tcp_waits_for_its_address),
		CASE(no_answer_goes_on_from_a_link_local_address),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
