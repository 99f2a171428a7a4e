// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's own forwarding, in a network namespace of the test's own: seen
 * in either family, for what the policy governs and nothing else, and turned
 * off. */
#include <errno.h>

#include "gate/forwarding.h"
#include "netns.h"

static struct policy policy;
static struct links links;

/* tap0 has a role, and free0 has none. */
static int begin(void **state)
{
	struct fault fault;

	if (enter_namespace(state))
		return -1;
	run("ip link add tap0 type veth peer name free0");
	parse_accepted("exempt { interfaces = {\"free0\"} }\n", &policy);
	run("for i in all tap0 free0; do"
	    " echo 0 >/proc/sys/net/ipv4/conf/$i/forwarding; done");
	run("echo 0 >/proc/sys/net/ipv6/conf/all/forwarding");
	return links_read(&links, &fault);
}

static int end(void **state)
{
	(void)state;
	links_release(&links);
	policy_release(&policy);
	return 0;
}

static void it_is_seen_in_either_family(void **state)
{
	static const struct {
		enum forwarding_family family;
		const char *interface;
		bool is_open;
	} cases[] = {
		{FORWARDING_IPV4, "tap0", true},
		{FORWARDING_IPV4, "free0", false},
		{FORWARDING_IPV6, "all", true},
	};

	(void)state;
	assert_false(forwarding_is_open(&policy, &links));
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(forwarding_set(cases[i].family,
						cases[i].interface, true),
				 0);
		assert_int_equal(forwarding_is_open(&policy, &links),
				 cases[i].is_open);
		assert_int_equal(forwarding_set(cases[i].family,
						cases[i].interface, false),
				 0);
	}
}

static void it_is_turned_off_where_the_policy_governs(void **state)
{
	struct fault fault;

	(void)state;
	forwarding_set(FORWARDING_IPV4, "tap0", true);
	forwarding_set(FORWARDING_IPV4, "free0", true);
	forwarding_set(FORWARDING_IPV6, "all", true);
	assert_int_equal(forwarding_close(&policy, &links, &fault), 0);
	assert_int_equal(forwarding_get(FORWARDING_IPV4, "tap0"), 0);
	assert_int_equal(forwarding_get(FORWARDING_IPV6, "all"), 0);
	assert_int_equal(forwarding_get(FORWARDING_IPV4, "free0"), 1);
	assert_int_equal(forwarding_get(FORWARDING_IPV4, "gone0"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_seen_in_either_family,
						begin, end),
		cmocka_unit_test_setup_teardown(
			it_is_turned_off_where_the_policy_governs, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
