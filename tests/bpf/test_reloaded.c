// SPDX-License-Identifier: GPL-2.0-or-later
/* The changes of the policy, of links or of addresses under a flow: the last
 * that still allows it, and the first that does not. */
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gate/dataplane.h"
#include "gate/in_force.h"
#include "gate/instance.h"
#include "probes.h"

#define SSH "forward \"ssh\" { ports = {\"22\"} }\n"
#define DNS "forward \"dns\" { protocol = udp ports = {\"53\"} }\n"
#define SOMEWHERE "203.0.113.9" /* behind either uplink, routed to eth0 */

static int setup(void **state)
{
	shell_runs("sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1;"
		   "ip route add default via 192.168.7.9");
	return harness_setup(state);
}

/* The namespace is the next test's, too: as it was. */
static int teardown(void **state)
{
	shell_runs("ip route del default;"
		   "ip addr replace 192.168.7.2/24 dev eth0;"
		   "for i in 50 3; do ip addr del 192.168.7.$i/24 dev eth0;"
		   "done 2>/dev/null; :");
	return harness_teardown(state);
}

/* The link is there no more, as far as the gate knows. */
static void lose_link(enum place at)
{
	assert_int_equal(
		bpf_map_delete_elem(gate_test.pins.map_fds[PINS_ifaces],
				    &gate_test.ifindex[at]),
		0);
}

static void a_flow_is_of_the_rule_that_has_its_port(void **state)
{
	struct sg_port_key key = {.protocol = IPPROTO_TCP,
				  .port.be = htons(22)};
	struct spec ack = vpn_tcp;
	struct sg_flow_key flow_key;
	struct sg_active active;
	struct sg_flow flow;
	struct sg_port port;
	struct spec reply;
	uint32_t zero = 0;

	(void)state;
	harness_reload("forward \"a\" { ports = {\"22\"} }\n"
		       "forward \"b\" { ports = {\"24\"} }\n");
	open_tcp(&vpn_tcp, TAP0, &reply);
	harness_reload("forward \"b\" { ports = {\"22\", \"24\"} }\n");
	ack.flags = ACK;
	assert_int_equal(send_in(&ack, TAP0, NULL), ACTION_REDIRECT);
	assert_int_equal(
		bpf_map_lookup_elem(gate_test.pins.map_fds[PINS_active], &zero,
				    &active),
		0);
	key.slot = (uint8_t)active.slot;
	assert_int_equal(bpf_map_lookup_elem(gate_test.pins.map_fds[PINS_ports],
					     &key, &port),
			 0);
	the_flow(&flow_key, &flow);
	assert_int_equal(flow.rule, port.rule);
}

/* The answers to what the container has begun, by roles that egress leaves. */
static void an_answer_by_a_role_that_is_closed(void **state)
{
	struct spec out =
		between("10.0.3.2", "192.168.7.9", 33000, 53, IPPROTO_UDP, 0);
	struct frame sent;
	struct spec answer;

	(void)state;
	assert_left(&out, &sent);
	answer = between("192.168.7.9", "192.168.7.2", 53, frame_sport(&sent),
			 IPPROTO_UDP, 0);
	harness_reload("egress { masquerade = {lan} }");
	assert_delivered_to(&answer, ETH0, 33000);
	harness_reload("egress { masquerade = {vpn} }");
	assert_spec_dropped(&answer, ETH0, SG_DROP_POLICY_CHANGED);
	assert_no_flow();
}

/* A flow lives on while its gate port is in the range. */
static void a_port_at_the_ends_of_the_range(void **state)
{
	static const struct {
		int low;
		int high;
		bool lives;
	} cases[] = {
		{0, 100, true},	 {-100, 0, true},   {0, 0, true},
		{1, 100, false}, {-100, -1, false}, {-1, 1, true},
	};
	struct spec out =
		between("10.0.3.2", "192.168.7.9", 33000, 53, IPPROTO_UDP, 0);
	struct frame sent;
	char config[80];
	int port;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		harness_restart(NULL);
		assert_left(&out, &sent);
		port = frame_sport(&sent);
		snprintf(config, sizeof(config), "egress { ports = \"%d-%d\" }",
			 port + cases[i].low, port + cases[i].high);
		harness_reload(config);
		if (cases[i].lives)
			assert_left(&out, NULL);
		else
			assert_refused(&out, VE_CONTAINER,
				       SG_DROP_POLICY_CHANGED);
	}
}

static void control_by_the_former_port(void **state)
{
	struct spec spec = vpn_tcp;

	(void)state;
	harness_grant(SG_GRANT_HOST_CONTROL, 1, 0);
	spec.dport = 23;
	assert_passed(&spec, TAP0);
	harness_reload(DNS);
	assert_passed(&spec, TAP0);
	harness_reload("host { control-port = 24 }");
	assert_spec_dropped(&spec, TAP0, SG_DROP_POLICY_CHANGED);
	assert_no_flow();
}

static void an_answer_by_another_link_when_its_own_is_gone(void **state)
{
	struct spec out =
		between("10.0.3.2", SOMEWHERE, 33000, 53, IPPROTO_UDP, 0);
	struct frame sent;
	struct spec answer;

	(void)state;
	assert_left(&out, &sent);
	answer = answer_to(&sent, IPPROTO_UDP, 0);
	lose_link(ETH0);
	assert_spec_dropped(&answer, TAP0, SG_DROP_FLOW_CLASH);
}

/* A flow that comes to another link needs what is open there. */
static void a_link_of_another_role_needs_its_grants(void **state)
{
	struct spec syn = vpn_tcp;
	struct spec reply;

	(void)state;
	syn.src = SOMEWHERE;
	open_tcp(&syn, TAP0, &reply);
	syn.flags = ACK;
	lose_link(TAP0);
	assert_spec_dropped(&syn, ETH0, SG_DROP_GRANT_CLOSED);
	assert_no_flow();
}

/* The address of a flow is the host's no more; a network is not its link. */
static void a_flow_waits_for_its_link(void **state)
{
	int fd = gate_test.pins.map_fds[PINS_subnets];
	struct sg_subnet_key own = {.prefix_bits = 128};
	struct sg_subnet_key network = {.prefix_bits = 120};
	struct sg_subnet subnet = {.ifindex = gate_test.ifindex[ETH0],
				   .roles = SG_ROLE_BIT(SG_ROLE_VPN)};
	struct sg_flow_key key;
	struct sg_flow flow;
	struct spec reply;

	(void)state;
	open_tcp(&vpn_tcp, TAP0, &reply);
	the_flow(&key, &flow);
	own.addr = flow.gate_addr;
	network.addr = flow.gate_addr;
	assert_int_equal(bpf_map_delete_elem(fd, &own), 0);
	assert_int_equal(bpf_map_update_elem(fd, &network, &subnet, BPF_ANY),
			 0);
	flow.generation = 0;
	bpf_map_update_elem(gate_test.pins.map_fds[PINS_flows], &key, &flow,
			    BPF_EXIST);
	lose_link(TAP0);
	assert_refused(&reply, VE_CONTAINER, SG_DROP_NO_ROUTE);
	the_flow(&key, &flow); /* it waits */
}

static const struct spec lan_udp = {
	.src = "192.168.7.9",
	.dst = "192.168.7.2",
	.sport = 40000,
	.dport = 53,
	.protocol = IPPROTO_UDP,
};

static void begin_with_two_addresses(void)
{
	shell_runs("ip addr add 192.168.7.50/24 dev eth0;"
		   "ip addr add 192.168.7.3/24 dev eth0");
	harness_reload(SSH DNS "forward \"too\" { protocol = udp "
			       "ports = {\"54\"} to = \"53\" }");
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
}

/* The host has given the address up, and the gate knows. */
static void give_up_address(void)
{
	shell_runs("ip addr del 192.168.7.2/24 dev eth0");
	harness_reload(SSH DNS "forward \"too\" { protocol = udp "
			       "ports = {\"54\"} to = \"53\" }");
}

static void udp_goes_on_at_another_address(void **state)
{
	struct spec spec = lan_udp;
	struct sg_flow_key key;
	struct sg_flow flow;

	(void)state;
	begin_with_two_addresses();
	assert_delivered(&spec, ETH0);
	spec.dst = "192.168.7.51"; /* not the gate's */
	assert_spec_dropped(&spec, ETH0, SG_DROP_FLOW_CLASH);
	spec.dst = "192.168.7.50";
	spec.dport = 54; /* the same tuple for the container */
	assert_spec_dropped(&spec, ETH0, SG_DROP_FLOW_CLASH);
	the_flow(&key, &flow); /* which moves nothing */
	assert_int_equal(ntohl(flow.gate_addr.word[3]) & 0xff, 2);
	spec.dport = 53;
	assert_delivered(&spec, ETH0); /* while the first is there, too */
	the_flow(&key, &flow);
	assert_int_equal(flow.traffic[SG_IN].packets, 2);
	assert_int_equal(ntohl(flow.gate_addr.word[3]) & 0xff, 50);
	spec.dst = "192.168.7.2";
	assert_delivered(&spec, ETH0);
	give_up_address();
	spec.dst = "192.168.7.50";
	assert_delivered(&spec, ETH0);
	the_flow(&key, &flow);
	assert_int_equal(ntohl(flow.gate_addr.word[3]) & 0xff, 50);
}

static void tcp_begins_anew_at_another_address(void **state)
{
	struct spec spec = lan_tcp;
	struct sg_flow_key key;
	struct sg_flow flow;
	struct spec reply;

	(void)state;
	begin_with_two_addresses();
	open_tcp(&spec, ETH0, &reply);
	spec.dst = "192.168.7.50";
	assert_spec_dropped(&spec, ETH0, SG_DROP_FLOW_CLASH);
	give_up_address();
	assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
	assert_int_equal(the_flow(&key, &flow), PINS_half_open);
	assert_int_equal(flow.traffic[SG_IN].packets, 1);
}

/* A command that follows links by a policy that is in force no more is refused,
 * and reads the one that is, whole, as its text was. */
static void a_former_policy_is_followed_by_nobody(void **state)
{
	const int none[DATAPLANE_PROGRAM_COUNT] = {-1, -1, -1, -1, -1};
	char dir[] = "/tmp/test_reloaded.XXXXXX";
	struct pins pins = gate_test.pins;
	struct policy policy = {0};
	char config[3 * SG_CONFIG_BYTES] = "";
	struct fault fault;
	uint32_t former;
	uint32_t number;

	(void)state;
	for (int i = 0; strlen(config) < 2 * SG_CONFIG_BYTES; i++)
		sprintf(config + strlen(config),
			"forward \"f%d\" { ports = {\"%d\"} }\n", i, 3000 + i);
	assert_non_null(mkdtemp(dir));
	pins.dir = dir;
	former = in_force_number(&pins);
	harness_reload(config);
	assert_int_equal(instance_follow(&pins, false, none, &gate_test.policy,
					 former, &fault),
			 -EBUSY);
	assert_int_equal(in_force_read(&pins, &policy, &number, &fault), 0);
	assert_int_equal(number, former + 1);
	assert_string_equal(policy.text, config);
	assert_int_equal(policy.forward_count, gate_test.policy.forward_count);
	policy_release(&policy);
	harness_reload(SSH); /* shorter: nothing of the longer one is read */
	harness_reload(SSH);
	assert_int_equal(in_force_read(&pins, &policy, &number, &fault), 0);
	assert_string_equal(policy.text, SSH);
	policy_release(&policy);
	rmdir(dir);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_flow_is_of_the_rule_that_has_its_port),
		CASE(an_answer_by_a_role_that_is_closed),
		CASE(a_port_at_the_ends_of_the_range),
		CASE(control_by_the_former_port),
		CASE(an_answer_by_another_link_when_its_own_is_gone),
		CASE(a_link_of_another_role_needs_its_grants),
		CASE(a_flow_waits_for_its_link),
		CASE(udp_goes_on_at_another_address),
		CASE(tcp_begins_anew_at_another_address),
		CASE(a_former_policy_is_followed_by_nobody),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
