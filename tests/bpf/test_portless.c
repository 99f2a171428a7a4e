// SPDX-License-Identifier: GPL-2.0-or-later
/* The container's packets of protocols without ports: out under the gate's
 * address, and only their answers in, in both families. */
#include <netinet/in.h>
#include <string.h>

#include "probes.h"

#define BOTH_FAMILIES                                                          \
	"container { address6 = \"fd00:3::2\" }\n"                             \
	"egress { masquerade = {\"lan\"} }\n"

#define IPPROTO_OSPF 89
#define IPPROTO_VRRP 112
#define IPPROTO_HIP 139
#define IPPROTO_SHIM6 140
#define IPPROTO_EXPERIMENT 253

static const uint8_t carried[] = {IPPROTO_IPIP, IPPROTO_IPV6,
				  IPPROTO_GRE,	IPPROTO_ESP,
				  IPPROTO_SCTP, IPPROTO_EXPERIMENT};

static struct spec of(uint8_t protocol, const char *src, const char *dst)
{
	struct spec spec = between(src, dst, 0, 0, protocol, 0);

	spec.payload_bytes = 24;
	return spec;
}

static struct spec sent(uint8_t protocol, bool v6)
{
	return v6 ? of(protocol, "fd00:3::2", "fd00:7::9")
		  : of(protocol, "10.0.3.2", "192.168.7.9");
}

static struct spec answered(uint8_t protocol, bool v6)
{
	return v6 ? of(protocol, "fd00:7::9", "fd00:7::2")
		  : of(protocol, "192.168.7.9", "192.168.7.2");
}

/* But for an end's address, the hop limit, and IPv4's sum, all is as it was. */
static void assert_payload_is_as(const struct frame *frame,
				 const struct frame *before)
{
	assert_int_equal(frame->bytes, before->bytes);
	assert_int_equal(frame_l4_bytes(frame), frame_l4_bytes(before));
	assert_memory_equal(frame_l4(frame), frame_l4(before),
			    frame_l4_bytes(before));
}

static void they_leave_and_their_answers_come_in(void **state)
{
	(void)state;
	harness_restart(BOTH_FAMILIES);
	for (size_t i = 0; i < 2 * sizeof(carried); i++) {
		bool v6 = i % 2;
		struct spec out = sent(carried[i / 2], v6);
		struct spec in = answered(carried[i / 2], v6);
		struct frame before;
		struct frame frame;

		build_frame(&before, &out, VE_CONTAINER, false);
		assert_int_equal(send_in(&out, VE_CONTAINER, &frame),
				 ACTION_REDIRECT);
		assert_string_equal(frame_src(&frame),
				    v6 ? "fd00:7::2" : "192.168.7.2");
		assert_string_equal(frame_dst(&frame), out.dst);
		assert_int_equal(frame.data[14 + (v6 ? 7 : 8)], 63);
		assert_payload_is_as(&frame, &before);
		build_frame(&before, &in, ETH0, false);
		assert_int_equal(send_in(&in, ETH0, &frame), ACTION_REDIRECT);
		assert_string_equal(frame_src(&frame), in.src);
		assert_string_equal(frame_dst(&frame), out.src);
		assert_payload_is_as(&frame, &before);
	}
	assert_int_equal(flow_count(PINS_half_open), 2 * sizeof(carried));
}

static void a_third_packet_makes_a_flow_of_it(void **state)
{
	struct spec out = sent(IPPROTO_GRE, false);
	struct spec in = answered(IPPROTO_GRE, false);

	(void)state;
	assert_int_equal(send_in(&out, VE_CONTAINER, NULL), ACTION_REDIRECT);
	assert_int_equal(state_now(), SG_STATE_NEW);
	assert_int_equal(send_in(&in, ETH0, NULL), ACTION_REDIRECT);
	assert_int_equal(state_now(), SG_STATE_ANSWERED);
	assert_int_equal(send_in(&out, VE_CONTAINER, NULL), ACTION_REDIRECT);
	assert_int_equal(state_now(), SG_STATE_ASSURED);
	assert_int_equal(send_in(&in, ETH0, NULL), ACTION_REDIRECT);
	assert_int_equal(flow_packets(), 4);
}

static void nothing_else_comes_in(void **state)
{
	struct spec out = sent(IPPROTO_GRE, false);
	struct spec in = answered(IPPROTO_GRE, false);

	(void)state;
	assert_spec_dropped(&in, ETH0, SG_DROP_PROTOCOL); /* of no flow */
	assert_int_equal(send_in(&out, VE_CONTAINER, NULL), ACTION_REDIRECT);
	in.src = "192.168.7.10";
	assert_spec_dropped(&in, ETH0, SG_DROP_PROTOCOL);
	in.src = "192.168.7.9";
	assert_spec_dropped(&in, TAP0, SG_DROP_SPOOFED);
	in.protocol = IPPROTO_ESP;
	assert_spec_dropped(&in, ETH0, SG_DROP_PROTOCOL);
	in.protocol = IPPROTO_GRE;
	assert_int_equal(send_in(&in, ETH0, NULL), ACTION_REDIRECT);
}

/* Of a packet with nothing behind its IP header, too: so a scanner asks. */
static void errors_about_them_reach_the_container(void **state)
{
	(void)state;
	harness_restart(BOTH_FAMILIES);
	for (int i = 0; i < 4; i++) {
		bool v6 = i % 2;
		struct spec out = sent(IPPROTO_ESP, v6);
		struct spec outer = {
			.src = out.dst,
			.dst = v6 ? "fd00:7::2" : "192.168.7.2",
			.protocol = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
			.icmp_type = v6 ? 4 : 3,
		};
		struct frame frame;
		struct frame error;
		struct frame quoted;

		assert_int_equal(send_in(&out, VE_CONTAINER, &frame),
				 ACTION_REDIRECT);
		build_error(&error, &outer, v6 ? 1 : 2, &frame,
			    i < 2 ? frame.bytes - 14
			    : v6  ? 40
				  : 20,
			    ETH0);
		assert_int_equal(run_in(&error, ETH0), ACTION_REDIRECT);
		assert_string_equal(frame_dst(&error), out.src);
		assert_true(sums_are_right(&error));
		frame_quoted(&error, &quoted);
		assert_string_equal(frame_src(&quoted), out.src);
		assert_string_equal(frame_dst(&quoted), out.dst);
		if (i < 2)
			assert_memory_equal(frame_l4(&quoted), frame_l4(&frame),
					    frame_l4_bytes(&frame));
	}
}

/* A sum over the addresses would be wrong behind NAT of them alone. */
static void some_do_not_leave(void **state)
{
	static const uint8_t kept[] = {
		0,	     IPPROTO_DCCP,   IPPROTO_AH, IPPROTO_UDPLITE,
		IPPROTO_HIP, IPPROTO_ICMPV6, IPPROTO_RAW};
	static const uint8_t kept6[] = {
		IPPROTO_DCCP, IPPROTO_AH, IPPROTO_OSPF, IPPROTO_PIM,
		IPPROTO_VRRP, IPPROTO_MH, IPPROTO_HIP,	IPPROTO_SHIM6,
		IPPROTO_ICMP, IPPROTO_RAW};
	struct spec out = sent(IPPROTO_GRE, false);

	(void)state;
	harness_restart(BOTH_FAMILIES);
	for (size_t i = 0; i < sizeof(kept); i++) {
		out.protocol = kept[i];
		assert_spec_dropped(&out, VE_CONTAINER, SG_DROP_PROTOCOL);
	}
	out.protocol = IPPROTO_GRE;
	out.src = "10.0.3.3";
	assert_spec_dropped(&out, VE_CONTAINER, SG_DROP_SPOOFED);
	out.src = "10.0.3.2";
	out.dst = "192.168.7.2";
	assert_spec_dropped(&out, VE_CONTAINER, SG_DROP_HOST_CLOSED);
	for (size_t i = 0; i < sizeof(kept6); i++) {
		out = sent(kept6[i], true);
		assert_spec_dropped(&out, VE_CONTAINER, SG_DROP_PROTOCOL);
	}
	assert_no_flow();
	out = sent(IPPROTO_OSPF, false); /* which has no such sum in IPv4 */
	assert_int_equal(send_in(&out, VE_CONTAINER, NULL), ACTION_REDIRECT);
}

#define FIFTH (14 + 40 + 4 * 8) /* offsets of extension headers in a frame */
#define SIXTH (FIFTH + 8)

/* With more extension headers than are walked over, the last is no protocol:
 * the transport's header would be behind it, unread. */
static void case_37_a_long_chain_is_no_protocol(void **state)
{
	static const uint8_t last[] = {IPPROTO_DSTOPTS, IPPROTO_ROUTING,
				       IPPROTO_FRAGMENT};

	(void)state;
	harness_restart(BOTH_FAMILIES);
	for (size_t i = 0; i < sizeof(last); i++) {
		struct spec out = sent(IPPROTO_EXPERIMENT, true);
		struct frame frame;

		out.extension = IPPROTO_DSTOPTS;
		out.options_bytes = 40;
		for (int j = 0; j < 5; j++) {
			out.options[j * 8] = IPPROTO_DSTOPTS;
			out.options[j * 8 + 2] = 1; /* PadN of four */
			out.options[j * 8 + 3] = 4;
		}
		out.options[32] = IPPROTO_EXPERIMENT;
		assert_int_equal(send_in(&out, VE_CONTAINER, NULL),
				 ACTION_REDIRECT); /* the control */
		build_frame(&frame, &out, VE_CONTAINER, false);
		frame.data[FIFTH] = IPPROTO_DSTOPTS;
		frame.data[SIXTH] = last[i];
		frame.data[SIXTH + 1] = 0;
		assert_dropped(&frame, VE_CONTAINER, SG_DROP_PROTOCOL);
	}
}

static void fragments_go_by_their_addresses(void **state)
{
	/* a whole packet; then the last fragment of another before its first */
	static const uint16_t places[] = {0, 0x0006, 0x2003, 0x2000};

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct spec out = sent(IPPROTO_GRE, false);
		struct spec in = answered(IPPROTO_GRE, false);
		struct frame frame;

		out.fragment = places[i];
		out.payload_bytes =
			16; /* with the eight that it has, a multiple */
		in.fragment = places[i];
		in.payload_bytes = 16;
		assert_int_equal(send_in(&out, VE_CONTAINER, &frame),
				 ACTION_REDIRECT);
		assert_string_equal(frame_src(&frame), "192.168.7.2");
		assert_int_equal(send_in(&in, ETH0, &frame), ACTION_REDIRECT);
		assert_string_equal(frame_dst(&frame), "10.0.3.2");
	}
}

static void with_strict_none_leaves_any_more(void **state)
{
	struct spec out = sent(IPPROTO_GRE, false);
	struct spec in = answered(IPPROTO_GRE, false);

	(void)state;
	assert_int_equal(send_in(&out, VE_CONTAINER, NULL), ACTION_REDIRECT);
	harness_reload("egress { masquerade = {\"lan\"} }"); /* as it is */
	assert_int_equal(send_in(&in, ETH0, NULL), ACTION_REDIRECT);
	assert_int_equal(send_in(&out, VE_CONTAINER, NULL), ACTION_REDIRECT);
	harness_reload("egress { masquerade = {\"lan\"} strict = on }");
	assert_spec_dropped(&out, VE_CONTAINER, SG_DROP_PROTOCOL);
	assert_int_not_equal(send_in(&in, ETH0, NULL), ACTION_REDIRECT);
	assert_no_flow();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(they_leave_and_their_answers_come_in),
		TEST(a_third_packet_makes_a_flow_of_it),
		TEST(nothing_else_comes_in),
		TEST(errors_about_them_reach_the_container),
		TEST(some_do_not_leave),
		TEST(case_37_a_long_chain_is_no_protocol),
		TEST(fragments_go_by_their_addresses),
		TEST(with_strict_none_leaves_any_more),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
