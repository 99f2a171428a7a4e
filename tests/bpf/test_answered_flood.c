// SPDX-License-Identifier: GPL-2.0-or-later
/* A flood whose SYNs the container answers, from the VPN itself: the handshake
 * of an expert who is far away outlasts what comes in one round trip. */
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <stdio.h>

#include "probes.h"

#define OPEN "forward \"ssh\" { ports = {\"22\"} }\n"

/* SYNs from the VPN, from number `first` on, each from another end; of `each`
 * of them one is answered, in no order. */
static void flood_answered(unsigned int first, unsigned int packets,
			   unsigned int each)
{
	char source[INET_ADDRSTRLEN] = "";
	struct spec flood = vpn_tcp;
	struct spec answer =
		between("10.0.3.2", source, 22, 0, IPPROTO_TCP, SYN | ACK);

	flood.src = source;
	for (unsigned int i = first; i < first + packets; i++) {
		snprintf(source, sizeof(source), "10.1.0.%u", 3 + i / 50000);
		flood.sport = (uint16_t)(1024 + i % 50000);
		answer.dport = flood.sport;
		assert_int_equal(send_in(&flood, TAP0, NULL), ACTION_REDIRECT);
		if (each == 1 || (i * 2654435761U >> 16) % each == 0)
			assert_int_equal(send_in(&answer, VE_CONTAINER, NULL),
					 ACTION_REDIRECT);
	}
}

/* Half-open flows of a share that had to make room. */
static uint32_t forgotten(enum sg_table table, enum sg_share share)
{
	uint32_t ring = SG_RING(table, share);
	struct sg_gc_hand hand;

	assert_int_equal(
		bpf_map_lookup_elem(gate_test.pins.map_fds[PINS_gc_hand], &ring,
				    &hand),
		0);
	return hand.forgotten;
}

static void assert_outlasts(unsigned int flood_packets)
{
	struct spec expert = vpn_tcp;
	struct spec reply = between("10.0.3.2", expert.src, 22, expert.sport,
				    IPPROTO_TCP, SYN | ACK);

	harness_restart(OPEN);
	assert_int_equal(send_in(&expert, TAP0, NULL), ACTION_REDIRECT);
	assert_int_equal(send_in(&reply, VE_CONTAINER, NULL), ACTION_REDIRECT);
	flood_answered(0, flood_packets, 1);
	expert.flags = ACK;
	assert_int_equal(send_in(&expert, TAP0, NULL), ACTION_REDIRECT);
	assert_int_equal(flow_count(PINS_flows), 1);
}

/* The control: as many as the VPN's part has room for. */
static void a_handshake_outlasts_a_short_flood(void **state)
{
	(void)state;
	assert_outlasts(4000);
}

/* 50,000 a second, and a round trip of 300 ms */
static void case_168_a_handshake_outlasts_an_answered_flood(void **state)
{
	(void)state;
	assert_outlasts(15000);
}

/* 3000 a second, for long, half of them answered; and 40 handshakes, one after
 * the other, each of which takes 300 ms: the oldest of 4096 is forgotten first,
 * which is 1.3 s old. */
static void case_168_the_oldest_is_forgotten_first(void **state)
{
	struct spec expert = vpn_tcp;
	struct spec reply =
		between("10.0.3.2", expert.src, 22, 0, IPPROTO_TCP, SYN | ACK);

	(void)state;
	harness_restart(OPEN);
	flood_answered(0, 16384, 2);
	for (unsigned int i = 0; i < 40; i++) {
		expert.sport = (uint16_t)(2000 + i);
		reply.dport = expert.sport;
		expert.flags = SYN;
		assert_int_equal(send_in(&expert, TAP0, NULL), ACTION_REDIRECT);
		assert_int_equal(send_in(&reply, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
		flood_answered(16384 + i * 900, 900, 2);
		expert.flags = ACK;
		send_in(&expert, TAP0, NULL);
	}
	assert_int_equal(flow_count(PINS_flows), 40);
}

/* The container connects, and scans other ports meanwhile, which do not answer.
 */
static void assert_outlasts_scan(unsigned int probes)
{
	struct spec syn =
		between("10.0.3.2", "192.168.7.9", 40000, 7, IPPROTO_TCP, SYN);
	struct spec scan =
		between("10.0.3.2", "192.168.7.77", 40001, 1, IPPROTO_TCP, SYN);
	struct spec answer;
	struct frame sent;

	harness_restart(OPEN);
	assert_int_equal(send_in(&syn, VE_CONTAINER, &sent), ACTION_REDIRECT);
	answer = answer_to(&sent, IPPROTO_TCP, SYN | ACK);
	for (unsigned int i = 0; i < probes; i++, scan.dport++)
		assert_int_equal(send_in(&scan, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
	assert_int_equal(send_in(&answer, ETH0, NULL), ACTION_REDIRECT);
}

/* Of each kind the oldest alone, and all of them are counted. */
static void the_forgotten_are_counted(void **state)
{
	struct spec scan =
		between("10.0.3.2", "192.168.7.77", 40001, 1, IPPROTO_TCP, SYN);

	(void)state;
	harness_restart(OPEN "limits { flows = 64  half-open = 128 }");
	for (unsigned int i = 0; i < 21; i++, scan.dport++)
		assert_int_equal(send_in(&scan, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
	assert_int_equal(forgotten(SG_TABLE_HALF_OPEN, SG_SHARE_CONTAINER), 5);
	assert_int_equal(flow_count(PINS_half_open), 16);
	flood_answered(0, 39, 1);
	assert_int_equal(forgotten(SG_TABLE_HALF_OPEN, SG_SHARE_VPN), 0);
	assert_int_equal(forgotten(SG_TABLE_ANSWERED, SG_SHARE_VPN), 23);
	assert_int_equal(flow_count(PINS_half_open), 32);
}

/* A flow that was over anyway is not said to have been forgotten. */
static void the_expired_are_not_counted(void **state)
{
	struct spec scan =
		between("10.0.3.2", "192.168.7.77", 40001, 1, IPPROTO_TCP, SYN);

	(void)state;
	harness_restart(OPEN "limits { flows = 64  half-open = 128 }");
	for (unsigned int i = 0; i < 16; i++, scan.dport++)
		assert_int_equal(send_in(&scan, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
	age_flows(PINS_half_open, 3600);
	for (unsigned int i = 0; i < 16; i++, scan.dport++)
		assert_int_equal(send_in(&scan, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
	assert_int_equal(forgotten(SG_TABLE_HALF_OPEN, SG_SHARE_CONTAINER), 0);
}

static void a_handshake_outlasts_a_short_scan(void **state)
{
	(void)state;
	assert_outlasts_scan(4000);
}

/* 26,000 a second, and a round trip of 300 ms */
static void case_168_a_handshake_outlasts_a_scan(void **state)
{
	(void)state;
	assert_outlasts_scan(8000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_handshake_outlasts_a_short_flood),
		TEST(case_168_a_handshake_outlasts_an_answered_flood),
		TEST(case_168_the_oldest_is_forgotten_first),
		TEST(the_forgotten_are_counted),
		TEST(the_expired_are_not_counted),
		TEST(a_handshake_outlasts_a_short_scan),
		TEST(case_168_a_handshake_outlasts_a_scan),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
