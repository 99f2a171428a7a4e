// SPDX-License-Identifier: GPL-2.0-or-later
/* The container's own flows: out under the gate's address, and only
 * their answers in. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "probes.h"
#include "sys/clock.h"

static const struct spec to_lan = {
	.src = "10.0.3.2",
	.dst = "192.168.7.9",
	.sport = 33000,
	.dport = 80,
	.protocol = IPPROTO_TCP,
	.flags = SYN,
};

static void tcp_leaves_under_the_gates_address(void **state)
{
	struct sg_flow_key key;
	struct sg_flow flow;
	struct spec answer;
	struct frame frame;

	(void)state;
	assert_int_equal(send_in(&to_lan, VE_CONTAINER, &frame),
			 ACTION_REDIRECT);
	assert_string_equal(frame_src(&frame), "192.168.7.2");
	assert_in_range(frame_sport(&frame), MASQUERADE_LOW, 65535);
	assert_int_equal(frame.data[14 + 8], 63);
	assert_true(sums_are_right(&frame));
	answer = answer_to(&frame, IPPROTO_TCP, SYN | ACK);
	assert_int_equal(send_in(&answer, ETH0, &frame), ACTION_REDIRECT);
	assert_string_equal(frame_dst(&frame), "10.0.3.2");
	assert_int_equal(frame_dport(&frame), 33000);
	assert_true(sums_are_right(&frame));
	the_flow(&key, &flow);
	assert_int_equal(flow.kind, SG_KIND_MASQUERADE);
	assert_int_equal(flow.state, SG_STATE_SYN_RECEIVED);
}

static void udp_answers_come_in_and_nothing_else(void **state)
{
	struct spec query = to_lan;
	struct spec answer;
	struct frame frame;

	(void)state;
	query.protocol = IPPROTO_UDP;
	query.dport = 53;
	assert_int_equal(send_in(&query, VE_CONTAINER, &frame),
			 ACTION_REDIRECT);
	answer = answer_to(&frame, IPPROTO_UDP, 0);
	assert_int_equal(send_in(&answer, ETH0, NULL), ACTION_REDIRECT);
	answer.sport = 54; /* another port of the same remote */
	assert_spec_dropped(&answer, ETH0, SG_DROP_CLOSED_PORT);
	answer.sport = 53;
	answer.src = "192.168.7.10"; /* another remote (RFC 4787 filtering) */
	assert_spec_dropped(&answer, ETH0, SG_DROP_CLOSED_PORT);
	answer.src = "192.168.7.9";
	assert_spec_dropped(&answer, TAP0, SG_DROP_SPOOFED);
}

static void pings_have_their_identifier_translated(void **state)
{
	struct spec ping = to_lan;
	struct spec answer;
	struct frame frame;

	(void)state;
	for (uint32_t id = 0; id < 70000; id += 65535) { /* 0 and 65535 */
		ping.protocol = IPPROTO_ICMP;
		ping.icmp_type = 8;
		ping.sport = (uint16_t)id;
		assert_int_equal(send_in(&ping, VE_CONTAINER, &frame),
				 ACTION_REDIRECT);
		assert_in_range(frame_sport(&frame), MASQUERADE_LOW, 65535);
		assert_true(sums_are_right(&frame));
		answer = (struct spec){.src = "192.168.7.9",
				       .dst = "192.168.7.2",
				       .sport = frame_sport(&frame),
				       .protocol = IPPROTO_ICMP};
		assert_int_equal(send_in(&answer, ETH0, &frame),
				 ACTION_REDIRECT);
		assert_int_equal(frame_sport(&frame), id);
		assert_true(sums_are_right(&frame));
		answer.sport ^= 1;
		assert_spec_dropped(&answer, ETH0, SG_DROP_NO_FLOW);
	}
}

static void a_port_stands_for_one_source_whatever_the_remote(void **state)
{
	struct spec spec = to_lan;
	struct frame first;
	struct frame second;

	(void)state;
	send_in(&spec, VE_CONTAINER, &first);
	spec.dport = 8080;
	assert_int_equal(send_in(&spec, VE_CONTAINER, &second),
			 ACTION_REDIRECT);
	assert_int_equal(frame_sport(&second), frame_sport(&first));
	spec.dst = "10.1.0.1"; /* by another way, too */
	assert_int_equal(send_in(&spec, VE_CONTAINER, &second),
			 ACTION_REDIRECT);
	assert_string_equal(frame_src(&second), "10.1.0.2");
	assert_int_equal(frame_sport(&second), frame_sport(&first));
}

static void case_71_colliding_sources_have_distinct_ports(void **state)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP,
					    IPPROTO_ICMP};
	/* all of them at the same place in the range */
	static const uint16_t sources[] = {32000, 33000, 34000, 35000};
	struct frame sent[4];
	struct frame frame;

	(void)state;
	harness_restart("egress { ports = \"1100-2099\" }");
	for (size_t p = 0; p < sizeof(protocols); p++) {
		struct spec spec = to_lan;

		spec.protocol = protocols[p];
		spec.icmp_type = 8;
		for (size_t i = 0; i < 4; i++) {
			spec.sport = sources[i];
			assert_left(&spec, &sent[i]);
			for (size_t j = 0; j < i; j++)
				assert_int_not_equal(frame_sport(&sent[i]),
						     frame_sport(&sent[j]));
		}
		for (size_t i = 0; i < 4; i++) { /* each has its own answer */
			struct spec answer =
				answer_to(&sent[i], spec.protocol, SYN | ACK);

			assert_int_equal(send_in(&answer, ETH0, &frame),
					 ACTION_REDIRECT);
			assert_int_equal(spec.protocol == IPPROTO_ICMP
						 ? frame_sport(&frame)
						 : frame_dport(&frame),
					 sources[i]);
			assert_true(sums_are_right(&frame));
		}
	}
}

/* A port that another CPU has just taken, by a clock in which a second has just
 * begun, is not one that nobody uses. */
static void case_71_a_port_is_not_taken_by_a_cpu_that_is_behind(void **state)
{
	int fd = gate_test.pins.map_fds[PINS_snat_ports];
	struct spec first =
		between("10.0.3.2", "192.168.7.9", 33000, 53, IPPROTO_UDP, 0);
	struct spec second = first;
	struct sg_snat_port_key key;
	struct sg_snat_port snat_port;
	struct frame sent;
	struct spec answer;

	(void)state;
	second.sport = (uint16_t)(first.sport + MASQUERADE_PORTS);
	assert_left(&first, &sent);
	answer = answer_to(&sent, IPPROTO_UDP, 0);
	assert_int_equal(bpf_map_get_next_key(fd, NULL, &key), 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &snat_port), 0);
	snat_port.until_s++;
	assert_int_equal(bpf_map_update_elem(fd, &key, &snat_port, BPF_EXIST),
			 0);
	assert_left(&second, &sent);
	assert_int_not_equal(frame_sport(&sent), answer.dport);
	assert_delivered_to(&answer, ETH0, first.sport);
}

/* Two ports for the container, and two of its sockets that have one each. */
static void use_up_two_ports(const char *from, const char *to, uint8_t protocol,
			     struct spec ret_answers[2])
{
	harness_restart("container { address6 = \"fd00:3::2\" }\n"
			"egress { ports = \"61000-61001\" }");
	for (uint16_t i = 0; i < 2; i++) {
		struct spec spec = between(from, to, (uint16_t)(33000 + i), 53,
					   protocol, SYN);

		ret_answers[i] = send_for_answer(&spec);
	}
}

/* When all are used, remotes share a port, as with Netfilter; and each talks to
 * its own. */
static void a_port_is_shared(const char *from, const char *to, uint8_t protocol)
{
	struct spec third = between(from, to, 33002, 53, protocol, SYN);
	struct spec shared = between(from, to, 33002, 54, protocol, SYN);
	struct spec owners = between(from, to, 33000, 54, protocol, SYN);
	struct spec answers[2];
	struct spec to_shared;
	struct spec to_owner;
	struct frame sent;

	use_up_two_ports(from, to, protocol, answers);
	assert_spec_dropped(&third, VE_CONTAINER, SG_DROP_PORTS_EXHAUSTED);
	to_shared = send_for_answer(&shared);
	assert_in_range(to_shared.dport, 61000, 61001);
	/* who has the port does not talk by it to that remote: by the other */
	to_owner = send_for_answer(&owners);
	assert_in_range(to_owner.dport, 61000, 61001);
	assert_int_not_equal(to_owner.dport, to_shared.dport);
	owners.sport = 33001; /* and now both are used towards that one, too */
	assert_spec_dropped(&owners, VE_CONTAINER, SG_DROP_PORTS_EXHAUSTED);

	assert_delivered_to(&answers[0], ETH0, 33000);
	assert_delivered_to(&answers[1], ETH0, 33001);
	assert_delivered_to(&to_shared, ETH0, 33002);
	assert_delivered_to(&to_owner, ETH0, 33000);
	shared.flags = ACK;
	assert_left(&shared, &sent);
	assert_int_equal(frame_sport(&sent), to_shared.dport);
}

static void case_155_used_up_ports_are_shared_between_remotes(void **state)
{
	(void)state;
	a_port_is_shared("10.0.3.2", "192.168.7.9", IPPROTO_UDP);
	a_port_is_shared("10.0.3.2", "192.168.7.9", IPPROTO_TCP);
	a_port_is_shared("fd00:3::2", "fd00:7::9", IPPROTO_UDP);
	a_port_is_shared("fd00:3::2", "fd00:7::9", IPPROTO_TCP);
}

/* An end of a flow that has shared a port leaves nothing that misleads. */
static void case_155_a_shared_port_goes_back_to_who_has_it(void **state)
{
	struct spec shared =
		between("10.0.3.2", "192.168.7.9", 33002, 54, IPPROTO_UDP, 0);
	int fd = gate_test.pins.map_fds[PINS_half_open];
	struct spec owners = shared;
	struct sg_flow_key key;
	struct spec answers[2];
	struct spec answer;
	struct frame sent;

	(void)state;
	use_up_two_ports("10.0.3.2", "192.168.7.9", IPPROTO_UDP, answers);
	answer = send_for_answer(&shared);
	while (bpf_map_get_next_key(fd, NULL, &key) == 0)
		bpf_map_delete_elem(fd, &key);
	assert_spec_dropped(&answer, ETH0, SG_DROP_CLOSED_PORT);
	owners.sport = answer.dport == answers[0].dport ? 33000 : 33001;
	assert_left(&owners, &sent);
	assert_int_equal(frame_sport(&sent), answer.dport);
	assert_delivered_to(&answer, ETH0, owners.sport);
}

/* Flows that have expired, though nobody has swept them, keep no remote from
 * who comes after. */
static void case_155_shared_ports_come_back_when_idle(void **state)
{
	struct spec spec =
		between("10.0.3.2", "192.168.7.9", 33000, 53, IPPROTO_UDP, 0);

	(void)state;
	harness_restart("egress { ports = \"61000-61099\" }");
	for (int i = 0; i < 200; i++, spec.sport++) {
		spec.dport =
			i < 100 ? 53 : 54; /* all have one, all are shared */
		assert_left(&spec, NULL);
	}
	age_flows(PINS_half_open, 3600);
	spec.sport = 40000;
	assert_left(&spec, NULL);
}

/* The container connects by a port that it shares. Return the remote's answer.
 */
static struct spec connect_shared(uint16_t number)
{
	struct spec spec =
		between("10.0.3.2", "192.168.7.9", (uint16_t)(34000 + number),
			(uint16_t)(1000 + number), IPPROTO_TCP, SYN);
	struct spec answer = send_for_answer(&spec);

	assert_delivered_to(&answer, ETH0, spec.sport);
	spec.flags = ACK;
	assert_left(&spec, NULL);
	answer.flags = ACK;
	answer.seq = 1001;
	return answer;
}

/* A flow that shares a port and is connected does not lose it to a scan; and a
 * scan leaves no more entries than there are flows. */
static void case_155_a_scan_takes_no_shared_port_away(void **state)
{
	struct spec spec =
		between("10.0.3.2", "192.168.7.9", 33000, 53, IPPROTO_TCP, SYN);
	struct spec answers[50];

	(void)state;
	harness_restart("egress { ports = \"61000-61000\" }\n"
			"limits { flows = 1024  half-open = 1024 }");
	assert_left(&spec, NULL);
	for (uint16_t i = 0; i < 50; i++)
		answers[i] = connect_shared(i);
	spec.sport = 33001;
	for (uint16_t i = 0; i < 5000; i++) {
		spec.dport = (uint16_t)(2000 + i);
		assert_int_equal(send_in(&spec, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
	}
	for (uint16_t i = 0; i < 50; i++)
		assert_delivered_to(&answers[i], ETH0, (uint16_t)(34000 + i));
	assert_in_range(flow_count(PINS_shared_ports), 51,
			flow_count(PINS_flows) + flow_count(PINS_half_open));
}

static void an_error_about_a_shared_port_is_its_users(void **state)
{
	struct spec owner =
		between("10.0.3.2", "192.168.7.9", 33000, 53, IPPROTO_UDP, 0);
	struct spec shared =
		between("10.0.3.2", "192.168.7.9", 33001, 54, IPPROTO_UDP, 0);
	struct spec outer = {.src = "192.168.7.9",
			     .dst = "192.168.7.2",
			     .protocol = IPPROTO_ICMP,
			     .icmp_type = 3};
	struct frame quoted;
	struct frame error;
	struct frame sent;

	(void)state;
	harness_restart("egress { ports = \"61000-61000\" }");
	assert_left(&owner, NULL);
	assert_left(&shared, &sent);
	build_error(&error, &outer, 3, &sent, 28, ETH0);
	assert_int_equal(run_in(&error, ETH0), ACTION_REDIRECT);
	frame_quoted(&error, &quoted);
	assert_int_equal(frame_sport(&quoted), 33001);
}

/* Ports of a former range, which nobody uses any more, leave room for others.
 */
static void ports_of_a_former_range_are_given_back(void **state)
{
	int fd;
	struct sg_snat_port snat_port;
	struct sg_snat_port_key key = {.protocol = IPPROTO_UDP,
				       .gate_port.be = htons(10000)};
	struct spec spec =
		between("10.0.3.2", "192.168.7.9", 10000, 53, IPPROTO_UDP, 0);

	(void)state;
	harness_restart("egress { ports = \"10000-10007\" }");
	fd = gate_test.pins.map_fds[PINS_snat_ports];
	for (int i = 0; i < 3; i++, spec.sport++)
		assert_left(&spec, NULL);
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &snat_port), 0);
	snat_port.until_s = boot_s() - 1;
	assert_int_equal(bpf_map_update_elem(fd, &key, &snat_port, BPF_EXIST),
			 0);
	harness_reload("egress { ports = \"10000-10007\" }"); /* the same */
	assert_int_equal(flow_count(PINS_snat_ports), 3);
	harness_reload("egress { ports = \"40000-40007\" }");
	assert_int_equal(flow_count(PINS_snat_ports), 2); /* one is over */
}

static void case_70_exhausted_ports_recover(void **state)
{
	struct spec spec = to_lan;

	(void)state;
	harness_restart("egress { ports = \"61000-61007\" }\n"
			"timeouts { tcp-half-open = \"1s\" }");
	for (int i = 0; i < 8; i++) {
		spec.sport = (uint16_t)(33000 + i);
		assert_left(&spec, NULL);
	}
	spec.sport = 33100;
	assert_spec_dropped(&spec, VE_CONTAINER, SG_DROP_PORTS_EXHAUSTED);
	spec.sport = 33003; /* one that has a port keeps it */
	assert_left(&spec, NULL);
	usleep(2100000);
	spec.sport = 33100;
	assert_left(&spec, NULL);
}

static void case_56_egress_is_as_configured(void **state)
{
	struct spec to_vpn = to_lan;
	struct spec beyond = to_lan;

	(void)state;
	to_vpn.dst = "10.1.0.1";
	beyond.dst = "203.0.113.1";
	assert_left(&to_lan, NULL);
	assert_left(&to_vpn, NULL);
	assert_refused(&beyond, VE_CONTAINER, SG_DROP_NO_ROUTE);
	harness_restart("egress { masquerade = {\"vpn\"} }");
	assert_spec_dropped(&to_lan, VE_CONTAINER, SG_DROP_EGRESS_CLOSED);
	assert_left(&to_vpn, NULL);
	harness_restart("egress { masquerade = {\"lan\"} }");
	assert_left(&to_lan, NULL);
	assert_spec_dropped(&to_vpn, VE_CONTAINER, SG_DROP_EGRESS_CLOSED);
	harness_restart("egress { masquerade = {} }");
	assert_spec_dropped(&to_lan, VE_CONTAINER, SG_DROP_EGRESS_CLOSED);
	assert_spec_dropped(&to_vpn, VE_CONTAINER, SG_DROP_EGRESS_CLOSED);
	assert_no_flow();
}

static void case_54_the_host_is_closed_to_the_container(void **state)
{
	static const char *const own[] = {"10.0.3.1", "192.168.7.2",
					  "10.1.0.2"};
	static const uint16_t ports[] = {22, 23, 53, 67, 80, 2000, 5353, 61000};
	struct spec spec = to_lan;

	(void)state;
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	harness_grant(SG_GRANT_HOST_CONTROL, 1, 0);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		for (size_t j = 0; j < sizeof(ports) / sizeof(ports[0]); j++) {
			spec = between("10.0.3.2", own[i], 33000, ports[j],
				       IPPROTO_TCP, SYN);
			assert_spec_dropped(&spec, VE_CONTAINER,
					    SG_DROP_HOST_CLOSED);
			spec.protocol = IPPROTO_UDP;
			assert_spec_dropped(&spec, VE_CONTAINER,
					    SG_DROP_HOST_CLOSED);
		}
	assert_no_flow();
	for (size_t j = 0; j < sizeof(ports) / sizeof(ports[0]); j++) {
		spec = between("10.0.3.2", "192.168.7.9", 33000, ports[j],
			       IPPROTO_TCP, SYN); /* the host's neighbour */
		assert_left(&spec, NULL);
		spec.protocol = IPPROTO_UDP;
		assert_left(&spec, NULL);
	}
}

static void case_54_the_hosts_dhcp_is_on_the_containers_link(void **state)
{
	struct spec spec =
		between("10.0.3.2", "10.0.3.1", 68, 67, IPPROTO_UDP, 0);

	(void)state;
	assert_passed(&spec, VE_CONTAINER);
	spec.dst = "192.168.7.2";
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_DROP);
	spec.dst = "10.1.0.2";
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_DROP);
}

static void case_54_ping_of_the_gateway_alone(void **state)
{
	struct spec ping =
		between("10.0.3.2", "10.0.3.1", 7, 0, IPPROTO_ICMP, 0);

	(void)state;
	assert_passed(&ping, VE_CONTAINER);
	ping.dst = "192.168.7.2";
	assert_spec_dropped(&ping, VE_CONTAINER, SG_DROP_HOST_CLOSED);
	ping.dst = "10.1.0.2";
	assert_spec_dropped(&ping, VE_CONTAINER, SG_DROP_HOST_CLOSED);
	assert_no_flow();
}

static void case_52_only_the_containers_own_address(void **state)
{
	static const char *const others[] = {"10.0.3.3", "192.168.7.9",
					     "10.1.0.2", "10.0.3.1",
					     "0.0.0.0",	 "127.0.0.1"};
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP,
					    IPPROTO_ICMP};
	struct spec spec;

	(void)state;
	for (size_t j = 0; j < sizeof(protocols); j++) {
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]);
		     i++) {
			spec = between(others[i], "192.168.7.9", 33000, 80,
				       protocols[j], SYN);
			assert_spec_dropped(&spec, VE_CONTAINER,
					    SG_DROP_SPOOFED);
		}
		spec.src = "10.0.3.2";
		assert_left(&spec, NULL);
	}
	assert_int_equal(flow_count(PINS_half_open), 3);
}

/* With strict, no middle begins a flow; an answer or a reset never does. */
static void case_62_a_middle_of_a_flow_begins_none(void **state)
{
	static const uint8_t flags[] = {ACK, FIN | ACK, RST, SYN | ACK};
	static const uint8_t odd[] = {0, FIN, FIN | PSH | URG, SYN | FIN};
	struct spec spec = to_lan;

	(void)state;
	spec.flags = RST | ACK;
	assert_refused(&spec, VE_CONTAINER, SG_DROP_NO_FLOW);
	spec.flags = ACK;
	spec.sport = 22; /* a forward's */
	assert_refused(&spec, VE_CONTAINER, SG_DROP_NO_FLOW);
	harness_restart("forward \"web\" { ports = {\"8080\"} to = \"1080\" }");
	spec.sport = 1080; /* that by which the container answers one */
	assert_refused(&spec, VE_CONTAINER, SG_DROP_NO_FLOW);
	harness_restart("egress { masquerade = {\"lan\"} strict = on }");
	spec.sport = to_lan.sport;
	for (size_t i = 0; i < sizeof(flags); i++) {
		spec.flags = flags[i];
		assert_refused(&spec, VE_CONTAINER, SG_DROP_NO_FLOW);
	}
	for (size_t i = 0; i < sizeof(odd); i++) {
		spec.flags = odd[i];
		assert_spec_dropped(&spec, VE_CONTAINER, SG_DROP_TCP_FLAGS);
	}
	assert_no_flow();
	assert_left(&to_lan, NULL);
}

#define PROBE_PORT 20000 /* one that it keeps */
#define PROBE_SEQ 5000
#define PROBE_ACK 7000

/* The container's probe with such flags, out; and what answers it. */
static struct spec probed(uint8_t flags, uint8_t answer_flags)
{
	struct spec probe = to_lan;
	struct spec answer;
	struct frame frame;

	probe.sport = PROBE_PORT;
	probe.flags = flags;
	probe.seq = PROBE_SEQ;
	probe.ack = PROBE_ACK;
	assert_left(&probe, &frame);
	assert_int_equal(frame_sport(&frame), PROBE_PORT);
	answer = between(to_lan.dst, "192.168.7.2", to_lan.dport, PROBE_PORT,
			 IPPROTO_TCP, answer_flags);
	answer.seq = PROBE_ACK;
	return answer;
}

/* nmap -sA, -sW: a port that is not filtered answers by a reset, which has the
 * number that was acknowledged. */
static void the_container_may_probe_with_an_ack(void **state)
{
	struct spec reset = probed(ACK, RST);
	struct spec other = reset;

	(void)state;
	other.seq = PROBE_ACK + 1;
	assert_spec_dropped(&other, ETH0, SG_DROP_TCP_WINDOW);
	other.flags = RST | ACK;
	other.ack = PROBE_SEQ + 1;
	assert_spec_dropped(&other, ETH0, SG_DROP_TCP_WINDOW);
	assert_int_equal(state_now(), SG_STATE_SYN_SENT);
	assert_delivered_to(&reset, ETH0, PROBE_PORT);
	assert_int_equal(state_now(), SG_STATE_REFUSED);
}

/* nmap -sN, -sF, -sX: a closed port answers by a reset that acknowledges. */
static void the_container_may_probe_with_any_flags(void **state)
{
	static const uint8_t flags[] = {0, FIN, FIN | PSH | URG, SYN | FIN};

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		struct spec reset;

		harness_restart(NULL);
		reset = probed(flags[i], RST | ACK);
		reset.ack =
			PROBE_SEQ + !!(flags[i] & SYN) + !!(flags[i] & FIN) + 1;
		assert_spec_dropped(&reset, ETH0, SG_DROP_TCP_WINDOW);
		reset.ack--;
		assert_delivered_to(&reset, ETH0, PROBE_PORT);
		assert_int_equal(state_now(), SG_STATE_REFUSED);
	}
}

/* Nothing but a reset answers a probe; the container then is told that this is
 * no connection. It could be one that a forward had let in before a reload. */
static void a_probe_opens_nothing_else(void **state)
{
	static const uint8_t flags[] = {ACK, PSH | ACK, FIN | ACK, SYN,
					SYN | ACK};
	struct spec next = to_lan;

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		struct spec answer;

		harness_restart(NULL);
		answer = probed(ACK, flags[i]);
		answer.ack = PROBE_SEQ;
		assert_refused(&answer, ETH0, SG_DROP_NO_FLOW);
		assert_int_equal(state_now(), SG_STATE_SYN_SENT);
		next.sport = PROBE_PORT;
		next.flags = ACK;
		next.seq = PROBE_SEQ;
		next.ack = PROBE_ACK + 1;
		assert_refused(&next, VE_CONTAINER, SG_DROP_NO_FLOW);
		assert_int_equal(flow_count(PINS_flows), 0);
		answer.flags = PSH | ACK;
		assert_refused(&answer, ETH0, SG_DROP_NO_FLOW);
	}
}

/* Nor does data leave by one, but a reset tells the container (case 176). */
static void case_176_data_of_no_connection_is_told(void **state)
{
	struct spec data = to_lan;

	(void)state;
	data.sport = PROBE_PORT;
	data.flags = PSH | ACK;
	data.payload_bytes = 1;
	assert_refused(&data, VE_CONTAINER, SG_DROP_NO_FLOW);
	data.flags = SYN | RST;
	data.payload_bytes = 0;
	assert_refused(&data, VE_CONTAINER, SG_DROP_NO_FLOW);
	assert_no_flow();
}

/* The same tuple, and a SYN: what was a probe is a connection like any. */
static void a_syn_after_a_probe_begins_a_connection(void **state)
{
	struct spec answer = probed(ACK, SYN | ACK);
	struct spec syn = to_lan;

	(void)state;
	syn.sport = PROBE_PORT;
	assert_left(&syn, NULL);
	answer.seq = 1000;
	assert_delivered_to(&answer, ETH0, PROBE_PORT);
	assert_int_equal(state_now(), SG_STATE_SYN_RECEIVED);
}

static void a_port_of_the_hosts_own_is_not_taken(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct spec spec = to_lan;
	struct frame frame;
	int socket_fd;

	(void)state;
	spec.protocol = IPPROTO_UDP;
	send_in(&spec, VE_CONTAINER, &frame);
	harness_restart(NULL); /* forget, but bind what it chose */
	at.sin_port = htons(frame_sport(&frame));
	socket_fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(socket_fd, (void *)&at, sizeof(at)), 0);
	assert_int_equal(send_in(&spec, VE_CONTAINER, &frame), ACTION_REDIRECT);
	close(socket_fd);
	assert_int_not_equal(frame_sport(&frame), ntohs(at.sin_port));
}

/* The container's packet from 5060 leaves by the gate's 5060, and its answer
 * gets in, with the LAN's grant closed; another's does not. */
static void leaves_by_its_own(const char *from, const char *to,
			      const char *another)
{
	struct spec spec = between(from, to, 5060, 5060, IPPROTO_UDP, 0);
	struct spec answer;
	struct frame frame;

	assert_left(&spec, &frame);
	assert_int_equal(frame_sport(&frame), 5060);
	answer = answer_to(&frame, IPPROTO_UDP, 0);
	assert_int_equal(send_in(&answer, ETH0, &frame), ACTION_REDIRECT);
	assert_int_equal(frame_dport(&frame), 5060);
	answer.src = another;
	assert_spec_dropped(&answer, ETH0, SG_DROP_GRANT_CLOSED);
}

/* A forward of UDP leads there: both ends know it by one port (RFC 4787 REQ-1).
 */
static void a_udp_port_of_a_forward_is_its_own_outwards(void **state)
{
	static const char config[] =
		"container { address6 = \"fd00:3::2\" }\n"
		"forward \"sip\" { protocol = udp ports = {\"5060\"} }\n"
		"forward \"to\" { protocol = udp ports = {\"5061\"} "
		"to = \"5062\" }\n"
		"forward \"tcp\" { ports = {\"5060\"} }\n";
	struct spec spec =
		between("10.0.3.2", "192.168.7.9", 5061, 5060, IPPROTO_UDP, 0);
	struct frame frame;

	(void)state;
	harness_restart(config);
	leaves_by_its_own("10.0.3.2", "192.168.7.9", "192.168.7.10");
	leaves_by_its_own("fd00:3::2", "fd00:7::9", "fd00:7::10");
	assert_left(&spec, &frame); /* that is the way to 5062 */
	assert_int_not_equal(frame_sport(&frame), 5061);
	spec = between("10.0.3.2", "192.168.7.9", 5060, 80, IPPROTO_TCP, SYN);
	assert_left(&spec, &frame);
	assert_int_not_equal(frame_sport(&frame), 5060);
	harness_reload("forward \"sip\" { protocol = udp ports = {\"5060\"} "
		       "to = \"5059\" }"); /* another's now */
	spec = between("10.0.3.2", "192.168.7.9", 5060, 5060, IPPROTO_UDP, 0);
	assert_spec_dropped(&spec, VE_CONTAINER, SG_DROP_POLICY_CHANGED);
	assert_left(&spec, &frame);
	assert_int_not_equal(frame_sport(&frame), 5060);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tcp_leaves_under_the_gates_address),
		TEST(udp_answers_come_in_and_nothing_else),
		TEST(pings_have_their_identifier_translated),
		TEST(a_port_stands_for_one_source_whatever_the_remote),
		TEST(case_71_colliding_sources_have_distinct_ports),
		TEST(case_71_a_port_is_not_taken_by_a_cpu_that_is_behind),
		TEST(case_155_used_up_ports_are_shared_between_remotes),
		TEST(case_155_a_shared_port_goes_back_to_who_has_it),
		TEST(case_155_shared_ports_come_back_when_idle),
		TEST(case_155_a_scan_takes_no_shared_port_away),
		TEST(an_error_about_a_shared_port_is_its_users),
		TEST(ports_of_a_former_range_are_given_back),
		TEST(case_70_exhausted_ports_recover),
		TEST(case_56_egress_is_as_configured),
		TEST(case_54_the_host_is_closed_to_the_container),
		TEST(case_54_the_hosts_dhcp_is_on_the_containers_link),
		TEST(case_54_ping_of_the_gateway_alone),
		TEST(case_52_only_the_containers_own_address),
		TEST(case_62_a_middle_of_a_flow_begins_none),
		TEST(the_container_may_probe_with_an_ack),
		TEST(the_container_may_probe_with_any_flags),
		TEST(a_probe_opens_nothing_else),
		TEST(case_176_data_of_no_connection_is_told),
		TEST(a_syn_after_a_probe_begins_a_connection),
		TEST(a_port_of_the_hosts_own_is_not_taken),
		TEST(a_udp_port_of_a_forward_is_its_own_outwards),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
