// SPDX-License-Identifier: GPL-2.0-or-later
/* ICMP errors, both ways, in both families: whose they are, and what of them is
 * translated (RFC 5508). */
#include <netinet/in.h>
#include <string.h>

#include "probes.h"

#define ALL 0 /* quote the whole packet */

static const struct spec from_router = {
	.src = "192.168.7.1",
	.dst = "192.168.7.2",
	.protocol = IPPROTO_ICMP,
	.icmp_type = 3,
};

static const struct spec from_router6 = {
	.src = "fd00:7::1",
	.dst = "fd00:7::2",
	.protocol = IPPROTO_ICMPV6,
	.icmp_type = 1,
};

static const struct spec from_container = {
	.src = "10.0.3.2",
	.dst = "10.1.0.1",
	.protocol = IPPROTO_ICMP,
	.icmp_type = 3,
};

/* Return what the container sends out by eth0. */
static struct spec to_lan(uint8_t protocol)
{
	struct spec spec =
		between("10.0.3.2", "192.168.7.9", 33000, 53, protocol, SYN);

	spec.payload_bytes = 32;
	if (protocol == IPPROTO_ICMP)
		spec.dport = 0;
	return spec;
}

static void build_about(struct frame *error, const struct spec *outer,
			const struct frame *sent, size_t bytes, enum place at)
{
	build_error(error, outer, 0, sent, bytes ? bytes : sent->bytes - 14,
		    at);
}

/* The error reaches the container and quotes what the container itself sent. */
static void assert_translated(struct frame *error, const struct frame *original,
			      enum place at)
{
	struct sg_flow_key key;
	struct sg_flow before;
	struct sg_flow after;
	struct frame quoted;

	the_flow(&key, &before);
	assert_int_equal(run_in(error, at), ACTION_REDIRECT);
	the_flow(&key, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_string_equal(frame_dst(error), frame_src(original));
	assert_true(sums_are_right(error));
	frame_quoted(error, &quoted);
	assert_string_equal(frame_src(&quoted), frame_src(original));
	assert_string_equal(frame_dst(&quoted), frame_dst(original));
	assert_int_equal(frame_sport(&quoted), frame_sport(original));
}

static void errors_reach_the_container(void **state)
{
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP,
					    IPPROTO_ICMP};
	static const uint8_t types[] = {3, 11, 12};
	struct spec outer = from_router;
	struct frame original;
	struct frame quoted;
	struct frame error;
	struct frame sent;

	(void)state;
	for (size_t i = 0; i < sizeof(protocols); i++) {
		struct spec spec = to_lan(protocols[i]);

		harness_restart(NULL);
		build_frame(&original, &spec, VE_CONTAINER, false);
		assert_left(&spec, &sent);
		for (size_t j = 0; j < sizeof(types); j++) {
			outer.icmp_type = types[j];
			build_about(&error, &outer, &sent, ALL, ETH0);
			assert_translated(&error, &original, ETH0);
			/* with the whole packet there, all its sums are right
			 */
			frame_quoted(&error, &quoted);
			assert_true(sums_are_right(&quoted));
			/* the least that RFC 792 wants quoted */
			build_about(&error, &outer, &sent, 28, ETH0);
			assert_translated(&error, &original, ETH0);
		}
	}
}

static void a_quoted_header_may_have_options(void **state)
{
	struct spec spec = to_lan(IPPROTO_UDP);
	struct frame original;
	struct frame error;
	struct frame sent;

	(void)state;
	spec.options_bytes = 8;
	memset(spec.options, 1, 8);
	build_frame(&original, &spec, VE_CONTAINER, false);
	assert_left(&spec, &sent);
	build_about(&error, &from_router, &sent, 36, ETH0);
	assert_translated(&error, &original, ETH0);
}

static void errors_about_forwards_go_both_ways(void **state)
{
	struct spec answer =
		between("10.0.3.2", "10.1.0.1", 53, 40000, IPPROTO_UDP, 0);
	struct spec from_vpn = from_router;
	struct frame original;
	struct frame arrived;
	struct frame quoted;
	struct frame error;
	struct frame sent;

	(void)state;
	from_vpn.src = "10.1.0.1";
	from_vpn.dst = "10.1.0.2";
	build_frame(&original, &vpn_udp, TAP0, false);
	assert_int_equal(send_in(&vpn_udp, TAP0, &arrived), ACTION_REDIRECT);
	build_about(&error, &from_container, &arrived, ALL, VE_CONTAINER);
	assert_int_equal(run_in(&error, VE_CONTAINER), ACTION_REDIRECT);
	assert_string_equal(frame_src(&error), "10.1.0.2");
	assert_true(sums_are_right(&error));
	frame_quoted(&error, &quoted);
	assert_string_equal(frame_dst(&quoted), "10.1.0.2");
	assert_int_equal(frame_dport(&quoted), 5353);
	assert_true(sums_are_right(&quoted));

	build_frame(&original, &answer, VE_CONTAINER, false);
	assert_int_equal(send_in(&answer, VE_CONTAINER, &sent),
			 ACTION_REDIRECT);
	build_about(&error, &from_vpn, &sent, ALL, TAP0);
	assert_translated(&error, &original, TAP0);
	assert_int_equal(frame_l4(&error)[8 + 20 + 1], 53);
}

static void errors_in_ipv6(void **state)
{
	static const uint8_t types[] = {1, 2, 3, 4};
	struct spec spec =
		between("fd00:3::2", "fd00:7::9", 33000, 53, IPPROTO_UDP, 0);
	struct spec outer = from_router6;
	struct frame original;
	struct frame quoted;
	struct frame error;
	struct frame sent;

	(void)state;
	harness_restart("container { address6 = \"fd00:3::2\" }");
	spec.payload_bytes = 20;
	build_frame(&original, &spec, VE_CONTAINER, false);
	assert_int_equal(send_in(&spec, VE_CONTAINER, &sent), ACTION_REDIRECT);
	for (size_t i = 0; i < sizeof(types); i++) {
		outer.icmp_type = types[i];
		build_about(&error, &outer, &sent, ALL, ETH0);
		assert_translated(&error, &original, ETH0);
		frame_quoted(&error, &quoted);
		assert_true(sums_are_right(&quoted));
	}
}

static void errors_about_the_hosts_own_packets_come_in(void **state)
{
	static const uint8_t types[] = {3, 11, 12};
	struct spec query = between("192.168.7.2", "192.168.7.9", 40000, 53,
				    IPPROTO_UDP, 0);
	struct spec outer = from_router;
	struct frame error;
	struct frame sent;

	(void)state;
	send_out(&query, ETH0, &sent);
	for (size_t i = 0; i < sizeof(types); i++) {
		outer.icmp_type = types[i];
		build_about(&error, &outer, &sent, 28, ETH0);
		assert_frame_passed(&error, ETH0);
	}
	outer.icmp_type = 5; /* redirect */
	build_about(&error, &outer, &sent, 28, ETH0);
	assert_dropped(&error, ETH0, SG_DROP_ICMP_TYPE);
}

static void case_39_errors_that_quote_too_little(void **state)
{
	struct spec spec = to_lan(IPPROTO_UDP);
	struct frame original;
	struct frame error;
	struct frame sent;

	(void)state;
	build_frame(&original, &spec, VE_CONTAINER, false);
	assert_left(&spec, &sent);
	for (size_t bytes = 0; bytes < 28; bytes++) {
		build_error(&error, &from_router, 0, &sent, bytes, ETH0);
		assert_dropped(&error, ETH0, SG_DROP_ICMP_ERROR);
	}
	build_about(&error, &from_router, &sent, 28, ETH0);
	assert_translated(&error, &original, ETH0);
}

static void case_40_errors_about_nothing_known(void **state)
{
	struct spec spec = to_lan(IPPROTO_UDP);
	struct frame original;
	struct frame error;
	struct frame sent;
	struct frame other;

	(void)state;
	build_frame(&original, &spec, VE_CONTAINER, false);
	assert_left(&spec, &sent);
	for (int i = 0; i < 4; i++) { /* either port, either address */
		static const size_t at[] = {14 + 21, 14 + 23, 14 + 15, 14 + 19};

		other = sent;
		other.data[at[i]] ^= 1;
		build_about(&error, &from_router, &other, ALL, ETH0);
		assert_dropped(&error, ETH0, SG_DROP_ICMP_ERROR);
	}
	other = sent;
	other.data[14 + 9] = IPPROTO_TCP;
	build_about(&error, &from_router, &other, ALL, ETH0);
	assert_dropped(&error, ETH0, SG_DROP_ICMP_ERROR);
	build_about(&error, &from_router, &sent, ALL, ETH0);
	assert_translated(&error, &original, ETH0);
}

static void case_41_errors_of_the_wrong_flow_or_direction(void **state)
{
	struct spec spec = to_lan(IPPROTO_TCP);
	struct spec outer = from_router;
	struct frame original;
	struct frame error;
	struct frame blind;
	struct frame back;
	struct frame sent;
	struct spec answer;

	(void)state;
	build_frame(&original, &spec, VE_CONTAINER, false);
	assert_left(&spec, &sent);
	answer = answer_to(&sent, IPPROTO_TCP, SYN | ACK);
	/* the other direction: what the remote itself would have sent */
	build_frame(&back, &answer, ETH0, false);
	build_about(&error, &from_router, &back, ALL, ETH0);
	assert_dropped(&error, ETH0, SG_DROP_ICMP_ERROR);
	/* by another interface */
	outer.src = "10.1.0.1";
	outer.dst = "10.1.0.2";
	build_about(&error, &outer, &sent, ALL, TAP0);
	assert_dropped(&error, TAP0, SG_DROP_ICMP_ERROR);
	/* a guess, which does not know the sequence number */
	blind = sent;
	frame_l4(&blind)[4] ^= 0x40;
	build_about(&error, &from_router, &blind, ALL, ETH0);
	assert_dropped(&error, ETH0, SG_DROP_ICMP_ERROR);
	/* from the container, about what it sent itself */
	outer = from_container;
	outer.dst = "192.168.7.9";
	build_about(&error, &outer, &original, ALL, VE_CONTAINER);
	assert_dropped(&error, VE_CONTAINER, SG_DROP_ICMP_ERROR);
	/* in the container's name, from the LAN */
	outer = from_router;
	outer.src = "10.0.3.2";
	build_about(&error, &outer, &sent, ALL, ETH0);
	assert_dropped(&error, ETH0, SG_DROP_SPOOFED);
	build_about(&error, &from_router, &sent, ALL, ETH0);
	assert_translated(&error, &original, ETH0);
}

static void case_42_errors_about_errors(void **state)
{
	struct spec ping = to_lan(IPPROTO_ICMP);
	struct frame original;
	struct frame error;
	struct frame other;
	struct frame sent;

	(void)state;
	build_frame(&original, &ping, VE_CONTAINER, false);
	assert_left(&ping, &sent);
	for (uint8_t type = 1; type < 20; type++) {
		if (type == 8)
			continue;
		other = sent;
		frame_l4(&other)[0] = type;
		build_about(&error, &from_router, &other, ALL, ETH0);
		assert_dropped(&error, ETH0, SG_DROP_ICMP_ERROR);
	}
	build_about(&error, &from_router, &sent, ALL, ETH0);
	assert_translated(&error, &original, ETH0);
}

static uint16_t told_mtu(const struct frame *sent, uint16_t mtu,
			 const struct spec *outer, uint8_t code)
{
	struct frame error;
	uint8_t *icmp;

	build_error(&error, outer, code, sent, sent->bytes - 14, ETH0);
	icmp = frame_l4(&error);
	icmp[6] = (uint8_t)(mtu >> 8);
	icmp[7] = (uint8_t)mtu;
	fix_l4_sum(&error);
	assert_int_equal(run_in(&error, ETH0), ACTION_REDIRECT);
	assert_true(sums_are_right(&error));
	icmp = frame_l4(&error);
	return (uint16_t)(icmp[6] << 8 | icmp[7]);
}

static void case_43_mtus_no_link_has_are_clamped(void **state)
{
	struct spec v6 =
		between("fd00:3::2", "fd00:7::9", 33000, 53, IPPROTO_UDP, 0);
	struct spec spec = to_lan(IPPROTO_UDP);
	struct spec too_big = from_router6;
	struct frame sent;

	(void)state;
	harness_restart("container { address6 = \"fd00:3::2\" }");
	assert_left(&spec, &sent);
	assert_int_equal(told_mtu(&sent, 0, &from_router, 4), 68);
	assert_int_equal(told_mtu(&sent, 67, &from_router, 4), 68);
	assert_int_equal(told_mtu(&sent, 68, &from_router, 4), 68);
	assert_int_equal(told_mtu(&sent, 1300, &from_router, 4), 1300);
	assert_int_equal(told_mtu(&sent, 7, &from_router, 3), 7); /* not one */
	assert_int_equal(send_in(&v6, VE_CONTAINER, &sent), ACTION_REDIRECT);
	too_big.icmp_type = 2;
	assert_int_equal(told_mtu(&sent, 0, &too_big, 0), 1280);
	assert_int_equal(told_mtu(&sent, 1279, &too_big, 0), 1280);
	assert_int_equal(told_mtu(&sent, 1400, &too_big, 0), 1400);
}

static void a_closed_grant_stops_errors_too(void **state)
{
	struct spec udp = between("192.168.7.9", "192.168.7.2", 40000, 5353,
				  IPPROTO_UDP, 0);
	struct spec outer = from_container;
	struct frame arrived;
	struct frame error;

	(void)state;
	outer.dst = "192.168.7.9";
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	assert_int_equal(send_in(&udp, ETH0, &arrived), ACTION_REDIRECT);
	build_about(&error, &outer, &arrived, ALL, VE_CONTAINER);
	assert_int_equal(run_in(&error, VE_CONTAINER), ACTION_REDIRECT);
	harness_grant(SG_GRANT_LAN_ACCESS, 0, 0);
	build_about(&error, &outer, &arrived, ALL, VE_CONTAINER);
	assert_dropped(&error, VE_CONTAINER, SG_DROP_GRANT_CLOSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(errors_reach_the_container),
		TEST(a_quoted_header_may_have_options),
		TEST(errors_about_forwards_go_both_ways),
		TEST(errors_in_ipv6),
		TEST(errors_about_the_hosts_own_packets_come_in),
		TEST(case_39_errors_that_quote_too_little),
		TEST(case_40_errors_about_nothing_known),
		TEST(case_41_errors_of_the_wrong_flow_or_direction),
		TEST(case_42_errors_about_errors),
		TEST(case_43_mtus_no_link_has_are_clamped),
		TEST(a_closed_grant_stops_errors_too),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
