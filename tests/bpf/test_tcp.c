// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP by its numbers: what each end can mean, RFC 9293, 5961, 7323. */
#include <netinet/in.h>

#include "probes.h"
#include "segments.h"

static void case_65_a_reset_that_is_not_exact_ends_nothing(void **state)
{
	(void)state;
	establish();
	/* in the window: the receiver will challenge it (RFC 5961 3.2) */
	PASSES(client(RST, CLIENT_NEXT + 500, 0, 0));
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
	client_is_refused(RST, CLIENT_NEXT + FAR, 0, 0);
	client_is_refused(RST | ACK, CLIENT_NEXT + FAR, SERVER_NEXT, 0);
	server_is_refused(RST, SERVER_NEXT - FAR, 0, 0);
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
	PASSES(server(PSH | ACK, SERVER_NEXT, CLIENT_NEXT, 10));
	PASSES(client(RST, CLIENT_NEXT, 0, 0));
	assert_int_equal(state_now(), SG_STATE_RESET);
}

static void case_66_a_reset_to_a_syn_acknowledges_it(void **state)
{
	(void)state;
	PASSES(client(SYN, CLIENT_ISN, 0, 0));
	server_is_refused(RST, 1, 0, 0);
	server_is_refused(RST | ACK, 1, CLIENT_NEXT + 1, 0);
	server_is_refused(RST | ACK, 1, CLIENT_ISN, 0);
	assert_int_equal(state_now(), SG_STATE_SYN_SENT);
	PASSES(server(RST | ACK, 1, CLIENT_NEXT, 0));
}

static void case_67_data_far_outside_the_window(void **state)
{
	(void)state;
	establish();
	PASSES(client(PSH | ACK, CLIENT_NEXT, SERVER_NEXT, 100));
	PASSES(client(PSH | ACK, CLIENT_NEXT + 500, SERVER_NEXT, 100));
	client_is_refused(PSH | ACK, CLIENT_NEXT + 1001, SERVER_NEXT, 100);
	client_is_refused(PSH | ACK, CLIENT_NEXT + FAR, SERVER_NEXT, 100);
	client_is_refused(PSH | ACK, CLIENT_NEXT - FAR, SERVER_NEXT, 100);
	/* what was not sent is not acknowledged, nor what is long known */
	client_is_refused(ACK, CLIENT_NEXT, SERVER_NEXT + 1, 0);
	client_is_refused(ACK, CLIENT_NEXT, SERVER_NEXT - FAR, 0);
	client_is_refused(FIN | ACK, CLIENT_NEXT + FAR, SERVER_NEXT, 0);
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
	PASSES(server(ACK, SERVER_NEXT, CLIENT_NEXT + 600, 0));
	PASSES(client(PSH | ACK, CLIENT_NEXT + 1001, SERVER_NEXT, 100));
	/* sent once more, and a keepalive */
	PASSES(client(PSH | ACK, CLIENT_NEXT, SERVER_NEXT, 100));
	PASSES(client(ACK, CLIENT_NEXT + 1100, SERVER_NEXT, 1));
}

static void case_68_a_challenge_passes(void **state)
{
	(void)state;
	establish();
	PASSES(server(PSH | ACK, SERVER_NEXT, CLIENT_NEXT, 10));
	/* the client has started anew, and forgotten this connection */
	PASSES(client(SYN, 70000, 0, 0));
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
	PASSES(server(ACK, SERVER_NEXT + 10, CLIENT_NEXT, 0));
	PASSES(client(RST, CLIENT_NEXT, 0, 0));
	assert_int_equal(state_now(), SG_STATE_RESET);
	PASSES(client(SYN, 70000, 0, 0));
	assert_int_equal(state_now(), SG_STATE_SYN_SENT);
}

/* The gate has forgotten a connection that the server has not. */
static void a_challenge_to_a_new_connection_passes(void **state)
{
	(void)state;
	PASSES(client(SYN, CLIENT_ISN, 0, 0));
	PASSES(server(ACK, 90000, 80000, 0));
	assert_int_equal(state_now(), SG_STATE_SYN_SENT);
	client_is_refused(RST, 79999, 0, 0);
	PASSES(client(RST, 80000, 0, 0));
	PASSES(client(SYN, CLIENT_ISN, 0, 0));
	PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT, 0));
	PASSES(client(ACK, CLIENT_NEXT, SERVER_NEXT, 0));
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
}

/* Both ends have forgotten a connection: the same tuple begins another. */
static void case_161_a_forgotten_connection_begins_anew(void **state)
{
	static const uint32_t begins[] = {70000, CLIENT_ISN - FAR};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint32_t next = begins[i] + 1;

		harness_restart(NULL);
		establish();
		PASSES(client(SYN, begins[i], 0, 0));
		PASSES(server(SYN | ACK, 90000, next, 0));
		PASSES(client(ACK, next, 90001, 0));
		PASSES(client(PSH | ACK, next, 90001, 100));
		PASSES(server(PSH | ACK, 90001, next + 100, 100));
		assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
		/* by the new numbers, not by the old */
		client_is_refused(PSH | ACK, CLIENT_NEXT, SERVER_NEXT, 100);
		client_is_refused(ACK, next + 100, 90001 + FAR, 0);
		PASSES(client(RST, next + 100, 0, 0));
		assert_int_equal(state_now(), SG_STATE_RESET);
	}
}

/* The service has gone as well: it refuses, and the client is told at once. */
static void case_161_a_forgotten_connection_is_refused(void **state)
{
	(void)state;
	establish();
	server_is_refused(RST | ACK, 0, 70001, 0); /* to no SYN */
	PASSES(client(SYN, 70000, 0, 0));
	server_is_refused(RST | ACK, 0, 70002, 0);
	server_is_refused(RST, 0, 70001, 0);
	client_is_refused(RST | ACK, CLIENT_NEXT + FAR, 70001, 0);
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
	PASSES(server(RST | ACK, 0, 70001, 0));
	assert_int_equal(state_now(), SG_STATE_RESET);
}

/* The gate takes the largest scale there is, whatever one its SYN has said. */
static void case_161_with_the_largest_scale(void **state)
{
	struct spec syn = segment_of(&to_server, SYN, 70000, 0, 0);
	struct spec answer = segment_of(&to_client, SYN | ACK, 90000, 70001, 0);

	(void)state;
	establish_scaled(7);
	add_scale(&syn, 7);
	add_scale(&answer, 7);
	PASSES(send_in(&syn, TAP0, NULL));
	PASSES(send_in(&answer, VE_CONTAINER, NULL));
	PASSES(client(ACK, 70001, 90001, 0));
	PASSES(server(PSH | ACK, 90001 + 40000, 70001, 100));
	PASSES(server(PSH | ACK, 90001 + 900000, 70001, 100));
}

/* The same for the container's windows, to the byte. */
static void case_161_by_the_container_with_the_largest_scale(void **state)
{
	struct spec out =
		between("10.0.3.2", "10.1.0.1", 33000, 80, IPPROTO_TCP, SYN);
	struct frame sent;
	struct spec in;

	(void)state;
	add_scale(&out, 7);
	for (uint32_t i = 0; i < 2; i++) {
		out.flags = SYN;
		out.seq = CLIENT_ISN + i * 70000;
		assert_left(&out, &sent);
		in = answer_to(&sent, IPPROTO_TCP, SYN | ACK);
		in.seq = SERVER_ISN + i * 90000;
		in.ack = out.seq + 1;
		add_scale(&in, 7);
		PASSES(send_in(&in, TAP0, NULL));
		out.flags = ACK;
		out.seq++;
		out.ack = in.seq + 1;
		assert_left(&out, &sent);
	}
	in.flags = ACK;
	in.tcp_options_bytes = 0;
	in.seq = out.ack + (0xffffU << 14) + 1;
	assert_spec_dropped(&in, TAP0, SG_DROP_TCP_WINDOW);
	in.seq--;
	PASSES(send_in(&in, TAP0, NULL));
}

/* The end that did not begin the first begins no other by the same tuple. */
static void case_161_by_the_one_that_began(void **state)
{
	(void)state;
	establish();
	PASSES(server(SYN, 90000, 0, 0));
	client_is_refused(SYN | ACK, 80000, 90001, 0);
	PASSES(client(PSH | ACK, CLIENT_NEXT, SERVER_NEXT, 100));
}

/* Nothing of it is believed that only one side has sent. */
static void case_161_nor_by_the_word_of_one(void **state)
{
	(void)state;
	establish();
	PASSES(client(SYN, 70000, 0, 0));
	client_is_refused(SYN | ACK, 80000, 70001, 0);
	server_is_refused(SYN | ACK, 90000, 70002, 0);
	PASSES(client(PSH | ACK, CLIENT_NEXT, SERVER_NEXT, 100));
	PASSES(server(PSH | ACK, SERVER_NEXT, CLIENT_NEXT + 100, 100));
	client_is_refused(PSH | ACK, 70001, SERVER_NEXT, 100);
}

/* RFC 7413: what was in the SYN may be taken or not, and is sent again. */
static void case_162_data_in_a_syn(void **state)
{
	static const uint32_t taken[] = {0, 50};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		harness_restart(NULL);
		PASSES(client(SYN, CLIENT_ISN, 0, 50));
		PASSES(client(SYN, CLIENT_ISN, 0, 0)); /* the other was lost */
		PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT + taken[i],
			      0));
		PASSES(client(SYN, CLIENT_ISN, 0, 0)); /* crosses it */
		PASSES(client(ACK, CLIENT_NEXT + taken[i], SERVER_NEXT, 0));
		PASSES(client(PSH | ACK, CLIENT_NEXT + taken[i], SERVER_NEXT,
			      10));
		assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
	}
}

static void case_162_more_data_in_a_syn(void **state)
{
	(void)state;
	PASSES(client(SYN, CLIENT_ISN, 0, 0));
	PASSES(client(SYN, CLIENT_ISN, 0, 50));
	PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT + 50, 0));
	PASSES(client(ACK, CLIENT_NEXT + 50, SERVER_NEXT, 0));
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
}

/* A SYN with a number of its own is another connection's beginning. */
static void another_syn_begins_anew(void **state)
{
	(void)state;
	PASSES(client(SYN, CLIENT_ISN + FAR, 0, 0));
	PASSES(client(SYN, CLIENT_ISN, 0, 0));
	PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT, 0));
	PASSES(client(ACK, CLIENT_NEXT, SERVER_NEXT, 0));
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
}

/* SYN cookies, or another server behind a balancer: the client takes the first
 * that it hears, whichever that is. */
static void case_163_another_number_in_the_answer(void **state)
{
	static const uint32_t heard[] = {SERVER_NEXT, 90001};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		harness_restart(NULL);
		PASSES(client(SYN, CLIENT_ISN, 0, 0));
		PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT, 0));
		PASSES(server(SYN | ACK, 90000, CLIENT_NEXT, 0));
		PASSES(client(ACK, CLIENT_NEXT, heard[i], 0));
		PASSES(client(PSH | ACK, CLIENT_NEXT, heard[i], 10));
		PASSES(server(PSH | ACK, heard[i], CLIENT_NEXT + 10, 10));
		assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
	}
}

static void both_may_begin_at_once(void **state)
{
	(void)state;
	PASSES(client(SYN, CLIENT_ISN, 0, 0));
	PASSES(server(SYN, SERVER_ISN, 0, 0));
	PASSES(client(SYN | ACK, CLIENT_ISN, SERVER_NEXT, 0));
	PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT, 0));
	PASSES(client(ACK, CLIENT_NEXT, SERVER_NEXT, 0));
	PASSES(server(PSH | ACK, SERVER_NEXT, CLIENT_NEXT, 10));
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
}

static void numbers_wrap(void **state)
{
	const uint32_t isn = 0xffffffc0; /* 64 before the end */

	(void)state;
	PASSES(client(SYN, isn, 0, 0));
	PASSES(server(SYN | ACK, isn - 1, isn + 1, 0));
	PASSES(client(ACK, isn + 1, isn, 0));
	PASSES(server(PSH | ACK, isn, isn + 1, 100));
	PASSES(client(PSH | ACK, isn + 1, isn + 100, 100));
	PASSES(server(ACK, isn + 100, isn + 101, 0));
	client_is_refused(ACK, isn + 101, isn + 101, 0);
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
}

static void windows_are_scaled_if_both_offer_it(void **state)
{
	(void)state;
	establish_scaled(8);
	PASSES(server(ACK, SERVER_NEXT, CLIENT_NEXT, 0)); /* 1000 << 8 */
	PASSES(client(PSH | ACK, CLIENT_NEXT + 255000, SERVER_NEXT, 100));
	client_is_refused(PSH | ACK, CLIENT_NEXT + 257000, SERVER_NEXT, 100);
	PASSES(server(PSH | ACK, SERVER_NEXT + 127000, CLIENT_NEXT, 100));
	server_is_refused(PSH | ACK, SERVER_NEXT + 129000, CLIENT_NEXT, 100);
}

static void windows_are_not_scaled_if_one_does_not(void **state)
{
	(void)state;
	establish_scaled(-1);
	PASSES(server(ACK, SERVER_NEXT, CLIENT_NEXT, 0));
	PASSES(client(PSH | ACK, CLIENT_NEXT + 1000, SERVER_NEXT, 100));
	client_is_refused(PSH | ACK, CLIENT_NEXT + 1001, SERVER_NEXT, 100);
	server_is_refused(PSH | ACK, SERVER_NEXT + 1200, CLIENT_NEXT, 100);
}

static void a_syn_may_bring_data(void **state)
{
	(void)state;
	PASSES(client(SYN, CLIENT_ISN, 0, 500));	       /* RFC 7413 */
	PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT, 0)); /* not taken */
	assert_int_equal(state_now(), SG_STATE_SYN_RECEIVED);
	PASSES(client(PSH | ACK, CLIENT_NEXT, SERVER_NEXT, 500));
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
}

static void an_answer_may_be_followed_by_data_at_once(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 8; i++) { /* on all sides of the client's */
		uint32_t isn = 1000 + (i << 29);

		harness_restart(NULL);
		PASSES(client(SYN, CLIENT_ISN, 0, 500)); /* RFC 7413 */
		PASSES(server(SYN | ACK, isn, CLIENT_NEXT + 500, 0));
		PASSES(server(PSH | ACK, isn + 1, CLIENT_NEXT + 500, 100));
		server_is_refused(PSH | ACK, isn + FAR, CLIENT_NEXT + 500, 9);
		PASSES(client(ACK, CLIENT_NEXT + 500, isn + 101, 0));
		assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
	}
}

static void a_half_closed_connection_goes_on(void **state)
{
	(void)state;
	establish();
	PASSES(client(FIN | ACK, CLIENT_NEXT, SERVER_NEXT, 0));
	for (uint32_t sent = 0; sent < 5000; sent += 500) {
		PASSES(server(PSH | ACK, SERVER_NEXT + sent, CLIENT_NEXT + 1,
			      500));
		PASSES(client(ACK, CLIENT_NEXT + 1, SERVER_NEXT + sent + 500,
			      0));
	}
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
	PASSES(server(FIN | ACK, SERVER_NEXT + 5000, CLIENT_NEXT + 1, 0));
	PASSES(client(ACK, CLIENT_NEXT + 1, SERVER_NEXT + 5001, 0));
	assert_int_equal(state_now(), SG_STATE_CLOSING);
}

/* RFC 5382 REQ-5: two hours and four minutes at least; five days here. */
static void an_idle_connection_is_kept(void **state)
{
	(void)state;
	establish();
	age_flows(PINS_flows, 600);
	PASSES(server(PSH | ACK, SERVER_NEXT, CLIENT_NEXT, 10));
	age_flows(PINS_flows, 600);
	PASSES(client(ACK, CLIENT_NEXT, SERVER_NEXT + 10, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_65_a_reset_that_is_not_exact_ends_nothing),
		TEST(case_66_a_reset_to_a_syn_acknowledges_it),
		TEST(case_67_data_far_outside_the_window),
		TEST(case_68_a_challenge_passes),
		TEST(a_challenge_to_a_new_connection_passes),
		TEST(case_161_a_forgotten_connection_begins_anew),
		TEST(case_161_a_forgotten_connection_is_refused),
		TEST(case_161_with_the_largest_scale),
		TEST(case_161_by_the_container_with_the_largest_scale),
		TEST(case_161_by_the_one_that_began),
		TEST(case_161_nor_by_the_word_of_one),
		TEST(case_162_data_in_a_syn),
		TEST(case_162_more_data_in_a_syn),
		TEST(another_syn_begins_anew),
		TEST(case_163_another_number_in_the_answer),
		TEST(both_may_begin_at_once),
		TEST(numbers_wrap),
		TEST(windows_are_scaled_if_both_offer_it),
		TEST(windows_are_not_scaled_if_one_does_not),
		TEST(a_syn_may_bring_data),
		TEST(an_answer_may_be_followed_by_data_at_once),
		TEST(a_half_closed_connection_goes_on),
		TEST(an_idle_connection_is_kept),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
