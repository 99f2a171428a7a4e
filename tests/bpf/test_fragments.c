// SPDX-License-Identifier: GPL-2.0-or-later
/* Fragments: they follow their first, and have no ports but its (RFC 1858,
 * 5722). What holds them is seen on the wire: tests/e2e/test_programs. */
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>

#include "gate/maps.h"
#include "probes.h"

#define CUT 512 /* bytes of the first */
#define IN_IPV6                                                                \
	"container { address6 = \"fd00:3::2\" }\n"                             \
	"forward \"dns\" { protocol = udp ports = {\"5353\"} }"

static const struct spec datagram = {
	.src = "10.1.0.1",
	.dst = "10.1.0.2",
	.sport = 40000,
	.dport = 5353,
	.protocol = IPPROTO_UDP,
	.payload_bytes = 1200,
};

static void cut(const struct spec *spec, struct frame *first,
		struct frame *second)
{
	struct frame whole;
	size_t bytes;

	build_frame(&whole, spec, TAP0, false);
	bytes = frame_l4_bytes(&whole);
	build_fragment(first, &whole, 0, CUT, true);
	build_fragment(second, &whole, CUT, bytes - CUT, false);
}

/* As the container's stack puts it together. */
static void join(struct frame *whole, const struct frame *first,
		 const struct frame *second)
{
	size_t more = frame_l4_bytes(second);
	size_t ahead = (size_t)(frame_l4(first) - first->data);

	*whole = *first;
	memcpy(whole->data + first->bytes, second->data + ahead, more);
	whole->bytes += more;
	whole->data[14 + 2] = (uint8_t)((whole->bytes - 14) >> 8);
	whole->data[14 + 3] = (uint8_t)(whole->bytes - 14);
	memset(whole->data + 14 + 6, 0, 2);
	fix_ip_sum(whole);
}

static void case_22_a_first_fragment_is_translated(void **state)
{
	struct frame second;
	struct frame first;
	struct frame whole;
	struct sg_flow_key key;
	struct sg_flow flow;

	(void)state;
	cut(&datagram, &first, &second);
	assert_int_equal(run_in(&first, TAP0), ACTION_REDIRECT);
	assert_string_equal(frame_dst(&first), "10.0.3.2");
	assert_int_equal(frame_dport(&first), 53);
	assert_int_equal(run_in(&second, TAP0), ACTION_REDIRECT);
	assert_string_equal(frame_dst(&second), "10.0.3.2");
	join(&whole, &first, &second);
	assert_true(sums_are_right(&whole));
	the_flow(&key, &flow);
	assert_int_equal(flow.traffic[SG_IN].packets, 2);
}

static void fragments_go_out_too(void **state)
{
	struct spec spec =
		between("10.0.3.2", "192.168.7.9", 33000, 53, IPPROTO_UDP, 0);
	struct frame container;
	struct frame second;
	struct frame first;
	struct frame whole;

	(void)state;
	spec.payload_bytes = 1200;
	build_frame(&container, &spec, VE_CONTAINER, false);
	cut(&spec, &first, &second);
	memcpy(first.data, container.data, 14);
	memcpy(second.data, container.data, 14);
	assert_int_equal(run_in(&first, VE_CONTAINER), ACTION_REDIRECT);
	assert_int_equal(run_in(&second, VE_CONTAINER), ACTION_REDIRECT);
	assert_string_equal(frame_src(&second), "192.168.7.2");
	join(&whole, &first, &second);
	assert_true(sums_are_right(&whole));
}

static void fragments_in_ipv6(void **state)
{
	struct spec spec = datagram;
	struct frame second;
	struct frame first;

	(void)state;
	harness_restart(IN_IPV6);
	spec.src = "fd00:1::1";
	spec.dst = "fd00:1::2";
	cut(&spec, &first, &second);
	assert_dropped(&second, TAP0, SG_DROP_FRAGMENT_HELD);
	harness_restart(IN_IPV6);
	assert_int_equal(run_in(&first, TAP0), ACTION_REDIRECT);
	assert_string_equal(frame_dst(&first), "fd00:3::2");
	assert_int_equal(run_in(&second, TAP0), ACTION_REDIRECT);
	assert_string_equal(frame_dst(&second), "fd00:3::2");
}

/* A SYN with data in two fragments: a reset that acknowledges all of it is
 * meant, one that acknowledges more is not. */
static void a_syn_in_fragments(const char *src, const char *dst,
			       const char *container)
{
	struct spec spec = between(src, dst, 40000, 22, IPPROTO_TCP, SYN);
	struct spec refusal =
		between(container, src, 22, 40000, IPPROTO_TCP, RST | ACK);
	struct frame second;
	struct frame first;

	harness_restart(IN_IPV6 "forward \"ssh\" { ports = {\"22\"} }");
	spec.payload_bytes = 1200;
	spec.seq = 1000;
	cut(&spec, &first, &second);
	assert_int_equal(run_in(&first, TAP0), ACTION_REDIRECT);
	assert_int_equal(run_in(&second, TAP0), ACTION_REDIRECT);
	refusal.ack = 1000 + 1 + 1200 + 1;
	assert_spec_dropped(&refusal, VE_CONTAINER, SG_DROP_TCP_WINDOW);
	refusal.ack = 1000 + 1 + 1200;
	assert_int_equal(send_in(&refusal, VE_CONTAINER, NULL),
			 ACTION_REDIRECT);
}

/* Data of a connection in two fragments: all of it may be acknowledged. */
static void data_in_fragments(const char *src, const char *dst,
			      const char *container)
{
	struct spec in = between(src, dst, 40001, 22, IPPROTO_TCP, SYN);
	struct spec out =
		between(container, src, 22, 40001, IPPROTO_TCP, SYN | ACK);
	struct frame second;
	struct frame first;

	in.seq = 1000;
	out.seq = 5000;
	out.ack = 1001;
	assert_int_equal(send_in(&in, TAP0, NULL), ACTION_REDIRECT);
	assert_int_equal(send_in(&out, VE_CONTAINER, NULL), ACTION_REDIRECT);
	in.flags = ACK;
	in.seq = 1001;
	in.ack = 5001;
	assert_int_equal(send_in(&in, TAP0, NULL), ACTION_REDIRECT);
	in.payload_bytes = 1200;
	cut(&in, &first, &second);
	assert_int_equal(run_in(&first, TAP0), ACTION_REDIRECT);
	assert_int_equal(run_in(&second, TAP0), ACTION_REDIRECT);
	out.flags = ACK;
	out.seq = 5001;
	out.ack = 1001 + 1200 + 1;
	assert_spec_dropped(&out, VE_CONTAINER, SG_DROP_TCP_WINDOW);
	out.ack = 1001 + 1200;
	assert_int_equal(send_in(&out, VE_CONTAINER, NULL), ACTION_REDIRECT);
}

static void tcp_numbers_go_on_in_later_fragments(void **state)
{
	(void)state;
	a_syn_in_fragments("10.1.0.1", "10.1.0.2", "10.0.3.2");
	data_in_fragments("10.1.0.1", "10.1.0.2", "10.0.3.2");
	a_syn_in_fragments("fd00:1::1", "fd00:1::2", "fd00:3::2");
	data_in_fragments("fd00:1::1", "fd00:1::2", "fd00:3::2");
}

/* A forged later fragment, of the same number and far behind, does not mute the
 * one who sends. */
static void a_forged_later_fragment_mutes_nobody(void **state)
{
	struct spec in = vpn_tcp;
	struct spec out;
	struct frame forged;
	struct frame second;
	struct frame first;
	struct frame whole;

	(void)state;
	harness_restart("forward \"ssh\" { ports = {\"22\"} }");
	open_tcp(&in, TAP0, &out);
	in.flags = ACK;
	in.seq = 1001;
	in.ack = out.seq + 1;
	in.payload_bytes = 1200;
	cut(&in, &first, &second);
	in.payload_bytes = 1460;
	build_frame(&whole, &in, TAP0, false);
	build_fragment(&forged, &whole, 0, 1480, true);
	forged.data[14 + 6] = (uint8_t)(0x20 | (64000 / 8) >> 8);
	forged.data[14 + 7] = (uint8_t)(64000 / 8);
	fix_ip_sum(&forged);
	assert_int_equal(run_in(&first, TAP0), ACTION_REDIRECT);
	assert_int_equal(run_in(&forged, TAP0), ACTION_REDIRECT);
	assert_int_equal(run_in(&second, TAP0), ACTION_REDIRECT);
	in.seq = 1001 + 1200;
	in.payload_bytes = 100;
	assert_int_equal(send_in(&in, TAP0, NULL), ACTION_REDIRECT);
}

/* A first fragment that nobody has checked, before the SYN is answered, says
 * nothing of the numbers by which a reset is believed. */
static void a_forged_first_fragment_resets_nothing(void **state)
{
	struct spec syn =
		between("10.0.3.2", "192.168.7.9", 33000, 80, IPPROTO_TCP, SYN);
	struct spec forged =
		between("192.168.7.9", "192.168.7.2", 80, 0, IPPROTO_TCP, ACK);
	struct sg_flow_key key;
	struct sg_flow flow;
	struct spec answer;
	struct frame first;
	struct frame later;
	struct frame whole;
	struct frame sent;

	(void)state;
	harness_restart(NULL);
	assert_left(&syn, &sent);
	forged.dport = frame_sport(&sent);
	answer = forged;
	answer.flags = SYN | ACK;
	answer.seq = 0x70000000;
	answer.ack = 1001;
	forged.seq = answer.seq + 20000; /* a guess, in the window */
	forged.ack = 0x12345678;
	forged.payload_bytes = 1000;
	build_frame(&whole, &forged, ETH0, false);
	build_fragment(&first, &whole, 0, CUT, true);
	build_fragment(&later, &whole, CUT, 1020 - CUT, false);
	assert_int_equal(run_in(&first, ETH0), ACTION_REDIRECT);
	assert_delivered_to(&answer, ETH0, 33000);
	syn.flags = ACK;
	syn.seq = 1001;
	syn.ack = answer.seq + 1;
	assert_left(&syn, NULL);
	assert_int_equal(run_in(&later, ETH0), ACTION_REDIRECT);
	forged.flags = RST;
	forged.payload_bytes = 0;
	forged.seq += 1000;
	send_in(&forged, ETH0, NULL);
	the_flow(&key, &flow);
	assert_int_equal(flow.state, SG_STATE_ESTABLISHED);
	assert_int_equal(flow.tcp[SG_IN].sent, answer.seq + 1);
}

static void case_23_a_later_fragment_without_a_first(void **state)
{
	struct spec closed = datagram;
	struct frame second;
	struct frame first;
	struct frame again;

	(void)state;
	closed.dport = 5354;
	cut(&closed, &first, &second);
	assert_dropped(&first, TAP0, SG_DROP_CLOSED_PORT);
	for (int i = 0; i < SG_FRAG_QUEUE_SLOTS; i++)
		assert_dropped(&second, TAP0, SG_DROP_FRAGMENT_HELD);
	assert_dropped(&second, TAP0, SG_DROP_FRAGMENT);
	assert_no_flow();
	cut(&datagram, &first, &again);
	again.data[14 + 5]++; /* of another packet */
	fix_ip_sum(&again);
	assert_dropped(&again, TAP0, SG_DROP_FRAGMENT_HELD);
}

static void case_25_overlaps_do_not_change_the_port(void **state)
{
	struct spec other = datagram;
	struct frame overlap;
	struct frame second;
	struct frame whole;
	struct frame first;
	struct frame evil;

	(void)state;
	cut(&datagram, &first, &second);
	assert_int_equal(run_in(&first, TAP0), ACTION_REDIRECT);
	/* another first, to a port that is closed */
	other.dport = 5354;
	cut(&other, &evil, &overlap);
	assert_dropped(&evil, TAP0, SG_DROP_CLOSED_PORT);
	/* pieces over the first's header and data */
	build_frame(&whole, &datagram, TAP0, false);
	for (size_t at = 8; at < CUT; at += 56) {
		build_fragment(&overlap, &whole, at, 64, true);
		assert_dropped(&overlap, TAP0, SG_DROP_FRAGMENT_BAD);
	}
	/* the same once more is nothing new */
	cut(&datagram, &first, &second);
	assert_int_equal(run_in(&first, TAP0), ACTION_REDIRECT);
	assert_int_equal(run_in(&second, TAP0), ACTION_REDIRECT);
}

/* Numbers come again: another packet's first takes the place of what was left
 * of the one before, and nothing is left of one that has all come. */
static void case_157_a_number_that_comes_again(void **state)
{
	struct spec other = datagram;
	struct frame lost;
	struct frame second;
	struct frame first;

	(void)state;
	harness_restart("forward \"dns\" { protocol = udp\n"
			"ports = {\"5353\", \"5355\"} }");
	cut(&datagram, &first, &lost);
	assert_int_equal(run_in(&first, TAP0), ACTION_REDIRECT);
	other.dport = 5355;
	other.payload_bytes = 1000;
	cut(&other, &first, &second);
	assert_int_equal(run_in(&first, TAP0), ACTION_REDIRECT);
	assert_int_equal(frame_dport(&first), 5355);
	assert_int_equal(run_in(&second, TAP0), ACTION_REDIRECT);
	assert_int_equal(flow_count(PINS_half_open), 2);
	/* a later fragment of a third packet waits for its own first */
	cut(&datagram, &first, &second);
	assert_dropped(&second, TAP0, SG_DROP_FRAGMENT_HELD);
}

/* The last may come before one in the middle. */
static void the_last_is_not_the_end(void **state)
{
	struct frame middle;
	struct frame whole;
	struct frame first;
	struct frame last;

	(void)state;
	build_frame(&whole, &datagram, TAP0, false);
	build_fragment(&first, &whole, 0, CUT, true);
	build_fragment(&middle, &whole, CUT, 256, true);
	build_fragment(&last, &whole, CUT + 256,
		       frame_l4_bytes(&whole) - CUT - 256, false);
	assert_int_equal(run_in(&first, TAP0), ACTION_REDIRECT);
	assert_int_equal(run_in(&last, TAP0), ACTION_REDIRECT);
	assert_int_equal(run_in(&middle, TAP0), ACTION_REDIRECT);
}

/* A fragment that comes twice completes no packet: the last one, or another. */
static void case_157_one_that_comes_twice(void **state)
{
	struct spec large = datagram;
	struct frame later[3];
	struct frame whole;
	struct frame first;
	struct frame frame;

	(void)state;
	large.payload_bytes = 1800;
	build_frame(&whole, &large, TAP0, false);
	build_fragment(&later[0], &whole, 512, 512, true);
	build_fragment(&later[1], &whole, 1024, 512, true);
	build_fragment(&later[2], &whole, 1536, 272, false);
	for (size_t twice = 0; twice < 3; twice++) {
		build_fragment(&first, &whole, 0, 512, true);
		assert_int_equal(run_in(&first, TAP0), ACTION_REDIRECT);
		for (size_t i = 0; i < 4; i++) {
			frame = later[i < 2 ? twice : (twice + i - 1) % 3];
			assert_int_equal(run_in(&frame, TAP0), ACTION_REDIRECT);
		}
	}
}

static void two_fragment_headers_in_ipv6(void **state)
{
	struct spec spec = datagram;
	struct frame second;
	struct frame first;
	struct frame frame;

	(void)state;
	harness_restart(IN_IPV6);
	spec.src = "fd00:1::1";
	spec.dst = "fd00:1::2";
	cut(&spec, &first, &second);
	for (int id = 0; id < 2; id++) { /* the first one's: none, or any */
		frame = first;
		memmove(frame.data + 14 + 40 + 8, frame.data + 14 + 40,
			frame.bytes - 14 - 40);
		frame.bytes += 8;
		frame.data[14 + 4] = (uint8_t)((frame.bytes - 54) >> 8);
		frame.data[14 + 5] = (uint8_t)(frame.bytes - 54);
		memset(frame.data + 14 + 40, 0, 8); /* an atomic one */
		frame.data[14 + 40] = 44;
		frame.data[14 + 40 + 7] = (uint8_t)id;
		assert_dropped(&frame, TAP0, SG_DROP_IP_OPTION);
	}
}

static void case_26_a_tiny_first_fragment(void **state)
{
	struct spec syn = datagram;
	struct frame whole;
	struct frame first;

	(void)state;
	syn.protocol = IPPROTO_TCP;
	syn.flags = SYN;
	syn.dport = 22;
	syn.tcp_options_bytes = 20;
	memset(syn.tcp_options, 1, 20);
	build_frame(&whole, &syn, TAP0, false);
	for (size_t bytes = 8; bytes < 40; bytes += 8) {
		build_fragment(&first, &whole, 0, bytes, true);
		assert_dropped(&first, TAP0, SG_DROP_FRAGMENT_BAD);
	}
	for (size_t bytes = 41; bytes < 48; bytes++) { /* not in eights */
		build_fragment(&first, &whole, 0, bytes, true);
		assert_dropped(&first, TAP0, SG_DROP_FRAGMENT_BAD);
	}
	build_fragment(&first, &whole, 0, 48, true);
	assert_int_equal(run_in(&first, TAP0), ACTION_REDIRECT);
}

static void case_27_a_fragment_beyond_the_end(void **state)
{
	struct frame second;
	struct frame first;

	(void)state;
	cut(&datagram, &first, &second);
	assert_int_equal(run_in(&first, TAP0), ACTION_REDIRECT);
	second.data[14 + 6] = 0x1f;
	second.data[14 + 7] = 0xff;
	fix_ip_sum(&second);
	assert_dropped(&second, TAP0, SG_DROP_FRAGMENT_BAD);
	cut(&datagram, &first, &second);
	assert_int_equal(run_in(&second, TAP0), ACTION_REDIRECT);
}

static void a_closed_grant_stops_later_fragments(void **state)
{
	struct spec spec = datagram;
	struct frame second;
	struct frame first;

	(void)state;
	spec.src = "192.168.7.9";
	spec.dst = "192.168.7.2";
	cut(&spec, &first, &second);
	memcpy(first.data, (const uint8_t[])ETH0_MAC, 6);
	memcpy(second.data, (const uint8_t[])ETH0_MAC, 6);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	assert_int_equal(run_in(&first, ETH0), ACTION_REDIRECT);
	harness_grant(SG_GRANT_LAN_ACCESS, 0, 0);
	assert_dropped(&second, ETH0, SG_DROP_GRANT_CLOSED);
}

/* The first came by another CPU, in whose clock a second has just begun. */
static void a_later_fragment_by_a_cpu_that_is_behind(void **state)
{
	int fd = gate_test.pins.map_fds[PINS_fragments];
	struct sg_fragment_key key;
	struct sg_fragment entry;
	struct frame second;
	struct frame first;

	(void)state;
	cut(&datagram, &first, &second);
	assert_int_equal(run_in(&first, TAP0), ACTION_REDIRECT);
	assert_int_equal(bpf_map_get_next_key(fd, NULL, &key), 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &entry), 0);
	entry.last_s++;
	assert_int_equal(bpf_map_update_elem(fd, &key, &entry, BPF_EXIST), 0);
	assert_int_equal(run_in(&second, TAP0), ACTION_REDIRECT);
}

static void pings_in_fragments_are_the_hosts(void **state)
{
	struct spec ping =
		between("10.1.0.1", "10.1.0.2", 77, 0, IPPROTO_ICMP, 0);
	struct frame second;
	struct frame first;

	(void)state;
	ping.payload_bytes = 1200;
	cut(&ping, &first, &second);
	assert_frame_passed(&first, TAP0);
	assert_frame_passed(&second, TAP0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_22_a_first_fragment_is_translated),
		TEST(fragments_go_out_too),
		TEST(fragments_in_ipv6),
		TEST(tcp_numbers_go_on_in_later_fragments),
		TEST(a_forged_later_fragment_mutes_nobody),
		TEST(a_forged_first_fragment_resets_nothing),
		TEST(case_23_a_later_fragment_without_a_first),
		TEST(case_25_overlaps_do_not_change_the_port),
		TEST(case_157_a_number_that_comes_again),
		TEST(case_157_one_that_comes_twice),
		TEST(the_last_is_not_the_end),
		TEST(two_fragment_headers_in_ipv6),
		TEST(case_26_a_tiny_first_fragment),
		TEST(case_27_a_fragment_beyond_the_end),
		TEST(a_closed_grant_stops_later_fragments),
		TEST(a_later_fragment_by_a_cpu_that_is_behind),
		TEST(pings_in_fragments_are_the_hosts),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
