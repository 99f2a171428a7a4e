// SPDX-License-Identifier: GPL-2.0-or-later
/* Malformed TCP, UDP and ICMP: as test_malformed, one layer up; and what
 * becomes of the sums of what is not malformed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "probes.h"

#define ETH 14
#define L4 34 /* of a packet with no IP options */

static void case_14_tcp_data_offset(void **state)
{
	struct frame frame;

	(void)state;
	for (uint8_t words = 0; words < 16; words++) {
		if (words == 5)
			continue;
		build_frame(&frame, &vpn_tcp, TAP0, false);
		frame.data[L4 + 12] = (uint8_t)(words << 4);
		assert_dropped(&frame, TAP0, SG_DROP_L4_HEADER);
	}
	assert_no_flow();
	control(&vpn_tcp);
}

static void case_15_tcp_header_cut_at_each_byte(void **state)
{
	struct frame frame;

	(void)state;
	for (uint16_t total = 20; total < 40; total++) {
		uint16_t length = htons(total);

		build_frame(&frame, &vpn_tcp, TAP0, false);
		memcpy(frame.data + ETH + 2, &length, 2);
		fix_ip_sum(&frame);
		frame.bytes = ETH + total;
		assert_dropped(&frame, TAP0, SG_DROP_L4_HEADER);
	}
	assert_no_flow();
	control(&vpn_tcp);
}

static void case_16_tcp_flags(void **state)
{
	static const uint8_t sane[] = {
		SYN,	   SYN | URG,	    SYN | ACK, RST,	  RST | ACK,
		FIN | ACK, FIN | ACK | URG, ACK,       ACK | URG,
	};

	(void)state;
	for (int flags = 0; flags < 256; flags++) {
		struct spec spec = vpn_tcp;
		bool is_sane = false;

		spec.flags = (uint8_t)flags;
		for (size_t i = 0; i < sizeof(sane); i++)
			is_sane |= (flags & ~(PSH | 0xc0)) == sane[i];
		if (!is_sane)
			assert_spec_dropped(&spec, TAP0, SG_DROP_TCP_FLAGS);
		else if ((flags & (SYN | ACK)) != SYN)
			assert_refused(&spec, TAP0, SG_DROP_NO_FLOW);
	}
	assert_no_flow();
	control(&vpn_tcp);
}

static void case_17_port_zero(void **state)
{
	static const struct spec *const good[] = {&vpn_tcp, &vpn_udp};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct spec spec = *good[i];

		spec.sport = 0;
		assert_spec_dropped(&spec, TAP0, SG_DROP_PORT_ZERO);
		spec = *good[i];
		spec.dport = 0;
		assert_spec_dropped(&spec, TAP0, SG_DROP_PORT_ZERO);
		assert_no_flow();
	}
	control(&vpn_tcp);
	control(&vpn_udp);
}

static void case_18_udp_length(void **state)
{
	static const uint16_t wrong[] = {0, 7, 29, 65535};
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint16_t length = htons(wrong[i]);

		build_frame(&frame, &vpn_udp, TAP0, false);
		memcpy(frame.data + L4 + 4, &length, 2);
		assert_dropped(&frame, TAP0, SG_DROP_L4_HEADER);
	}
	assert_no_flow();
	control(&vpn_udp);
}

static void case_19_udp_sum_of_zero_stays_zero(void **state)
{
	struct spec query = vpn_udp;
	struct spec answer =
		between("10.0.3.2", "10.1.0.1", 53, 40000, IPPROTO_UDP, 0);
	struct frame frame;

	(void)state;
	query.no_udp_sum = true;
	answer.no_udp_sum = true;
	build_frame(&frame, &query, TAP0, false);
	assert_frame_delivered(&frame, TAP0);
	assert_int_equal(frame.data[L4 + 6] | frame.data[L4 + 7], 0);
	assert_int_equal(send_in(&answer, VE_CONTAINER, &frame),
			 ACTION_REDIRECT);
	assert_int_equal(frame.data[L4 + 6] | frame.data[L4 + 7], 0);
	/* control: one that has a sum keeps having one */
	answer.no_udp_sum = false;
	assert_int_equal(send_in(&answer, VE_CONTAINER, &frame),
			 ACTION_REDIRECT);
	assert_int_not_equal(frame.data[L4 + 6] | frame.data[L4 + 7], 0);
	assert_true(sums_are_right(&frame));
}

static void case_20_a_sum_that_comes_out_zero_is_sent_as_ones(void **state)
{
	struct frame frame;
	bool seen = false;

	(void)state;
	/* one of some 65536 ports and lengths makes the translated sum 0 */
	for (uint32_t word = 0; word < 65536 && !seen; word++) {
		struct spec spec = vpn_udp;
		uint16_t sum;

		spec.sport = (uint16_t)(1024 + word % 60000);
		spec.payload_bytes = 20 + 2 * (word / 60000);
		assert_int_equal(send_in(&spec, TAP0, &frame), ACTION_REDIRECT);
		memcpy(&sum, frame.data + L4 + 6, 2);
		assert_int_not_equal(sum, 0);
		seen = sum == 0xffff;
	}
	assert_true(seen);
	assert_true(sums_are_right(&frame));
}

/* The payload's harm is still seen behind the gate, and is the only harm. */
static void assert_harm_is_kept(const struct spec *spec, enum place at)
{
	struct frame frame;
	size_t last;

	build_frame(&frame, spec, at, false);
	last = frame.bytes - 1;
	frame.data[last] ^= 0x55;
	assert_int_equal(run_in(&frame, at), ACTION_REDIRECT);
	assert_false(sums_are_right(&frame));
	frame.data[last] ^= 0x55;
	assert_true(sums_are_right(&frame));
}

static void case_21_a_wrong_l4_sum_is_not_repaired(void **state)
{
	struct spec out =
		between("10.0.3.2", "192.168.7.9", 33000, 80, IPPROTO_TCP, SYN);
	struct spec in = vpn_tcp;

	(void)state;
	in.payload_bytes = 10;
	assert_harm_is_kept(&in, TAP0);
	assert_harm_is_kept(&vpn_udp, TAP0);
	out.payload_bytes = 10;
	assert_harm_is_kept(&out, VE_CONTAINER);
	out.protocol = IPPROTO_UDP;
	assert_harm_is_kept(&out, VE_CONTAINER);
	out.protocol = IPPROTO_ICMP;
	out.icmp_type = 8;
	assert_harm_is_kept(&out, VE_CONTAINER);
}

/* source quench, redirect, router advertisement and solicitation, timestamp
 * and address mask with their replies, an unknown */
static void case_44_other_icmp(void **state)
{
	static const uint8_t types[] = {4, 5, 9, 10, 13, 14, 17, 18, 255};
	struct spec in = between("10.1.0.1", "10.1.0.2", 7, 0, IPPROTO_ICMP, 0);
	struct spec out =
		between("10.0.3.2", "192.168.7.9", 7, 0, IPPROTO_ICMP, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		in.icmp_type = types[i];
		assert_spec_dropped(&in, TAP0, SG_DROP_ICMP_TYPE);
		out.icmp_type = types[i];
		assert_spec_dropped(&out, VE_CONTAINER, SG_DROP_ICMP_TYPE);
	}
	assert_no_flow();
	in.icmp_type = 8;
	assert_passed(&in, TAP0);
	out.icmp_type = 8;
	assert_left(&out, NULL);
}

/* RFC 792, 4443: an echo has no code but 0. */
static void an_echo_has_no_code(void **state)
{
	struct spec in = between("10.1.0.1", "10.1.0.2", 7, 0, IPPROTO_ICMP, 0);
	struct spec out =
		between("10.0.3.2", "192.168.7.9", 7, 0, IPPROTO_ICMP, 0);
	struct frame frame;

	(void)state;
	build_frame(&frame, &in, TAP0, false);
	frame_l4(&frame)[1] = 1;
	fix_l4_sum(&frame);
	assert_dropped(&frame, TAP0, SG_DROP_ICMP_TYPE);
	build_frame(&frame, &out, VE_CONTAINER, false);
	frame_l4(&frame)[1] = 1;
	fix_l4_sum(&frame);
	assert_dropped(&frame, VE_CONTAINER, SG_DROP_ICMP_TYPE);
	assert_no_flow();
}

/* RFC 8200 8.1: none may be 0. A word of the payload makes it so. */
static void a_sum_of_zero_in_ipv6_is_sent_as_ones(void **state)
{
	struct spec spec =
		between("fd00:1::1", "fd00:1::2", 40000, 53, IPPROTO_UDP, 0);
	struct frame frame;
	uint8_t *l4;
	uint32_t word;

	(void)state;
	harness_restart("container { address6 = \"fd00:3::2\" }\n"
			"forward \"dns\" { protocol = udp ports = {\"53\"} }");
	spec.payload_bytes = 20;
	assert_int_equal(send_in(&spec, TAP0, &frame), ACTION_REDIRECT);
	l4 = frame_l4(&frame);
	word = (uint32_t)(l4[8] << 8 | l4[9]) + (uint32_t)(l4[6] << 8 | l4[7]);
	word = (word & 0xffff) + (word >> 16);
	build_frame(&frame, &spec, TAP0, false);
	l4 = frame_l4(&frame);
	l4[8] = (uint8_t)(word >> 8);
	l4[9] = (uint8_t)word;
	fix_l4_sum(&frame);
	assert_int_equal(run_in(&frame, TAP0), ACTION_REDIRECT);
	assert_int_equal(frame_l4(&frame)[6] << 8 | frame_l4(&frame)[7],
			 0xffff);
	assert_true(sums_are_right(&frame));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_14_tcp_data_offset),
		TEST(case_15_tcp_header_cut_at_each_byte),
		TEST(case_16_tcp_flags),
		TEST(case_17_port_zero),
		TEST(case_18_udp_length),
		TEST(case_19_udp_sum_of_zero_stays_zero),
		TEST(case_20_a_sum_that_comes_out_zero_is_sent_as_ones),
		TEST(case_21_a_wrong_l4_sum_is_not_repaired),
		TEST(case_44_other_icmp),
		TEST(an_echo_has_no_code),
		TEST(a_sum_of_zero_in_ipv6_is_sent_as_ones),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
