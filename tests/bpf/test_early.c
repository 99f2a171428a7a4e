// SPDX-License-Identifier: GPL-2.0-or-later
/* Early drop: the harness shows every packet that a test has an uplink receive
 * to both programs (twin.h). Here there are many more of them, and the cases in
 * which a flow makes the difference. */
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "probes.h"
#include "twin.h"

#define ROUNDS 4000
#define HEADERS_BYTES 74 /* Ethernet, IPv6, TCP */
#define SEED 5
#define CUT_MIN 54 /* the kernel runs no program for tc on less */

/* The specs that the random packets are made of. */
static const struct spec specs[] = {
	{"10.1.0.1", "10.1.0.2", 40000, 22, IPPROTO_TCP, .flags = SYN},
	{"10.1.0.1", "10.1.0.2", 40000, 22, IPPROTO_TCP, .flags = ACK},
	{"10.1.0.1", "10.1.0.2", 40000, 8080, IPPROTO_TCP, .flags = SYN},
	{"10.1.0.1", "10.1.0.2", 40000, 9999, IPPROTO_TCP, .flags = SYN},
	{"10.1.0.1", "10.1.0.2", 40000, 23, IPPROTO_TCP, .flags = SYN},
	{"10.1.0.1", "10.1.0.2", 40000, 61000, IPPROTO_TCP, .flags = RST | ACK},
	{"10.1.0.1", "10.1.0.2", 40000, 5353, IPPROTO_UDP, .payload_bytes = 9},
	{"10.1.0.1", "10.1.0.2", 40000, 53, IPPROTO_UDP, .payload_bytes = 9},
	{"10.1.0.1", "10.1.0.2", 67, 68, IPPROTO_UDP, .payload_bytes = 9},
	{"10.1.0.1", "10.1.0.2", 7, 0, IPPROTO_ICMP, .icmp_type = 8},
	{"10.1.0.1", "10.1.0.2", 0, 7, IPPROTO_ICMP, .icmp_type = 0},
	{"10.1.0.1", "224.0.0.1", 0, 0, IPPROTO_IGMP, .payload_bytes = 8},
	{"192.168.7.9", "192.168.7.2", 40000, 22, IPPROTO_TCP, .flags = SYN},
	{"192.168.7.9", "192.168.7.2", 40000, 8080, IPPROTO_TCP, .flags = SYN},
	{"192.168.7.9", "192.168.7.2", 40000, 81, IPPROTO_TCP, .flags = SYN},
	{"192.168.7.9", "10.0.3.2", 40000, 22, IPPROTO_TCP, .flags = SYN},
	{"10.0.3.2", "192.168.7.2", 40000, 22, IPPROTO_TCP, .flags = SYN},
	{"192.168.7.9", "192.168.7.2", 7, 0, IPPROTO_ICMP, .icmp_type = 8},
	{"fd00:7::9", "fd00:7::2", 40000, 22, IPPROTO_TCP, .flags = SYN},
	{"fd00:7::9", "fd00:7::2", 40000, 81, IPPROTO_TCP, .flags = SYN},
	{"fd00:7::9", "fd00:7::2", 40000, 81, IPPROTO_UDP, .payload_bytes = 9},
	{"fd00:7::9", "fd00:7::2", 7, 0, IPPROTO_ICMPV6, .icmp_type = 128},
	{"fe80::9", "fe80::2", 40000, 22, IPPROTO_TCP, .flags = SYN},
};

static void need_twin(void)
{
	if (!gate_test.has_twin) { /* before 5.15 */
		print_message("# SKIP this kernel cannot run XDP as if an "
			      "interface had received the frame\n");
		skip();
	}
}

/* Harm a frame, or not; sums are then right or wrong. */
static void harm(struct frame *frame)
{
	size_t most =
		frame->bytes < HEADERS_BYTES ? frame->bytes : HEADERS_BYTES;

	for (int left = rand() % 3; left > 0; left--)
		frame->data[(size_t)rand() % most] = (uint8_t)rand();
	if (rand() % 8 == 0 && frame->bytes > CUT_MIN)
		frame->bytes =
			CUT_MIN + (size_t)rand() % (frame->bytes - CUT_MIN);
	if (rand() % 4 && !frame_is_v6(frame) && frame->bytes >= 34)
		fix_ip_sum(frame);
}

/* Random packets by both uplinks; twin.h judges. */
static void send_many(void)
{
	unsigned long before = twin_drops();
	int rounds = harness_rounds(ROUNDS);

	for (int i = 0; i < rounds; i++) {
		struct spec spec = specs[(size_t)rand() %
					 (sizeof(specs) / sizeof(specs[0]))];
		enum place at = rand() % 2 ? TAP0 : ETH0;
		struct frame frame;

		if (rand() % 4 == 0)
			spec.dport = (uint16_t)rand();
		if (rand() % 8 == 0)
			spec.ttl = 1;
		build_frame(&frame, &spec, at, false);
		harm(&frame);
		run_in(&frame, at);
	}
	print_message("%lu of %d dropped early\n", twin_drops() - before,
		      rounds);
	assert_true(twin_drops() - before > (unsigned long)rounds / 4);
}

static void random_packets(void **state)
{
	(void)state;
	need_twin();
	srand(SEED);
	send_many();
}

static void random_packets_with_everything_open(void **state)
{
	(void)state;
	need_twin();
	srand(SEED + 1);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	harness_grant(SG_GRANT_HOST_CONTROL, 1, 0);
	send_many();
}

/* After flows of every kind, on the ports that the packets go to. */
static void random_packets_among_flows(void **state)
{
	struct spec reply;

	(void)state;
	need_twin();
	srand(SEED + 2);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	open_tcp(&specs[0], TAP0, &reply);
	open_tcp(&specs[13], ETH0, &reply);
	for (uint16_t port = 1; port < 200; port += 20) {
		struct spec out = between("10.1.0.2", "10.1.0.1", port, 40000,
					  IPPROTO_TCP, SYN);
		struct spec lan = between("192.168.7.2", "192.168.7.9", port,
					  40000, IPPROTO_UDP, 0);
		struct spec own = between("10.0.3.2", "10.1.0.1", port, 40000,
					  IPPROTO_TCP, SYN);

		send_out(&out, TAP0, NULL);
		send_out(&lan, ETH0, NULL);
		send_in(&own, VE_CONTAINER, NULL);
	}
	send_many();
	harness_grant(SG_GRANT_LAN_ACCESS, 0, 0);
	send_many();
}

/* The answer to what the host began, on a port that is closed. */
static void an_answer_is_not_dropped(void **state)
{
	const struct spec out = between("192.168.7.2", "192.168.7.9", 81, 40000,
					IPPROTO_TCP, SYN);
	const struct spec answer = between("192.168.7.9", "192.168.7.2", 40000,
					   81, IPPROTO_TCP, SYN | ACK);
	unsigned long before = twin_drops();

	(void)state;
	need_twin();
	assert_spec_dropped(&answer, ETH0, SG_DROP_NO_FLOW);
	assert_int_equal(twin_drops(), before + 1);
	assert_int_equal(send_out(&out, ETH0, NULL), ACTION_PASS);
	assert_passed(&answer, ETH0);
	assert_int_equal(twin_drops(), before + 1);
}

/* A masquerade port, and one that stands for another of the container's: the
 * flow is found by either. */
static void nor_what_a_flow_is_found_by(void **state)
{
	struct spec own =
		between("10.0.3.2", "192.168.7.9", 80, 40000, IPPROTO_TCP, SYN);
	struct frame left;
	struct spec answer;
	/* 8080 stands for port 80 of the container's, of which there is a flow
	 * with this remote: tc says that it clashes, whatever is granted */
	struct spec clash = between("192.168.7.9", "192.168.7.2", 40000, 8080,
				    IPPROTO_TCP, SYN);
	unsigned long before = twin_drops();

	(void)state;
	need_twin();
	assert_left(&own, &left);
	answer = answer_to(&left, IPPROTO_TCP, SYN | ACK);
	assert_delivered_to(&answer, ETH0, 80);
	assert_spec_dropped(&clash, ETH0, SG_DROP_FLOW_CLASH);
	assert_int_equal(twin_drops(), before);
}

/* A ping is of no flow, though the host asks by the same number. */
static void nor_is_a_ping_of_number_zero_an_answer(void **state)
{
	struct spec out =
		between("192.168.7.2", "192.168.7.9", 0, 0, IPPROTO_ICMP, 0);
	struct spec ping =
		between("192.168.7.9", "192.168.7.2", 0, 0, IPPROTO_ICMP, 0);

	(void)state;
	need_twin();
	harness_reload("host { icmp-echo = {\"vpn\"} }");
	assert_spec_dropped(&ping, ETH0, SG_DROP_CLOSED_ECHO);
	assert_int_equal(send_out(&out, ETH0, NULL), ACTION_PASS);
	assert_spec_dropped(&ping, ETH0, SG_DROP_CLOSED_ECHO);
	ping.icmp_type = 0; /* the answer */
	assert_passed(&ping, ETH0);
}

/* A frame with no Ethernet header (tun) is not taken for one that has it. */
static void frames_without_ethernet_are_passed(void **state)
{
	const struct spec closed =
		between("192.168.7.9", "192.168.7.2", 1, 81, IPPROTO_TCP, SYN);
	int fd = gate_test.pins.map_fds[PINS_ifaces];
	unsigned long before = twin_drops();
	struct sg_iface iface;

	(void)state;
	need_twin();
	assert_int_equal(
		bpf_map_lookup_elem(fd, &gate_test.ifindex[ETH0], &iface), 0);
	iface.has_ethernet = 0;
	assert_int_equal(bpf_map_update_elem(fd, &gate_test.ifindex[ETH0],
					     &iface, BPF_ANY),
			 0);
	assert_int_equal(send_in(&closed, ETH0, NULL), ACTION_DROP);
	assert_int_equal(twin_drops(), before);
}

/* A flood of what is closed costs no look at the flow table. */
static void what_is_closed_is_dropped_early(void **state)
{
	static const struct spec closed[] = {
		{"192.168.7.9", "192.168.7.2", 1, 81, IPPROTO_TCP,
		 .flags = SYN},
		{"192.168.7.9", "192.168.7.2", 1, 81, IPPROTO_UDP,
		 .payload_bytes = 1},
		{"192.168.7.9", "192.168.7.2", 1, 22, IPPROTO_TCP,
		 .flags = SYN},
		{"192.168.7.9", "10.0.3.2", 1, 22, IPPROTO_TCP, .flags = SYN},
		{"fd00:7::9", "fd00:7::2", 1, 81, IPPROTO_TCP, .flags = SYN},
		{"192.168.7.9", "192.168.7.2", 1, 22, IPPROTO_TCP,
		 .flags = SYN | FIN},
	};
	unsigned long before = twin_drops();
	const size_t count = sizeof(closed) / sizeof(closed[0]);

	(void)state;
	need_twin();
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(send_in(&closed[i], ETH0, NULL), ACTION_DROP);
		assert_int_equal(twin_drops(), before + i + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_packets),
		TEST(random_packets_with_everything_open),
		TEST(random_packets_among_flows),
		TEST(an_answer_is_not_dropped),
		TEST(nor_what_a_flow_is_found_by),
		TEST(nor_is_a_ping_of_number_zero_an_answer),
		TEST(frames_without_ethernet_are_passed),
		TEST(what_is_closed_is_dropped_early),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
