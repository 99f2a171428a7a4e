// SPDX-License-Identifier: GPL-2.0-or-later
/* The container's own conversations: out under the gate's address, and only
 * their answers in. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define LOW 61000

static const struct spec to_lan = {
	.src = "10.0.3.2",
	.dst = "192.168.7.9",
	.sport = 33000,
	.dport = 80,
	.protocol = IPPROTO_TCP,
	.flags = SYN,
};

/* The answer that a remote gives to a packet as it left the gate. */
static struct spec answer_to(const struct frame *sent, const struct spec *spec)
{
	return (struct spec){
		.src = frame_dst(sent),
		.dst = frame_src(sent),
		.sport = frame_dport(sent),
		.dport = frame_sport(sent),
		.protocol = spec->protocol,
		.flags = SYN | ACK,
	};
}

static void tcp_leaves_under_the_gates_address(void **state)
{
	const uint8_t remote[] = REMOTE_MAC;
	const uint8_t eth0[] = ETH0_MAC;
	struct sg_flow_key key;
	struct sg_flow flow;
	struct spec answer;
	struct frame frame;

	(void)state;
	assert_int_equal(send_in(&to_lan, VE_CONTAINER, &frame),
			 ACTION_REDIRECT);
	assert_memory_equal(frame.data, remote, 6); /* its neighbour's */
	assert_memory_equal(frame.data + 6, eth0, 6);
	assert_string_equal(frame_src(&frame), "192.168.7.2");
	assert_in_range(frame_sport(&frame), LOW, 65535);
	assert_int_equal(frame.data[14 + 8], 63);
	assert_true(sums_are_right(&frame));
	answer = answer_to(&frame, &to_lan);
	assert_int_equal(send_in(&answer, ETH0, &frame), ACTION_REDIRECT);
	assert_string_equal(frame_dst(&frame), "10.0.3.2");
	assert_int_equal(frame_dport(&frame), 33000);
	assert_true(sums_are_right(&frame));
	the_flow(&key, &flow);
	assert_int_equal(flow.kind, SG_KIND_MASQUERADE);
	assert_int_equal(flow.state, SG_STATE_SYN_RECEIVED);
}

static void udp_answers_come_in_and_nothing_else(void **state)
{
	struct spec query = to_lan;
	struct spec answer;
	struct frame frame;

	(void)state;
	query.protocol = IPPROTO_UDP;
	query.dport = 53;
	assert_int_equal(send_in(&query, VE_CONTAINER, &frame),
			 ACTION_REDIRECT);
	answer = answer_to(&frame, &query);
	assert_int_equal(send_in(&answer, ETH0, NULL), ACTION_REDIRECT);
	answer.sport = 54; /* another port of the same remote */
	assert_spec_dropped(&answer, ETH0, SG_DROP_CLOSED_PORT);
	answer.sport = 53;
	answer.src = "192.168.7.10"; /* another remote (RFC 4787 filtering) */
	assert_spec_dropped(&answer, ETH0, SG_DROP_CLOSED_PORT);
	answer.src = "192.168.7.9";
	assert_spec_dropped(&answer, TAP0, SG_DROP_FLOW_CLASH);
}

static void pings_have_their_identifier_translated(void **state)
{
	struct spec ping = to_lan;
	struct spec answer;
	struct frame frame;

	(void)state;
	for (uint32_t id = 0; id < 70000; id += 65535) { /* 0 and 65535 */
		ping.protocol = IPPROTO_ICMP;
		ping.icmp_type = 8;
		ping.sport = (uint16_t)id;
		assert_int_equal(send_in(&ping, VE_CONTAINER, &frame),
				 ACTION_REDIRECT);
		assert_in_range(frame_sport(&frame), LOW, 65535);
		assert_true(sums_are_right(&frame));
		answer = (struct spec){.src = "192.168.7.9",
				       .dst = "192.168.7.2",
				       .sport = frame_sport(&frame),
				       .protocol = IPPROTO_ICMP};
		assert_int_equal(send_in(&answer, ETH0, &frame),
				 ACTION_REDIRECT);
		assert_int_equal(frame_sport(&frame), id);
		assert_true(sums_are_right(&frame));
		answer.sport ^= 1;
		assert_spec_dropped(&answer, ETH0, SG_DROP_NO_FLOW);
	}
}

static void a_port_stands_for_one_source_whatever_the_remote(void **state)
{
	struct spec spec = to_lan;
	struct frame first;
	struct frame second;

	(void)state;
	send_in(&spec, VE_CONTAINER, &first);
	spec.dport = 8080;
	assert_int_equal(send_in(&spec, VE_CONTAINER, &second),
			 ACTION_REDIRECT);
	assert_int_equal(frame_sport(&second), frame_sport(&first));
	spec.dst = "10.1.0.1"; /* by another way, too */
	assert_int_equal(send_in(&spec, VE_CONTAINER, &second),
			 ACTION_REDIRECT);
	assert_string_equal(frame_src(&second), "10.1.0.2");
	assert_int_equal(frame_sport(&second), frame_sport(&first));
}

static void case_71_colliding_sources_have_distinct_ports(void **state)
{
	struct spec spec = to_lan;
	struct frame first;
	struct frame second;

	(void)state;
	send_in(&spec, VE_CONTAINER, &first);
	spec.sport = 33000 - 4536; /* the same place in the range */
	assert_int_equal(send_in(&spec, VE_CONTAINER, &second),
			 ACTION_REDIRECT);
	assert_int_not_equal(frame_sport(&second), frame_sport(&first));
}

static void case_70_exhausted_ports_recover(void **state)
{
	struct spec spec = to_lan;

	(void)state;
	harness_restart("egress { ports = \"61000-61007\" }\n"
			"timeouts { tcp-half-open = \"1s\" }");
	for (int i = 0; i < 8; i++) {
		spec.sport = (uint16_t)(33000 + i);
		assert_int_equal(send_in(&spec, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
	}
	spec.sport = 33100;
	assert_spec_dropped(&spec, VE_CONTAINER, SG_DROP_PORTS_EXHAUSTED);
	spec.sport = 33003; /* one that has a port keeps it */
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_REDIRECT);
	usleep(2100000);
	spec.sport = 33100;
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_REDIRECT);
}

static void case_56_egress_is_as_configured(void **state)
{
	struct spec spec = to_lan;

	(void)state;
	harness_reload("egress { masquerade = {\"vpn\"} }");
	assert_spec_dropped(&spec, VE_CONTAINER, SG_DROP_EGRESS_CLOSED);
	spec.dst = "10.1.0.1";
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_REDIRECT);
	spec.dst = "203.0.113.1";
	assert_spec_dropped(&spec, VE_CONTAINER, SG_DROP_NO_ROUTE);
}

static void case_54_55_the_host_is_closed(void **state)
{
	static const char *const own[] = {"10.0.3.1", "192.168.7.2",
					  "10.1.0.2"};
	struct spec spec = to_lan;

	(void)state;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		spec.dst = own[i];
		assert_spec_dropped(&spec, VE_CONTAINER, SG_DROP_HOST_CLOSED);
	}
	spec.dst = "127.0.0.1";
	assert_spec_dropped(&spec, VE_CONTAINER, SG_DROP_NOT_UNICAST);
	spec.dst = "10.0.3.1";
	spec.protocol = IPPROTO_ICMP;
	spec.icmp_type = 8;
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_PASS);
}

static void case_52_only_the_containers_own_address(void **state)
{
	static const char *const others[] = {"10.0.3.3", "192.168.7.9",
					     "10.1.0.2", "10.0.3.1",
					     "0.0.0.0",	 "127.0.0.1"};
	struct spec spec = to_lan;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		spec.src = others[i];
		assert_spec_dropped(&spec, VE_CONTAINER, SG_DROP_SPOOFED);
	}
	assert_int_equal(send_in(&to_lan, VE_CONTAINER, NULL), ACTION_REDIRECT);
}

static void case_59_multicast_and_broadcast_stay(void **state)
{
	static const char *const groups[] = {"224.0.0.1", "239.1.2.3",
					     "255.255.255.255", "240.0.0.1"};
	struct spec spec = to_lan;

	(void)state;
	spec.protocol = IPPROTO_UDP;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		spec.dst = groups[i];
		assert_spec_dropped(&spec, VE_CONTAINER, SG_DROP_NOT_UNICAST);
	}
	spec.dst = "192.168.7.255"; /* directed */
	assert_spec_dropped(&spec, VE_CONTAINER, SG_DROP_NO_ROUTE);
	assert_int_equal(send_in(&to_lan, VE_CONTAINER, NULL), ACTION_REDIRECT);
}

static void a_middle_of_a_conversation_begins_none(void **state)
{
	static const uint8_t flags[] = {ACK, FIN | ACK, RST, SYN | ACK};
	struct spec spec = to_lan;

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		spec.flags = flags[i];
		assert_spec_dropped(&spec, VE_CONTAINER, SG_DROP_NO_FLOW);
	}
	assert_int_equal(flow_count(PINS_half_open), 0);
}

static void a_port_of_the_hosts_own_is_not_taken(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct spec spec = to_lan;
	struct frame frame;
	int socket_fd;

	(void)state;
	spec.protocol = IPPROTO_UDP;
	send_in(&spec, VE_CONTAINER, &frame);
	harness_restart(NULL); /* forget, but bind what it chose */
	at.sin_port = htons(frame_sport(&frame));
	socket_fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(socket_fd, (void *)&at, sizeof(at)), 0);
	assert_int_equal(send_in(&spec, VE_CONTAINER, &frame), ACTION_REDIRECT);
	close(socket_fd);
	assert_int_not_equal(frame_sport(&frame), ntohs(at.sin_port));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tcp_leaves_under_the_gates_address),
		TEST(udp_answers_come_in_and_nothing_else),
		TEST(pings_have_their_identifier_translated),
		TEST(a_port_stands_for_one_source_whatever_the_remote),
		TEST(case_71_colliding_sources_have_distinct_ports),
		TEST(case_70_exhausted_ports_recover),
		TEST(case_56_egress_is_as_configured),
		TEST(case_54_55_the_host_is_closed),
		TEST(case_52_only_the_containers_own_address),
		TEST(case_59_multicast_and_broadcast_stay),
		TEST(a_middle_of_a_conversation_begins_none),
		TEST(a_port_of_the_hosts_own_is_not_taken),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
