// SPDX-License-Identifier: GPL-2.0-or-later
/* The gate's ports for what the container begins: who counts on one, how long
 * it is kept, and which it may not be. */
#include <bpf/bpf.h>
#include <netinet/in.h>

#include "probes.h"
#include "sys/clock.h"

#define SPORT 33000
#define QUERY_S 30 /* udp-new: a query to a well-known port */
#define LATE_S 10  /* after an open flow has ended */

static struct spec out_from(uint16_t sport)
{
	return between("10.0.3.2", "192.168.7.9", sport, 53, IPPROTO_UDP, 0);
}

static struct spec answer_at(uint16_t gate_port)
{
	return between("192.168.7.9", "192.168.7.2", 53, gate_port, IPPROTO_UDP,
		       0);
}

static struct sg_snat_port snat_port_of(uint16_t gate_port)
{
	const struct sg_snat_port_key key = {.protocol = IPPROTO_UDP,
					     .gate_port.be = htons(gate_port)};
	struct sg_snat_port snat_port;

	assert_int_equal(
		bpf_map_lookup_elem(gate_test.pins.map_fds[PINS_snat_ports],
				    &key, &snat_port),
		0);
	return snat_port;
}

/* Used by so many open flows, and kept for those that are not for so long. */
static void set_snat_port(uint16_t gate_port, uint32_t flows, int left_s)
{
	const struct sg_snat_port_key key = {.protocol = IPPROTO_UDP,
					     .gate_port.be = htons(gate_port)};
	struct sg_snat_port snat_port = snat_port_of(gate_port);

	snat_port.flows = flows;
	snat_port.until_s = boot_s() + (uint32_t)left_s;
	assert_int_equal(
		bpf_map_update_elem(gate_test.pins.map_fds[PINS_snat_ports],
				    &key, &snat_port, BPF_EXIST),
		0);
}

static uint16_t port_of(uint16_t sport)
{
	struct spec out = out_from(sport);
	struct frame sent;

	assert_left(&out, &sent);
	return frame_sport(&sent);
}

/* Seconds that it is still kept for. */
static int left_of(uint16_t gate_port)
{
	return (int)(snat_port_of(gate_port).until_s - boot_s());
}

static void goes_on(const struct spec *out, const struct spec *answer)
{
	assert_left(out, NULL);
	assert_delivered_to(answer, ETH0, out->sport);
	assert_left(out, NULL);
}

static void a_port_counts_its_open_flows(void **state)
{
	struct spec first = out_from(SPORT);
	struct spec other = out_from(SPORT);
	struct spec answer;
	uint16_t port;

	(void)state;
	port = port_of(SPORT);
	answer = answer_at(port);
	assert_delivered_to(&answer, ETH0, SPORT);
	assert_int_equal(snat_port_of(port).flows, 0); /* a query, no more */
	goes_on(&first, &answer);
	assert_int_equal(snat_port_of(port).flows, 1);
	other.dport = 54;
	answer.sport = 54;
	goes_on(&other, &answer);
	assert_int_equal(snat_port_of(port).flows, 2);
	age_flows(PINS_flows, 4000);
	/* anew, and half open; both are over */
	assert_int_equal(send_in(&other, VE_CONTAINER, NULL), ACTION_REDIRECT);
	assert_int_equal(snat_port_of(port).flows, 0);
	assert_int_equal(flow_count(PINS_flows), 0);
}

/* From the first packet to a while after the end of its last flow. */
static void a_port_is_kept_since_it_was_used(void **state)
{
	struct spec out = out_from(SPORT);
	struct spec answer;
	uint16_t port;

	(void)state;
	port = port_of(SPORT);
	assert_in_range(left_of(port), QUERY_S - 2, QUERY_S);
	set_snat_port(port, 0, 1);
	assert_left(&out, NULL); /* unanswered still */
	assert_in_range(left_of(port), QUERY_S - 2, QUERY_S);
	answer = answer_at(port);
	set_snat_port(port, 0, 1);
	assert_delivered_to(&answer, ETH0, SPORT);
	assert_in_range(left_of(port), QUERY_S - 2, QUERY_S);
	goes_on(&out, &answer);
	set_snat_port(port, 1, -1000);
	age_flows(PINS_flows, 4000);
	assert_spec_dropped(&answer, ETH0, SG_DROP_CLOSED_PORT);
	assert_int_equal(snat_port_of(port).flows, 0);
	assert_in_range(left_of(port), LATE_S - 2, LATE_S);
}

/* Sources that want one port: the first who have theirs keep them. */
static void a_port_in_use_is_passed_by(void **state)
{
	static const struct {
		uint32_t flows;
		int left_s;
	} cases[] = {{1, -1000}, {0, 2}, {0, QUERY_S}};
	uint16_t ports[3];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		harness_restart("egress { ports = \"61000-65535\" }");
		for (int j = 0; j < 3; j++) {
			ports[j] = port_of((uint16_t)(SPORT + j * 4536));
			set_snat_port(ports[j], cases[i].flows,
				      cases[i].left_s);
		}
		assert_int_not_equal(ports[0], ports[1]);
		assert_int_not_equal(ports[0], ports[2]);
		assert_int_not_equal(ports[1], ports[2]);
	}
}

static void a_port_that_nobody_uses_is_anothers(void **state)
{
	uint16_t port;

	(void)state;
	port = port_of(SPORT);
	set_snat_port(port, 0, -2);
	assert_int_equal(port_of((uint16_t)(SPORT + MASQUERADE_PORTS)), port);
}

static void answers_come_to_both_ends_of_the_range(void **state)
{
	bool seen[8] = {false};

	(void)state;
	harness_restart("egress { ports = \"61000-61007\" }");
	for (uint16_t i = 0; i < 8; i++) {
		uint16_t port = port_of(SPORT + i);
		struct spec answer = answer_at(port);

		assert_in_range(port, 61000, 61007);
		seen[port - 61000] = true;
		assert_delivered_to(&answer, ETH0, SPORT + i);
	}
	for (int i = 0; i < 8; i++)
		assert_true(seen[i]);
}

/* The host talks to the same remote: it has asked, is answered, is assured. */
static void a_port_of_the_hosts_flow_is_passed_by(void **state)
{
	struct spec answer;
	struct spec host;
	uint16_t port;

	(void)state;
	port = port_of(SPORT);
	for (int packets = 1; packets <= 3; packets++) {
		harness_restart(NULL);
		host = between("192.168.7.2", "192.168.7.9", port, 53,
			       IPPROTO_UDP, 0);
		assert_int_equal(send_out(&host, ETH0, NULL), ACTION_PASS);
		answer = answer_at(port);
		if (packets > 1)
			assert_passed(&answer, ETH0);
		if (packets > 2)
			assert_int_equal(send_out(&host, ETH0, NULL),
					 ACTION_PASS);
		assert_int_equal(flow_count(PINS_flows), packets == 3);
		assert_int_not_equal(port_of(SPORT), port);
		assert_passed(&answer, ETH0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_port_counts_its_open_flows),
		TEST(a_port_is_kept_since_it_was_used),
		TEST(a_port_in_use_is_passed_by),
		TEST(a_port_that_nobody_uses_is_anothers),
		TEST(answers_come_to_both_ends_of_the_range),
		TEST(a_port_of_the_hosts_flow_is_passed_by),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
