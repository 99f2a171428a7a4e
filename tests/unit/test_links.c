// SPDX-License-Identifier: GPL-2.0-or-later
/* Links and addresses read back from a network namespace of the test's own. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>

#include "netns.h"
#include "sys/links.h"
#include "unit.h"

static struct links links;

static void read_links(void)
{
	struct fault fault;

	if (links_read(&links, &fault))
		fail_msg("%s", fault.text);
}

static int remove_links(void **state)
{
	(void)state;
	links_release(&links);
	return system("ip -o link | grep -oE '(unit[a-z0-9]+)[@:]' |"
		      " sed 's/[@:]//' | while read l; do"
		      " ip link del $l 2>/dev/null; done; true");
}

static const struct link *find(const char *name)
{
	for (size_t i = 0; i < links.count; i++)
		if (strcmp(links.items[i].name, name) == 0)
			return &links.items[i];
	fail_msg("no link %s", name);
	return NULL;
}

/* The only address of a link, or one of them by its place. */
static const struct link_addr *find_addr(const char *name, size_t at)
{
	uint32_t ifindex = find(name)->ifindex;

	for (size_t i = 0; i < links.addr_count; i++)
		if (links.addrs[i].ifindex == ifindex && at-- == 0)
			return &links.addrs[i];
	return NULL;
}

static void assert_addr(const struct link_addr *addr, const char *text,
			uint32_t prefix)
{
	char got[TEXT_ADDR_BYTES];

	assert_non_null(addr);
	text_from_addr(&addr->addr, got, sizeof(got));
	assert_string_equal(got, text);
	assert_int_equal(addr->prefix, prefix);
}

static void a_new_namespace_has_loopback_alone(void **state)
{
	(void)state;
	read_links();
	assert_int_equal(links.count, 1);
	assert_string_equal(links.items[0].name, "lo");
	assert_int_equal(links.items[0].ifindex, 1);
	assert_false(links.items[0].is_up);
	assert_int_equal(links.addr_count, 0);
	links_release(&links);
	assert_null(links.items);
	assert_int_equal(links.count, 0);
}

static void a_veth_is_read_back(void **state)
{
	static const uint8_t mac[] = {2, 0, 0, 0xaa, 0xbb, 0xcc};
	const struct link *link;

	(void)state;
	run("ip link add unit0 address 02:00:00:aa:bb:cc type veth "
	    "peer name unit123456789ab");
	run("ip link set unit0 up");
	run("ip addr add 10.1.0.2/24 dev unit0");
	read_links();
	assert_int_equal(links.count, 3);
	link = find("unit0");
	assert_int_equal(link->ifindex, if_nametoindex("unit0"));
	assert_memory_equal(link->mac, mac, sizeof(mac));
	assert_true(link->has_ethernet);
	assert_true(link->is_up);
	assert_false(find("unit123456789ab")->is_up);
	assert_addr(find_addr("unit0", 0), "10.1.0.2", 120);
	assert_null(find_addr("unit123456789ab", 0));
}

static void a_tunnel_has_no_ethernet_header(void **state)
{
	static const uint8_t none[SG_MAC_BYTES];

	(void)state;
	if (system("ip tuntap add unit0 mode tun 2>/dev/null") != 0)
		skip();
	run("ip tuntap add unit1 mode tap");
	run("ip addr add 10.9.0.1 peer 10.9.0.2/32 dev unit0");
	read_links();
	assert_false(find("unit0")->has_ethernet);
	assert_memory_equal(find("unit0")->mac, none, sizeof(none));
	assert_true(find("unit1")->has_ethernet);
	/* its own address, not the other end's */
	assert_addr(find_addr("unit0", 0), "10.9.0.1", 128);
	assert_null(find_addr("unit0", 1));
}

static void addresses_are_in_the_kernels_order(void **state)
{
	(void)state;
	run("ip link add unit0 type veth peer name unit1");
	run("ip addr add 192.168.7.2/24 dev unit0");
	run("ip addr add 192.168.7.3/24 dev unit0");
	run("ip addr add 10.5.5.5/8 dev unit0");
	read_links();
	assert_addr(find_addr("unit0", 0), "192.168.7.2", 120);
	assert_addr(find_addr("unit0", 1), "10.5.5.5", 104);
	assert_addr(find_addr("unit0", 2), "192.168.7.3", 120);
	assert_null(find_addr("unit0", 3));
}

static void ipv6_addresses_keep_their_own_prefix(void **state)
{
	(void)state;
	if (access("/proc/sys/net/ipv6", F_OK) != 0)
		skip();
	run("ip link add unit0 type veth peer name unit1");
	run("ip addr add fd00::2/64 dev unit0 nodad");
	run("ip addr add fd00::3 peer fd00::4/128 dev unit1 nodad");
	read_links();
	assert_addr(find_addr("unit0", 0), "fd00::2", 64);
	assert_addr(find_addr("unit1", 0), "fd00::3", 128);
}

static void many_links_and_addresses_are_all_there(void **state)
{
	char name[IFNAMSIZ];
	char addr[32];

	(void)state;
	run("for i in $(seq 50); do"
	    " echo link add unit$i type veth peer name unitp$i;"
	    " for j in 1 2 3; do echo addr add 10.$i.$j.1/24 dev unit$i; done;"
	    " done | ip -batch -");
	read_links();
	assert_int_equal(links.count, 101);
	assert_int_equal(links.addr_count, 150);
	for (unsigned int i = 1; i <= 50; i++) {
		snprintf(name, sizeof(name), "unit%u", i);
		for (unsigned int j = 1; j <= 3; j++) {
			snprintf(addr, sizeof(addr), "10.%u.%u.1", i, j);
			assert_addr(find_addr(name, j - 1), addr, 120);
		}
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, remove_links)

/* A port of a bridge is one; a bridge, and a link beside it, are none. */
static void ports_are_told_from_their_master(void **state)
{
	(void)state;
	run("ip link add unitbr type bridge");
	run("ip link add unita type veth peer name unitb");
	run("ip link set unita master unitbr");
	read_links();
	assert_true(find("unita")->is_port);
	assert_false(find("unitb")->is_port);
	assert_false(find("unitbr")->is_port);
	links_release(&links);
	run("ip link set unita nomaster");
	read_links();
	assert_false(find("unita")->is_port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_namespace_has_loopback_alone),
		TEST(a_veth_is_read_back),
		TEST(a_tunnel_has_no_ethernet_header),
		TEST(addresses_are_in_the_kernels_order),
		TEST(ipv6_addresses_keep_their_own_prefix),
		TEST(many_links_and_addresses_are_all_there),
		TEST(ports_are_told_from_their_master),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
