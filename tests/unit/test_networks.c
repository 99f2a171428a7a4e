// SPDX-License-Identifier: GPL-2.0-or-later
/* The networks, broadcast addresses and sources that are made of addresses and
 * routes: the last prefix that counts, and the first that does not. */
#include <arpa/inet.h>

#include "gate/entries.h"
#include "unit.h"

enum { ETH0 = 1, ETH1 };

static struct link items[] = {
	{.ifindex = ETH0, .name = "eth0", .mtu = 1500, .has_ethernet = true},
	{.ifindex = ETH1, .name = "eth1", .mtu = 1500, .has_ethernet = true},
};

static struct link_addr addrs[4];
static struct link_route routes[4];
static struct links links;
static struct policy policy;
static struct link_entries entries;

static int make(void **state)
{
	(void)state;
	links = (struct links){.items = items,
			       .count = COUNT(items),
			       .addrs = addrs,
			       .routes = routes};
	policy_init(&policy);
	return 0;
}

static int release(void **state)
{
	(void)state;
	entries_release_links(&entries);
	policy_release(&policy);
	return 0;
}

static void make_entries(void)
{
	entries_release_links(&entries);
	assert_int_equal(entries_of_links(&policy, &links, &entries), 0);
}

/* prefix: of the mapped form */
static struct link_addr *add_addr(uint32_t ifindex, const char *text,
				  uint32_t prefix)
{
	struct link_addr *addr = &addrs[links.addr_count++];

	*addr = (struct link_addr){
		.ifindex = ifindex,
		.addr = addr_of(text),
		.prefix = prefix,
		.is_permanent = true,
		.is_usable = true,
	};
	return addr;
}

static size_t broadcasts(void)
{
	size_t count = 0;

	for (size_t i = 0; i < entries.addr_count; i++)
		count += entries.addrs[i] == SG_BROADCAST;
	return count;
}

/* NULL: there is none. */
static const struct sg_subnet *subnet_of(const union sg_addr *addr,
					 uint32_t prefix)
{
	for (size_t i = 0; i < entries.subnet_count; i++)
		if (entries.subnet_keys[i].prefix_bits == prefix &&
		    memcmp(&entries.subnet_keys[i].addr, addr, sizeof(*addr)) ==
			    0)
			return &entries.subnets[i];
	return NULL;
}

/* RFC 3021: two hosts on a link need no broadcast address. */
static void a_31_has_no_broadcast_address(void **state)
{
	static const struct {
		uint32_t prefix;
		size_t count;
	} cases[] = {{24, 2}, {29, 2}, {30, 2}, {31, 0}, {32, 0}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		links.addr_count = 0;
		add_addr(ETH0, "192.168.7.2", 96 + cases[i].prefix);
		make_entries();
		assert_int_equal(broadcasts(), cases[i].count);
	}
}

/* RFC 4862 5.5.4: nothing new is sent from a deprecated address. */
static void a_source_is_usable(void **state)
{
	const union sg_addr second = addr_of("192.168.7.3");
	struct link_addr *first;

	(void)state;
	first = add_addr(ETH0, "192.168.7.2", 96 + 24);
	add_addr(ETH0, "192.168.7.3", 96 + 24);
	make_entries();
	assert_memory_equal(&entries.ifaces[0].v4, &first->addr,
			    sizeof(second));
	first->is_usable = false;
	make_entries();
	assert_memory_equal(&entries.ifaces[0].v4, &second, sizeof(second));
}

static void a_network_on_two_links_is_behind_neither(void **state)
{
	const union sg_addr network = addr_of("192.168.7.0");
	const struct sg_subnet *subnet;

	(void)state;
	add_addr(ETH0, "192.168.7.2", 96 + 24);
	make_entries();
	subnet = subnet_of(&network, 96 + 24);
	assert_non_null(subnet);
	assert_int_equal(subnet->ifindex, ETH0);
	add_addr(ETH1, "192.168.7.3", 96 + 24);
	make_entries();
	subnet = subnet_of(&network, 96 + 24);
	assert_non_null(subnet);
	assert_int_equal(subnet->ifindex, 0);
	assert_int_equal(subnet->roles, SG_ROLE_BIT(SG_ROLE_LAN));
}

static void a_route_as_wide_as_a_default_one_is_no_network(void **state)
{
	static const struct {
		uint32_t v4; /* of the mapped form */
		uint32_t v6;
		bool counts;
	} cases[] = {
		{96, 0, false},	   {96 + 1, 3, false},	{96 + 7, 7, false},
		{96 + 8, 8, true}, {96 + 16, 48, true},
	};
	const union sg_addr v4 = addr_of("10.0.0.0");
	const union sg_addr v6 = {.word = {htonl(0xfc000000), 0, 0, 0}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		routes[0] = (struct link_route){ETH0, v4, cases[i].v4};
		routes[1] = (struct link_route){ETH0, v6, cases[i].v6};
		links.route_count = 2;
		make_entries();
		assert_int_equal(subnet_of(&v4, routes[0].prefix) != NULL,
				 cases[i].counts);
		assert_int_equal(subnet_of(&v6, routes[1].prefix) != NULL,
				 cases[i].counts);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_31_has_no_broadcast_address),
		CASE(a_source_is_usable),
		CASE(a_network_on_two_links_is_behind_neither),
		CASE(a_route_as_wide_as_a_default_one_is_no_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
