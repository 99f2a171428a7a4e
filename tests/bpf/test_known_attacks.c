// SPDX-License-Identifier: GPL-2.0-or-later
/* Attacks that other gates have fallen to, and the loopback network, which is
 * the first of them. What answers them on the wire: tests/e2e/test_attacks. */
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "gate/maps.h"
#include "probes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
static const uint16_t ports[] = {22, 23, 53, 67, 68, 2000, 5353, 8080, 61000};
static const char *const loopback[] = {"127.0.0.1", "127.1.2.3",
				       "127.255.255.254"};

/* With every grant open, and as a host that asks for trouble is set up. */
static void open_everything(void)
{
	if (system("sysctl -qw net.ipv4.conf.all.route_localnet=1"))
		fail_msg("no route_localnet");
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	harness_grant(SG_GRANT_HOST_CONTROL, 1, 0);
}

static void assert_loopback_is_closed(const char *src, enum place at)
{
	for (size_t i = 0; i < COUNT(loopback); i++)
		for (size_t j = 0; j < COUNT(ports); j++)
			for (size_t p = 0; p < COUNT(protocols); p++) {
				struct spec spec =
					between(src, loopback[i], 40000,
						ports[j], protocols[p], SYN);

				assert_spec_dropped(&spec, at,
						    SG_DROP_NOT_UNICAST);
			}
	assert_no_flow();
}

static void case_55_container_to_the_loopback(void **state)
{
	struct spec control =
		between("10.0.3.2", "192.168.7.9", 33000, 22, IPPROTO_TCP, SYN);

	(void)state;
	open_everything();
	assert_loopback_is_closed("10.0.3.2", VE_CONTAINER);
	assert_left(&control, NULL);
}

static void case_76_uplinks_to_the_loopback(void **state)
{
	struct spec lan = between("192.168.7.9", "192.168.7.2", 40000, 22,
				  IPPROTO_TCP, SYN);

	(void)state;
	open_everything();
	assert_loopback_is_closed("192.168.7.9", ETH0);
	assert_loopback_is_closed("10.1.0.1", TAP0);
	assert_delivered(&lan, ETH0);
	assert_delivered(&vpn_tcp, TAP0);
	lan.dport = 23;
	assert_passed(&lan, ETH0);
}

/* As if it were a DHCP answer, or a question. */
static void case_55_76_the_loopback_by_a_dhcp_port(void **state)
{
	struct spec offer =
		between("192.168.7.1", "127.0.0.1", 67, 68, IPPROTO_UDP, 0);
	struct spec renew =
		between("10.0.3.2", "127.0.0.1", 68, 67, IPPROTO_UDP, 0);

	(void)state;
	open_everything();
	assert_int_equal(send_in(&offer, ETH0, NULL), ACTION_DROP);
	assert_int_equal(send_in(&renew, VE_CONTAINER, NULL), ACTION_DROP);
	offer.dst = "192.168.7.2";
	assert_passed(&offer, ETH0);
	renew.dst = "10.0.3.1";
	assert_passed(&renew, VE_CONTAINER);
}

/* CVE-2019-14899: with the host's own flow over the VPN, a neighbour
 * tries addresses, ports and numbers; a right guess looks like a wrong one. */
static void case_77_a_neighbour_learns_nothing_of_the_vpn(void **state)
{
	static const uint8_t flags[] = {SYN,	   SYN | ACK, ACK,
					PSH | ACK, RST,	      FIN | ACK};
	struct spec syn =
		between("10.1.0.2", "10.1.0.1", 45000, 443, IPPROTO_TCP, SYN);
	struct spec answer = between("10.1.0.1", "10.1.0.2", 443, 45000,
				     IPPROTO_TCP, SYN | ACK);
	struct spec ping =
		between("192.168.7.9", "10.1.0.2", 7, 0, IPPROTO_ICMP, 0);

	(void)state;
	open_everything();
	assert_int_equal(send_out(&syn, TAP0, NULL), ACTION_PASS);
	for (size_t i = 0; i < sizeof(flags); i++) {
		struct spec guess = answer;

		guess.flags = flags[i];
		assert_int_equal(send_in(&guess, ETH0, NULL), ACTION_DROP);
		guess.dport++;
		assert_int_equal(send_in(&guess, ETH0, NULL), ACTION_DROP);
		guess.src = "192.168.7.9"; /* under its own address */
		assert_int_equal(send_in(&guess, ETH0, NULL), ACTION_DROP);
	}
	assert_spec_dropped(&ping, ETH0, SG_DROP_NOT_GATE);
	assert_passed(&answer, TAP0);
	ping.src = "10.1.0.1";
	assert_passed(&ping, TAP0);
	ping.src = "192.168.7.9";
	ping.dst = "192.168.7.2";
	assert_passed(&ping, ETH0);
}

/* A membership query is answered by a host that has the address it is for. */
static void case_77_nor_by_a_membership_query(void **state)
{
	struct spec query =
		between("192.168.7.9", "224.0.0.1", 0, 0, IPPROTO_IGMP, 0);

	(void)state;
	assert_passed(&query, ETH0);
	query.dst = "10.1.0.2";
	assert_int_equal(send_in(&query, ETH0, NULL), ACTION_DROP);
	query.dst = "127.0.0.1";
	assert_int_equal(send_in(&query, ETH0, NULL), ACTION_DROP);
}

/* A switch that has no address yet may be the querier (RFC 4541 2.1.1). */
static void case_140_a_query_from_no_address(void **state)
{
	struct spec query =
		between("0.0.0.0", "224.0.0.1", 0, 0, IPPROTO_IGMP, 0);

	(void)state;
	assert_passed(&query, ETH0);
	assert_passed(&query, TAP0);
	assert_int_equal(send_in(&query, VE_CONTAINER, NULL), ACTION_DROP);
	query.src = "10.0.3.2"; /* the container's, by an uplink */
	assert_int_equal(send_in(&query, ETH0, NULL), ACTION_DROP);
	query.src = "0.0.0.0";
	query.dst = "192.168.7.2"; /* to a group alone */
	assert_int_equal(send_in(&query, ETH0, NULL), ACTION_DROP);
}

/* CVE-2021-3773: whatever port the container sends from, the one that it gets
 * is of the range, and so no forward's and not the control port. */
static void case_78_no_gate_port_shadows_a_forward(void **state)
{
	static const uint8_t port_protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	struct frame sent;

	(void)state;
	for (size_t p = 0; p < COUNT(port_protocols); p++)
		for (size_t j = 0; j < COUNT(ports); j++) {
			struct spec out =
				between("10.0.3.2", "10.1.0.1", ports[j], 40000,
					port_protocols[p], SYN);
			struct spec in = between(
				"10.1.0.9", "10.1.0.2", 40000,
				port_protocols[p] == IPPROTO_TCP ? 22 : 5353,
				port_protocols[p], SYN);

			if (ports[j] == 67) /* nobody's server of DHCP */
				continue;
			assert_left(&out, &sent); /* its port is of the range */
			in.sport = (uint16_t)(40000 + j);
			assert_delivered(&in,
					 TAP0); /* the forward is as it was */
		}
}

static void case_78_no_port_shadows_the_hosts_flow(void **state)
{
	struct spec host = between("192.168.7.2", "192.168.7.9", 31500, 443,
				   IPPROTO_TCP, SYN);
	struct spec answer = between("192.168.7.9", "192.168.7.2", 443, 31500,
				     IPPROTO_TCP, SYN | ACK);
	struct spec out = between("10.0.3.2", "192.168.7.9", 31500, 443,
				  IPPROTO_TCP, SYN);
	struct frame sent;

	(void)state;
	assert_int_equal(send_out(&host, ETH0, NULL), ACTION_PASS);
	assert_left(&out, &sent);
	assert_int_not_equal(frame_sport(&sent), 31500);
	assert_passed(&answer, ETH0);
	answer = answer_to(&sent, IPPROTO_TCP, SYN | ACK);
	assert_delivered_to(&answer, ETH0, out.sport);
	/* and what the container has is the host's, when it wants it */
	host.sport = frame_sport(&sent);
	assert_int_equal(send_out(&host, ETH0, NULL), ACTION_PASS);
	answer = between("192.168.7.9", "192.168.7.2", 443, host.sport,
			 IPPROTO_TCP, SYN | ACK);
	assert_passed(&answer, ETH0);
	assert_left(&out, &sent);
	assert_int_not_equal(frame_sport(&sent), host.sport);
}

/* Nor does one that has another gate port for the same port of its own. */
static void case_78_nor_by_the_port_that_it_stands_for(void **state)
{
	struct spec host = between("192.168.7.2", "192.168.7.9", 700, 2049,
				   IPPROTO_TCP, SYN);
	struct spec answer = between("192.168.7.9", "192.168.7.2", 2049, 700,
				     IPPROTO_TCP, SYN | ACK);
	struct spec out = between("10.0.3.2", "192.168.7.10", 700, 2049,
				  IPPROTO_TCP, SYN);
	struct frame sent;

	(void)state;
	assert_left(&out, &sent); /* 700 stands for 700 */
	assert_int_equal(frame_sport(&sent), 700);
	assert_int_equal(send_out(&host, ETH0, NULL), ACTION_PASS);
	out.dst = "192.168.7.9"; /* and to this remote, another does */
	assert_left(&out, &sent);
	assert_int_not_equal(frame_sport(&sent), 700);
	assert_passed(&answer, ETH0);
	/* the host's next has no quarrel with it */
	host.sport = 31000;
	assert_int_equal(send_out(&host, ETH0, NULL), ACTION_PASS);
	answer = answer_to(&sent, IPPROTO_TCP, SYN | ACK);
	assert_delivered_to(&answer, ETH0, 700);
}

/* Nor does the host, when it begins once more by the port of another one. */
static void case_78_the_host_ends_no_flow_but_its_ports(void **state)
{
	struct spec host = between("192.168.7.2", "192.168.7.9", 700, 2049,
				   IPPROTO_UDP, 0);
	struct spec out =
		between("10.0.3.2", "192.168.7.10", 700, 2049, IPPROTO_UDP, 0);
	struct spec answer;
	struct frame sent;

	(void)state;
	assert_left(&out, &sent); /* 700 stands for 700 */
	assert_int_equal(frame_sport(&sent), 700);
	assert_int_equal(send_out(&host, ETH0, NULL), ACTION_PASS);
	out.dst = "192.168.7.9"; /* and to this remote, another does */
	assert_left(&out, &sent);
	assert_int_not_equal(frame_sport(&sent), 700);
	answer = answer_to(&sent, IPPROTO_UDP, 0);
	assert_delivered_to(&answer, ETH0, 700);
	assert_left(&out, &sent);
	age_flows(PINS_half_open, 31); /* the host's is over */
	assert_int_equal(send_out(&host, ETH0, NULL), ACTION_PASS);
	answer = answer_to(&sent, IPPROTO_UDP, 0);
	assert_delivered_to(&answer, ETH0, 700);
	answer = between("192.168.7.9", "192.168.7.2", 2049, 700, IPPROTO_UDP,
			 0);
	assert_passed(&answer, ETH0);
}

static void case_78_another_peer_gets_and_sends_nothing(void **state)
{
	static const char *const others[] = {"10.1.0.9", "10.1.0.77"};
	struct spec query =
		between("10.0.3.2", "10.1.0.1", 33000, 53, IPPROTO_UDP, 0);
	struct spec answer;
	struct frame sent;

	(void)state;
	harness_restart("egress { ports = \"61000-65535\" }\n"
			"timeouts { udp-new = \"1h\" }");
	assert_left(&query, &sent);
	answer = answer_to(&sent, IPPROTO_UDP, 0);
	for (uint32_t port = 61000; port <= 65535; port++)
		for (size_t i = 0; i < COUNT(others); i++) {
			struct spec guess = answer;

			guess.src = others[i];
			guess.dport = (uint16_t)port;
			assert_int_equal(send_in(&guess, TAP0, NULL),
					 ACTION_DROP);
		}
	assert_int_equal(drops_of(TAP0, SG_DROP_CLOSED_PORT),
			 COUNT(others) * 4536);
	assert_delivered_to(&answer, TAP0, query.sport);
}

/* A port that the gate uses otherwise stands for none of the container's. */
static void case_78_no_forward_is_masqueraded_by(void **state)
{
	static const uint16_t wanted[] = {2000, 2001, 2002};
	struct frame sent;

	(void)state;
	harness_restart("egress { ports = \"2000-2003\" }\n"
			"forward \"x\" { ports = {\"22\", \"2000-2001\"} }\n"
			"host { control-port = 2002 }");
	for (size_t i = 0; i < 3; i++) {
		struct spec spec = between("10.0.3.2", "192.168.7.9", wanted[i],
					   443, IPPROTO_TCP, SYN);

		if (i) /* the range has one port left */
			assert_spec_dropped(&spec, VE_CONTAINER,
					    SG_DROP_PORTS_EXHAUSTED);
		else
			assert_int_equal(send_in(&spec, VE_CONTAINER, &sent),
					 ACTION_REDIRECT);
	}
	assert_int_equal(frame_sport(&sent), 2003);
	harness_reload("egress { ports = \"2000-2003\" }\n"
		       "forward \"x\" { ports = {\"2003\"} }");
	/* nor one that was made a forward since: the flow is over */
	struct spec first =
		between("10.0.3.2", "192.168.7.9", 2000, 443, IPPROTO_TCP, SYN);
	assert_spec_dropped(&first, VE_CONTAINER, SG_DROP_POLICY_CHANGED);
	assert_int_equal(send_in(&first, VE_CONTAINER, &sent), ACTION_REDIRECT);
	assert_int_not_equal(frame_sport(&sent), 2003);
}

/* A published port is no way to the container's address, with no flow
 * there and within one. */
static void case_79_a_published_port_by_a_direct_route(void **state)
{
	static const uint16_t published[] = {22, 2000, 2009, 80};
	struct spec lan = between("192.168.7.9", "192.168.7.2", 40000, 22,
				  IPPROTO_TCP, SYN);
	struct spec direct = lan;
	struct spec reply;

	(void)state;
	open_everything();
	direct.dst = "10.0.3.2";
	for (size_t i = 0; i < COUNT(published); i++) {
		struct spec vpn = vpn_tcp;

		direct.dport = published[i];
		assert_spec_dropped(&direct, ETH0, SG_DROP_NOT_GATE);
		vpn.dport = published[i];
		vpn.dst = "10.0.3.2";
		assert_spec_dropped(&vpn, TAP0, SG_DROP_NOT_GATE);
	}
	assert_no_flow();
	open_tcp(&lan, ETH0, &reply);
	direct.dport = 22;
	direct.flags = PSH | ACK;
	assert_spec_dropped(&direct, ETH0, SG_DROP_FLOW_CLASH);
	lan.flags = PSH | ACK;
	assert_delivered(&lan, ETH0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_55_container_to_the_loopback),
		TEST(case_76_uplinks_to_the_loopback),
		TEST(case_55_76_the_loopback_by_a_dhcp_port),
		TEST(case_77_a_neighbour_learns_nothing_of_the_vpn),
		TEST(case_77_nor_by_a_membership_query),
		TEST(case_140_a_query_from_no_address),
		TEST(case_78_no_gate_port_shadows_a_forward),
		TEST(case_78_no_port_shadows_the_hosts_flow),
		TEST(case_78_nor_by_the_port_that_it_stands_for),
		TEST(case_78_the_host_ends_no_flow_but_its_ports),
		TEST(case_78_another_peer_gets_and_sends_nothing),
		TEST(case_78_no_forward_is_masqueraded_by),
		TEST(case_79_a_published_port_by_a_direct_route),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
