// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP's states where one end does not keep to the handshake, and what keeps a
 * flow alive. */
#include <netinet/in.h>

#include "clock.h"
#include "probes.h"
#include "segments.h"

#define SYN_DATA 9000 /* at most, that is not taken (RFC 7413) */

static void an_answer_comes_before_the_first_ack(void **state)
{
	struct spec ack =
		segment_of(&to_server, ACK, CLIENT_NEXT, SERVER_NEXT, 0);

	(void)state;
	PASSES(client(SYN, CLIENT_ISN, 0, 0));
	assert_spec_dropped(&ack, TAP0, SG_DROP_NO_FLOW);
	PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT, 0));
	PASSES(send_in(&ack, TAP0, NULL));
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
}

/* A SYN|ACK of the initiator's is judged before its numbers are taken. */
static void a_forged_answer_of_the_initiators_moves_nothing(void **state)
{
	(void)state;
	PASSES(client(SYN, CLIENT_ISN, 0, 0));
	PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT, 0));
	client_is_refused(SYN | ACK, 70000, SERVER_NEXT + FAR, 0);
	assert_int_equal(state_now(), SG_STATE_SYN_RECEIVED);
	PASSES(client(ACK, CLIENT_NEXT, SERVER_NEXT, 0));
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
}

static void a_syn_with_other_numbers_counts(void **state)
{
	(void)state;
	PASSES(client(SYN, CLIENT_ISN, 0, 0));
	PASSES(client(SYN, 70000, 0, 0));
	PASSES(server(SYN | ACK, SERVER_ISN, 70001, 0));
	assert_int_equal(state_now(), SG_STATE_SYN_RECEIVED);
	PASSES(client(SYN, 70000, 0, 0)); /* once more: nothing new */
	assert_int_equal(state_now(), SG_STATE_SYN_RECEIVED);
}

static void so_much_data_of_a_syn_may_not_be_taken(void **state)
{
	(void)state;
	PASSES(client(SYN, CLIENT_ISN, 0, 0));
	PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT - SYN_DATA, 0));
	assert_int_equal(state_now(), SG_STATE_SYN_SENT);
	PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT - SYN_DATA + 1, 0));
	assert_int_equal(state_now(), SG_STATE_SYN_RECEIVED);
}

static void who_has_answered_may_reset(void **state)
{
	(void)state;
	PASSES(client(SYN, CLIENT_ISN, 0, 0));
	server_is_refused(RST, SERVER_NEXT, 0, 0); /* of whose answer? */
	PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT, 0));
	server_is_refused(RST, SERVER_NEXT + 1, 0, 0);
	server_is_refused(RST, SERVER_NEXT - 1, 0, 0);
	PASSES(server(RST, SERVER_NEXT, 0, 0));
}

/* RFC 5961 4: a SYN alone is the receiver's to challenge. */
static void an_answer_in_the_middle_is_judged(void **state)
{
	(void)state;
	establish();
	server_is_refused(SYN | ACK, SERVER_NEXT + FAR, CLIENT_NEXT, 0);
	client_is_refused(SYN | ACK, CLIENT_NEXT, SERVER_NEXT + 1, 0);
	PASSES(server(SYN, SERVER_NEXT + FAR, 0, 0));
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
}

static void what_is_reset_does_not_close(void **state)
{
	(void)state;
	establish();
	PASSES(client(FIN | ACK, CLIENT_NEXT, SERVER_NEXT, 0));
	PASSES(server(RST, SERVER_NEXT, 0, 0));
	assert_int_equal(state_now(), SG_STATE_RESET);
	PASSES(server(FIN | ACK, SERVER_NEXT, CLIENT_NEXT, 0));
	assert_int_equal(state_now(), SG_STATE_RESET);
}

static uint32_t idle_s(void) /* the only flow */
{
	struct sg_flow_key key;
	struct sg_flow flow;

	the_flow(&key, &flow);
	return boot_s() - flow.last_s;
}

static void packets_of_both_ends_refresh(void **state)
{
	(void)state;
	establish();
	age_flows(PINS_flows, 60);
	PASSES(client(ACK, CLIENT_NEXT, SERVER_NEXT, 0));
	assert_in_range(idle_s(), 0, 2);
	age_flows(PINS_flows, 60);
	PASSES(server(ACK, SERVER_NEXT, CLIENT_NEXT, 0));
	assert_in_range(idle_s(), 0, 2);
	/* by the whole journey, too */
	age_flows(PINS_flows, 60);
	PASSES(client(FIN | ACK, CLIENT_NEXT, SERVER_NEXT, 0));
	assert_in_range(idle_s(), 0, 2);
}

static void none_refreshes_what_is_refused_or_reset(void **state)
{
	(void)state;
	establish();
	age_flows(PINS_flows, 60);
	client_is_refused(ACK, CLIENT_NEXT + FAR, SERVER_NEXT, 0);
	assert_in_range(idle_s(), 58, 62);
	PASSES(client(RST, CLIENT_NEXT, 0, 0));
	assert_int_equal(state_now(), SG_STATE_RESET);
	age_flows(PINS_flows, 7);
	PASSES(client(ACK, CLIENT_NEXT, SERVER_NEXT, 0));
	PASSES(server(ACK, SERVER_NEXT, CLIENT_NEXT, 0));
	assert_in_range(idle_s(), 7, 9);
}

static void udp_and_pings_are_refreshed(void **state)
{
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_ICMP};

	(void)state;
	for (size_t i = 0; i < sizeof(protocols); i++) {
		struct spec out = between("10.0.3.2", "10.1.0.1", 33000, 53,
					  protocols[i], 0);
		struct frame sent;
		struct spec in;

		harness_restart(NULL);
		assert_left(&out, &sent);
		in = answer_to(&sent, protocols[i], 0);
		age_flows(PINS_half_open, 20);
		PASSES(send_in(&out, VE_CONTAINER, NULL));
		assert_in_range(idle_s(), 0, 2);
		PASSES(send_in(&in, TAP0, NULL));
		age_flows(PINS_flows, 20);
		PASSES(send_in(&in, TAP0, NULL));
		assert_in_range(idle_s(), 0, 2);
		age_flows(PINS_flows, 20);
		PASSES(send_in(&out, VE_CONTAINER, NULL));
		assert_in_range(idle_s(), 0, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_comes_before_the_first_ack),
		TEST(a_forged_answer_of_the_initiators_moves_nothing),
		TEST(a_syn_with_other_numbers_counts),
		TEST(so_much_data_of_a_syn_may_not_be_taken),
		TEST(who_has_answered_may_reset),
		TEST(an_answer_in_the_middle_is_judged),
		TEST(what_is_reset_does_not_close),
		TEST(packets_of_both_ends_refresh),
		TEST(none_refreshes_what_is_refused_or_reset),
		TEST(udp_and_pings_are_refreshed),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
