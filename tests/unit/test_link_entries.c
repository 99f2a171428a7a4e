// SPDX-License-Identifier: GPL-2.0-or-later
/* The contents of the maps for the links: roles, addresses, subnets. */
#include <arpa/inet.h>
#include <errno.h>

#include "gate/entries.h"
#include "unit.h"

enum { LO = 1, ETH0, TAP0, VE, DUMMY, ETH1 };

#define LINK(index, is_named, octet, bytes, ethernet, up)                      \
	{                                                                      \
		.ifindex = (index), .name = (is_named),                        \
		.mac = {(octet) ? 2 : 0, 0, 0, 0, 0, (octet)}, .mtu = (bytes), \
		.has_ethernet = (ethernet), .is_up = (up)                      \
	}

static struct link items[] = {
	LINK(LO, "lo", 0, 65536, false, true),
	LINK(ETH0, "eth0", 2, 1500, true, true),
	LINK(TAP0, "tap0", 0, 1400, false, true),
	LINK(VE, "ve-container", 4, 1500, true, true),
	LINK(DUMMY, "dummy0", 5, 1500, true, true),
	LINK(ETH1, "eth1", 6, 1500, true, false),
};

#define NOBODY (-1) /* as a role */

static struct link_addr addrs[10];
static struct links links;
static struct policy policy;
static struct link_entries entries;

static void add_addr(uint32_t ifindex, const char *text, uint32_t prefix)
{
	addrs[links.addr_count++] = (struct link_addr){
		.ifindex = ifindex,
		.addr = addr_of(text),
		.prefix = 96 + prefix,
		.is_permanent = true,
		.is_usable = true,
	};
}

static int make(void **state)
{
	(void)state;
	links = (struct links){
		.items = items, .count = COUNT(items), .addrs = addrs};
	add_addr(LO, "127.0.0.1", 8);
	add_addr(ETH0, "192.168.7.2", 24);
	add_addr(ETH0, "192.168.8.2", 16);
	add_addr(TAP0, "10.1.0.2", 24);
	add_addr(VE, "10.0.3.1", 24);
	add_addr(DUMMY, "172.16.0.1", 12);
	addrs[links.addr_count++] = (struct link_addr){
		.ifindex = ETH0,
		.addr = {.word = {htonl(0xfe800000), 0, 0, htonl(1)}},
		.prefix = 64,
		.is_usable = true,
	};
	addrs[links.addr_count++] = (struct link_addr){
		.ifindex = ETH0,
		.addr = {.word = {htonl(0xfd000007), 0, 0, htonl(2)}},
		.prefix = 64,
		.is_usable = true,
	};
	policy_init(&policy);
	strcpy(policy.roles[SG_ROLE_LAN].patterns[0], "eth*");
	return entries_of_links(&policy, &links, &entries);
}

static int release(void **state)
{
	(void)state;
	entries_release_links(&entries);
	policy_release(&policy);
	return 0;
}

static void only_links_with_a_role_are_governed(void **state)
{
	static const struct {
		uint32_t ifindex;
		struct sg_iface iface;
	} want[] = {
		{ETH0,
		 {.role = SG_ROLE_LAN,
		  .has_ethernet = 1,
		  .mac = {2, 0, 0, 0, 0, 2},
		  .clamps_mss = 1,
		  .mtu = 1500,
		  .name = "eth0"}},
		{TAP0,
		 {.role = SG_ROLE_VPN,
		  .clamps_mss = 1,
		  .mtu = 1400,
		  .name = "tap0"}},
		{VE,
		 {.role = SG_ROLE_CONTAINER,
		  .has_ethernet = 1,
		  .mac = {2, 0, 0, 0, 0, 4},
		  .mtu = 1500,
		  .name = "ve-container"}},
		{ETH1,
		 {.role = SG_ROLE_LAN,
		  .has_ethernet = 1,
		  .mac = {2, 0, 0, 0, 0, 6},
		  .clamps_mss = 1,
		  .mtu = 1500,
		  .name = "eth1"}},
	};

	(void)state;
	assert_int_equal(entries.iface_count, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++) {
		assert_int_equal(entries.iface_keys[i], want[i].ifindex);
		assert_memory_equal(&entries.ifaces[i], &want[i].iface,
				    offsetof(struct sg_iface, v4));
	}
}

static void make_again(void)
{
	entries_release_links(&entries);
	assert_int_equal(entries_of_links(&policy, &links, &entries), 0);
}

static void a_port_is_its_masters_business(void **state)
{
	struct link *eth1 = &items[COUNT(items) - 1];
	size_t before = entries.iface_count;

	(void)state;
	eth1->is_port = true;
	eth1->had_role = 1 + SG_ROLE_LAN; /* it was governed before */
	make_again();
	assert_int_equal(entries.iface_count, before - 1);
	assert_int_equal(entries_role(&policy, eth1), -ENOENT);
	assert_int_equal(entries.exempt_count, 0);
	eth1->is_port = false;
	eth1->had_role = 0;
	make_again();
	assert_int_equal(entries.iface_count, before);
}

static void what_is_exempt_is_known_as_such(void **state)
{
	struct link dummy = items[DUMMY - 1];

	(void)state;
	policy.exempt.pattern_count = 1;
	strcpy(policy.exempt.patterns[0], "dummy*");
	make_again();
	assert_int_equal(entries.exempt_count, 1);
	assert_int_equal(entries.exempt_keys[0], DUMMY);
	assert_string_equal(entries.exempt[0].name, "dummy0");
	assert_int_equal(entries_role(&policy, &dummy), -ENOENT);
	for (size_t i = 0; i < entries.iface_count; i++)
		assert_int_not_equal(entries.iface_keys[i], DUMMY);
}

static void assert_vlans(size_t count)
{
	make_again();
	assert_int_equal(entries.vlan_count, count);
}

static void a_vlan_is_its_devices(void **state)
{
	const struct link none = items[COUNT(items) - 1];
	struct link *vlan = &items[COUNT(items) - 1]; /* eth1 */

	(void)state;
	vlan->vlan_protocol = htons(0x8100);
	vlan->vlan_id = 5;
	assert_vlans(0); /* of no link */
	vlan->lower_ifindex = ETH0;
	assert_vlans(1);
	assert_int_equal(entries.vlan_keys[0].ifindex, ETH0);
	assert_int_equal(entries.vlan_keys[0].protocol, htons(0x8100));
	assert_int_equal(entries.vlan_keys[0].id, 5);
	assert_int_equal(entries.vlans[0], ETH1);
	vlan->is_lower_elsewhere = true; /* that number is another link's */
	assert_vlans(0);
	vlan->is_lower_elsewhere = false;
	vlan->lower_ifindex = VE; /* the container brings no link with it */
	assert_vlans(0);
	vlan->lower_ifindex = DUMMY; /* no program is there to ask */
	assert_vlans(0);
	vlan->lower_ifindex = TAP0;
	assert_vlans(1);
	strcpy(vlan->name, "other0"); /* has no role */
	assert_vlans(0);
	policy.exempt.pattern_count = 1;
	strcpy(policy.exempt.patterns[0], "other*");
	assert_vlans(1);
	*vlan = none;
	vlan->lower_ifindex = ETH0; /* as a macvlan, a tunnel */
	assert_vlans(0);
	*vlan = none;
	policy.exempt.pattern_count = 0;
	make_again();
}

/* Cable and Wi-Fi in one network, with the kernel's own routes to it. */
static void a_network_of_two_links_is_of_each(void **state)
{
	const struct sg_subnet_key key = {.prefix_bits = 120,
					  .addr = addr_of("192.168.7.0")};
	struct link_route routes[2] = {
		{.ifindex = ETH0, .addr = key.addr, .prefix = 120},
		{.ifindex = ETH1, .addr = key.addr, .prefix = 120},
	};
	size_t before = links.addr_count;

	(void)state;
	add_addr(ETH1, "192.168.7.3", 24);
	links.routes = routes;
	links.route_count = 2;
	make_again();
	for (size_t i = 0; i < entries.subnet_count; i++) {
		if (memcmp(&entries.subnet_keys[i], &key, sizeof(key)))
			continue;
		assert_int_equal(entries.subnets[i].ifindex, 0);
		assert_int_equal(entries.subnets[i].roles,
				 SG_ROLE_BIT(SG_ROLE_LAN));
		assert_int_not_equal(entries.subnets[i].own.word[3], 0);
		before = 0;
	}
	assert_int_equal(before, 0);
	links.addr_count--;
	links.route_count = 0;
	make_again();
}

/* "*" says nothing of a link in particular: one that was renamed keeps the role
 * that it had, until a policy is read anew. */
static void a_renamed_link_keeps_its_role_before_any(void **state)
{
	struct link link = {
		.ifindex = 9, .name = "renamed", .had_role = 1 + SG_ROLE_VPN};

	(void)state;
	strcpy(policy.roles[SG_ROLE_LAN].patterns[0], "*");
	assert_int_equal(entries_role(&policy, &link), SG_ROLE_VPN);
	link.had_role = 0;
	assert_int_equal(entries_role(&policy, &link), SG_ROLE_LAN);
	link.had_role = 1 + SG_ROLE_LAN;
	strcpy(link.name, "tap0"); /* named more closely */
	assert_int_equal(entries_role(&policy, &link), SG_ROLE_VPN);
}

static void the_containers_end_is_known_by_its_role(void **state)
{
	struct links none = links;

	(void)state;
	assert_int_equal(entries.container_ifindex, VE);
	assert_memory_equal(entries.veth_mac, items[3].mac, SG_MAC_BYTES);
	entries_release_links(&entries);
	assert_int_equal(entries.container_ifindex, 0);
	none.count = 3;
	assert_int_equal(entries_of_links(&policy, &none, &entries), 0);
	assert_int_equal(entries.container_ifindex, 0);
}

/* Count an address's entries under that interface and with that prefix. */
static size_t count_addr(uint32_t ifindex, const union sg_addr *addr,
			 uint32_t prefix)
{
	size_t found = 0;

	for (size_t i = 0; i < entries.addr_count; i++)
		found += entries.addr_keys[i].ifindex == ifindex &&
			 !memcmp(&entries.addr_keys[i].addr, addr, 16) &&
			 entries.addrs[i] == prefix;
	return found;
}

static void addresses_are_the_links_and_the_hosts(void **state)
{
	const union sg_addr last = addr_of("192.168.7.255");
	const union sg_addr first = addr_of("192.168.7.0");
	size_t governed = 0;
	size_t broadcast = 0;

	(void)state;
	for (size_t i = 0; i < links.addr_count; i++) {
		const struct link_addr *addr = &addrs[i];
		bool role = addr->ifindex != LO && addr->ifindex != DUMMY;

		governed += role;
		broadcast += text_addr_is_v4(&addr->addr) ? 2 : 0;
		assert_int_equal(
			count_addr(SG_ANY_IFINDEX, &addr->addr, addr->prefix),
			1);
		assert_int_equal(
			count_addr(addr->ifindex, &addr->addr, addr->prefix),
			role);
	}
	assert_int_equal(governed, 6);
	assert_int_equal(entries.addr_count,
			 links.addr_count + governed + broadcast);
	assert_int_equal(count_addr(SG_ANY_IFINDEX, &first, SG_BROADCAST), 1);
	assert_int_equal(count_addr(SG_ANY_IFINDEX, &last, SG_BROADCAST), 1);
	assert_int_equal(count_addr(ETH0, &last, SG_BROADCAST), 0);
}

/* Count a network's entries with that interface and role. */
static size_t count_subnet(const struct network *network, uint32_t ifindex,
			   int role, const char *own)
{
	const union sg_addr addr = addr_of(own);
	const struct sg_subnet_key key = {network->prefix, network->addr};
	size_t found = 0;

	for (size_t i = 0; i < entries.subnet_count; i++)
		found += !memcmp(&entries.subnet_keys[i], &key, sizeof(key)) &&
			 entries.subnets[i].ifindex == ifindex &&
			 entries.subnets[i].roles ==
				 (role == NOBODY ? 0 : SG_ROLE_BIT(role)) &&
			 !memcmp(&entries.subnets[i].own, &addr, sizeof(addr));
	return found;
}

static void subnets_are_those_of_the_policy_and_of_governed_links(void **state)
{
	static const struct {
		const char *network;
		uint32_t ifindex;
		int role;
		const char *own;
	} want[] = {
		{"192.168.7.0/24", ETH0, SG_ROLE_LAN, "192.168.7.2"},
		{"192.168.0.0/16", ETH0, SG_ROLE_LAN, "192.168.8.2"},
		{"10.1.0.0/24", TAP0, SG_ROLE_VPN, "10.1.0.2"},
		{"10.0.3.0/24", VE, SG_ROLE_CONTAINER, "10.0.3.1"},
		{"fd00:7::/64", ETH0, SG_ROLE_LAN, "fd00:7::2"},
	};
	size_t others = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(want); i++) {
		struct network network = network_of(want[i].network);

		assert_int_equal(count_subnet(&network, want[i].ifindex,
					      want[i].role, want[i].own),
				 1);
	}
	for (size_t i = 0; i < entries.subnet_count; i++)
		others += !entries.subnets[i].roles;
	assert_int_equal(entries.subnet_count, COUNT(want) + others);
}

static void the_hosts_own_and_broadcasts_are_no_sources(void **state)
{
	const char *const broadcast[] = {"192.168.7.0", "192.168.7.255",
					 "192.168.0.0", "192.168.255.255",
					 "172.16.0.0",	"172.31.255.255"};
	struct network host = {.prefix = 128};

	(void)state;
	for (size_t i = 0; i < links.addr_count; i++) {
		/* a link-local one is another's on another link */
		bool is_global = ntohl(addrs[i].addr.word[0]) != 0xfe800000;

		host.addr = addrs[i].addr;
		assert_int_equal(
			count_subnet(&host, addrs[i].ifindex, NOBODY, "::"),
			is_global);
	}
	for (size_t i = 0; i < COUNT(broadcast); i++) {
		host.addr = addr_of(broadcast[i]);
		assert_int_equal(count_subnet(&host, 0, NOBODY, "::"), 1);
	}
}

/* Those of the first 16 bits of `text`, and so many more. */
static void assert_subnet_bits(const char *text, bool v6, uint32_t more)
{
	union sg_addr addr = addr_of(text);
	uint32_t first = ntohl(addr.word[v6 ? 0 : 3]) >> 16;

	for (uint32_t at = first; at <= first + more; at++)
		if (!has_bit(entries.subnet_bits, v6 ? 65536 + at : at))
			fail_msg("%s: not %u more", text, at - first);
}

static void whatever_subnets_has_is_found_by_its_start(void **state)
{
	struct link_addr none = {ETH1, addr_of("9.9.9.9"), 97, true, true};
	struct link_addr half = {ETH1, addr_of("8000::1"), 3, true, true};

	(void)state;
	/* the host's own, networks and broadcasts; of each a host or a /16 */
	assert_subnet_bits("10.0.0.0", false, 1);
	assert_subnet_bits("127.0.0.0", false, 0);
	assert_subnet_bits("127.255.0.0", false, 0);
	assert_subnet_bits("172.16.0.0", false, 0);
	assert_subnet_bits("172.31.0.0", false, 0);
	assert_subnet_bits("192.168.0.0", false, 0);
	assert_subnet_bits("fd00::", true, 0);
	assert_int_equal(bits_of(entries.subnet_bits, SG_SUBNET_BITS_ROWS), 8);
	entries_release_links(&entries);
	addrs[links.addr_count++] = none;
	addrs[links.addr_count++] = half;
	assert_int_equal(entries_of_links(&policy, &links, &entries), 0);
	assert_subnet_bits("0.0.0.0", false, 32767); /* 9.9.9.9/1 */
	assert_subnet_bits("8000::", true, 8191);    /* 8000::1/3 */
}

static void a_link_of_one_address_has_no_network(void **state)
{
	struct network host = network_of("10.8.0.6/32");

	(void)state;
	add_addr(ETH1, "10.8.0.6", 32);
	entries_release_links(&entries);
	assert_int_equal(entries_of_links(&policy, &links, &entries), 0);
	assert_int_equal(count_subnet(&host, ETH1, NOBODY, "::"), 1);
	assert_int_equal(count_subnet(&host, ETH1, SG_ROLE_LAN, "9.9.9.9"), 0);
	assert_memory_equal(&entries.ifaces[3].v4, &host.addr, 16);
}

static void an_interface_speaks_as_its_first_wide_address(void **state)
{
	const union sg_addr eth0_v6 = {
		.word = {htonl(0xfd000007), 0, 0, htonl(2)}};
	const union sg_addr none = {0};
	const struct {
		union sg_addr v4;
		union sg_addr v6;
	} want[] = {
		{addr_of("192.168.7.2"), eth0_v6},
		{addr_of("10.1.0.2"), none},
		{addr_of("10.0.3.1"), none},
		{none, none}, /* eth1 */
	};

	(void)state;
	assert_int_equal(entries.iface_count, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++) {
		assert_memory_equal(&entries.ifaces[i].v4, &want[i].v4,
				    sizeof(none));
		assert_memory_equal(&entries.ifaces[i].v6, &want[i].v6,
				    sizeof(none));
	}
}

static void no_links_leave_the_policys_networks(void **state)
{
	const struct links none = {0};

	(void)state;
	entries_release_links(&entries);
	assert_int_equal(entries_of_links(&policy, &none, &entries), 0);
	assert_int_equal(entries.iface_count, 0);
	assert_int_equal(entries.addr_count, 0);
	assert_int_equal(entries.subnet_count, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_links_with_a_role_are_governed),
		TEST(a_port_is_its_masters_business),
		TEST(a_vlan_is_its_devices),
		TEST(a_network_of_two_links_is_of_each),
		TEST(what_is_exempt_is_known_as_such),
		TEST(a_renamed_link_keeps_its_role_before_any),
		TEST(the_containers_end_is_known_by_its_role),
		TEST(addresses_are_the_links_and_the_hosts),
		TEST(subnets_are_those_of_the_policy_and_of_governed_links),
		TEST(the_hosts_own_and_broadcasts_are_no_sources),
		TEST(whatever_subnets_has_is_found_by_its_start),
		TEST(a_link_of_one_address_has_no_network),
		TEST(an_interface_speaks_as_its_first_wide_address),
		TEST(no_links_leave_the_policys_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
