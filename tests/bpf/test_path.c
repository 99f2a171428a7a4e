// SPDX-License-Identifier: GPL-2.0-or-later
/* The path of what the container begins, by the kernel's own FIB: routes, rules
 * and addresses that are there, change or refuse. */
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "probes.h"
#include "sys/clock.h"

#define FAR "203.0.113.9" /* by the default route, of tap0 */
#define BY_ETH0 " via 192.168.7.9 proto 99"

static const struct spec to_far = {
	.src = "10.0.3.2",
	.dst = FAR,
	.sport = 33000,
	.dport = 53,
	.protocol = IPPROTO_UDP,
	.payload_bytes = 9,
};

static int setup(void **state)
{
	shell_runs("ip route add default via 10.1.0.1 proto 99;"
		   "ip route add default" BY_ETH0 " table 200;"
		   "ip addr add 192.168.7.50/24 dev eth0;"
		   "sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1");
	return harness_setup(state);
}

/* The namespace is the next test's, too: as it was. */
static int teardown(void **state)
{
	shell_runs("ip route flush proto 99; ip route flush table 200;"
		   "while ip rule del prio 100; do :; done 2>/dev/null;"
		   "ip addr replace 192.168.7.2/24 dev eth0;"
		   "ip addr del 192.168.7.50/24 dev tap0 2>/dev/null;"
		   "ip addr del 192.168.7.50/24 dev eth0 2>/dev/null;:");
	return harness_teardown(state);
}

static void leaves_from(const char *source)
{
	struct frame frame;

	assert_int_equal(send_in(&to_far, VE_CONTAINER, &frame),
			 ACTION_REDIRECT);
	assert_string_equal(frame_src(&frame), source);
}

/* Wait for the middle of a second of the boot clock: the datapath's own may be
 * a tenth of a second behind (bpf/context.h). */
static void in_the_midst_of_a_second(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	while (now.tv_nsec < 200000000 || now.tv_nsec > 800000000) {
		usleep(10000);
		clock_gettime(CLOCK_BOOTTIME, &now);
	}
}

/* The only flow, as if its path had been found so long ago, and its next hop
 * not have answered for so long (0: it does). */
static void age_path(uint32_t path_s, uint32_t unresolved_s)
{
	struct sg_flow_key key;
	struct sg_flow flow;
	enum pins_map map = the_flow(&key, &flow);

	in_the_midst_of_a_second();
	flow.path_s = boot_s() - path_s;
	flow.unresolved_s = unresolved_s ? boot_s() - unresolved_s : 0;
	assert_int_equal(bpf_map_update_elem(gate_test.pins.map_fds[map], &key,
					     &flow, BPF_EXIST),
			 0);
}

static void a_route_that_refuses_has_its_reason(void **state)
{
	static const struct {
		const char *route;
		enum sg_reason reason;
	} cases[] = {
		{"unreachable " FAR, SG_DROP_ROUTE_UNREACHABLE},
		{"blackhole " FAR, SG_DROP_ROUTE_BLACKHOLE},
		{"prohibit " FAR, SG_DROP_ROUTE_PROHIBIT},
		{"throw " FAR, SG_DROP_NO_ROUTE},
		{FAR " dev other0", SG_DROP_EGRESS_CLOSED},
	};
	char command[128];

	(void)state;
	shell_runs("ip link add other0 type veth peer name other1;"
		   "ip link set other0 up; ip link set other1 up");
	leaves_from("10.1.0.2");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(command, sizeof(command), "ip route add %s proto 99",
			 cases[i].route);
		shell_runs(command);
		harness_restart("lan { interfaces = {\"eth*\"} }");
		assert_refused(&to_far, VE_CONTAINER, cases[i].reason);
		assert_no_flow();
		shell_runs("ip route del " FAR);
	}
	shell_runs("ip link del other0");
	leaves_from("10.1.0.2");
}

static void rules_are_asked_with_all_of_the_packet(void **state)
{
	static const struct {
		const char *rule;
		const char *source;
	} cases[] = {
		{"ipproto udp", "192.168.7.2"},
		{"ipproto tcp", "10.1.0.2"},
		{"ipproto udp dport 53", "192.168.7.2"},
		{"ipproto udp dport 33000", "10.1.0.2"},
		{"ipproto udp sport 33000", "192.168.7.2"},
		{"ipproto udp sport 53", "10.1.0.2"},
		{"from 10.0.3.2", "192.168.7.2"},
		{"from " FAR, "10.1.0.2"},
		{"to " FAR, "192.168.7.2"},
		{"to 10.0.3.2", "10.1.0.2"},
	};
	char command[128];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(command, sizeof(command),
			 "ip rule add %s lookup 200 prio 100", cases[i].rule);
		shell_runs(command);
		harness_restart(NULL);
		leaves_from(cases[i].source);
		shell_runs("ip rule del prio 100");
	}
}

static void a_path_is_trusted_for_a_second(void **state)
{
	(void)state;
	leaves_from("10.1.0.2");
	shell_runs("ip route add " FAR BY_ETH0);
	wait_for_mid_second();
	age_path(1, 0);
	leaves_from("10.1.0.2");
	age_path(2, 0);
	leaves_from("192.168.7.2"); /* begun anew */
}

static void no_path_is_trusted_while_links_change(void **state)
{
	int fd = gate_test.pins.map_fds[PINS_active];
	struct sg_active active;
	uint32_t zero = 0;

	(void)state;
	leaves_from("10.1.0.2");
	shell_runs("ip route add " FAR BY_ETH0);
	wait_for_mid_second();
	age_path(0, 0);
	leaves_from("10.1.0.2");
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &active), 0);
	active.generation |= SG_CHANGING;
	assert_int_equal(bpf_map_update_elem(fd, &zero, &active, BPF_ANY), 0);
	leaves_from("192.168.7.2");
}

/* RFC 4861 7.2.2, RFC 1812 3.3.2: who does not answer is not there. */
static void a_neighbour_has_three_seconds(void **state)
{
	(void)state;
	shell_runs("ip route add " FAR " via 192.168.7.77 proto 99");
	wait_for_mid_second();
	leaves_from("192.168.7.2");
	age_path(2, 2);
	leaves_from("192.168.7.2");
	age_path(2, 3);
	assert_refused(&to_far, VE_CONTAINER, SG_DROP_NEIGHBOUR);
	leaves_from("192.168.7.2"); /* it is asked once more */
	age_path(2, 2);
	leaves_from("192.168.7.2");
	shell_runs("ip neigh add 192.168.7.77 dev eth0 "
		   "lladdr 02:00:00:00:09:77");
	age_path(2, 3);
	leaves_from("192.168.7.2");
	shell_runs("ip neigh del 192.168.7.77 dev eth0");
}

static void a_path_has_the_mtu_of_its_route(void **state)
{
	struct spec spec = to_far;

	(void)state;
	needs_kernel(5, 12);
	shell_runs("ip route add " FAR BY_ETH0 " mtu lock 1300");
	spec.fragment = 0x4000; /* do not fragment */
	spec.payload_bytes = 1300 - 28;
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_REDIRECT);
	spec.payload_bytes++;
	assert_refused(&spec, VE_CONTAINER, SG_DROP_TOO_BIG);
}

/* Its first packet, too, while ARP asks for the next hop. */
static void so_it_has_where_the_next_hop_is_unknown(void **state)
{
	struct spec spec = to_far;

	(void)state;
	needs_kernel(6, 7);
	shell_runs("ip route add " FAR " via 192.168.7.55 proto 99 mtu lock "
		   "1300");
	spec.fragment = 0x4000; /* do not fragment */
	spec.payload_bytes = 1300 - 28 + 1;
	assert_refused(&spec, VE_CONTAINER, SG_DROP_TOO_BIG);
	spec.payload_bytes--;
	assert_int_equal(send_in(&spec, VE_CONTAINER, NULL), ACTION_REDIRECT);
}

/* Send what FAR answers to a packet as it left. */
static void is_answered(const struct frame *sent, uint8_t protocol,
			uint8_t flags)
{
	struct spec answer = between(FAR, "192.168.7.2", 53, frame_sport(sent),
				     protocol, flags);

	assert_int_equal(send_in(&answer, ETH0, NULL), ACTION_REDIRECT);
}

/* A flow that both ends have joined, which needs no long look. */
static void so_it_has_for_one_that_goes_on(void **state)
{
	struct spec udp = to_far;
	struct spec tcp = to_far;
	struct frame sent;

	(void)state;
	needs_kernel(5, 12);
	shell_runs("ip route add " FAR BY_ETH0 " mtu lock 1300");
	assert_int_equal(send_in(&udp, VE_CONTAINER, &sent), ACTION_REDIRECT);
	is_answered(&sent, IPPROTO_UDP, 0);
	udp.fragment = 0x4000; /* do not fragment */
	udp.payload_bytes = 1300 - 28;
	assert_int_equal(send_in(&udp, VE_CONTAINER, NULL), ACTION_REDIRECT);
	udp.payload_bytes++;
	assert_refused(&udp, VE_CONTAINER, SG_DROP_TOO_BIG);
	tcp.protocol = IPPROTO_TCP;
	tcp.payload_bytes = 0;
	tcp.flags = SYN;
	assert_int_equal(send_in(&tcp, VE_CONTAINER, &sent), ACTION_REDIRECT);
	is_answered(&sent, IPPROTO_TCP, SYN | ACK);
	tcp.flags = ACK;
	assert_int_equal(send_in(&tcp, VE_CONTAINER, &sent), ACTION_REDIRECT);
	tcp.payload_bytes = 1900;
	gate_test.gso_bytes = 1300 - 40;
	assert_int_equal(send_in(&tcp, VE_CONTAINER, NULL), ACTION_REDIRECT);
	gate_test.gso_bytes++;
	assert_refused(&tcp, VE_CONTAINER, SG_DROP_TOO_BIG);
}

static void a_path_to_a_closed_role_ends(void **state)
{
	(void)state;
	harness_restart("egress { masquerade = {vpn} }");
	leaves_from("10.1.0.2");
	/* the source may stay, but the link may not be that one */
	shell_runs("ip route add " FAR BY_ETH0 " src 10.1.0.2");
	age_path(2, 0);
	assert_refused(&to_far, VE_CONTAINER, SG_DROP_EGRESS_CLOSED);
	shell_runs("ip route del " FAR);
	leaves_from("10.1.0.2");
}

/* The route's own; and a flow keeps what it has while that is the host's. */
static void a_source_is_kept_while_it_is_there(void **state)
{
	struct sg_flow_key key;
	struct sg_flow flow;

	(void)state;
	needs_kernel(6, 7);
	shell_runs("ip route add " FAR BY_ETH0 " src 192.168.7.50");
	leaves_from("192.168.7.50");
	shell_runs("ip route replace " FAR BY_ETH0 " src 192.168.7.2");
	age_path(2, 0);
	leaves_from("192.168.7.50");
	the_flow(&key, &flow);
	assert_int_equal(flow.traffic[SG_OUT].packets, 2);
	shell_runs("ip addr del 192.168.7.50/24 dev eth0");
	age_path(2, 0);
	leaves_from("192.168.7.2");
	the_flow(&key, &flow);
	assert_int_equal(flow.traffic[SG_OUT].packets, 1);
}

/* It is another link's too, which has one of its own for that path. */
static void a_source_is_not_kept_on_another_link(void **state)
{
	(void)state;
	needs_kernel(6, 7);
	shell_runs("ip addr add 192.168.7.50/24 dev tap0 noprefixroute;"
		   "ip route add " FAR BY_ETH0 " src 192.168.7.50");
	harness_restart(
		"vpn { interfaces = {\"none0\"} }"); /* both are the LAN's */
	leaves_from("192.168.7.50");
	shell_runs("ip route del " FAR);
	age_path(2, 0);
	leaves_from("10.1.0.2");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_route_that_refuses_has_its_reason),
		CASE(rules_are_asked_with_all_of_the_packet),
		CASE(a_path_is_trusted_for_a_second),
		CASE(no_path_is_trusted_while_links_change),
		CASE(a_neighbour_has_three_seconds),
		CASE(a_path_has_the_mtu_of_its_route),
		CASE(so_it_has_where_the_next_hop_is_unknown),
		CASE(so_it_has_for_one_that_goes_on),
		CASE(a_path_to_a_closed_role_ends),
		CASE(a_source_is_kept_while_it_is_there),
		CASE(a_source_is_not_kept_on_another_link),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
