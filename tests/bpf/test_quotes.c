// SPDX-License-Identifier: GPL-2.0-or-later
/* The quotes that ICMP errors carry: one that is right, and one thing of it
 * that is not. */
#include <netinet/in.h>
#include <string.h>

#include "probes.h"
#include "segments.h"

#define ACK_AGE 66000 /* bpf/tcp_window.h */
#define LEAST 28      /* bytes quoted: an IP header, and eight */
#define UDP_CHECK 6

static const struct spec from_vpn = {
	.src = "10.1.0.9",
	.dst = "10.1.0.2",
	.protocol = IPPROTO_ICMP,
	.icmp_type = 3,
};

static const struct spec from_lan6 = {
	.src = "fd00:7::1",
	.dst = "fd00:7::2",
	.protocol = IPPROTO_ICMPV6,
	.icmp_type = 1,
};

static void passes(const struct spec *outer, const struct frame *quoted,
		   size_t bytes, enum place at)
{
	struct frame error;

	build_error(&error, outer, 0, quoted, bytes, at);
	assert_int_equal(run_in(&error, at), ACTION_REDIRECT);
	assert_true(sums_are_right(&error));
}

static void is_dropped(const struct spec *outer, const struct frame *quoted,
		       size_t bytes, enum place at, enum sg_reason reason)
{
	struct frame error;

	build_error(&error, outer, 0, quoted, bytes, at);
	assert_dropped(&error, at, reason);
}

/* A segment of the server's, as the client's side has seen it. */
static void server_sent(struct frame *ret_quoted, uint32_t seq)
{
	struct spec spec = segment_of(&to_client, ACK, seq, CLIENT_NEXT, 0);

	spec.src = "10.1.0.2";
	build_frame(ret_quoted, &spec, TAP0, true);
}

/* RFC 5927 4.1: of what was sent, or may be under way still. */
static void a_number_that_was_sent(void **state)
{
	struct frame quoted;

	(void)state;
	establish();
	PASSES(server(PSH | ACK, SERVER_NEXT, CLIENT_NEXT, 500));
	server_sent(&quoted, SERVER_NEXT + 500);
	passes(&from_vpn, &quoted, LEAST, TAP0);
	server_sent(&quoted, SERVER_NEXT + 501);
	is_dropped(&from_vpn, &quoted, LEAST, TAP0, SG_DROP_ICMP_ERROR);
	server_sent(&quoted, SERVER_NEXT - ACK_AGE);
	passes(&from_vpn, &quoted, LEAST, TAP0);
	server_sent(&quoted, SERVER_NEXT - ACK_AGE - 1);
	is_dropped(&from_vpn, &quoted, LEAST, TAP0, SG_DROP_ICMP_ERROR);
}

/* The container tells nobody of what it was not sent. */
static void the_containers_own_packets_alone(void **state)
{
	struct spec host = between("192.168.7.2", "192.168.7.9", 40000, 53,
				   IPPROTO_UDP, 0);
	struct spec outer =
		between("10.0.3.2", "192.168.7.2", 0, 0, IPPROTO_ICMP, 0);
	struct frame quoted;
	struct frame error;

	(void)state;
	outer.icmp_type = 3;
	assert_int_equal(send_out(&host, ETH0, NULL), ACTION_PASS);
	build_frame(&quoted, &host, ETH0, true);
	is_dropped(&outer, &quoted, LEAST, VE_CONTAINER, SG_DROP_ICMP_ERROR);
	outer.src = "10.0.3.9"; /* nor as another */
	is_dropped(&outer, &quoted, LEAST, VE_CONTAINER, SG_DROP_SPOOFED);
	outer.src = "10.0.3.2";
	/* what the host has sent to it, it may tell the host of */
	host.src = "10.0.3.1";
	host.dst = "10.0.3.2";
	outer.dst = "10.0.3.1";
	assert_int_equal(send_out(&host, VE_CONTAINER, NULL), ACTION_PASS);
	build_frame(&quoted, &host, VE_CONTAINER, true);
	build_error(&error, &outer, 0, &quoted, LEAST, VE_CONTAINER);
	assert_frame_passed(&error, VE_CONTAINER);
}

static void nobody_whose_grant_is_closed(void **state)
{
	struct spec ask = between("192.168.7.9", "192.168.7.2", 40000, 5353,
				  IPPROTO_UDP, 0);
	struct spec answer = between("192.168.7.2", "192.168.7.9", 5353, 40000,
				     IPPROTO_UDP, 0);
	struct spec outer = from_vpn;
	struct frame quoted;

	(void)state;
	outer.src = "192.168.7.9";
	outer.dst = "192.168.7.2";
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	assert_delivered(&ask, ETH0);
	build_frame(&quoted, &answer, ETH0, true);
	passes(&outer, &quoted, LEAST, ETH0);
	harness_grant(SG_GRANT_LAN_ACCESS, 0, 0);
	is_dropped(&outer, &quoted, LEAST, ETH0, SG_DROP_GRANT_CLOSED);
	assert_no_flow();
}

/* A later fragment has no ports: what stands there are not any. */
static void a_fragment_that_is_the_first(void **state)
{
	struct spec out =
		between("10.0.3.2", "10.1.0.1", 33000, 53, IPPROTO_UDP, 0);
	struct frame quoted;
	struct frame sent;

	(void)state;
	out.payload_bytes = 64;
	assert_left(&out, &sent);
	build_fragment(&quoted, &sent, 0, 64, true);
	passes(&from_vpn, &quoted, LEAST, TAP0);
	quoted.data[14 + 7] = 8; /* offset 64 */
	fix_ip_sum(&quoted);
	is_dropped(&from_vpn, &quoted, LEAST, TAP0, SG_DROP_ICMP_ERROR);
}

static void a_fragment_that_is_the_first_in_ipv6(void **state)
{
	struct spec out =
		between("fd00:3::2", "fd00:7::9", 33000, 53, IPPROTO_UDP, 0);
	struct frame quoted;
	struct frame sent;

	(void)state;
	harness_restart("container { address6 = \"fd00:3::2\" }");
	out.payload_bytes = 64;
	assert_int_equal(send_in(&out, VE_CONTAINER, &sent), ACTION_REDIRECT);
	build_fragment(&quoted, &sent, 0, 64, true);
	passes(&from_lan6, &quoted, 40 + 8 + 64, ETH0);
	quoted.data[14 + 40 + 3] = 64 | 1;
	is_dropped(&from_lan6, &quoted, 40 + 8 + 64, ETH0, SG_DROP_ICMP_ERROR);
}

/* RFC 768: no sum is none behind the gate, too. */
static void a_datagram_without_a_sum(void **state)
{
	struct spec out =
		between("10.0.3.2", "10.1.0.1", 33000, 53, IPPROTO_UDP, 0);
	struct frame quoted;
	struct frame error;
	struct frame sent;

	(void)state;
	out.no_udp_sum = true;
	assert_left(&out, &sent);
	build_error(&error, &from_vpn, 0, &sent, LEAST, TAP0);
	assert_int_equal(run_in(&error, TAP0), ACTION_REDIRECT);
	frame_quoted(&error, &quoted);
	assert_int_equal(frame_l4(&quoted)[UDP_CHECK], 0);
	assert_int_equal(frame_l4(&quoted)[UDP_CHECK + 1], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_number_that_was_sent),
		TEST(the_containers_own_packets_alone),
		TEST(nobody_whose_grant_is_closed),
		TEST(a_fragment_that_is_the_first),
		TEST(a_fragment_that_is_the_first_in_ipv6),
		TEST(a_datagram_without_a_sum),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
