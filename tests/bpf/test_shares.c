// SPDX-License-Identifier: GPL-2.0-or-later
/* Nobody is shut out: what is over makes room, what is used is given back, and
 * no role can use up what another needs. */
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "gate/maps.h"
#include "probes.h"
#include "sys/clock.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OPEN "forward \"ssh\" { ports = {\"22\"} }\n"

/* All that keeps masquerade ports has so many seconds less to do so. Returns
 * how many open flows hold one. */
static uint32_t age_snat_ports(uint32_t seconds)
{
	int fd = gate_test.pins.map_fds[PINS_snat_ports];
	struct sg_snat_port_key *keys = NULL;
	struct sg_snat_port snat_port;
	uint32_t held = 0;
	size_t count = 0;

	assert_int_equal(maps_keys(fd, sizeof(*keys), (void **)&keys, &count),
			 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(bpf_map_lookup_elem(fd, &keys[i], &snat_port),
				 0);
		held += snat_port.flows;
		snat_port.until_s -= seconds;
		assert_int_equal(bpf_map_update_elem(fd, &keys[i], &snat_port,
						     BPF_EXIST),
				 0);
	}
	free(keys);
	return held;
}

static uint32_t held_ports(void)
{
	return age_snat_ports(0);
}

static struct spec query(uint16_t sport, uint16_t dport, uint8_t protocol)
{
	return between("10.0.3.2", "192.168.7.9", sport, dport, protocol, SYN);
}

/* The container asks, is answered, and asks no more. */
static void look_up(uint16_t sport, uint16_t dport)
{
	struct spec spec = query(sport, dport, IPPROTO_UDP);
	struct spec answer;
	struct frame sent;

	assert_int_equal(send_in(&spec, VE_CONTAINER, &sent), ACTION_REDIRECT);
	answer = answer_to(&sent, IPPROTO_UDP, 0);
	assert_int_equal(send_in(&answer, ETH0, NULL), ACTION_REDIRECT);
}

static void case_154_lookups_do_not_use_up_the_ports(void **state)
{
	(void)state;
	harness_restart("egress { ports = \"61000-61015\" }");
	for (uint16_t i = 0; i < 200; i++) {
		look_up((uint16_t)(33000 + i), 53);
		if (i % 8 == 7)
			age_snat_ports(
				32); /* udp-new: a query has its answer */
	}
	assert_int_equal(flow_count(PINS_flows), 0);
	assert_int_equal(held_ports(), 0);
}

/* The packets of one end, however many, are no flow of two. */
static void one_ends_word_assures_nothing(void **state)
{
	struct spec spec = query(33000, 5000, IPPROTO_UDP);
	struct spec answer;
	struct frame sent;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(send_in(&spec, VE_CONTAINER, &sent),
				 ACTION_REDIRECT);
	assert_int_equal(state_now(), SG_STATE_NEW);
	answer = between("192.168.7.9", "192.168.7.2", 5000, frame_sport(&sent),
			 IPPROTO_UDP, 0);
	for (int i = 0; i < 3; i++)
		assert_delivered_to(&answer, ETH0, spec.sport);
	assert_int_equal(state_now(), SG_STATE_ANSWERED);
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_REDIRECT);
	assert_int_equal(state_now(), SG_STATE_ASSURED);
}

static void case_154_an_answer_of_another_port_is_kept_longer(void **state)
{
	struct spec late;

	(void)state;
	harness_restart("egress { ports = \"61000-61015\" }");
	for (uint16_t i = 0; i < 16; i++)
		look_up((uint16_t)(33000 + i), 5000);
	age_snat_ports(32);
	late = query(34000, 5000, IPPROTO_UDP); /* RFC 4787 REQ-5 */
	assert_spec_dropped(&late, VE_CONTAINER, SG_DROP_PORTS_EXHAUSTED);
	age_snat_ports(150);
	assert_left(&late, NULL);
}

/* A connection of the container's; *ret_answer is the remote's next packet. */
static void connect_out(uint16_t sport, struct spec *ret_answer)
{
	struct spec spec = query(sport, 443, IPPROTO_TCP);
	struct frame sent;

	assert_int_equal(send_in(&spec, VE_CONTAINER, &sent), ACTION_REDIRECT);
	*ret_answer = between("192.168.7.9", "192.168.7.2", 443,
			      frame_sport(&sent), IPPROTO_TCP, SYN | ACK);
	assert_int_equal(send_in(ret_answer, ETH0, NULL), ACTION_REDIRECT);
	spec.flags = ACK;
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_REDIRECT);
	ret_answer->flags = ACK;
}

static void close_out(uint16_t sport, struct spec answer)
{
	struct spec spec = query(sport, 443, IPPROTO_TCP);

	spec.flags = FIN | ACK;
	answer.flags = FIN | ACK;
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_REDIRECT);
	assert_int_equal(send_in(&answer, ETH0, NULL), ACTION_REDIRECT);
}

static void case_155_used_ports_come_back(void **state)
{
	struct spec answers[16];
	struct spec late = query(34000, 443, IPPROTO_TCP);

	(void)state;
	harness_restart("egress { ports = \"61000-61015\" }");
	for (uint16_t i = 0; i < 16; i++)
		connect_out((uint16_t)(33000 + i), &answers[i]);
	assert_int_equal(held_ports(), 16);
	assert_spec_dropped(&late, VE_CONTAINER, SG_DROP_PORTS_EXHAUSTED);
	for (uint16_t i = 0; i < 8; i++)
		close_out((uint16_t)(33000 + i), answers[i]);
	assert_int_equal(held_ports(), 8);
	assert_spec_dropped(&late, VE_CONTAINER, SG_DROP_PORTS_EXHAUSTED);
	age_snat_ports(300); /* what is late has come */
	for (uint16_t i = 0; i < 8; i++) {
		late.sport++;
		assert_left(&late, NULL);
	}
	late.sport++;
	assert_spec_dropped(&late, VE_CONTAINER, SG_DROP_PORTS_EXHAUSTED);
	/* the others are as they were, and end by themselves when nobody talks:
	 * by who comes after, though of another protocol */
	answers[15].flags = ACK;
	assert_int_equal(send_in(&answers[15], ETH0, NULL), ACTION_REDIRECT);
	age_flows(PINS_flows, 500000);
	age_snat_ports(300);
	for (uint16_t i = 0; i < 16; i++)
		look_up((uint16_t)(33000 + i), 53);
	assert_int_equal(held_ports(), 0);
	assert_int_equal(flow_count(PINS_flows), 0);
	age_snat_ports(300);
	late.sport++;
	assert_left(&late, NULL);
}

/* A connection that is closed gives its port back once, however it goes on. */
static void a_port_is_given_back_once(void **state)
{
	struct spec spec = query(33000, 443, IPPROTO_TCP);
	struct spec other = query(33000, 80, IPPROTO_TCP);
	struct spec answer;
	struct frame sent;

	(void)state;
	connect_out(33000, &answer);
	assert_int_equal(send_in(&other, VE_CONTAINER, &sent), ACTION_REDIRECT);
	answer.sport = 80;
	answer.flags = SYN | ACK;
	assert_int_equal(send_in(&answer, ETH0, NULL), ACTION_REDIRECT);
	other.flags = ACK;
	assert_int_equal(send_in(&other, VE_CONTAINER, NULL), ACTION_REDIRECT);
	assert_int_equal(held_ports(), 2);
	answer.sport = 443;
	close_out(33000, answer);
	assert_int_equal(held_ports(), 1);
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_REDIRECT);
	assert_int_equal(flow_count(PINS_flows), 1);
	assert_int_equal(held_ports(), 1);
}

static void refused_connections_give_their_port_back(void **state)
{
	struct sg_flow_key key;
	struct sg_flow flow;

	(void)state;
	harness_restart("egress { ports = \"61000-61003\" }");
	for (uint16_t i = 0; i < 40; i++) {
		struct spec spec =
			query((uint16_t)(33000 + i), 81, IPPROTO_TCP);
		struct spec refusal;
		struct frame sent;

		assert_int_equal(send_in(&spec, VE_CONTAINER, &sent),
				 ACTION_REDIRECT);
		refusal = answer_to(&sent, IPPROTO_TCP, RST | ACK);
		refusal.ack = 1001;
		assert_int_equal(send_in(&refusal, ETH0, NULL),
				 ACTION_REDIRECT);
		if (!i) {
			the_flow(&key, &flow);
			assert_int_equal(flow.state, SG_STATE_REFUSED);
		}
		if (i % 4 == 3) /* no longer than for what is late */
			age_snat_ports(12);
	}
}

/* Ports that are kept for a flow that is half open. */
static uint32_t waited_for_ports(void)
{
	int fd = gate_test.pins.map_fds[PINS_snat_ports];
	struct sg_snat_port_key *keys = NULL;
	struct sg_snat_port snat_port;
	uint32_t waited_for = 0;
	size_t count;

	assert_int_equal(maps_keys(fd, sizeof(*keys), (void **)&keys, &count),
			 0);
	for (size_t i = 0; i < count; i++)
		if (!bpf_map_lookup_elem(fd, &keys[i], &snat_port))
			waited_for += snat_port.until_s > boot_s() + 1;
	free(keys);
	return waited_for;
}

/* A flow that is forgotten for want of room keeps no port. */
static void what_is_forgotten_gives_its_port_back(void **state)
{
	struct spec spec = query(33000, 81, IPPROTO_TCP);

	(void)state;
	harness_restart("egress { ports = \"61000-61031\" }\n"
			"limits { flows = 64  half-open = 128 }");
	for (int i = 0; i < 32; i++, spec.sport++) /* the last 16 are there */
		assert_int_equal(send_in(&spec, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
	assert_int_equal(flow_count(PINS_half_open), 16);
	assert_int_equal(waited_for_ports(), 16);
	/* at once, by a port that is shared with one that nobody talks by */
	for (int i = 0; i < 16; i++, spec.sport++)
		assert_int_equal(send_in(&spec, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
}

static void low_ports_stay_low(void **state)
{
	static const uint16_t ports[] = {1, 123, 500, 511, 512, 1023};

	(void)state;
	for (size_t i = 0; i < COUNT(ports); i++) {
		struct spec spec = query(ports[i], 2049, IPPROTO_TCP);
		struct spec answer;
		struct frame sent;

		assert_left(&spec, &sent);
		assert_int_equal(frame_sport(&sent), ports[i]);
		answer = answer_to(&sent, IPPROTO_TCP, SYN | ACK);
		assert_delivered_to(&answer, ETH0, ports[i]);
	}
	/* but for a forward's, and the owner's */
	struct spec taken = query(22, 2049, IPPROTO_TCP);
	struct frame sent;

	assert_left(&taken, &sent);
	assert_int_not_equal(frame_sport(&sent), 22);
	taken.sport = 23;
	assert_left(&taken, &sent);
	assert_int_not_equal(frame_sport(&sent), 23);
}

static struct spec from_lan(uint16_t sport)
{
	return between("192.168.7.9", "192.168.7.2", sport, 22, IPPROTO_TCP,
		       SYN);
}

/* As many open flows of each as `flows = 64` lets it have. */
static void fill_lan(uint16_t sport)
{
	struct spec spec = from_lan(sport);
	struct spec reply;

	for (int i = 0; i < 24; i++, spec.sport++) /* three eighths */
		open_tcp(&spec, ETH0, &reply);
}

static void fill_others(uint16_t sport)
{
	struct spec host = between("192.168.7.2", "192.168.7.9", sport, 443,
				   IPPROTO_TCP, SYN);
	struct spec vpn = vpn_tcp;
	struct spec answer;
	struct spec reply;

	vpn.sport = sport;
	for (uint16_t i = 0; i < 8; i++, vpn.sport++, host.sport++) {
		open_tcp(&vpn, TAP0, &reply);
		host.flags = SYN;
		assert_int_equal(send_out(&host, ETH0, NULL), ACTION_PASS);
		answer = between("192.168.7.9", "192.168.7.2", 443, host.sport,
				 IPPROTO_TCP, SYN | ACK);
		assert_passed(&answer, ETH0);
		host.flags = ACK;
		assert_int_equal(send_out(&host, ETH0, NULL), ACTION_PASS);
	}
	for (uint16_t i = 0; i < 24; i++)
		connect_out((uint16_t)(sport + i), &answer);
}

static void case_156_the_lan_holds_no_more_than_its_share(void **state)
{
	struct spec spec = from_lan(41000);

	(void)state;
	harness_restart(
		OPEN
		"limits { flows = 64  half-open = 128  new-per-source = 0 }");
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	fill_lan(40000);
	assert_spec_dropped(&spec, ETH0, SG_DROP_TABLE_FULL);
	fill_others(42000);
	assert_int_equal(flow_count(PINS_flows), 64);
	/* when they have expired, each has its own again */
	age_flows(PINS_flows, 500000);
	fill_others(43000);
	fill_lan(43000);
	assert_int_equal(flow_count(PINS_flows), 64);
}

/* UDP goes on half open if there is no place for an assured flow. */
static void case_156_datagrams_go_on_half_open(void **state)
{
	struct spec spec = query(33000, 53, IPPROTO_UDP);
	struct frame sent;
	struct spec answer;

	(void)state;
	harness_restart(
		OPEN
		"limits { flows = 64  half-open = 128  new-per-source = 0 }");
	for (uint16_t i = 0; i < 24; i++)
		connect_out((uint16_t)(43000 + i), &answer);
	for (int i = 0; i < 5; i++) {
		assert_left(&spec, &sent);
		answer = answer_to(&sent, IPPROTO_UDP, 0);
		assert_delivered_to(&answer, ETH0, 33000);
	}
	assert_int_equal(flow_count(PINS_flows), 24);
	assert_int_equal(flow_count(PINS_half_open), 1);
}

/* Two handshakes go on while there is one place; the second to be done finds a
 * connection that was reset. */
static void case_167_a_handshake_that_ends_when_it_is_full(void **state)
{
	struct spec spec = from_lan(40000);
	struct spec reply = between("10.0.3.2", "192.168.7.9", 22, 0,
				    IPPROTO_TCP, SYN | ACK);
	struct spec first;
	struct spec other;

	(void)state;
	harness_restart(
		OPEN
		"limits { flows = 64  half-open = 128  new-per-source = 0 }");
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	open_tcp(&spec, ETH0, &first);
	for (int i = 1; i < 23; i++) {
		spec.sport++;
		open_tcp(&spec, ETH0, &other);
	}
	for (uint16_t i = 0; i < 2; i++) {
		spec.flags = SYN;
		spec.sport = (uint16_t)(41000 + i);
		reply.dport = spec.sport;
		assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
		assert_int_equal(send_in(&reply, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
	}
	first.flags = RST | ACK;
	assert_int_equal(send_in(&first, VE_CONTAINER, NULL), ACTION_REDIRECT);
	for (uint16_t i = 0; i < 2; i++) {
		spec.flags = ACK;
		spec.sport = (uint16_t)(41000 + i);
		assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
	}
	assert_int_equal(flow_count(PINS_half_open), 0);
	assert_int_equal(flow_count(PINS_flows), 24);
}

static void case_167_what_is_closed_makes_room(void **state)
{
	struct spec spec = from_lan(40000);
	struct spec reply;

	(void)state;
	harness_restart(
		OPEN
		"limits { flows = 64  half-open = 128  new-per-source = 0 }\n");
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	for (int i = 0; i < 1000; i++, spec.sport++) {
		open_tcp(&spec, ETH0, &reply);
		if (i % 8 == 0 && i < 64)
			continue; /* these live on */
		spec.flags = FIN | ACK;
		reply.flags = FIN | ACK;
		assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
		assert_int_equal(send_in(&reply, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
	}
	for (uint16_t i = 0; i < 64; i += 8) {
		spec.sport = (uint16_t)(40000 + i);
		spec.flags = ACK;
		assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
	}
}

static void case_166_answered_datagrams_fill_no_table(void **state)
{
	struct spec spec = between("192.168.7.9", "192.168.7.2", 40000, 5353,
				   IPPROTO_UDP, 0);

	(void)state;
	harness_restart(
		"forward \"dns\" { protocol = udp ports = {\"5353\"} }\n"
		"limits { flows = 64  half-open = 128 }");
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	for (int i = 0; i < 1000; i++, spec.sport++) {
		struct spec reply = between("10.0.3.2", "192.168.7.9", 5353,
					    spec.sport, IPPROTO_UDP, 0);

		assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
		assert_int_equal(send_in(&reply, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
	}
	assert_int_equal(flow_count(PINS_flows), 0);
	assert_int_equal(flow_count(PINS_half_open), 16);
}

/* One that only the other end goes on with. */
static void a_stream_of_answers_outlasts_the_unanswered(void **state)
{
	struct spec spec = query(32999, 5000, IPPROTO_UDP);
	struct spec answer;
	struct sg_flow_key key;
	struct sg_flow flow;
	struct frame sent;

	(void)state;
	harness_restart(OPEN "limits { flows = 64  half-open = 128 }");
	assert_int_equal(send_in(&spec, VE_CONTAINER, &sent), ACTION_REDIRECT);
	answer = between("192.168.7.9", "192.168.7.2", 5000, frame_sport(&sent),
			 IPPROTO_UDP, 0);
	assert_delivered_to(&answer, ETH0, 32999);
	for (int i = 0; i < 200; i++) {
		spec.sport++;
		assert_int_equal(send_in(&spec, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
	}
	assert_delivered_to(&answer, ETH0, 32999);
	/* after as long as a query may take it is no query */
	harness_restart(OPEN "limits { flows = 64  half-open = 128 }");
	spec.sport = 32999;
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_REDIRECT);
	assert_delivered_to(&answer, ETH0, 32999);
	assert_int_equal(the_flow(&key, &flow), PINS_half_open);
	flow.created_s -= 32;
	assert_int_equal(
		bpf_map_update_elem(gate_test.pins.map_fds[PINS_half_open],
				    &key, &flow, BPF_EXIST),
		0);
	assert_delivered_to(&answer, ETH0, 32999);
	assert_int_equal(state_now(), SG_STATE_ASSURED);
}

/* Begun by the expert, and answered; the SYNs of a flood come in between. */
static void case_168_a_handshake_outlasts_a_flood(void **state)
{
	struct spec flood = from_lan(1024);
	struct spec vpn = vpn_tcp;
	struct spec neighbour = from_lan(50000);
	struct spec reply = between("10.0.3.2", "192.168.7.9", 22, 50000,
				    IPPROTO_TCP, SYN | ACK);

	(void)state;
	harness_restart(
		OPEN
		"limits { flows = 64  half-open = 128  new-per-source = 0 }\n");
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	assert_int_equal(send_in(&vpn, TAP0, NULL), ACTION_REDIRECT);
	assert_int_equal(send_in(&neighbour, ETH0, NULL), ACTION_REDIRECT);
	assert_int_equal(send_in(&reply, VE_CONTAINER, NULL), ACTION_REDIRECT);
	flood.src = "192.168.7.77";
	for (int i = 0; i < 1000; i++, flood.sport++)
		assert_int_equal(send_in(&flood, ETH0, NULL), ACTION_REDIRECT);
	/* the VPN's was not answered yet, the neighbour's was */
	reply.dst = vpn.src;
	reply.dport = vpn.sport;
	assert_int_equal(send_in(&reply, VE_CONTAINER, NULL), ACTION_REDIRECT);
	vpn.flags = ACK;
	neighbour.flags = ACK;
	assert_int_equal(send_in(&vpn, TAP0, NULL), ACTION_REDIRECT);
	assert_int_equal(send_in(&neighbour, ETH0, NULL), ACTION_REDIRECT);
	assert_int_equal(flow_count(PINS_flows), 2);
	assert_in_range(flow_count(PINS_half_open), 1, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_154_lookups_do_not_use_up_the_ports),
		TEST(one_ends_word_assures_nothing),
		TEST(case_154_an_answer_of_another_port_is_kept_longer),
		TEST(case_155_used_ports_come_back),
		TEST(a_port_is_given_back_once),
		TEST(refused_connections_give_their_port_back),
		TEST(what_is_forgotten_gives_its_port_back),
		TEST(low_ports_stay_low),
		TEST(case_156_the_lan_holds_no_more_than_its_share),
		TEST(case_156_datagrams_go_on_half_open),
		TEST(case_167_a_handshake_that_ends_when_it_is_full),
		TEST(case_167_what_is_closed_makes_room),
		TEST(case_166_answered_datagrams_fill_no_table),
		TEST(a_stream_of_answers_outlasts_the_unanswered),
		TEST(case_168_a_handshake_outlasts_a_flood),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
