// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP's windows to the byte: the last number that passes, and the next. */
#include <netinet/in.h>
#include <string.h>

#include "probes.h"
#include "segments.h"

#define ACK_AGE 66000 /* of the oldest that passes, in a window as large */
#define SENT 500      /* by the client, of which the server has heard */

static void data_has_an_oldest_byte(void **state)
{
	const uint32_t oldest = CLIENT_NEXT + SENT - 1000 - 1;

	(void)state;
	establish();
	PASSES(client(PSH | ACK, CLIENT_NEXT, SERVER_NEXT, SENT));
	PASSES(client(ACK, oldest, SERVER_NEXT, 0));
	client_is_refused(ACK, oldest - 1, SERVER_NEXT, 0);
	PASSES(client(PSH | ACK, oldest - 1, SERVER_NEXT, 1));
}

static void an_acknowledgement_has_an_oldest_byte(void **state)
{
	(void)state;
	establish();
	PASSES(client(ACK, CLIENT_NEXT, SERVER_NEXT - ACK_AGE, 0));
	client_is_refused(ACK, CLIENT_NEXT, SERVER_NEXT - ACK_AGE - 1, 0);
	PASSES(server(ACK, SERVER_NEXT, CLIENT_NEXT - ACK_AGE, 0));
	server_is_refused(ACK, SERVER_NEXT, CLIENT_NEXT - ACK_AGE - 1, 0);
}

/* The server may send as much as the client's SYN alone has offered. */
static void early_data_has_a_last_byte(void **state)
{
	(void)state;
	PASSES(client(SYN, CLIENT_ISN, 0, 0));
	PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT, 0));
	server_is_refused(PSH | ACK, SERVER_NEXT + 1001, CLIENT_NEXT, 9);
	PASSES(server(PSH | ACK, SERVER_NEXT + 1000, CLIENT_NEXT, 9));
	assert_int_equal(state_now(), SG_STATE_SYN_RECEIVED);
}

static void begin(uint16_t window, int client_scale, int server_scale)
{
	struct spec syn = segment_of(&to_server, SYN, CLIENT_ISN, 0, 0);
	struct spec answer =
		segment_of(&to_client, SYN | ACK, SERVER_ISN, CLIENT_NEXT, 0);

	syn.window = window;
	if (client_scale >= 0)
		add_scale(&syn, (uint8_t)client_scale);
	if (server_scale >= 0)
		add_scale(&answer, (uint8_t)server_scale);
	PASSES(send_in(&syn, TAP0, NULL));
	PASSES(send_in(&answer, VE_CONTAINER, NULL));
}

/* A window of a SYN is in bytes, and kept in units of the scale. */
static void a_window_is_not_rounded_down(void **state)
{
	(void)state;
	begin(1000, 7, 0);
	PASSES(server(PSH | ACK, SERVER_NEXT + 1000, CLIENT_NEXT, 9));
	server_is_refused(PSH | ACK, SERVER_NEXT + 1025, CLIENT_NEXT, 9);
}

static void a_window_that_is_not_scaled_is_kept(void **state)
{
	(void)state;
	begin(65535, 7, -1);
	PASSES(server(PSH | ACK, SERVER_NEXT + 65535, CLIENT_NEXT, 9));
	server_is_refused(PSH | ACK, SERVER_NEXT + 65536, CLIENT_NEXT, 9);
}

/* RFC 7323 2.3: more than 14 means 14. */
static void no_scale_is_above_14(void **state)
{
	(void)state;
	begin(1000, 7, 15);
	PASSES(client(ACK, CLIENT_NEXT, SERVER_NEXT, 0));
	PASSES(server(ACK, SERVER_NEXT, CLIENT_NEXT, 0));
	client_is_refused(PSH | ACK, CLIENT_NEXT + (1000 << 14) + 1,
			  SERVER_NEXT, 9);
	PASSES(client(PSH | ACK, CLIENT_NEXT + (1000 << 14), SERVER_NEXT, 9));
}

/* The server's window is 1000, or 256000 if it is scaled. */
static void assert_not_scaled(void)
{
	PASSES(client(ACK, CLIENT_NEXT, SERVER_NEXT, 0));
	PASSES(server(ACK, SERVER_NEXT, CLIENT_NEXT, 0));
	client_is_refused(PSH | ACK, CLIENT_NEXT + 1025, SERVER_NEXT, 9);
	PASSES(client(PSH | ACK, CLIENT_NEXT + 1000, SERVER_NEXT, 9));
}

static void an_answer_alone_scales_nothing(void **state)
{
	(void)state;
	begin(1000, -1, 8);
	assert_not_scaled();
}

/* A SYN with options in which there is no scale. */
static void what_is_no_scale_scales_nothing(void **state)
{
	static const struct {
		size_t bytes;
		uint8_t option[8];
	} cases[] = {
		{4, {1, 1, 3, 3}},		 /* cut by the header's end */
		{4, {3, 4, 7, 0}},		 /* of another length */
		{4, {3, 2, 7, 0}},		 /* the same */
		{8, {254, 1, 3, 3, 7, 0, 0, 0}}, /* one of less than two */
		{8, {254, 0, 3, 3, 7, 0, 0, 0}}, /* the same */
		{8, {0, 3, 3, 7, 0, 0, 0, 0}},	 /* behind the end */
		{8, {254, 6, 3, 3, 7, 0, 0, 0}}, /* in another's value */
	};
	struct spec answer =
		segment_of(&to_client, SYN | ACK, SERVER_ISN, CLIENT_NEXT, 0);

	(void)state;
	add_scale(&answer, 8);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct spec syn = segment_of(&to_server, SYN, CLIENT_ISN, 0, 8);

		harness_restart(NULL);
		memcpy(syn.tcp_options, cases[i].option, cases[i].bytes);
		syn.tcp_options_bytes = cases[i].bytes;
		PASSES(send_in(&syn, TAP0, NULL));
		PASSES(send_in(&answer, VE_CONTAINER, NULL));
		assert_not_scaled();
	}
}

/* RFC 5961 3.2: it may be behind data that the peer has not acknowledged. */
static void a_reset_behind_the_last_byte_is_exact(void **state)
{
	(void)state;
	establish();
	PASSES(client(PSH | ACK, CLIENT_NEXT, SERVER_NEXT, 100));
	PASSES(client(RST, CLIENT_NEXT + 99, 0, 0));
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
	PASSES(client(RST, CLIENT_NEXT + 100, 0, 0));
	assert_int_equal(state_now(), SG_STATE_RESET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(data_has_an_oldest_byte),
		TEST(an_acknowledgement_has_an_oldest_byte),
		TEST(early_data_has_a_last_byte),
		TEST(a_window_is_not_rounded_down),
		TEST(a_window_that_is_not_scaled_is_kept),
		TEST(no_scale_is_above_14),
		TEST(an_answer_alone_scales_nothing),
		TEST(what_is_no_scale_scales_nothing),
		TEST(a_reset_behind_the_last_byte_is_exact),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
