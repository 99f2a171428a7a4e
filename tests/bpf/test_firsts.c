// SPDX-License-Identifier: GPL-2.0-or-later
/* The first that a later fragment follows, and the first that may come again:
 * one good packet, and one field of it changed. */
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>

#include "probes.h"
#include "segments.h"
#include "sys/clock.h"

#define CUT 512 /* bytes of the first */
#define REST 696
#define FRAGMENT_S 30		/* that a first is remembered */
#define SOMEWHERE "203.0.113.9" /* behind either uplink */

static const struct spec datagram = {
	.src = SOMEWHERE,
	.dst = "10.1.0.2",
	.sport = 40000,
	.dport = 5353,
	.protocol = IPPROTO_UDP,
	.payload_bytes = CUT + REST - 8,
};

static void piece(struct frame *fragment, const struct spec *spec, size_t at,
		  size_t bytes, enum place from)
{
	struct frame whole;

	build_frame(&whole, spec, from, false);
	build_fragment(fragment, &whole, at, bytes,
		       at + bytes < frame_l4_bytes(&whole));
}

static void passes(const struct spec *spec, size_t at, size_t bytes)
{
	struct frame fragment;

	piece(&fragment, spec, at, bytes, TAP0);
	assert_int_equal(run_in(&fragment, TAP0), ACTION_REDIRECT);
}

static void is_dropped(const struct spec *spec, size_t at, size_t bytes,
		       enum sg_reason reason)
{
	struct frame fragment;

	piece(&fragment, spec, at, bytes, TAP0);
	assert_dropped(&fragment, TAP0, reason);
}

static void a_fragment_follows_its_own_first(void **state)
{
	struct spec other = datagram;
	struct frame fragment;

	(void)state;
	passes(&datagram, 0, CUT);
	other.src = "203.0.113.10";
	is_dropped(&other, CUT, REST, SG_DROP_FRAGMENT_HELD);
	other = datagram;
	other.dst = "10.1.0.1";
	is_dropped(&other, CUT, REST, SG_DROP_FRAGMENT_HELD);
	piece(&fragment, &datagram, CUT, REST, TAP0);
	fragment.data[14 + 4] ^= 1; /* its id */
	fix_ip_sum(&fragment);
	assert_dropped(&fragment, TAP0, SG_DROP_FRAGMENT_HELD);
	piece(&fragment, &datagram, CUT, REST, TAP0);
	fragment.data[14 + 9] = IPPROTO_TCP;
	fix_ip_sum(&fragment);
	assert_dropped(&fragment, TAP0, SG_DROP_FRAGMENT_HELD);
	piece(&fragment, &datagram, CUT, REST, ETH0);
	assert_dropped(&fragment, ETH0, SG_DROP_FRAGMENT_HELD);
	passes(&datagram, CUT, REST);
}

static void a_fragment_begins_where_the_first_ends(void **state)
{
	(void)state;
	passes(&datagram, 0, CUT);
	is_dropped(&datagram, CUT - 8, 8, SG_DROP_FRAGMENT_BAD);
	is_dropped(&datagram, 8, 8, SG_DROP_FRAGMENT_BAD);
	passes(&datagram, CUT, 8);
}

/* Each first is a packet of its own, and the others follow the newest. */
static void a_first_may_come_again(void **state)
{
	struct spec other = datagram;

	(void)state;
	passes(&datagram, 0, CUT);
	passes(&datagram, 0, CUT);
	passes(&datagram, 0, CUT + 8);
	is_dropped(&datagram, CUT, 64, SG_DROP_FRAGMENT_BAD);
	other.sport++;
	passes(&other, 0, CUT);
	passes(&other, CUT, 64);
	other.dport++; /* is closed, and nobody's first */
	is_dropped(&other, 0, CUT + 64, SG_DROP_CLOSED_PORT);
	passes(&datagram, CUT + 64, 64);
}

/* As if the only first that is remembered had come so long ago. */
static void age_first(uint32_t seconds)
{
	int fd = gate_test.pins.map_fds[PINS_fragments];
	struct sg_fragment_key key;
	struct sg_fragment first;

	assert_int_equal(bpf_map_get_next_key(fd, NULL, &key), 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &first), 0);
	first.last_s = boot_s() - seconds;
	assert_int_equal(bpf_map_update_elem(fd, &key, &first, BPF_EXIST), 0);
}

static void a_first_is_remembered_for_so_long(void **state)
{
	(void)state;
	passes(&datagram, 0, CUT);
	age_first(FRAGMENT_S - 2);
	passes(&datagram, CUT, 8);
	age_first(FRAGMENT_S + 2);
	is_dropped(&datagram, CUT, 8, SG_DROP_FRAGMENT_HELD);
}

static void a_packet_has_a_last_byte(void **state)
{
	struct frame fragment;

	(void)state;
	passes(&datagram, 0, CUT);
	for (size_t bytes = 7; bytes <= 8; bytes++) {
		piece(&fragment, &datagram, CUT, bytes, TAP0);
		fragment.data[14 + 6] = 0x1f; /* at 65528, and the last */
		fragment.data[14 + 7] = 0xff;
		fix_ip_sum(&fragment);
		if (bytes == 8)
			assert_dropped(&fragment, TAP0, SG_DROP_FRAGMENT_BAD);
		else
			assert_int_equal(run_in(&fragment, TAP0),
					 ACTION_REDIRECT);
	}
}

/* Of TCP the first alone has numbers; one that is refused has no followers. */
static void segments_in_fragments(void **state)
{
	struct spec segment = segment_of(&to_server, PSH | ACK, CLIENT_NEXT,
					 SERVER_NEXT, CUT + REST - 20);

	(void)state;
	establish();
	passes(&segment, 0, CUT);
	passes(&segment, CUT, REST);
	harness_restart(NULL);
	establish();
	segment.seq = FAR;
	is_dropped(&segment, 0, CUT, SG_DROP_TCP_WINDOW);
	is_dropped(&segment, CUT, REST, SG_DROP_FRAGMENT_HELD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fragment_follows_its_own_first),
		TEST(a_fragment_begins_where_the_first_ends),
		TEST(a_first_may_come_again),
		TEST(a_first_is_remembered_for_so_long),
		TEST(a_packet_has_a_last_byte),
		TEST(segments_in_fragments),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
