// SPDX-License-Identifier: GPL-2.0-or-later
/* The flow table over time: TCP's states, expiry, a table that is full. */
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "maps.h"

static const struct spec syn = {
	.src = "10.1.0.1",
	.dst = "10.1.0.2",
	.sport = 40000,
	.dport = 22,
	.protocol = IPPROTO_TCP,
	.flags = SYN,
};

static int inward(uint8_t flags)
{
	struct spec spec = syn;

	spec.flags = flags;
	return send_in(&spec, TAP0, NULL);
}

static int outward(uint8_t flags)
{
	struct spec spec = {.src = "10.0.3.2",
			    .dst = "10.1.0.1",
			    .sport = 22,
			    .dport = 40000,
			    .protocol = IPPROTO_TCP,
			    .flags = flags};

	return send_in(&spec, VE_CONTAINER, NULL);
}

static enum sg_state state_now(void)
{
	struct sg_flow_key key;
	struct sg_flow flow;

	the_flow(&key, &flow);
	return (enum sg_state)flow.state;
}

/* As if every flow had been idle for so long. */
static void age(enum pins_map map, uint64_t seconds)
{
	int fd = gate_test.pins.map_fds[map];
	struct sg_flow_key *keys = NULL;
	struct sg_flow *flows = NULL;
	struct timespec now;
	uint32_t then_s;
	size_t count;

	clock_gettime(CLOCK_BOOTTIME, &now);
	then_s = (uint32_t)now.tv_sec - (uint32_t)seconds;
	assert_int_equal(maps_read(fd, sizeof(*keys), sizeof(*flows),
				   (void **)&keys, (void **)&flows, &count),
			 0);
	for (size_t i = 0; i < count; i++) {
		flows[i].last_s = then_s;
		assert_int_equal(
			bpf_map_update_elem(fd, &keys[i], &flows[i], BPF_EXIST),
			0);
	}
	free(keys);
	free(flows);
}

static void establish(void)
{
	struct spec reply;

	open_tcp(&syn, TAP0, &reply);
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
}

static void case_62_nothing_but_a_syn_begins(void **state)
{
	static const uint8_t flags[] = {ACK, FIN | ACK, RST, RST | ACK,
					SYN | ACK};

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++)
		assert_int_equal(inward(flags[i]), ACTION_DROP);
	assert_int_equal(drops_of(TAP0, SG_DROP_NO_FLOW), sizeof(flags));
	assert_int_equal(flow_count(PINS_half_open), 0);
	assert_int_equal(inward(SYN), ACTION_REDIRECT);
}

static void handshake_out_of_order_is_refused(void **state)
{
	(void)state;
	assert_int_equal(inward(SYN), ACTION_REDIRECT);
	assert_int_equal(inward(ACK), ACTION_DROP);	/* before the answer */
	assert_int_equal(inward(SYN), ACTION_REDIRECT); /* once more: fine */
	assert_int_equal(outward(SYN | ACK), ACTION_REDIRECT);
	assert_int_equal(state_now(), SG_STATE_SYN_RECEIVED);
	assert_int_equal(outward(SYN | ACK), ACTION_REDIRECT);
	assert_int_equal(inward(PSH | ACK), ACTION_REDIRECT);
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
	assert_int_equal(flow_count(PINS_half_open), 0);
}

static void both_ends_close(void **state)
{
	(void)state;
	establish();
	assert_int_equal(inward(FIN | ACK), ACTION_REDIRECT);
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED); /* half closed */
	assert_int_equal(outward(PSH | ACK), ACTION_REDIRECT);
	assert_int_equal(outward(FIN | ACK), ACTION_REDIRECT);
	assert_int_equal(state_now(), SG_STATE_CLOSING);
	assert_int_equal(inward(ACK), ACTION_REDIRECT);
}

static void a_reset_ends_it(void **state)
{
	(void)state;
	establish();
	assert_int_equal(outward(RST), ACTION_REDIRECT);
	assert_int_equal(state_now(), SG_STATE_RESET);
	/* the receiver may not have believed it, and says so; it is over soon
	 * all the same */
	age(PINS_flows, 9);
	assert_int_equal(inward(ACK), ACTION_REDIRECT);
	age(PINS_flows, 12);
	assert_int_equal(inward(ACK), ACTION_DROP);
	assert_int_equal(outward(ACK), ACTION_DROP);
}

static void a_refused_connection_can_be_tried_again(void **state)
{
	(void)state;
	assert_int_equal(inward(SYN), ACTION_REDIRECT);
	assert_int_equal(outward(RST | ACK), ACTION_REDIRECT);
	assert_int_equal(inward(SYN), ACTION_REDIRECT);
	assert_int_equal(outward(SYN | ACK), ACTION_REDIRECT);
	assert_int_equal(inward(ACK), ACTION_REDIRECT);
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
}

static void case_69_a_closed_tuple_is_used_again(void **state)
{
	struct sg_flow_key key;
	struct sg_flow flow;

	(void)state;
	establish();
	inward(FIN | ACK);
	outward(FIN | ACK);
	assert_int_equal(inward(SYN), ACTION_REDIRECT);
	assert_int_equal(the_flow(&key, &flow), PINS_half_open);
	assert_int_equal(flow.traffic[SG_IN].packets, 1); /* a new one */
	outward(SYN | ACK);
	inward(ACK);
	outward(RST);
	assert_int_equal(inward(SYN), ACTION_REDIRECT);
	assert_int_equal(state_now(), SG_STATE_SYN_SENT);
}

#define YOUNG "timeouts { tcp-established = \"30s\"  tcp-half-open = \"20s\" }"
#define SSH "forward \"ssh\" { ports = {\"22\"} }\n"

static void case_74_what_has_expired_is_gone(void **state)
{
	(void)state;
	harness_restart(SSH YOUNG);
	establish();
	age(PINS_flows, 28);
	assert_int_equal(outward(ACK), ACTION_REDIRECT); /* and refreshed */
	age(PINS_flows, 32);
	assert_int_equal(outward(ACK), ACTION_DROP);
	assert_int_equal(inward(ACK), ACTION_DROP);
	assert_int_equal(flow_count(PINS_flows), 0);
	assert_int_equal(inward(SYN), ACTION_REDIRECT);
	age(PINS_half_open, 22);
	assert_int_equal(outward(SYN | ACK), ACTION_DROP);
}

static void case_64_a_full_table_refuses_the_new(void **state)
{
	struct spec spec = syn;
	struct spec reply;

	(void)state;
	harness_restart(SSH YOUNG " limits { flows = 16  half-open = 64 }");
	for (int i = 0; i < 16; i++) {
		spec.sport = (uint16_t)(41000 + i);
		open_tcp(&spec, TAP0, &reply);
	}
	assert_int_equal(flow_count(PINS_flows), 16);
	assert_int_equal(inward(SYN), ACTION_REDIRECT);
	assert_int_equal(outward(SYN | ACK), ACTION_REDIRECT);
	assert_int_equal(inward(ACK), ACTION_DROP);
	assert_int_equal(drops_of(TAP0, SG_DROP_TABLE_FULL), 1);
	/* the established are none the worse */
	spec.flags = ACK;
	for (int i = 0; i < 16; i++) {
		spec.sport = (uint16_t)(41000 + i);
		assert_int_equal(send_in(&spec, TAP0, NULL), ACTION_REDIRECT);
	}
	/* and when they have expired, the new finds room by itself */
	age(PINS_flows, 40);
	assert_int_equal(inward(ACK), ACTION_REDIRECT);
	assert_in_range(flow_count(PINS_flows), 1, 16);
}

static void expired_flows_are_swept_with_nobodys_help(void **state)
{
	struct spec spec = syn;
	struct spec reply;

	(void)state;
	harness_restart(SSH YOUNG " limits { flows = 64  half-open = 64 }");
	for (int i = 0; i < 40; i++) {
		spec.sport = (uint16_t)(41000 + i);
		open_tcp(&spec, TAP0, &reply);
	}
	age(PINS_flows, 40);
	for (int i = 0; i < 20; i++) { /* each looks at two */
		spec.sport = (uint16_t)(42000 + i);
		open_tcp(&spec, TAP0, &reply);
	}
	assert_int_equal(flow_count(PINS_flows), 20);
	for (int i = 0; i < 500; i++) { /* the living stay, ring and all */
		spec.sport = (uint16_t)(43000 + i);
		open_tcp(&spec, TAP0, &reply);
		reply.flags = RST;
		send_in(&reply, VE_CONTAINER, NULL);
		if (i % 20 == 19)
			age(PINS_flows, 15); /* past tcp-reset, not the rest */
	}
	assert_in_range(flow_count(PINS_flows), 20, 64);
	spec.flags = ACK;
	for (int i = 0; i < 20; i++) {
		spec.sport = (uint16_t)(42000 + i);
		assert_int_equal(send_in(&spec, TAP0, NULL), ACTION_REDIRECT);
	}
}

static void half_open_floods_leave_the_established_alone(void **state)
{
	struct spec flood = syn;

	(void)state;
	harness_restart(SSH "limits { flows = 16  half-open = 64 }");
	establish();
	for (int i = 0; i < 2000; i++) {
		flood.sport = (uint16_t)(50000 + i);
		send_in(&flood, TAP0, NULL);
	}
	assert_int_equal(inward(ACK), ACTION_REDIRECT);
	assert_int_equal(outward(ACK), ACTION_REDIRECT);
	assert_int_equal(flow_count(PINS_flows), 1);
	assert_in_range(flow_count(PINS_half_open), 1, 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_62_nothing_but_a_syn_begins),
		TEST(handshake_out_of_order_is_refused),
		TEST(both_ends_close),
		TEST(a_reset_ends_it),
		TEST(a_refused_connection_can_be_tried_again),
		TEST(case_69_a_closed_tuple_is_used_again),
		TEST(case_74_what_has_expired_is_gone),
		TEST(case_64_a_full_table_refuses_the_new),
		TEST(expired_flows_are_swept_with_nobodys_help),
		TEST(half_open_floods_leave_the_established_alone),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
