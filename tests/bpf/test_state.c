// SPDX-License-Identifier: GPL-2.0-or-later
/* The flow table over time: TCP's states, expiry, a table that is full. */
#include <bpf/bpf.h>
#include <netinet/in.h>

#include "probes.h"

static int inward(uint8_t flags)
{
	struct spec spec = vpn_tcp;

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

static void establish(void)
{
	struct spec reply;

	open_tcp(&vpn_tcp, TAP0, &reply);
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
}

static void case_62_nothing_but_a_syn_begins(void **state)
{
	static const uint8_t flags[] = {ACK, FIN | ACK, RST, RST | ACK,
					SYN | ACK};
	/* a forward, a closed port, the host's control port */
	static const uint16_t ports[] = {22, 4000, 23};
	struct spec spec = vpn_tcp;

	(void)state;
	harness_grant(SG_GRANT_HOST_CONTROL, 1, 0);
	for (size_t j = 0; j < sizeof(ports) / sizeof(ports[0]); j++)
		for (size_t i = 0; i < sizeof(flags); i++) {
			spec.dport = ports[j];
			spec.flags = flags[i];
			assert_refused(&spec, TAP0, SG_DROP_NO_FLOW);
		}
	assert_no_flow();
	assert_delivered(&vpn_tcp, TAP0);
	spec.dport = 23;
	spec.flags = SYN;
	assert_passed(&spec, TAP0);
}

static void handshake_out_of_order_is_refused(void **state)
{
	(void)state;
	assert_int_equal(inward(SYN), ACTION_REDIRECT);
	assert_int_equal(inward(ACK), ACTION_REDIRECT); /* the reset to it */
	assert_int_equal(drops_of(TAP0, SG_DROP_NO_FLOW), 1);
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
	age_flows(PINS_flows, 9);
	assert_int_equal(inward(ACK), ACTION_REDIRECT);
	age_flows(PINS_flows, 12);
	assert_int_equal(inward(ACK), ACTION_REDIRECT); /* a reset, back */
	assert_no_flow();
	assert_refused(&(struct spec){.src = "10.0.3.2",
				      .dst = "10.1.0.1",
				      .sport = 22,
				      .dport = 40000,
				      .protocol = IPPROTO_TCP,
				      .flags = ACK},
		       VE_CONTAINER, SG_DROP_NO_FLOW);
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
	struct spec reply =
		between("10.0.3.2", "10.1.0.1", 22, 40000, IPPROTO_TCP, ACK);
	struct spec late = vpn_tcp;

	(void)state;
	late.flags = ACK;
	harness_restart(SSH YOUNG);
	establish();
	age_flows(PINS_flows, 28);
	assert_int_equal(outward(ACK), ACTION_REDIRECT); /* and refreshed */
	age_flows(PINS_flows, 32);
	assert_refused(&reply, VE_CONTAINER, SG_DROP_NO_FLOW);
	assert_refused(&late, TAP0, SG_DROP_NO_FLOW);
	assert_no_flow();
	assert_int_equal(inward(SYN), ACTION_REDIRECT);
	age_flows(PINS_half_open, 22);
	reply.flags = SYN | ACK;
	assert_refused(&reply, VE_CONTAINER, SG_DROP_NO_FLOW);
	assert_no_flow();
}

/* The same for what the container asks: no late answer gets in. */
static void case_74_a_late_answer_is_not_let_in(void **state)
{
	static const struct {
		uint8_t protocol;
		uint64_t limit_s;
		enum sg_reason reason;
	} asked[] = {
		{IPPROTO_UDP, 30, SG_DROP_CLOSED_PORT},
		{IPPROTO_ICMP, 60, SG_DROP_NO_FLOW},
		{IPPROTO_TCP, 240, SG_DROP_NO_FLOW},
	};
	struct spec answer;
	struct frame sent;

	(void)state;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct spec query =
			between("10.0.3.2", "10.1.0.1", (uint16_t)(33000 + i),
				53, asked[i].protocol, SYN);

		assert_left(&query, &sent);
		answer = answer_to(&sent, query.protocol, SYN | ACK);
		/* the datapath's clock may be a second behind */
		age_flows(PINS_half_open, asked[i].limit_s + 2);
		assert_spec_dropped(&answer, TAP0, asked[i].reason);
		assert_no_flow();
		assert_left(&query, &sent);
		answer = answer_to(&sent, query.protocol, SYN | ACK);
		age_flows(PINS_half_open, asked[i].limit_s - 2);
		assert_int_equal(send_in(&answer, TAP0, NULL), ACTION_REDIRECT);
		harness_restart(NULL);
	}
}

static void case_64_a_full_table_refuses_the_new(void **state)
{
	struct spec spec = vpn_tcp;
	struct spec reply;

	(void)state;
	harness_restart(SSH YOUNG " limits { flows = 64  half-open = 128 }");
	assert_int_equal(inward(SYN), ACTION_REDIRECT); /* while there is */
	assert_int_equal(outward(SYN | ACK), ACTION_REDIRECT);
	for (int i = 0; i < 8; i++) { /* the VPN's part, an eighth */
		spec.sport = (uint16_t)(41000 + i);
		open_tcp(&spec, TAP0, &reply);
	}
	assert_int_equal(flow_count(PINS_flows), 8);
	/* nobody is connected and mute: who came too late is told */
	assert_int_equal(inward(ACK), ACTION_REDIRECT);
	assert_int_equal(drops_of(TAP0, SG_DROP_TABLE_FULL), 1);
	/* and the next is not answered */
	spec.flags = SYN;
	spec.sport = 41100;
	assert_spec_dropped(&spec, TAP0, SG_DROP_TABLE_FULL);
	/* the established are none the worse */
	spec.flags = ACK;
	for (int i = 0; i < 8; i++) {
		spec.sport = (uint16_t)(41000 + i);
		assert_int_equal(send_in(&spec, TAP0, NULL), ACTION_REDIRECT);
	}
	/* and when they have expired, the new finds room by itself */
	age_flows(PINS_flows, 40);
	spec.flags = SYN;
	spec.sport = 41100;
	open_tcp(&spec, TAP0, &reply);
	assert_in_range(flow_count(PINS_flows), 1, 8);
}

static void expired_flows_are_swept_with_nobodys_help(void **state)
{
	struct spec spec = vpn_tcp;
	struct spec reply;

	(void)state;
	harness_restart(SSH YOUNG " limits { flows = 512  half-open = 128 }");
	for (int i = 0; i < 40; i++) {
		spec.sport = (uint16_t)(41000 + i);
		open_tcp(&spec, TAP0, &reply);
	}
	age_flows(PINS_flows, 40);
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
			age_flows(PINS_flows,
				  15); /* past tcp-reset, not the rest */
	}
	assert_in_range(flow_count(PINS_flows), 20, 64);
	spec.flags = ACK;
	for (int i = 0; i < 20; i++) {
		spec.sport = (uint16_t)(42000 + i);
		assert_int_equal(send_in(&spec, TAP0, NULL), ACTION_REDIRECT);
	}
}

/* Tuples that are used again, in no order, leave no second token behind for a
 * flow that is alive. */
static void a_flow_has_one_token(void **state)
{
	struct spec in = vpn_tcp;
	struct spec out = {.src = "10.0.3.2",
			   .dst = "10.1.0.1",
			   .sport = 22,
			   .protocol = IPPROTO_TCP};
	struct sg_gc_hand hand;
	uint32_t zero = 0;

	(void)state;
	for (uint32_t i = 0; i < 400; i++) {
		in.sport = (uint16_t)(40000 + (i * i + i / 3) % 8);
		out.dport = in.sport;
		out.flags = RST; /* the one before */
		send_in(&out, VE_CONTAINER, NULL);
		in.flags = SYN;
		assert_int_equal(send_in(&in, TAP0, NULL), ACTION_REDIRECT);
		out.flags = SYN | ACK;
		send_in(&out, VE_CONTAINER, NULL);
		in.flags = ACK;
		assert_int_equal(send_in(&in, TAP0, NULL), ACTION_REDIRECT);
	}
	assert_int_equal(
		bpf_map_lookup_elem(gate_test.pins.map_fds[PINS_gc_hand], &zero,
				    &hand),
		0);
	assert_int_equal(flow_count(PINS_flows), 8);
	assert_in_range(hand.count, 8, 32);
}

static void half_open_floods_leave_the_established_alone(void **state)
{
	struct spec flood = vpn_tcp;

	(void)state;
	harness_restart(SSH "limits { flows = 64  half-open = 128 }");
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
		TEST(case_74_a_late_answer_is_not_let_in),
		TEST(case_64_a_full_table_refuses_the_new),
		TEST(expired_flows_are_swept_with_nobodys_help),
		TEST(a_flow_has_one_token),
		TEST(half_open_floods_leave_the_established_alone),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
