// SPDX-License-Identifier: GPL-2.0-or-later
/* The host itself: its own flows, its control port, what a link needs
 * to live. What is closed to the uplinks is in test_spoofing. */
#include <netinet/in.h>
#include <string.h>

#include "probes.h"

static void hosts_own_tcp_gets_its_answers(void **state)
{
	struct spec syn = between("192.168.7.2", "192.168.7.9", 40000, 443,
				  IPPROTO_TCP, SYN);
	struct spec answer = between("192.168.7.9", "192.168.7.2", 443, 40000,
				     IPPROTO_TCP, SYN | ACK);
	struct frame before;
	struct frame after;

	(void)state;
	assert_spec_dropped(&answer, ETH0, SG_DROP_NO_FLOW);
	assert_int_equal(send_out(&syn, ETH0, NULL), ACTION_PASS);
	build_frame(&before, &answer, ETH0, false);
	assert_int_equal(send_in(&answer, ETH0, &after), ACTION_PASS);
	assert_memory_equal(after.data, before.data, before.bytes);
	assert_spec_dropped(&answer, TAP0, SG_DROP_SPOOFED);
	answer.sport = 444;
	assert_spec_dropped(&answer, ETH0, SG_DROP_NO_FLOW);
}

static void hosts_own_udp_and_ping(void **state)
{
	struct spec query = between("192.168.7.2", "192.168.7.9", 40000, 53,
				    IPPROTO_UDP, 0);
	struct spec answer = between("192.168.7.9", "192.168.7.2", 53, 40000,
				     IPPROTO_UDP, 0);
	struct spec ping =
		between("192.168.7.2", "192.168.7.9", 77, 0, IPPROTO_ICMP, 0);
	struct spec pong =
		between("192.168.7.9", "192.168.7.2", 77, 0, IPPROTO_ICMP, 0);

	(void)state;
	pong.icmp_type = 0;
	assert_spec_dropped(&answer, ETH0, SG_DROP_CLOSED_PORT);
	assert_spec_dropped(&pong, ETH0, SG_DROP_NO_FLOW);
	assert_int_equal(send_out(&query, ETH0, NULL), ACTION_PASS);
	assert_int_equal(send_out(&ping, ETH0, NULL), ACTION_PASS);
	assert_int_equal(send_in(&answer, ETH0, NULL), ACTION_PASS);
	assert_int_equal(send_in(&pong, ETH0, NULL), ACTION_PASS);
}

/* The host's own flow is where the kernel sends it, from one packet to the
 * next: routes move with no word to the gate. Answers come by any link. */
static void a_hosts_flow_is_where_it_is_sent(void **state)
{
	struct spec query = between("192.168.7.2", "203.0.113.9", 40000, 1194,
				    IPPROTO_UDP, 0);
	struct spec answer = between("203.0.113.9", "192.168.7.2", 1194, 40000,
				     IPPROTO_UDP, 0);
	static const enum place places[] = {TAP0, ETH0, TAP0};
	struct sg_flow_key key;
	struct sg_flow flow;

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		assert_int_equal(send_out(&query, places[i], NULL),
				 ACTION_PASS);
		assert_passed(&answer, ETH0);
		the_flow(&key, &flow);
		assert_int_equal(flow.ifindex, gate_test.ifindex[places[i]]);
	}
}

static void host_reaches_the_container_and_is_answered(void **state)
{
	struct spec syn =
		between("10.0.3.1", "10.0.3.2", 40000, 9999, IPPROTO_TCP, SYN);
	struct spec answer = between("10.0.3.2", "10.0.3.1", 9999, 40000,
				     IPPROTO_TCP, SYN | ACK);

	(void)state;
	assert_spec_dropped(&answer, VE_CONTAINER, SG_DROP_HOST_CLOSED);
	assert_int_equal(send_out(&syn, VE_CONTAINER, NULL), ACTION_PASS);
	assert_int_equal(send_in(&answer, VE_CONTAINER, NULL), ACTION_PASS);
}

static void answers_alone_of_the_host_begin_nothing(void **state)
{
	struct spec reset = between("192.168.7.2", "192.168.7.9", 445, 40000,
				    IPPROTO_TCP, RST | ACK);
	struct spec syn_ack = between("192.168.7.2", "192.168.7.9", 445, 40000,
				      IPPROTO_TCP, SYN | ACK);
	struct spec probe = between("192.168.7.9", "192.168.7.2", 40000, 445,
				    IPPROTO_TCP, ACK);

	(void)state;
	assert_int_equal(send_out(&reset, ETH0, NULL), ACTION_PASS);
	assert_int_equal(send_out(&syn_ack, ETH0, NULL), ACTION_PASS);
	assert_int_equal(flow_count(PINS_half_open), 0);
	assert_spec_dropped(&probe, ETH0, SG_DROP_NO_FLOW);
}

static void control_port_needs_its_grants(void **state)
{
	struct spec vpn =
		between("10.1.0.1", "10.1.0.2", 40000, 23, IPPROTO_TCP, SYN);
	struct spec lan = between("192.168.7.9", "192.168.7.2", 40000, 23,
				  IPPROTO_TCP, SYN);
	struct spec reply = between("10.1.0.2", "10.1.0.1", 23, 40000,
				    IPPROTO_TCP, SYN | ACK);
	struct sg_flow_key key;
	struct sg_flow flow;

	(void)state;
	assert_spec_dropped(&vpn, TAP0, SG_DROP_GRANT_CLOSED);
	harness_grant(SG_GRANT_HOST_CONTROL, 1, 0);
	assert_spec_dropped(&lan, ETH0, SG_DROP_GRANT_CLOSED);
	assert_int_equal(send_in(&vpn, TAP0, NULL), ACTION_PASS);
	assert_int_equal(send_out(&reply, TAP0, NULL), ACTION_PASS);
	vpn.flags = ACK;
	assert_int_equal(send_in(&vpn, TAP0, NULL), ACTION_PASS);
	the_flow(&key, &flow);
	assert_int_equal(flow.kind, SG_KIND_CONTROL);
	assert_int_equal(flow.state, SG_STATE_ESTABLISHED);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	assert_int_equal(send_in(&lan, ETH0, NULL), ACTION_PASS);
	harness_grant(SG_GRANT_HOST_CONTROL, 0, 0);
	reply.flags = ACK;
	assert_int_equal(send_out(&reply, TAP0, NULL), ACTION_DROP);
	assert_spec_dropped(&vpn, TAP0, SG_DROP_NO_FLOW);
	assert_spec_dropped(&lan, ETH0, SG_DROP_GRANT_CLOSED);
}

static void echo_is_as_configured(void **state)
{
	struct spec ping =
		between("192.168.7.9", "192.168.7.2", 77, 0, IPPROTO_ICMP, 0);

	(void)state;
	assert_int_equal(send_in(&ping, ETH0, NULL), ACTION_PASS);
	harness_reload("host { icmp-echo = {\"vpn\"} }");
	assert_spec_dropped(&ping, ETH0, SG_DROP_CLOSED_ECHO);
	ping.src = "10.1.0.1";
	ping.dst = "10.1.0.2";
	assert_int_equal(send_in(&ping, TAP0, NULL), ACTION_PASS);
}

static struct frame other_frame(enum place at, uint16_t type)
{
	struct frame frame;
	struct spec spec =
		between("10.1.0.1", "10.1.0.2", 1, 1, IPPROTO_UDP, 0);

	build_frame(&frame, &spec, at, false);
	frame.data[12] = (uint8_t)(type >> 8);
	frame.data[13] = (uint8_t)type;
	frame.bytes = 60;
	return frame;
}

/* EAPOL, LLDP, one that nobody knows, LLC lengths (STP among them) */
static void case_34_other_frames_are_for_the_host_only(void **state)
{
	static const uint16_t types[] = {0x888e, 0x88cc, 0x1234, 0x0026,
					 0x05dc};
	struct spec control =
		between("10.0.3.2", "192.168.7.9", 33000, 80, IPPROTO_TCP, SYN);
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		frame = other_frame(ETH0, types[i]);
		assert_frame_passed(&frame, ETH0);
		frame = other_frame(TAP0, types[i]);
		assert_frame_passed(&frame, TAP0);
		frame = other_frame(VE_CONTAINER, types[i]);
		assert_dropped(&frame, VE_CONTAINER, SG_DROP_ETHERTYPE);
	}
	assert_no_flow();
	assert_delivered(&vpn_tcp, TAP0);
	assert_left(&control, NULL);
}

/* A packet to the host ends there, so it may have come as far as it can. */
static void an_answer_may_have_no_time_to_live_left(void **state)
{
	struct spec ask = between("192.168.7.2", "192.168.7.9", 40000, 53,
				  IPPROTO_UDP, 0);
	struct spec answer = between("192.168.7.9", "192.168.7.2", 53, 40000,
				     IPPROTO_UDP, 0);

	(void)state;
	answer.ttl = 1;
	assert_int_equal(send_out(&ask, ETH0, NULL), ACTION_PASS);
	assert_passed(&answer, ETH0);
}

static void the_host_is_not_the_container(void **state)
{
	struct spec out =
		between("10.0.3.2", "192.168.7.9", 33000, 53, IPPROTO_UDP, 0);
	struct spec in = vpn_udp;
	struct frame frame;

	(void)state;
	assert_left(&out, NULL);
	build_frame(&frame, &out, ETH0, true);
	assert_int_equal(run_out(&frame, ETH0), ACTION_DROP);
	assert_int_equal(drops_of(ETH0, SG_DROP_FLOW_CLASH), 1);
	assert_delivered(&in, TAP0);
	out = between("10.0.3.2", "10.1.0.1", 53, 40000, IPPROTO_UDP, 0);
	build_frame(&frame, &out, TAP0, true);
	assert_int_equal(run_out(&frame, TAP0), ACTION_DROP);
	assert_int_equal(drops_of(TAP0, SG_DROP_FLOW_CLASH), 1);
	/* nor does it talk by the forward's port to the same remote */
	out = between("10.1.0.2", "10.1.0.1", 5353, 40000, IPPROTO_UDP, 0);
	assert_int_equal(send_out(&out, TAP0, NULL), ACTION_DROP);
	assert_int_equal(drops_of(TAP0, SG_DROP_FLOW_CLASH), 2);
	out.dport++;
	assert_int_equal(send_out(&out, TAP0, NULL), ACTION_PASS);
}

static void what_the_container_sends_to_others_macs(void **state)
{
	static const uint8_t others[][6] = {
		{0x02, 0, 0, 0, 0x77, 1},
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0x01, 0, 0x5e, 0, 0, 1},
	};
	struct spec out =
		between("10.0.3.2", "192.168.7.9", 33000, 53, IPPROTO_UDP, 0);
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		build_frame(&frame, &out, VE_CONTAINER, false);
		memcpy(frame.data, others[i], sizeof(others[i]));
		assert_dropped(&frame, VE_CONTAINER, SG_DROP_NOT_UNICAST);
	}
	assert_left(&out, NULL);
}

/* A control connection is begun by its remote, in the order of RFC 9293. */
static void control_is_begun_by_its_remote(void **state)
{
	struct spec in =
		between("10.1.0.1", "10.1.0.2", 40000, 23, IPPROTO_TCP, SYN);
	struct spec out = between("10.1.0.2", "10.1.0.1", 23, 40000,
				  IPPROTO_TCP, SYN | ACK);

	(void)state;
	harness_grant(SG_GRANT_HOST_CONTROL, 1, 0);
	assert_passed(&in, TAP0);
	in.flags = ACK;
	assert_spec_dropped(&in, TAP0, SG_DROP_NO_FLOW);
	assert_int_equal(send_out(&out, TAP0, NULL), ACTION_PASS);
	assert_int_equal(state_now(), SG_STATE_SYN_RECEIVED);
	assert_passed(&in, TAP0);
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hosts_own_tcp_gets_its_answers),
		TEST(hosts_own_udp_and_ping),
		TEST(a_hosts_flow_is_where_it_is_sent),
		TEST(host_reaches_the_container_and_is_answered),
		TEST(answers_alone_of_the_host_begin_nothing),
		TEST(control_port_needs_its_grants),
		TEST(echo_is_as_configured),
		TEST(case_34_other_frames_are_for_the_host_only),
		TEST(an_answer_may_have_no_time_to_live_left),
		TEST(the_host_is_not_the_container),
		TEST(what_the_container_sends_to_others_macs),
		TEST(control_is_begun_by_its_remote),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
