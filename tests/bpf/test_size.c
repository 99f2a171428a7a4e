// SPDX-License-Identifier: GPL-2.0-or-later
/* Packets that do not fit the way out, or have no time to live left: the gate
 * tells the sender, sends them in pieces, or clamps what a SYN offers. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "probes.h"

#define MTU "1300"

/* eth0 takes 1300 bytes, the container's link 1500. */
static int setup(void **state)
{
	assert_int_equal(system("ip link set eth0 mtu " MTU), 0);
	harness_setup(state);
	harness_restart("container { address6 = \"fd00:3::2\" }\n"
			"forward \"ssh\" { ports = {\"22\"} }\n"
			"forward \"dns\" { protocol = udp ports = {\"53\"} }");
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(system("ip link set eth0 mtu 1500;"
				"ip link set ve-container mtu 1500"),
			 0);
	return harness_teardown(state);
}

static struct spec to_lan(size_t payload_bytes)
{
	struct spec spec =
		between("10.0.3.2", "192.168.7.9", 33000, 53, IPPROTO_UDP, 0);

	spec.payload_bytes = payload_bytes;
	spec.fragment = 0x4000; /* do not fragment */
	return spec;
}

/* The packet is dropped, and its sender told so by the gate on that link. */
static void assert_told(struct frame *frame, enum place at,
			enum sg_reason reason, uint16_t kind, uint16_t mtu,
			const char *by)
{
	const struct frame sent = *frame;
	uint64_t drops = drops_of(at, reason);
	struct frame quoted;
	const uint8_t *icmp;

	assert_int_equal(run_in(frame, at), ACTION_REDIRECT);
	assert_int_equal(drops_of(at, reason), drops + 1);
	assert_memory_equal(frame->data, sent.data + 6, 6);
	assert_memory_equal(frame->data + 6, sent.data, 6);
	assert_string_equal(frame_src(frame), by);
	assert_string_equal(frame_dst(frame), frame_src(&sent));
	assert_true(sums_are_right(frame));
	icmp = frame_l4(frame);
	assert_int_equal(icmp[0] << 8 | icmp[1], kind);
	assert_int_equal(icmp[6] << 8 | icmp[7], mtu);
	frame_quoted(frame, &quoted);
	assert_in_range(quoted.bytes, 14 + 28, 14 + 480);
	assert_memory_equal(quoted.data + 14, sent.data + 14,
			    quoted.bytes - 14);
}

static void the_container_is_told_of_the_mtu(void **state)
{
	struct spec spec = to_lan(1300 - 28 + 1);
	struct frame frame;

	(void)state;
	build_frame(&frame, &spec, VE_CONTAINER, false);
	assert_told(&frame, VE_CONTAINER, SG_DROP_TOO_BIG, 0x0304, 1300,
		    "10.0.3.1");
	spec.payload_bytes--;
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_REDIRECT);
}

static void the_container_is_told_of_the_mtu_in_ipv6(void **state)
{
	struct spec spec = to_lan(1300 - 48 + 1);
	struct frame frame;

	(void)state;
	spec.src = "fd00:3::2";
	spec.dst = "fd00:7::9";
	build_frame(&frame, &spec, VE_CONTAINER, false);
	assert_told(&frame, VE_CONTAINER, SG_DROP_TOO_BIG, 0x0200, 1300,
		    "fd00:3::1");
	spec.payload_bytes--;
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_REDIRECT);
}

static void a_remote_is_told_of_the_containers_mtu(void **state)
{
	struct spec spec =
		between("10.1.0.1", "10.1.0.2", 40000, 53, IPPROTO_UDP, 0);
	struct frame frame;

	(void)state;
	assert_int_equal(system("ip link set ve-container mtu 1280"), 0);
	harness_reload("forward \"dns\" { protocol = udp ports = {\"53\"} }");
	spec.payload_bytes = 1300;
	spec.fragment = 0x4000;
	build_frame(&frame, &spec, TAP0, false);
	assert_told(&frame, TAP0, SG_DROP_TOO_BIG, 0x0304, 1280, "10.1.0.2");
}

static void what_may_be_split_is(void **state)
{
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_ICMP};
	struct frame whole;
	struct frame last;

	(void)state;
	for (size_t i = 0; i < sizeof(protocols); i++) {
		struct spec spec = to_lan(1400);

		spec.protocol = protocols[i];
		spec.icmp_type = 8;
		spec.fragment = 0;
		if (spec.protocol == IPPROTO_ICMP)
			spec.dport = 0;
		build_frame(&whole, &spec, VE_CONTAINER, false);
		assert_int_equal(send_in(&spec, VE_CONTAINER, &last),
				 ACTION_REDIRECT);
		/* 1280 bytes went before, which are in eights */
		assert_int_equal(last.data[14 + 6] << 8 | last.data[14 + 7],
				 1280 / 8);
		assert_int_equal(last.bytes, 14 + 20 + 1408 - 1280);
		assert_memory_equal(last.data + 34, frame_l4(&whole) + 1280,
				    1408 - 1280);
		assert_string_equal(frame_src(&last), "192.168.7.2");
		fix_ip_sum(&whole);
		whole = last;
		fix_ip_sum(&whole);
		assert_memory_equal(&whole, &last, sizeof(last));
	}
}

static void a_fragment_is_split_again(void **state)
{
	struct spec spec = to_lan(1800);
	struct frame fragment;
	struct frame whole;

	(void)state;
	spec.fragment = 0;
	build_frame(&whole, &spec, VE_CONTAINER, false);
	build_fragment(&fragment, &whole, 0, 1480, true);
	assert_int_equal(run_in(&fragment, VE_CONTAINER), ACTION_REDIRECT);
	assert_int_equal(fragment.bytes, 14 + 20 + 200);
	/* more is to come, as before */
	assert_int_equal(fragment.data[14 + 6] << 8 | fragment.data[14 + 7],
			 0x2000 | 1280 / 8);
	build_fragment(&fragment, &whole, 1480, 328, false);
	assert_int_equal(run_in(&fragment, VE_CONTAINER), ACTION_REDIRECT);
	assert_int_equal(fragment.data[14 + 6] << 8 | fragment.data[14 + 7],
			 1480 / 8);
}

/* Its sum would be made by hardware, of one piece. */
static void a_sum_that_is_not_there_yet_is_not_split(void **state)
{
	struct spec spec = to_lan(1400);
	struct frame frame;
	uint32_t sum;
	uint8_t *l4;

	(void)state;
	spec.fragment = 0;
	build_frame(&frame, &spec, VE_CONTAINER, false);
	l4 = frame_l4(&frame);
	sum = 0x0a00 + 0x0302 + 0xc0a8 + 0x0709 + IPPROTO_UDP + 1408;
	sum = (sum & 0xffff) + (sum >> 16);
	l4[6] = (uint8_t)(sum >> 8);
	l4[7] = (uint8_t)sum;
	assert_told(&frame, VE_CONTAINER, SG_DROP_TOO_BIG, 0x0304, 1300,
		    "10.0.3.1");
}

static void case_13_the_container_may_trace(void **state)
{
	struct spec spec = to_lan(32);
	struct frame frame;

	(void)state;
	spec.ttl = 1;
	build_frame(&frame, &spec, VE_CONTAINER, false);
	assert_told(&frame, VE_CONTAINER, SG_DROP_TTL, 0x0b00, 0, "10.0.3.1");
	assert_no_flow();
	spec.src = "fd00:3::2";
	spec.dst = "fd00:7::9";
	build_frame(&frame, &spec, VE_CONTAINER, false);
	assert_told(&frame, VE_CONTAINER, SG_DROP_TTL, 0x0300, 0, "fd00:3::1");
	spec.ttl = 2;
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_REDIRECT);
}

static uint16_t mss_of(const struct frame *frame, size_t at)
{
	const uint8_t *option = frame_l4(frame) + 20 + at;

	return (uint16_t)(option[2] << 8 | option[3]);
}

static void a_syns_mss_fits_both_links(void **state)
{
	static const uint8_t option[] = {2, 4, 0x05, 0xb4}; /* 1460 */
	struct spec syn = between("192.168.7.9", "192.168.7.2", 40000, 22,
				  IPPROTO_TCP, SYN);
	struct spec answer = between("10.0.3.2", "192.168.7.9", 22, 40000,
				     IPPROTO_TCP, SYN | ACK);
	struct spec vpn = vpn_tcp;
	struct frame frame;

	(void)state;
	for (size_t at = 0; at < 4; at++) { /* at odd places too */
		memset(syn.tcp_options, 1, 8);
		memcpy(syn.tcp_options + at, option, sizeof(option));
		syn.tcp_options_bytes = 8;
		syn.sport++;
		assert_int_equal(send_in(&syn, ETH0, &frame), ACTION_REDIRECT);
		assert_int_equal(mss_of(&frame, at), 1300 - 40);
		assert_true(sums_are_right(&frame));
	}
	answer.dport = syn.sport;
	memcpy(answer.tcp_options, option, sizeof(option));
	answer.tcp_options_bytes = 4;
	assert_int_equal(send_in(&answer, VE_CONTAINER, &frame),
			 ACTION_REDIRECT);
	assert_int_equal(mss_of(&frame, 0), 1300 - 40);
	assert_true(sums_are_right(&frame));
	/* where both links take 1500, what is offered stays */
	memcpy(vpn.tcp_options, option, sizeof(option));
	vpn.tcp_options_bytes = 4;
	assert_int_equal(send_in(&vpn, TAP0, &frame), ACTION_REDIRECT);
	assert_int_equal(mss_of(&frame, 0), 1460);
}

/* 40 bytes less than the link takes, in IPv6 60; what is less stays. */
static void an_mss_is_held_to_the_byte(void **state)
{
	static const struct {
		const char *src;
		const char *dst;
		uint16_t offered;
		uint16_t left;
	} cases[] = {
		{"192.168.7.9", "192.168.7.2", 1259, 1259},
		{"192.168.7.9", "192.168.7.2", 1260, 1260},
		{"192.168.7.9", "192.168.7.2", 1261, 1260},
		{"fd00:7::9", "fd00:7::2", 1239, 1239},
		{"fd00:7::9", "fd00:7::2", 1240, 1240},
		{"fd00:7::9", "fd00:7::2", 1241, 1240},
	};
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct spec syn =
			between(cases[i].src, cases[i].dst,
				(uint16_t)(40000 + i), 22, IPPROTO_TCP, SYN);

		syn.tcp_options[0] = 2;
		syn.tcp_options[1] = 4;
		syn.tcp_options[2] = (uint8_t)(cases[i].offered >> 8);
		syn.tcp_options[3] = (uint8_t)cases[i].offered;
		syn.tcp_options_bytes = 4;
		assert_int_equal(send_in(&syn, ETH0, &frame), ACTION_REDIRECT);
		assert_int_equal(mss_of(&frame, 0), cases[i].left);
		assert_true(sums_are_right(&frame));
	}
}

/* Pieces must begin at multiples of eight: 1286 bytes fit, 1280 go. */
static void pieces_begin_in_eights(void **state)
{
	struct spec spec = to_lan(1400);
	struct frame last;

	(void)state;
	assert_int_equal(system("ip link set eth0 mtu 1306"), 0);
	harness_reload(NULL);
	spec.fragment = 0;
	assert_int_equal(send_in(&spec, VE_CONTAINER, &last), ACTION_REDIRECT);
	assert_int_equal(last.data[14 + 6] << 8 | last.data[14 + 7], 1280 / 8);
	assert_int_equal(last.bytes, 14 + 20 + 1408 - 1280);
}

static void the_clamp_can_be_off(void **state)
{
	static const uint8_t option[] = {2, 4, 0x05, 0xb4};
	struct spec syn = between("192.168.7.9", "192.168.7.2", 40000, 22,
				  IPPROTO_TCP, SYN);
	struct frame frame;

	(void)state;
	harness_reload("lan { mss-clamp = off }\n"
		       "forward \"ssh\" { ports = {\"22\"} }");
	memcpy(syn.tcp_options, option, sizeof(option));
	syn.tcp_options_bytes = 4;
	assert_int_equal(send_in(&syn, ETH0, &frame), ACTION_REDIRECT);
	assert_int_equal(mss_of(&frame, 0), 1460);
}

#define SIZE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIZE_TEST(the_container_is_told_of_the_mtu),
		SIZE_TEST(the_container_is_told_of_the_mtu_in_ipv6),
		SIZE_TEST(a_remote_is_told_of_the_containers_mtu),
		SIZE_TEST(what_may_be_split_is),
		SIZE_TEST(a_fragment_is_split_again),
		SIZE_TEST(a_sum_that_is_not_there_yet_is_not_split),
		SIZE_TEST(case_13_the_container_may_trace),
		SIZE_TEST(a_syns_mss_fits_both_links),
		SIZE_TEST(an_mss_is_held_to_the_byte),
		SIZE_TEST(pieces_begin_in_eights),
		SIZE_TEST(the_clamp_can_be_off),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
