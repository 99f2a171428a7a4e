// SPDX-License-Identifier: GPL-2.0-or-later
/* Sources that cannot be where they come from, and destinations that are
 * reached by a static route past the gate's own address. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};

static void open_all_grants(void)
{
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	harness_grant(SG_GRANT_HOST_CONTROL, 1, 0);
}

/* A probe of what is open to everybody: a forward, or the host's ping. */
static struct spec probe(const char *src, const char *dst, uint8_t protocol)
{
	return between(src, dst, 40000, protocol == IPPROTO_UDP ? 5353 : 22,
		       protocol, SYN);
}

static void assert_gets_through(const struct spec *spec, enum place at)
{
	if (spec->protocol == IPPROTO_ICMP)
		assert_passed(spec, at);
	else
		assert_delivered(spec, at);
}

static void assert_all_spoofed(const char *const *sources, size_t count,
			       const char *dst, enum place at)
{
	struct spec spec;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < sizeof(protocols); j++) {
			spec = probe(sources[i], dst, protocols[j]);
			assert_spec_dropped(&spec, at, SG_DROP_SPOOFED);
		}
	assert_no_flow();
}

static void assert_all_through(const char *src, const char *dst, enum place at)
{
	struct spec spec;

	for (size_t j = 0; j < sizeof(protocols); j++) {
		spec = probe(src, dst, protocols[j]);
		assert_gets_through(&spec, at);
	}
}

static void case_45_sources_impossible_on_the_lan(void **state)
{
	static const char *const sources[] = {
		"10.0.3.2",    "10.0.3.77",
		"10.0.3.255",			  /* container */
		"10.1.0.1",    "10.1.0.77",	  /* VPN */
		"127.0.0.1",   "127.255.255.254", /* 127/8 */
		"192.168.7.2", "10.1.0.2",
		"10.0.3.1",		  /* own */
		"0.0.0.0",     "0.1.2.3", /* 0/8 */
		"224.0.0.1",   "239.255.255.250",
		"240.0.0.1",   "255.255.255.255", /* broadcast */
	};

	(void)state;
	open_all_grants();
	assert_all_spoofed(sources, COUNT(sources), "192.168.7.2", ETH0);
	assert_all_through("192.168.7.9", "192.168.7.2", ETH0);
	/* and from beyond the LAN's router */
	assert_all_through("203.0.113.5", "192.168.7.2", ETH0);
}

static void case_45_the_links_own_broadcast_is_no_source(void **state)
{
	static const char *const broadcast[] = {"192.168.7.255"};

	(void)state;
	open_all_grants();
	assert_all_spoofed(broadcast, 1, "192.168.7.2", ETH0);
	assert_all_through("192.168.7.254", "192.168.7.2", ETH0);
}

/* A port that DHCP needs is no way round the check. */
static void case_45_a_dhcp_answer_with_an_impossible_source(void **state)
{
	static const char *const sources[] = {"10.0.3.2", "10.1.0.1",
					      "127.0.0.1", "192.168.7.2"};
	struct spec offer =
		between("192.168.7.1", "192.168.7.2", 67, 68, IPPROTO_UDP, 0);

	(void)state;
	for (size_t i = 0; i < COUNT(sources); i++) {
		offer.src = sources[i];
		assert_spec_dropped(&offer, ETH0, SG_DROP_SPOOFED);
	}
	offer.src = "192.168.7.1";
	assert_passed(&offer, ETH0);
}

/* Before there is a lease, the site's network may be any, also one that the
 * host has elsewhere. */
static void case_142_an_offer_in_anothers_network(void **state)
{
	struct spec offer =
		between("10.1.0.1", "10.1.0.77", 67, 68, IPPROTO_UDP, 0);

	(void)state;
	assert_spec_dropped(&offer, ETH0, SG_DROP_SPOOFED);
	shell_runs("ip -4 addr flush dev eth0");
	harness_restart(NULL);
	assert_passed(&offer, ETH0);
	offer.dst = "10.1.0.2"; /* which the host has */
	assert_int_equal(send_in(&offer, ETH0, NULL), ACTION_DROP);
	offer.dst = "10.0.3.77";
	offer.src = "10.0.3.2"; /* the container's */
	assert_int_equal(send_in(&offer, ETH0, NULL), ACTION_DROP);
	offer.src = "10.0.3.9";
	assert_passed(&offer, ETH0);
	offer.src = "10.1.0.2";
	assert_int_equal(send_in(&offer, ETH0, NULL), ACTION_DROP);
	shell_runs("ip addr add 192.168.7.2/24 dev eth0");
	harness_restart(NULL);
}

static void case_51_sources_impossible_on_the_vpn(void **state)
{
	static const char *const sources[] = {
		"10.0.3.2",    "10.0.3.77",	  "10.0.3.255", "10.0.3.1",
		"192.168.7.9", "10.1.0.2",	  "127.0.0.1",	"0.0.0.0",
		"224.0.0.1",   "255.255.255.255",
	};

	(void)state;
	open_all_grants();
	assert_all_spoofed(sources, COUNT(sources), "10.1.0.2", TAP0);
	assert_all_through("10.1.0.1", "10.1.0.2", TAP0);
}

/* Every TCP and UDP port of dst, and its ping. */
static void assert_unreachable(const char *src, const char *dst, enum place at)
{
	uint64_t reason = drops_of(at, SG_DROP_NOT_GATE);
	uint64_t all = all_drops();
	struct frame frame;
	struct spec spec;

	for (uint32_t port = 1; port <= 65535; port++)
		for (int i = 0; i < 2; i++) {
			spec = between(src, dst, 40000, (uint16_t)port,
				       protocols[i], SYN);
			build_frame(&frame, &spec, at, false);
			assert_int_equal(run_in(&frame, at), ACTION_DROP);
		}
	assert_int_equal(drops_of(at, SG_DROP_NOT_GATE), reason + 2 * 65535);
	assert_int_equal(all_drops(), all + 2 * 65535);
	spec = probe(src, dst, IPPROTO_ICMP);
	assert_spec_dropped(&spec, at, SG_DROP_NOT_GATE);
	assert_no_flow();
}

static void case_46_lan_to_the_container_on_any_port(void **state)
{
	(void)state;
	open_all_grants();
	assert_unreachable("192.168.7.9", "10.0.3.2", ETH0);
	assert_all_through("192.168.7.9", "192.168.7.2", ETH0);
}

static void case_47_lan_to_the_gates_vpn_address(void **state)
{
	struct spec offer =
		between("192.168.7.9", "10.1.0.2", 67, 68, IPPROTO_UDP, 0);

	(void)state;
	open_all_grants();
	assert_unreachable("192.168.7.9", "10.1.0.2", ETH0);
	assert_unreachable("192.168.7.9", "10.0.3.1", ETH0);
	assert_all_through("192.168.7.9", "192.168.7.2", ETH0);
	/* nor as if DHCP answered there */
	assert_int_equal(send_in(&offer, ETH0, NULL), ACTION_DROP);
	offer.dst = "192.168.7.2";
	assert_passed(&offer, ETH0);
}

static void case_48_lan_to_a_vpn_peer(void **state)
{
	(void)state;
	open_all_grants();
	assert_unreachable("192.168.7.9", "10.1.0.1", ETH0);
	assert_unreachable("192.168.7.9", "203.0.113.1", ETH0);
	assert_all_through("192.168.7.9", "192.168.7.2", ETH0);
}

/* Return the right action: only published ports and the control port pass. */
static int wanted(uint8_t protocol, uint32_t port)
{
	if (protocol == IPPROTO_UDP)
		return port == 5353 ? ACTION_REDIRECT : ACTION_DROP;
	if (port == 23)
		return ACTION_PASS;
	return port == 22 || (port >= 2000 && port <= 2009) || port == 8080
		       ? ACTION_REDIRECT
		       : ACTION_DROP;
}

static void case_49_vpn_to_the_container_or_unpublished_ports(void **state)
{
	uint64_t closed = 0;

	(void)state;
	open_all_grants();
	assert_unreachable("10.1.0.1", "10.0.3.2", TAP0);
	for (uint32_t port = 1; port <= 65535; port++)
		for (int i = 0; i < 2; i++) {
			struct spec spec =
				between("10.1.0.1", "10.1.0.2", 40000,
					(uint16_t)port, protocols[i], SYN);
			int action = wanted(protocols[i], port);

			closed += action == ACTION_DROP;
			assert_int_equal(send_in(&spec, TAP0, NULL), action);
		}
	assert_int_equal(drops_of(TAP0, SG_DROP_CLOSED_PORT), closed);
	assert_int_equal(closed, 2 * 65535 - 14);
}

static void case_50_vpn_to_the_lan(void **state)
{
	(void)state;
	open_all_grants();
	assert_unreachable("10.1.0.1", "192.168.7.9", TAP0);
	assert_unreachable("10.1.0.1", "192.168.7.2", TAP0);
	assert_unreachable("10.1.0.1", "10.1.0.7", TAP0); /* another peer */
	assert_all_through("10.1.0.1", "10.1.0.2", TAP0);
}

static void case_57_dhcp_is_served_to_the_container_alone(void **state)
{
	struct spec discover =
		between("0.0.0.0", "255.255.255.255", 68, 67, IPPROTO_UDP, 0);

	(void)state;
	open_all_grants();
	assert_spec_dropped(&discover, ETH0, SG_DROP_SPOOFED);
	assert_spec_dropped(&discover, TAP0, SG_DROP_SPOOFED);
	assert_passed(&discover, VE_CONTAINER);
	discover.src = "192.168.7.9";
	assert_spec_dropped(&discover, ETH0, SG_DROP_NOT_UNICAST);
	discover.dst = "192.168.7.2";
	assert_spec_dropped(&discover, ETH0, SG_DROP_CLOSED_PORT);
	discover.src = "10.1.0.1";
	discover.dst = "10.1.0.2";
	assert_spec_dropped(&discover, TAP0, SG_DROP_CLOSED_PORT);
	discover.src = "10.0.3.2"; /* it renews */
	discover.dst = "10.0.3.1";
	assert_passed(&discover, VE_CONTAINER);
}

/* A client that sets no broadcast flag is offered its address at that address.
 * What is another's stays another's. */
static void case_137_an_offer_to_an_address_that_the_host_lacks(void **state)
{
	static const char *const never[] = {
		"10.1.0.2", "10.1.0.7",	 "10.0.3.1",  "10.0.3.2",
		"10.0.3.9", "127.0.0.1", "224.0.0.1", "0.0.0.0",
	};
	struct spec offer =
		between("192.168.7.1", "192.168.7.77", 67, 68, IPPROTO_UDP, 0);

	(void)state;
	assert_passed(&offer, ETH0);
	offer.dst = "172.16.5.9"; /* the link's network will be another */
	assert_passed(&offer, ETH0);
	assert_no_flow();
	offer.sport = 6767;
	assert_spec_dropped(&offer, ETH0, SG_DROP_NOT_GATE);
	offer.sport = 67;
	offer.dport = 69;
	assert_spec_dropped(&offer, ETH0, SG_DROP_NOT_GATE);
	offer.dport = 68;
	offer.protocol = IPPROTO_TCP;
	offer.flags = SYN;
	assert_spec_dropped(&offer, ETH0, SG_DROP_NOT_GATE);
	offer.protocol = IPPROTO_UDP;
	offer.src = "10.1.0.1";
	assert_spec_dropped(&offer, ETH0, SG_DROP_SPOOFED);
	offer.dst = "10.1.0.7"; /* a VPN's server may */
	assert_passed(&offer, TAP0);
	offer.src = "192.168.7.1";
	for (size_t i = 0; i < COUNT(never); i++) {
		offer.dst = never[i];
		assert_int_equal(send_in(&offer, ETH0, NULL), ACTION_DROP);
	}
	offer.src = "10.0.3.2";
	offer.dst = "10.0.3.9"; /* nor is the container a server */
	assert_int_equal(send_in(&offer, VE_CONTAINER, NULL), ACTION_DROP);
}

static void case_58_no_dhcp_offer_of_the_containers_leaves(void **state)
{
	struct spec offer =
		between("10.0.3.2", "255.255.255.255", 67, 68, IPPROTO_UDP, 0);
	struct spec other =
		between("10.0.3.2", "192.168.7.9", 6767, 69, IPPROTO_UDP, 0);

	(void)state;
	assert_spec_dropped(&offer, VE_CONTAINER, SG_DROP_NOT_UNICAST);
	/* clients look at the port it goes to, not where it comes from */
	offer.dst = "192.168.7.9";
	assert_int_equal(send_in(&offer, VE_CONTAINER, NULL), ACTION_DROP);
	assert_left(&other, NULL);
	offer.src = "192.168.7.1"; /* a server's of the LAN */
	offer.dst = "255.255.255.255";
	assert_passed(&offer, ETH0);
}

static void case_59_multicast_and_broadcast_are_not_forwarded(void **state)
{
	static const struct {
		const char *dst;
		enum sg_reason out, in;
	} groups[] = {
		{"224.0.0.1", SG_DROP_NOT_UNICAST, SG_DROP_NOT_UNICAST},
		{"239.1.2.3", SG_DROP_NOT_UNICAST, SG_DROP_NOT_UNICAST},
		{"255.255.255.255", SG_DROP_NOT_UNICAST, SG_DROP_NOT_UNICAST},
		{"240.0.0.1", SG_DROP_NOT_UNICAST, SG_DROP_NOT_UNICAST},
		{"192.168.7.255", SG_DROP_NOT_UNICAST, SG_DROP_NOT_GATE},
		{"10.1.0.255", SG_DROP_NOT_UNICAST, SG_DROP_NOT_GATE},
	};
	struct spec in = probe("192.168.7.9", "192.168.7.2", IPPROTO_UDP);
	struct spec out =
		between("10.0.3.2", "192.168.7.9", 33000, 53, IPPROTO_UDP, 0);
	struct frame frame;

	(void)state;
	open_all_grants();
	for (size_t i = 0; i < COUNT(groups); i++) {
		struct spec group = out;

		group.dst = groups[i].dst;
		assert_spec_dropped(&group, VE_CONTAINER, groups[i].out);
		group = in;
		group.dst = groups[i].dst;
		assert_spec_dropped(&group, ETH0, groups[i].in);
		/* nor by a frame that is for all, whatever the address in it */
		build_frame(&frame, i % 2 ? &in : &group, ETH0, false);
		memset(frame.data, 0xff, 6);
		assert_dropped(&frame, ETH0, SG_DROP_NOT_UNICAST);
	}
	assert_no_flow();
	assert_delivered(&in, ETH0);
	assert_left(&out, NULL);
}

static void case_60_source_ports_open_nothing(void **state)
{
	static const uint16_t ports[] = {20, 22, 53, 67, 68, 80, 123, 443};

	(void)state;
	open_all_grants();
	for (size_t i = 0; i < COUNT(ports); i++)
		for (size_t j = 0; j < 2; j++) {
			struct spec spec =
				between("192.168.7.9", "192.168.7.2", ports[i],
					4000, protocols[j], SYN);

			assert_spec_dropped(&spec, ETH0, SG_DROP_CLOSED_PORT);
			assert_no_flow();
		}
	/* what is open is so from any port */
	for (size_t i = 0; i < COUNT(ports); i++)
		for (size_t j = 0; j < 2; j++) {
			struct spec spec = probe("192.168.7.9", "192.168.7.2",
						 protocols[j]);

			spec.sport = ports[i];
			assert_delivered(&spec, ETH0);
		}
}

static void ip(const char *addr, const char *link, const char *verb)
{
	char command[128];

	snprintf(command, sizeof(command), "ip addr %s %s dev %s %s", verb,
		 addr, link,
		 strchr(addr, ':') && verb[0] == 'a' ? "nodad" : "");
	assert_int_equal(system(command), 0);
}

/* On a link with no role, a second one, one of two, one alone, a link's own;
 * and as soon as it is not the host's, it is anybody's. */
static void the_hosts_own_however_they_are_set(void **state)
{
	static const struct {
		const char *addr, *link, *as, *beside, *to;
	} own[] = {
		{"172.20.0.1/16", "lo", "172.20.0.1", "172.20.0.9",
		 "192.168.7.2"},
		{"192.168.7.3/24", "eth0", "192.168.7.3", "192.168.7.9",
		 "192.168.7.2"},
		{"10.5.5.0/31", "eth0", "10.5.5.0", "10.5.5.1", "192.168.7.2"},
		{"10.8.0.6/32", "eth0", "10.8.0.6", "10.8.0.5", "192.168.7.2"},
		{"10.8.0.6/32", "tap0", "10.8.0.6", "10.8.0.5", "192.168.7.2"},
		{"fd00:7::3/64", "eth0", "fd00:7::3", "fd00:7::9", "fd00:7::2"},
		{"fd00:8::6/128", "eth0", "fd00:8::6", "fd00:8::5",
		 "fd00:7::2"},
		{"fd00:8::6/127", "lo", "fd00:8::6", "fd00:8::7", "fd00:7::2"},
		{"fe80::77/64", "eth0", "fe80::77", "fe80::78", "fd00:7::2"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(own); i++) {
		bool is_v6 = strchr(own[i].as, ':');
		struct spec ping = {
			.src = own[i].as,
			.dst = own[i].to,
			.sport = 1,
			.protocol = is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
			.icmp_type = is_v6 ? 128 : 8,
		};

		ip(own[i].addr, own[i].link, "add");
		harness_reload(NULL);
		assert_spec_dropped(&ping, ETH0, SG_DROP_SPOOFED);
		ping.src = own[i].beside;
		assert_passed(&ping, ETH0);
		ip(own[i].addr, own[i].link, "del");
		harness_reload(NULL);
		ping.src = own[i].as;
		assert_passed(&ping, ETH0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_45_sources_impossible_on_the_lan),
		TEST(case_45_the_links_own_broadcast_is_no_source),
		TEST(case_45_a_dhcp_answer_with_an_impossible_source),
		TEST(case_142_an_offer_in_anothers_network),
		TEST(case_51_sources_impossible_on_the_vpn),
		TEST(case_46_lan_to_the_container_on_any_port),
		TEST(case_47_lan_to_the_gates_vpn_address),
		TEST(case_48_lan_to_a_vpn_peer),
		TEST(case_49_vpn_to_the_container_or_unpublished_ports),
		TEST(case_50_vpn_to_the_lan),
		TEST(case_57_dhcp_is_served_to_the_container_alone),
		TEST(case_137_an_offer_to_an_address_that_the_host_lacks),
		TEST(case_58_no_dhcp_offer_of_the_containers_leaves),
		TEST(case_59_multicast_and_broadcast_are_not_forwarded),
		TEST(case_60_source_ports_open_nothing),
		TEST(the_hosts_own_however_they_are_set),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
