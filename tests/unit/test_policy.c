// SPDX-License-Identifier: GPL-2.0-or-later
/* The policy as a value: its defaults, and what only the whole shows. */
#include <errno.h>
#include <netinet/in.h>

#include "unit.h"

static int make_policy(void **state)
{
	static struct policy policy;

	policy_init(&policy);
	*state = &policy;
	return 0;
}

static int release_policy(void **state)
{
	policy_release(*state);
	return 0;
}

static void add(struct policy *policy, const char *name, uint8_t protocol,
		const char *ports, int line)
{
	struct policy_forward forward = {.protocol = protocol, .line = line};

	strncpy(forward.name, name, sizeof(forward.name) - 1);
	assert_int_equal(text_parse_ports(ports, &forward.ports), 0);
	forward.to_first = forward.ports.first;
	assert_int_equal(policy_add_forward(policy, &forward), 0);
}

static void assert_valid(const struct policy *policy)
{
	struct fault fault;
	int line;

	if (policy_validate(policy, &fault, &line))
		fail_msg("%s", fault.text);
}

static void assert_invalid(const struct policy *policy, int line,
			   const char *what)
{
	struct fault fault = {""};
	int at = -1;

	assert_int_equal(policy_validate(policy, &fault, &at), -EINVAL);
	assert_string_equal(fault.text, what);
	assert_int_equal(at, line);
}

static void defaults_are_those_that_are_documented(void **state)
{
	struct policy *policy = *state;
	union sg_addr container = addr_of("10.0.3.2");

	assert_memory_equal(&policy->container, &container, sizeof(container));
	assert_int_equal(policy->forward_count, 0);
	assert_int_equal(policy->control_port, 23);
	assert_int_equal(policy->echo_roles, 7);
	assert_int_equal(policy->masquerade_roles, 3);
	assert_int_equal(policy->masquerade_ports.first, 1024);
	assert_int_equal(policy->masquerade_ports.last, 32767);
	assert_int_equal(policy->flows, 65536);
	assert_int_equal(policy->half_open, 131072);
	assert_int_equal(policy->timeout_s.tcp_established, 5 * 86400);
	assert_in_range(policy->timeout_s.tcp_half_open, 1, 240);
	assert_in_range(policy->timeout_s.tcp_closing, 1, 240);
	assert_int_equal(policy->timeout_s.udp_new, 30);
	assert_int_equal(policy->timeout_s.udp_assured, 180);
	assert_int_equal(policy->timeout_s.icmp, 60);
	for (unsigned int i = 0; i < SG_GRANT_COUNT; i++)
		assert_false(policy->grants[i]);
	assert_valid(policy);
}

static void roles_are_found_by_name_or_pattern(void **state)
{
	static const struct {
		const char *interface;
		int role;
	} pairs[] = {
		{"tap0", SG_ROLE_VPN},	   {"tap1", SG_ROLE_LAN},
		{"tap", SG_ROLE_LAN},	   {"eth0", SG_ROLE_LAN},
		{"enp3s0", SG_ROLE_LAN},   {"wlp2s0", SG_ROLE_LAN},
		{"usb0", SG_ROLE_LAN},	   {"wwan0", SG_ROLE_LAN},
		{"ppp0", SG_ROLE_LAN},	   {"br0", SG_ROLE_LAN},
		{"veth0", SG_ROLE_LAN},	   {"ve-container", SG_ROLE_CONTAINER},
		{"ve-other", SG_ROLE_LAN}, {"lo", -ENOENT},
	};

	for (size_t i = 0; i < COUNT(pairs); i++)
		assert_int_equal(policy_role_of(*state, pairs[i].interface),
				 pairs[i].role);
}

static void denying_all_leaves_nothing_open(void **state)
{
	struct policy *policy = *state;

	policy_deny_all(policy);
	assert_int_equal(policy->control_port, 0);
	assert_int_equal(policy->echo_roles, 0);
	assert_int_equal(policy->masquerade_roles, 0);
	assert_int_equal(policy->forward_count, 0);
	assert_valid(policy);
}

static void case_81_neighbours_are_no_overlap(void **state)
{
	add(*state, "a", IPPROTO_TCP, "2000-2009", 1);
	add(*state, "b", IPPROTO_TCP, "2010", 2);
	add(*state, "c", IPPROTO_TCP, "1999", 3);
	add(*state, "d", IPPROTO_UDP, "1-60999", 4);
	assert_valid(*state);
}

static void case_81_an_overlap_names_the_later_line(void **state)
{
	add(*state, "a", IPPROTO_TCP, "2009-2020", 9);
	add(*state, "b", IPPROTO_TCP, "2000-2009", 4);
	assert_invalid(*state, 9,
		       "forward \"a\": ports 2009-2020 overlap forward \"b\" "
		       "(line 4)");
}

static void case_81_overlaps_hide_behind_no_order(void **state)
{
	static const char *const ranges[] = {"30-40", "1-20", "5", "41-60999"};

	for (size_t i = 0; i < COUNT(ranges); i++)
		add(*state, ranges[i], IPPROTO_UDP, ranges[i], (int)i + 1);
	assert_invalid(*state, 3,
		       "forward \"5\": ports 5-5 overlap forward \"1-20\" "
		       "(line 2)");
}

static void the_gates_own_ports_are_not_to_be_forwarded(void **state)
{
	struct policy *policy = *state;

	add(policy, "udp", IPPROTO_UDP, "20-30", 1);
	assert_valid(policy); /* the control port is TCP */
	add(policy, "tcp", IPPROTO_TCP, "20-30", 2);
	assert_invalid(policy, 2,
		       "forward \"tcp\": ports 20-30 overlap the host control "
		       "port 23-23");
	policy->control_port = 0;
	assert_valid(policy);
	policy->control_port = 31;
	assert_valid(policy);
}

static void more_ports_than_the_map_holds_are_refused(void **state)
{
	struct policy *policy = *state;

	policy->control_port = 0;
	add(policy, "tcp", IPPROTO_TCP, "1-60999", 1);
	add(policy, "udp", IPPROTO_UDP, "1-4537", 2);
	assert_valid(policy); /* 65536 */
	add(policy, "one", IPPROTO_UDP, "4538", 3);
	assert_invalid(policy, 0,
		       "65537 forwarded ports; at most 65536 can be");
}

static void case_90_networks_of_two_roles_do_not_overlap(void **state)
{
	struct policy *policy = *state;

	policy->vpn_network = network_of("10.0.0.0/16");
	assert_invalid(policy, 0,
		       "vpn network 10.0.0.0/16 and container network "
		       "10.0.3.0/24 overlap");
	policy->vpn_network = network_of("10.0.3.128/25");
	assert_invalid(policy, 0,
		       "vpn network 10.0.3.128/25 and container network "
		       "10.0.3.0/24 overlap");
	policy->vpn_network = network_of("10.0.2.0/24");
	assert_valid(policy);
	policy->container = addr_of("10.0.4.2");
	assert_invalid(policy, 0,
		       "container address 10.0.4.2 is not in the container's "
		       "network 10.0.3.0/24");
}

/* Give a role one pattern alone. */
static void name(struct policy_role *role, const char *pattern)
{
	role->pattern_count = 1;
	strcpy(role->patterns[0], pattern);
}

/* An exact name goes before a pattern, a longer pattern before a shorter,
 * whichever role has it. */
static void the_closest_pattern_decides(void **state)
{
	static const char *const patterns[] = {"*", "e*", "eth*", "eth0"};
	struct policy *policy = *state;

	for (size_t near = 1; near < COUNT(patterns); near++)
		for (size_t far = 0; far < near; far++)
			for (int a = 0; a < SG_ROLE_COUNT; a++) {
				int b = (a + 1) % SG_ROLE_COUNT;
				int c = (a + 2) % SG_ROLE_COUNT;

				name(&policy->roles[a], patterns[near]);
				name(&policy->roles[b], patterns[far]);
				name(&policy->roles[c], "x");
				assert_valid(policy);
				assert_int_equal(policy_role_of(policy, "eth0"),
						 a);
				assert_int_equal(policy_role_of(policy, "x"),
						 c);
			}
}

static void what_is_exempt_has_no_role(void **state)
{
	struct policy *policy = *state;

	name(&policy->exempt, "docker*");
	assert_valid(policy);
	assert_int_equal(policy_role_of(policy, "docker0"), -ENOENT);
	assert_int_equal(policy_assignment(policy, "docker0", NULL),
			 POLICY_EXEMPT);
	assert_int_equal(policy_role_of(policy, "dock"), SG_ROLE_LAN);
	name(&policy->roles[SG_ROLE_LAN], "docker0"); /* named more closely */
	assert_valid(policy);
	assert_int_equal(policy_role_of(policy, "docker0"), SG_ROLE_LAN);
	assert_int_equal(policy_role_of(policy, "docker1"), -ENOENT);
	name(&policy->roles[SG_ROLE_LAN], "docker*");
	assert_invalid(policy, 0,
		       "interface \"docker*\" is both lan and exempt");
	name(&policy->exempt, "*");
	assert_invalid(policy, 0,
		       "exempt \"*\" would leave every link open; name the "
		       "links");
	name(&policy->exempt, "lo");
	assert_invalid(policy, 0, "interface \"lo\" can have no role");
}

static void a_pattern_is_of_one_role(void **state)
{
	struct policy *policy = *state;

	name(&policy->roles[SG_ROLE_LAN], "eth*");
	strcpy(policy->roles[SG_ROLE_VPN].patterns[0], "eth*");
	assert_invalid(policy, 0, "interface \"eth*\" is both vpn and lan");
	strcpy(policy->roles[SG_ROLE_VPN].patterns[0], "ve-container");
	assert_invalid(policy, 0,
		       "interface \"ve-container\" is both vpn and container");
}

static void what_is_added_is_a_copy_in_order(void **state)
{
	struct policy *policy = *state;
	struct network network = network_of("10.7.0.0/16");
	char name[SG_NAME_BYTES];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%d", 100 + i);
		add(policy, name, IPPROTO_TCP, name, i);
		network.prefix = 112U + (uint32_t)i % 16;
		assert_int_equal(policy_add_source(policy, &network), 0);
	}
	assert_int_equal(policy->forward_count, 100);
	assert_int_equal(policy->source_count, 100);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(policy->forwards[i].ports.first, 100 + i);
		assert_int_equal(policy->sources[i].prefix, 112 + i % 16);
	}
	policy_release(policy);
	assert_int_equal(policy->forward_count + policy->source_count, 0);
	assert_null(policy->forwards);
	assert_null(policy->sources);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, make_policy, release_policy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults_are_those_that_are_documented),
		TEST(roles_are_found_by_name_or_pattern),
		TEST(denying_all_leaves_nothing_open),
		TEST(case_81_neighbours_are_no_overlap),
		TEST(case_81_an_overlap_names_the_later_line),
		TEST(case_81_overlaps_hide_behind_no_order),
		TEST(the_gates_own_ports_are_not_to_be_forwarded),
		TEST(more_ports_than_the_map_holds_are_refused),
		TEST(case_90_networks_of_two_roles_do_not_overlap),
		TEST(a_pattern_is_of_one_role),
		TEST(the_closest_pattern_decides),
		TEST(what_is_exempt_has_no_role),
		TEST(what_is_added_is_a_copy_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
