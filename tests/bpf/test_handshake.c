// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP's states where one end does not keep to the handshake, and what keeps a
 * flow alive. */
#include <bpf/bpf.h>
#include <netinet/in.h>

#include "probes.h"
#include "segments.h"
#include "sys/clock.h"

#define SYN_DATA 9000 /* at most, that is not taken (RFC 7413) */

static void an_answer_comes_before_the_first_ack(void **state)
{
	struct spec ack =
		segment_of(&to_server, ACK, CLIENT_NEXT, SERVER_NEXT, 0);

	(void)state;
	PASSES(client(SYN, CLIENT_ISN, 0, 0));
	assert_refused(&ack, TAP0, SG_DROP_NO_FLOW);
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

/* A neighbour forges the client's address: the true handshake goes on by its
 * own numbers, whenever the forger comes. */
static void case_164_a_forged_syn_in_a_handshake_moves_nothing(void **state)
{
	(void)state;
	for (int comes = 0; comes < 2; comes++) {
		harness_restart(NULL);
		PASSES(client(SYN, CLIENT_ISN, 0, 0));
		if (!comes)
			PASSES(client(SYN, 70000, 0, 0));
		PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT, 0));
		if (comes)
			PASSES(client(SYN, 70000, 0, 0));
		assert_int_equal(state_now(), SG_STATE_SYN_RECEIVED);
		client_is_refused(ACK, 70001, SERVER_NEXT + FAR, 0);
		PASSES(client(ACK, CLIENT_NEXT, SERVER_NEXT, 0));
		assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
		PASSES(client(PSH | ACK, CLIENT_NEXT, SERVER_NEXT, 100));
		PASSES(server(PSH | ACK, SERVER_NEXT, CLIENT_NEXT + 100, 100));
	}
}

/* The container knows which SYN it has: also one that the gate took for
 * another's, and after it has answered the first. */
static void case_164_the_end_that_answers_says_which_syn(void **state)
{
	(void)state;
	for (int answered = 0; answered < 2; answered++) {
		harness_restart(NULL);
		PASSES(client(SYN, CLIENT_ISN, 0, 0));
		if (answered)
			PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT, 0));
		PASSES(client(SYN, 70000, 0, 0));
		PASSES(server(SYN | ACK, 90000, 70001, 0));
		assert_int_equal(state_now(), SG_STATE_SYN_RECEIVED);
		PASSES(client(ACK, 70001, 90001, 0));
		assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
		PASSES(server(PSH | ACK, 90001, 70001, 100));
		client_is_refused(PSH | ACK, CLIENT_NEXT, SERVER_NEXT, 100);
	}
}

/* Of the container's own connections nobody says so but it: a remote's answer
 * must be to its SYN, less the data that may not be taken. */
static void so_much_data_of_a_syn_may_not_be_taken(void **state)
{
	struct spec out =
		between("10.0.3.2", "10.1.0.1", 33000, 80, IPPROTO_TCP, SYN);
	struct spec in;

	(void)state;
	out.seq = CLIENT_ISN;
	in = send_for_answer(&out);
	in.flags = SYN | ACK;
	in.seq = SERVER_ISN;
	in.ack = CLIENT_NEXT - SYN_DATA;
	PASSES(send_in(&in, TAP0, NULL));
	assert_int_equal(state_now(), SG_STATE_SYN_SENT);
	in.ack++;
	PASSES(send_in(&in, TAP0, NULL));
	assert_int_equal(state_now(), SG_STATE_SYN_RECEIVED);
}

/* RFC 7413, outwards, where an answer must acknowledge what was sent. The data
 * is in the first SYN, or in the one that is sent again, and is taken. */
static void case_162_data_in_a_syn_of_the_containers(void **state)
{
	struct spec syn =
		between("10.0.3.2", "192.168.7.9", 40000, 80, IPPROTO_TCP, SYN);
	struct spec answer;
	struct frame sent;

	(void)state;
	syn.seq = 5000;
	for (size_t first = 0; first < 2; first++) {
		harness_restart(NULL);
		syn.payload_bytes = first ? 50 : 0;
		assert_left(&syn, &sent);
		syn.payload_bytes = first ? 0 : 50;
		assert_left(&syn, &sent);
		answer = answer_to(&sent, IPPROTO_TCP, SYN | ACK);
		answer.ack = 5051;
		assert_delivered_to(&answer, ETH0, 40000);
		assert_left(&syn, &sent); /* crosses the answer */
		assert_int_equal(state_now(), SG_STATE_SYN_RECEIVED);
	}
}

/* As if a share had forgotten answered handshakes, the last one so long ago. */
static void forget_handshakes(enum sg_share share, uint32_t ago_s)
{
	__u32 ring = SG_RING(SG_TABLE_ANSWERED, share);
	struct sg_gc_hand hand = {.forgotten = 7,
				  .forgotten_s = boot_s() - ago_s};

	assert_int_equal(
		bpf_map_update_elem(gate_test.pins.map_fds[PINS_gc_hand], &ring,
				    &hand, BPF_ANY),
		0);
}

/* In a flood the answered are forgotten as well. The end of such a handshake is
 * for the container to judge, by its cookie; and nothing else is. */
static void case_168_a_handshake_that_was_forgotten_goes_on(void **state)
{
	struct spec syn_ack =
		segment_of(&to_server, SYN | ACK, CLIENT_NEXT, SERVER_NEXT, 0);
	struct spec reset =
		segment_of(&to_server, RST | ACK, CLIENT_NEXT, SERVER_NEXT, 0);
	struct spec ack =
		segment_of(&to_server, ACK, CLIENT_NEXT, SERVER_NEXT, 0);
	struct spec data = segment_of(&to_server, PSH | ACK, CLIENT_NEXT,
				      SERVER_NEXT, 100);

	(void)state;
	forget_handshakes(SG_SHARE_LAN, 1); /* that is nothing to the VPN */
	assert_refused(&ack, TAP0, SG_DROP_NO_FLOW);
	forget_handshakes(SG_SHARE_VPN, 62);
	assert_refused(&ack, TAP0, SG_DROP_NO_FLOW);
	forget_handshakes(SG_SHARE_VPN, 58);
	assert_spec_dropped(&syn_ack, TAP0, SG_DROP_NO_FLOW);
	assert_spec_dropped(&reset, TAP0, SG_DROP_NO_FLOW);
	assert_no_flow();
	assert_delivered(&ack, TAP0);
	assert_delivered(&data, TAP0);
	assert_int_equal(state_now(), SG_STATE_SYN_SENT);
	PASSES(server(ACK, SERVER_NEXT, CLIENT_NEXT + 100, 0));
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
	assert_int_equal(flow_count(PINS_flows), 1);
	/* and its numbers are known from then on */
	client_is_refused(PSH | ACK, CLIENT_NEXT + FAR, SERVER_NEXT, 100);
	server_is_refused(PSH | ACK, SERVER_NEXT + FAR, CLIENT_NEXT, 100);
	PASSES(server(PSH | ACK, SERVER_NEXT, CLIENT_NEXT + 100, 1000));
	PASSES(client(RST, CLIENT_NEXT + 100, 0, 0));
	assert_int_equal(state_now(), SG_STATE_RESET);
}

static void case_168_what_the_container_does_not_know_is_reset(void **state)
{
	struct spec ack =
		segment_of(&to_server, ACK, CLIENT_NEXT, SERVER_NEXT, 0);

	(void)state;
	forget_handshakes(SG_SHARE_VPN, 0);
	assert_delivered(&ack, TAP0);
	PASSES(server(RST, SERVER_NEXT, 0, 0));
	assert_int_equal(state_now(), SG_STATE_REFUSED);
	assert_int_equal(flow_count(PINS_flows), 0);
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
		TEST(case_164_a_forged_syn_in_a_handshake_moves_nothing),
		TEST(case_164_the_end_that_answers_says_which_syn),
		TEST(case_162_data_in_a_syn_of_the_containers),
		TEST(so_much_data_of_a_syn_may_not_be_taken),
		TEST(case_168_a_handshake_that_was_forgotten_goes_on),
		TEST(case_168_what_the_container_does_not_know_is_reset),
		TEST(who_has_answered_may_reset),
		TEST(an_answer_in_the_middle_is_judged),
		TEST(what_is_reset_does_not_close),
		TEST(packets_of_both_ends_refresh),
		TEST(none_refreshes_what_is_refused_or_reset),
		TEST(udp_and_pings_are_refreshed),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
