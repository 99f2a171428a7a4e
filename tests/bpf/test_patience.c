// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP that looks wrong and is not: connections that are half closed for days,
 * windows of zero and the probes of them, keepalives below the window. By each
 * kind of flow that crosses the gate, in both families. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "probes.h"
#include "talks.h"

#define NEXT 1001     /* what both ends of a talk send next */
#define WINDOW 64000  /* what both have offered */
#define DAY_S 86400UL /* a flow is kept for five of them */

/* One end of a talk, and where its packets come by. */
struct end {
	const struct spec *spec;
	enum place at;
};

static struct end remote_end(const struct talk *talk)
{
	return (struct end){&talk->in, talk->at};
}

static struct end container_end(const struct talk *talk)
{
	return (struct end){&talk->out, VE_CONTAINER};
}

/* Build a segment of this end, with the window that it offers. */
static void build_segment(struct frame *frame, const struct end *end,
			  uint8_t flags, uint32_t seq, uint32_t ack,
			  size_t bytes, uint16_t window)
{
	struct spec spec = *end->spec;
	struct tcphdr *tcp;

	spec.flags = flags;
	spec.seq = seq;
	spec.ack = ack;
	spec.payload_bytes = bytes;
	build_frame(frame, &spec, end->at, false);
	tcp = (struct tcphdr *)frame_l4(frame);
	tcp->window = htons(window);
	fix_l4_sum(frame);
}

static void passes(const struct end *end, uint8_t flags, uint32_t seq,
		   uint32_t ack, size_t bytes, uint16_t window)
{
	uint64_t drops = all_drops();
	struct frame frame;

	build_segment(&frame, end, flags, seq, ack, bytes, window);
	assert_int_equal(run_in(&frame, end->at), ACTION_REDIRECT);
	assert_true(sums_are_right(&frame));
	assert_int_equal(all_drops(), drops);
}

static void is_refused(const struct end *end, uint8_t flags, uint32_t seq,
		       uint32_t ack, size_t bytes)
{
	struct frame frame;

	build_segment(&frame, end, flags, seq, ack, bytes, WINDOW);
	assert_dropped(&frame, end->at, SG_DROP_TCP_WINDOW);
}

/* Call the test with each TCP talk, once for each end as the first: of forwards
 * and of masquerade, in IPv4 and IPv6. */
static void each_way(void (*test)(const struct end *one,
				  const struct end *other))
{
	int kinds[2][2] = {{0}}; /* by family, by who began */

	for (int turn = 0; turn < 2; turn++) {
		talks_begin();
		for (size_t i = 0; i < talk_count; i++) {
			struct end remote = remote_end(&talks[i]);
			struct end container = container_end(&talks[i]);

			if (talks[i].in.protocol != IPPROTO_TCP)
				continue;
			kinds[strchr(talks[i].in.src, ':') != NULL]
			     [talks[i].out.sport > 40000]++;
			if (turn)
				test(&container, &remote);
			else
				test(&remote, &container);
		}
	}
	for (int i = 0; i < 4; i++)
		assert_true(kinds[i / 2][i % 2] >= 2);
}

/* One end has closed; the other goes on for two weeks, a packet every four
 * days, and closes. */
static void half_closed(const struct end *one, const struct end *other)
{
	uint32_t sent = NEXT;

	passes(one, FIN | ACK, NEXT, NEXT, 0, WINDOW);
	passes(other, ACK, sent, NEXT + 1, 0, WINDOW);
	for (int i = 0; i < 4; i++) {
		age_flows(PINS_flows, 4 * DAY_S);
		passes(other, PSH | ACK, sent, NEXT + 1, 500, WINDOW);
		sent += 500;
		age_flows(PINS_flows, 4 * DAY_S);
		passes(one, ACK, NEXT + 1, sent, 0, WINDOW);
	}
	is_refused(one, ACK, NEXT + 1, sent + 1, 0); /* the control */
	passes(other, FIN | ACK, sent, NEXT + 1, 0, WINDOW);
	passes(one, ACK, NEXT + 1, sent + 1, 0, WINDOW);
}

static void case_165_half_closed_for_days(void **state)
{
	(void)state;
	each_way(half_closed);
}

/* A FIN that was not heard of is sent again, days later; and the end that has
 * closed asks whether the other is there. */
static void half_closed_and_idle(const struct end *one, const struct end *other)
{
	passes(one, FIN | ACK, NEXT, NEXT, 0, WINDOW);
	age_flows(PINS_flows, 4 * DAY_S);
	passes(one, FIN | ACK, NEXT, NEXT, 0, WINDOW);
	passes(other, ACK, NEXT, NEXT + 1, 0, WINDOW);
	for (int i = 0; i < 4; i++) {
		age_flows(PINS_flows, 4 * DAY_S);
		passes(one, ACK, NEXT, NEXT, 0, WINDOW); /* a keepalive */
		passes(other, ACK, NEXT, NEXT + 1, 0, WINDOW);
	}
	passes(other, PSH | ACK, NEXT, NEXT + 1, 500, WINDOW);
}

static void case_165_half_closed_and_idle_for_days(void **state)
{
	(void)state;
	each_way(half_closed_and_idle);
}

/* The receiver's window is full for two weeks. The sender's probes are one byte
 * below what it sends next (Linux, BSD), or one byte above the window (RFC 9293
 * 3.8.6.1). */
static void zero_window(const struct end *one, const struct end *other)
{
	uint32_t full = NEXT;

	while (full - NEXT < WINDOW) {
		passes(one, ACK, full, NEXT, 1000, WINDOW);
		full += 1000;
	}
	passes(other, ACK, NEXT, full, 0, 0);
	for (int i = 0; i < 4; i++) {
		age_flows(PINS_flows, 4 * DAY_S);
		passes(one, ACK, full - 1, NEXT, 0, WINDOW);
		passes(other, ACK, NEXT, full, 0, 0);
		passes(one, ACK, full - 1, NEXT, 1, WINDOW);
		passes(other, ACK, NEXT, full, 0, 0);
		passes(one, PSH | ACK, full, NEXT, 1, WINDOW);
		passes(other, ACK, NEXT, full, 0, 0);
	}
	passes(other, ACK, NEXT, full, 0, WINDOW); /* it reads again */
	is_refused(one, PSH | ACK, full + WINDOW + 1, NEXT, 1000);
	passes(one, PSH | ACK, full, NEXT, 1000, WINDOW);
	passes(one, FIN | ACK, full + 1000, NEXT, 0, WINDOW);
	passes(other, ACK, NEXT, full + 1001, 0, WINDOW);
}

static void case_165_a_window_of_zero_for_days(void **state)
{
	(void)state;
	each_way(zero_window);
}

/* Both windows are full at once, and each end has data that the other has not
 * acknowledged: a probe is then one byte below all of them. */
static void zero_windows(const struct end *one, const struct end *other)
{
	const uint32_t full = NEXT + WINDOW;

	for (uint32_t at = NEXT; at < full; at += 1000) {
		passes(one, ACK, at, NEXT, 1000, WINDOW);
		passes(other, ACK, at, NEXT, 1000, WINDOW);
	}
	for (int i = 0; i < 4; i++) {
		age_flows(PINS_flows, 4 * DAY_S);
		passes(one, ACK, NEXT - 1, NEXT, 0, 0);
		passes(other, ACK, NEXT - 1, NEXT, 0, 0);
	}
	is_refused(one, ACK, NEXT - 2, NEXT, 0);
	passes(one, ACK, full - 1, full, 0, 0);
	passes(other, ACK, full - 1, full, 0, 0);
	passes(one, PSH | ACK, full, full, 1, 0);
	passes(other, PSH | ACK, full, full, 1, 0);
}

static void case_165_both_windows_are_zero(void **state)
{
	(void)state;
	each_way(zero_windows);
}

/* An idle end sends a keepalive every four days: the number below the next one,
 * with no data or with one byte of garbage (RFC 9293 3.8.4). */
static void keepalives(const struct end *one, const struct end *other)
{
	for (int i = 0; i < 4; i++) {
		age_flows(PINS_flows, 4 * DAY_S);
		passes(one, ACK, NEXT - 1, NEXT, 0, WINDOW);
		passes(other, ACK, NEXT, NEXT, 0, WINDOW);
		age_flows(PINS_flows, 4 * DAY_S);
		passes(other, ACK, NEXT - 1, NEXT, 1, WINDOW);
		passes(one, ACK, NEXT, NEXT, 0, WINDOW);
	}
	is_refused(one, ACK, NEXT - WINDOW - 2, NEXT, 0);
	passes(one, PSH | ACK, NEXT, NEXT, 500, WINDOW);
	passes(other, ACK, NEXT, NEXT + 500, 0, WINDOW);
	age_flows(PINS_flows, 4 * DAY_S);
	passes(one, ACK, NEXT + 499, NEXT, 1, WINDOW);
}

static void case_165_keepalives_below_the_window(void **state)
{
	(void)state;
	each_way(keepalives);
}

/* The control: a flow that nobody uses for six days is over. */
static void six_days(const struct end *one, const struct end *other)
{
	uint64_t drops = drops_of(other->at, SG_DROP_NO_FLOW);
	size_t begun = flow_count(PINS_half_open);
	struct frame frame;

	age_flows(PINS_flows, 0); /* the talk before has aged this one, too */
	passes(one, FIN | ACK, NEXT, NEXT, 0, WINDOW);
	age_flows(PINS_flows, 6 * DAY_S);
	build_segment(&frame, other, PSH | ACK, NEXT, NEXT + 1, 500, WINDOW);
	run_in(&frame, other->at);
	/* its sender may be told by a reset, or begins another by it */
	assert_int_equal(drops_of(other->at, SG_DROP_NO_FLOW) +
				 flow_count(PINS_half_open),
			 drops + begun + 1);
}

static void a_flow_ends_when_it_is_idle_for_six_days(void **state)
{
	(void)state;
	each_way(six_days);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_165_half_closed_for_days),
		TEST(case_165_half_closed_and_idle_for_days),
		TEST(case_165_a_window_of_zero_for_days),
		TEST(case_165_both_windows_are_zero),
		TEST(case_165_keepalives_below_the_window),
		TEST(a_flow_ends_when_it_is_idle_for_six_days),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
