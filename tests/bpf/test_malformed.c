// SPDX-License-Identifier: GPL-2.0-or-later
/* Malformed packets: dropped under their reason, unchanged, no flow made. The
 * numbers are those of the project's list of hostile cases. Frames too short
 * for a test run (case 2) are sent for real: tests/e2e/test_frames. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "harness.h"

#define ETH 14
#define L4 34 /* of a packet with no IP options */

static const struct spec good_tcp = {
	.src = "10.1.0.1",
	.dst = "10.1.0.2",
	.sport = 40000,
	.dport = 22,
	.protocol = IPPROTO_TCP,
	.flags = SYN,
};

static const struct spec good_udp = {
	.src = "10.1.0.1",
	.dst = "10.1.0.2",
	.sport = 40000,
	.dport = 5353,
	.protocol = IPPROTO_UDP,
	.payload_bytes = 20,
};

static void no_flow_was_made(void)
{
	assert_int_equal(flow_count(PINS_half_open), 0);
	assert_int_equal(flow_count(PINS_flows), 0);
}

/* The probe unharmed gets through: what stops the others is the harm. */
static void control(const struct spec *spec)
{
	struct spec other = *spec;

	other.sport = 50000;
	assert_int_equal(send_in(&other, TAP0, NULL), ACTION_REDIRECT);
}

static void case_03_04_header_length(void **state)
{
	struct frame frame;

	(void)state;
	for (uint8_t words = 0; words < 16; words++) {
		if (words == 5)
			continue;
		build_frame(&frame, &good_tcp, TAP0, false);
		frame.data[ETH] = 0x40 | words;
		fix_ip_sum(&frame);
		/* 6 to 10 words lie in the packet, and are no options */
		if (words < 5 || words > 10) {
			assert_dropped(&frame, TAP0, SG_DROP_IP_HEADER);
			continue;
		}
		assert_int_equal(run_in(&frame, TAP0), ACTION_DROP);
	}
	no_flow_was_made();
	control(&good_tcp);
}

static void case_05_version(void **state)
{
	struct frame frame;

	(void)state;
	for (uint8_t version = 0; version < 16; version++) {
		if (version == 4)
			continue;
		build_frame(&frame, &good_tcp, TAP0, false);
		frame.data[ETH] = (uint8_t)(version << 4 | 5);
		fix_ip_sum(&frame);
		assert_dropped(&frame, TAP0, SG_DROP_IP_HEADER);
	}
	no_flow_was_made();
	control(&good_tcp);
}

static void case_06_07_total_length(void **state)
{
	static const uint16_t wrong[] = {0, 19, 41, 1500, 65535};
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint16_t length = htons(wrong[i]);

		build_frame(&frame, &good_tcp, TAP0, false);
		memcpy(frame.data + ETH + 2, &length, 2);
		fix_ip_sum(&frame);
		assert_dropped(&frame, TAP0, SG_DROP_IP_HEADER);
	}
	no_flow_was_made();
	control(&good_tcp);
}

static void case_08_ethernet_padding_is_forwarded(void **state)
{
	struct frame frame;

	(void)state;
	build_frame(&frame, &good_tcp, TAP0, false);
	frame.bytes = 60;
	assert_int_equal(run_in(&frame, TAP0), ACTION_REDIRECT);
	assert_int_equal(frame.bytes, 60);
	assert_true(sums_are_right(&frame));
}

static struct spec with_options(const uint8_t *options, size_t bytes)
{
	struct spec spec = good_tcp;

	memcpy(spec.options, options, bytes);
	spec.options_bytes = bytes;
	return spec;
}

static void case_09_source_routes(void **state)
{
	static const uint8_t types[] = {131, 137};
	uint8_t options[] = {1, 131, 7, 4, 10, 0, 3, 2};

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		struct spec spec;

		options[1] = types[i];
		spec = with_options(options, sizeof(options));
		assert_spec_dropped(&spec, TAP0, SG_DROP_IP_OPTION);
	}
	no_flow_was_made();
	control(&good_tcp);
}

static void case_10_other_options_are_walked_over(void **state)
{
	static const struct {
		uint8_t bytes[12];
		size_t count;
	} options[] = {
		{{1, 1, 1, 1}, 4},
		{{148, 4, 0, 0}, 4},			     /* router alert */
		{{7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 12}, /* record route */
		{{68, 8, 5, 0, 0, 0, 0, 0}, 8},		     /* timestamp */
	};
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct spec spec =
			with_options(options[i].bytes, options[i].count);

		spec.sport = (uint16_t)(spec.sport + i);
		assert_int_equal(send_in(&spec, TAP0, &frame), ACTION_REDIRECT);
		assert_string_equal(frame_dst(&frame), "10.0.3.2");
		assert_int_equal(frame_dport(&frame), 22);
		assert_true(sums_are_right(&frame));
	}
}

static void case_11_malformed_options(void **state)
{
	static const uint8_t options[][4] = {
		{7, 0, 0, 0},
		{7, 1, 0, 0},
		{7, 5, 0, 0},
		{1, 1, 1, 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct spec spec = with_options(options[i], 4);

		assert_spec_dropped(&spec, TAP0, SG_DROP_IP_OPTION);
	}
	no_flow_was_made();
	control(&good_tcp);
}

static void case_12_bad_header_sum(void **state)
{
	static const uint8_t nops[] = {1, 1, 1, 1};
	struct spec spec = with_options(nops, sizeof(nops));
	struct frame frame;

	(void)state;
	build_frame(&frame, &good_tcp, TAP0, false);
	frame.data[ETH + 11] ^= 1;
	assert_dropped(&frame, TAP0, SG_DROP_IP_CHECKSUM);
	build_frame(&frame, &spec, TAP0, false);
	frame.data[ETH + 10] ^= 0x80;
	assert_dropped(&frame, TAP0, SG_DROP_IP_CHECKSUM);
	no_flow_was_made();
	control(&good_tcp);
}

static void case_13_time_to_live(void **state)
{
	struct spec spec = good_tcp;
	struct frame frame;

	(void)state;
	spec.ttl = 1;
	assert_spec_dropped(&spec, TAP0, SG_DROP_TTL);
	build_frame(&frame, &good_tcp, TAP0, false);
	frame.data[ETH + 8] = 0;
	fix_ip_sum(&frame);
	assert_dropped(&frame, TAP0, SG_DROP_TTL);
	spec.ttl = 2;
	assert_int_equal(send_in(&spec, TAP0, NULL), ACTION_REDIRECT);
}

static void case_14_tcp_data_offset(void **state)
{
	struct frame frame;

	(void)state;
	for (uint8_t words = 0; words < 16; words++) {
		if (words == 5)
			continue;
		build_frame(&frame, &good_tcp, TAP0, false);
		frame.data[L4 + 12] = (uint8_t)(words << 4);
		assert_dropped(&frame, TAP0, SG_DROP_L4_HEADER);
	}
	no_flow_was_made();
	control(&good_tcp);
}

static void case_15_tcp_header_cut_at_each_byte(void **state)
{
	struct frame frame;

	(void)state;
	for (uint16_t total = 20; total < 40; total++) {
		uint16_t length = htons(total);

		build_frame(&frame, &good_tcp, TAP0, false);
		memcpy(frame.data + ETH + 2, &length, 2);
		fix_ip_sum(&frame);
		frame.bytes = ETH + total;
		assert_dropped(&frame, TAP0, SG_DROP_L4_HEADER);
	}
	no_flow_was_made();
	control(&good_tcp);
}

static void case_16_tcp_flags(void **state)
{
	static const uint8_t sane[] = {
		SYN,	   SYN | URG,	    SYN | ACK, RST,	  RST | ACK,
		FIN | ACK, FIN | ACK | URG, ACK,       ACK | URG,
	};

	(void)state;
	for (int flags = 0; flags < 256; flags++) {
		struct spec spec = good_tcp;
		bool is_sane = false;

		spec.flags = (uint8_t)flags;
		for (size_t i = 0; i < sizeof(sane); i++)
			is_sane |= (flags & ~(PSH | 0xc0)) == sane[i];
		if (!is_sane)
			assert_spec_dropped(&spec, TAP0, SG_DROP_TCP_FLAGS);
		else if ((flags & (SYN | ACK)) != SYN)
			assert_spec_dropped(&spec, TAP0, SG_DROP_NO_FLOW);
	}
	no_flow_was_made();
	control(&good_tcp);
}

static void case_17_port_zero(void **state)
{
	struct spec spec = good_tcp;

	(void)state;
	spec.sport = 0;
	assert_spec_dropped(&spec, TAP0, SG_DROP_PORT_ZERO);
	spec = good_udp;
	spec.dport = 0;
	assert_spec_dropped(&spec, TAP0, SG_DROP_PORT_ZERO);
	no_flow_was_made();
	control(&good_udp);
}

static void case_18_udp_length(void **state)
{
	static const uint16_t wrong[] = {0, 7, 29, 65535};
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint16_t length = htons(wrong[i]);

		build_frame(&frame, &good_udp, TAP0, false);
		memcpy(frame.data + L4 + 4, &length, 2);
		assert_dropped(&frame, TAP0, SG_DROP_L4_HEADER);
	}
	no_flow_was_made();
	control(&good_udp);
}

static void case_19_udp_sum_of_zero_stays_zero(void **state)
{
	struct spec spec = good_udp;
	struct frame frame;

	(void)state;
	spec.no_udp_sum = true;
	assert_int_equal(send_in(&spec, TAP0, &frame), ACTION_REDIRECT);
	assert_int_equal(frame.data[L4 + 6] | frame.data[L4 + 7], 0);
}

static void case_20_a_sum_that_comes_out_zero_is_sent_as_ones(void **state)
{
	struct frame frame;
	bool seen = false;

	(void)state;
	/* one of 65536 payload words makes the translated sum 0 */
	for (uint32_t word = 0; word < 65536 && !seen; word++) {
		struct spec spec = good_udp;
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

static void case_21_a_wrong_l4_sum_is_not_repaired(void **state)
{
	struct frame frame;

	(void)state;
	build_frame(&frame, &good_tcp, TAP0, false);
	frame.data[L4 + 16] ^= 0x55;
	assert_int_equal(run_in(&frame, TAP0), ACTION_REDIRECT);
	assert_false(sums_are_right(&frame));
	frame.data[L4 + 16] ^= 0x55;
}

static void case_38_other_protocols(void **state)
{
	static const uint8_t protocols[] = {0, 4, 41, 47, 50, 132, 255};

	(void)state;
	for (size_t i = 0; i < sizeof(protocols); i++) {
		struct spec spec = good_tcp;

		spec.protocol = protocols[i];
		assert_spec_dropped(&spec, TAP0, SG_DROP_PROTOCOL);
	}
	control(&good_tcp);
}

static void case_44_other_icmp(void **state)
{
	static const uint8_t types[] = {4, 5, 9, 10, 13, 14, 17, 18, 255};
	struct spec spec = good_tcp;

	(void)state;
	spec.protocol = IPPROTO_ICMP;
	for (size_t i = 0; i < sizeof(types); i++) {
		spec.icmp_type = types[i];
		assert_spec_dropped(&spec, TAP0, SG_DROP_ICMP_TYPE);
	}
	spec.icmp_type = 8;
	assert_int_equal(send_in(&spec, TAP0, NULL), ACTION_PASS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_03_04_header_length),
		TEST(case_05_version),
		TEST(case_06_07_total_length),
		TEST(case_08_ethernet_padding_is_forwarded),
		TEST(case_09_source_routes),
		TEST(case_10_other_options_are_walked_over),
		TEST(case_11_malformed_options),
		TEST(case_12_bad_header_sum),
		TEST(case_13_time_to_live),
		TEST(case_14_tcp_data_offset),
		TEST(case_15_tcp_header_cut_at_each_byte),
		TEST(case_16_tcp_flags),
		TEST(case_17_port_zero),
		TEST(case_18_udp_length),
		TEST(case_19_udp_sum_of_zero_stays_zero),
		TEST(case_20_a_sum_that_comes_out_zero_is_sent_as_ones),
		TEST(case_21_a_wrong_l4_sum_is_not_repaired),
		TEST(case_38_other_protocols),
		TEST(case_44_other_icmp),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
