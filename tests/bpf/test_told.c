// SPDX-License-Identifier: GPL-2.0-or-later
/* The gate's own answers, resets and ICMP errors: what is in them, who gets
 * none, and how many go out. */
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "probes.h"
#include "sys/clock.h"

#define RESETS_PER_S 100
#define ERRORS_AT_ONCE 6
#define NUMBER 0x01020304

/* bpf/reject.h */
struct bucket {
	uint32_t filled_s;
	uint32_t spent;
};

static const struct spec stray = {
	.src = "10.0.3.2",
	.dst = "10.1.0.1",
	.sport = 22,
	.dport = 40000,
	.protocol = IPPROTO_TCP,
	.flags = ACK,
	.ack = NUMBER,
};

static size_t answers_to(const struct spec *spec, enum place at, size_t tries)
{
	size_t answers = 0;

	while (tries--)
		answers += send_in(spec, at, NULL) == ACTION_REDIRECT;
	return answers;
}

static uint32_t number_at(const struct frame *frame, size_t at)
{
	const uint8_t *l4 = frame_l4(frame) + at;

	return (uint32_t)l4[0] << 24 | (uint32_t)l4[1] << 16 |
	       (uint32_t)l4[2] << 8 | l4[3];
}

/* RFC 9293 3.5.2: the number that was acknowledged, and nothing else. */
static void assert_reset(const struct spec *spec, enum place at)
{
	struct frame before;
	struct frame frame;

	build_frame(&before, spec, at, false);
	frame = before;
	assert_int_equal(run_in(&frame, at), ACTION_REDIRECT);
	assert_memory_equal(frame.data, before.data + 6, 6);
	assert_memory_equal(frame.data + 6, before.data, 6);
	assert_string_equal(frame_src(&frame), frame_dst(&before));
	assert_string_equal(frame_dst(&frame), frame_src(&before));
	assert_int_equal(frame_sport(&frame), frame_dport(&before));
	assert_int_equal(frame_dport(&frame), frame_sport(&before));
	assert_int_equal(frame_l4_bytes(&frame), 20);
	assert_int_equal(number_at(&frame, 4), spec->ack);
	assert_int_equal(number_at(&frame, 8), 0);
	assert_int_equal(frame_l4(&frame)[12], 5 << 4);
	assert_int_equal(frame_l4(&frame)[13], RST);
	assert_true(sums_are_right(&frame));
}

static void a_reset_says_what_was_acknowledged(void **state)
{
	struct spec in = vpn_tcp;
	struct spec out = stray;

	(void)state;
	harness_restart("container { address6 = \"fd00:3::2\" }\n"
			"forward \"ssh\" { ports = {\"22\"} }\n");
	out.payload_bytes = 100;
	assert_reset(&out, VE_CONTAINER);
	out.flags = FIN | ACK;
	assert_reset(&out, VE_CONTAINER);
	in.flags = ACK;
	in.ack = NUMBER;
	assert_reset(&in, TAP0);
	in.src = "fd00:1::1";
	in.dst = "fd00:1::2";
	assert_reset(&in, TAP0);
	out.src = "fd00:3::2";
	out.dst = "fd00:1::1";
	assert_reset(&out, VE_CONTAINER);
}

static void a_reset_is_not_answered(void **state)
{
	struct spec spec = stray;

	(void)state;
	spec.flags = RST;
	assert_spec_dropped(&spec, VE_CONTAINER, SG_DROP_NO_FLOW);
	spec.flags = RST | ACK;
	assert_spec_dropped(&spec, VE_CONTAINER, SG_DROP_NO_FLOW);
}

/* A forward does not tell those it is closed to that it is there. */
static void who_may_not_ask_is_not_reset(void **state)
{
	struct spec lan = between("192.168.7.9", "192.168.7.2", 40000, 22,
				  IPPROTO_TCP, ACK);
	struct spec vpn = vpn_tcp;

	(void)state;
	assert_spec_dropped(&lan, ETH0, SG_DROP_NO_FLOW);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	assert_reset(&(struct spec){.src = lan.src,
				    .dst = lan.dst,
				    .sport = lan.sport,
				    .dport = lan.dport,
				    .protocol = lan.protocol,
				    .flags = ACK,
				    .ack = NUMBER},
		     ETH0);
	vpn.flags = ACK;
	vpn.dport = 8080; /* from 10.1.0.0/28 alone */
	vpn.src = "10.1.0.16";
	assert_spec_dropped(&vpn, TAP0, SG_DROP_NO_FLOW);
	vpn.src = "10.1.0.15";
	vpn.ack = NUMBER;
	assert_reset(&vpn, TAP0);
	vpn.dport = 4000; /* no forward */
	assert_spec_dropped(&vpn, TAP0, SG_DROP_NO_FLOW);
}

static void so_many_resets_go_out_in_a_second(void **state)
{
	const struct timespec second = {.tv_sec = 1};

	(void)state;
	nanosleep(&second, NULL); /* other tests have had this one's */
	for (int i = 0; i < 2; i++) {
		wait_for_mid_second();
		assert_int_equal(
			answers_to(&stray, VE_CONTAINER, RESETS_PER_S + 20),
			RESETS_PER_S);
		nanosleep(&second, NULL);
	}
}

/* A flood from one role draws none of another's. */
static void resets_of_a_role_are_its_own(void **state)
{
	const struct timespec second = {.tv_sec = 1};
	struct spec lan = between("192.168.7.9", "192.168.7.2", 40000, 22,
				  IPPROTO_TCP, ACK);
	struct spec vpn = vpn_tcp;

	(void)state;
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	nanosleep(&second, NULL);
	wait_for_mid_second();
	assert_int_equal(answers_to(&lan, ETH0, RESETS_PER_S + 20),
			 RESETS_PER_S);
	vpn.flags = ACK;
	vpn.ack = NUMBER;
	assert_reset(&vpn, TAP0);
}

/* A map of the program's own, by its name. */
static int map_named(int program_fd, const char *name)
{
	__u32 ids[64];
	struct bpf_prog_info info = {.nr_map_ids = 64,
				     .map_ids = (uintptr_t)ids};
	__u32 bytes = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(program_fd, &info, &bytes), 0);
	for (__u32 i = 0; i < info.nr_map_ids; i++) {
		int fd = bpf_map_get_fd_by_id(ids[i]);
		struct bpf_map_info map = {0};

		bytes = sizeof(map);
		if (bpf_obj_get_info_by_fd(fd, &map, &bytes) == 0 &&
		    strcmp(map.name, name) == 0)
			return fd;
		close(fd);
	}
	fail_msg("no map %s", name);
	return -1;
}

/* So many errors were sent, up to a second so long ago. */
static void set_bucket(uint32_t ago_s, uint32_t spent)
{
	int fd = map_named(gate_test.program_fds[DATAPLANE_sg_container_in],
			   "tell_bucket");
	struct bucket bucket = {boot_s() - ago_s, spent};
	__u32 zero = 0;

	assert_int_equal(bpf_map_update_elem(fd, &zero, &bucket, BPF_ANY), 0);
	close(fd);
}

static void so_many_errors_go_out_in_a_second(void **state)
{
	static const struct {
		uint32_t ago_s;
		uint32_t spent;
		size_t answers;
	} cases[] = {
		{0, 0, ERRORS_AT_ONCE},
		{0, 4, ERRORS_AT_ONCE - 4},
		{0, ERRORS_AT_ONCE, 0},
		{1, ERRORS_AT_ONCE, 1},
		{2, ERRORS_AT_ONCE, 2},
		{2, 3, ERRORS_AT_ONCE - 1},
		{5, ERRORS_AT_ONCE, 5},
		{100, ERRORS_AT_ONCE, ERRORS_AT_ONCE},
		{100, 3, ERRORS_AT_ONCE},
		{(uint32_t)-1, ERRORS_AT_ONCE, 0}, /* by a CPU that is ahead */
	};
	struct spec spec =
		between("10.0.3.2", "10.1.0.1", 33000, 53, IPPROTO_UDP, 0);

	(void)state;
	spec.ttl = 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		wait_for_mid_second();
		set_bucket(cases[i].ago_s, cases[i].spent);
		assert_int_equal(answers_to(&spec, VE_CONTAINER, 10),
				 cases[i].answers);
	}
}

/* RFC 1122 3.2.2: no error about a fragment that is not the first. */
static void a_later_fragment_is_not_told_of(void **state)
{
	struct spec spec =
		between("10.0.3.2", "10.1.0.1", 33000, 53, IPPROTO_UDP, 0);
	struct frame fragment;
	struct frame whole;

	(void)state;
	spec.payload_bytes = 1200;
	build_frame(&whole, &spec, VE_CONTAINER, false);
	build_fragment(&fragment, &whole, 0, 512, true);
	assert_int_equal(run_in(&fragment, VE_CONTAINER), ACTION_REDIRECT);
	build_fragment(&fragment, &whole, 512, 512, true);
	fragment.data[14 + 8] = 1;
	fix_ip_sum(&fragment);
	wait_for_mid_second();
	set_bucket(100, 0);
	assert_dropped(&fragment, VE_CONTAINER, SG_DROP_TTL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reset_says_what_was_acknowledged),
		TEST(a_reset_is_not_answered),
		TEST(who_may_not_ask_is_not_reset),
		TEST(so_many_resets_go_out_in_a_second),
		TEST(resets_of_a_role_are_its_own),
		TEST(so_many_errors_go_out_in_a_second),
		TEST(a_later_fragment_is_not_told_of),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
