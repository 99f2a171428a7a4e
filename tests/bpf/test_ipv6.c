// SPDX-License-Identifier: GPL-2.0-or-later
/* IPv6: the host's firewall, and the container when it has an address. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probes.h"

#define WITH_IPV6                                                              \
	"container { address6 = \"fd00:3::2\" }\n"                             \
	"forward \"ssh\" { ports = {\"22\"} }\n"                               \
	"forward \"web\" { ports = {\"8080\"} to = \"80\"\n"                   \
	"                from = {\"fd00:1::/112\"} }\n"                        \
	"forward \"dns\" { protocol = udp ports = {\"5353\"} to = \"53\" }\n"

static const struct spec vpn_ssh = {
	.src = "fd00:1::1",
	.dst = "fd00:1::2",
	.sport = 40000,
	.dport = 22,
	.protocol = IPPROTO_TCP,
	.flags = SYN,
};

static struct spec from_lan(uint16_t dport, uint8_t protocol)
{
	return between("fd00:7::9", "fd00:7::2", 40000, dport, protocol, SYN);
}

static struct spec icmp(const char *src, const char *dst, uint8_t type)
{
	return (struct spec){.src = src,
			     .dst = dst,
			     .protocol = IPPROTO_ICMPV6,
			     .icmp_type = type,
			     .sport = 77,
			     .payload_bytes = 24};
}

static void without_an_address_the_container_is_closed(void **state)
{
	struct spec out =
		between("fd00:3::2", "fd00:7::9", 33000, 53, IPPROTO_UDP, 0);

	(void)state;
	assert_spec_dropped(&vpn_ssh, TAP0, SG_DROP_IPV6);
	assert_spec_dropped(&out, VE_CONTAINER, SG_DROP_SPOOFED);
	harness_restart(WITH_IPV6);
	assert_int_equal(send_in(&vpn_ssh, TAP0, NULL), ACTION_REDIRECT);
	assert_int_equal(send_in(&out, VE_CONTAINER, NULL), ACTION_REDIRECT);
}

static void forwards_are_the_same_rules(void **state)
{
	struct spec reply = {.src = "fd00:3::2",
			     .dst = "fd00:1::1",
			     .sport = 22,
			     .dport = 40000,
			     .protocol = IPPROTO_TCP,
			     .flags = SYN | ACK};
	struct spec spec = vpn_ssh;
	struct frame frame;

	(void)state;
	harness_restart(WITH_IPV6);
	assert_int_equal(send_in(&spec, TAP0, &frame), ACTION_REDIRECT);
	assert_string_equal(frame_src(&frame), "fd00:1::1");
	assert_string_equal(frame_dst(&frame), "fd00:3::2");
	assert_int_equal(frame.data[14 + 7], 63);
	assert_true(sums_are_right(&frame));
	assert_int_equal(send_in(&reply, VE_CONTAINER, &frame),
			 ACTION_REDIRECT);
	assert_string_equal(frame_src(&frame), "fd00:1::2");
	assert_true(sums_are_right(&frame));
	spec.dport = 8080;
	assert_int_equal(send_in(&spec, TAP0, &frame), ACTION_REDIRECT);
	assert_int_equal(frame_dport(&frame), 80);
	assert_true(sums_are_right(&frame));
	spec.src = "fd00:1::1:1";
	assert_spec_dropped(&spec, TAP0, SG_DROP_SOURCE_REFUSED);
	spec.dport = 23456;
	assert_spec_dropped(&spec, TAP0, SG_DROP_CLOSED_PORT);
}

static void grants_hold_for_both_families(void **state)
{
	struct spec spec = from_lan(22, IPPROTO_TCP);
	struct spec control = from_lan(23, IPPROTO_TCP);

	(void)state;
	harness_restart(WITH_IPV6);
	assert_spec_dropped(&spec, ETH0, SG_DROP_GRANT_CLOSED);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
	assert_spec_dropped(&control, ETH0, SG_DROP_GRANT_CLOSED);
	harness_grant(SG_GRANT_HOST_CONTROL, 1, 0);
	assert_int_equal(send_in(&control, ETH0, NULL), ACTION_PASS);
	harness_grant(SG_GRANT_LAN_ACCESS, 0, 0);
	spec.flags = RST;
	assert_spec_dropped(&spec, ETH0, SG_DROP_GRANT_CLOSED);
}

static void the_container_goes_out_masqueraded(void **state)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP,
					    IPPROTO_ICMPV6};
	struct frame frame;

	(void)state;
	harness_restart(WITH_IPV6);
	for (size_t i = 0; i < sizeof(protocols); i++) {
		struct spec out = between("fd00:3::2", "fd00:7::9", 33000, 53,
					  protocols[i], SYN);
		struct spec answer = between("fd00:7::9", "fd00:7::2", 53, 0,
					     protocols[i], SYN | ACK);
		bool echo = protocols[i] == IPPROTO_ICMPV6;

		out.icmp_type = 128;
		answer.icmp_type = 129;
		assert_int_equal(send_in(&out, VE_CONTAINER, &frame),
				 ACTION_REDIRECT);
		assert_string_equal(frame_src(&frame), "fd00:7::2");
		assert_true(sums_are_right(&frame));
		assert_in_range(frame_sport(&frame), MASQUERADE_LOW,
				MASQUERADE_LOW + MASQUERADE_PORTS - 1);
		if (echo)
			answer.sport = frame_sport(&frame);
		else
			answer.dport = frame_sport(&frame);
		assert_int_equal(send_in(&answer, ETH0, &frame),
				 ACTION_REDIRECT);
		assert_string_equal(frame_dst(&frame), "fd00:3::2");
		assert_int_equal(echo ? frame_sport(&frame)
				      : frame_dport(&frame),
				 33000);
		assert_true(sums_are_right(&frame));
	}
}

static void the_hosts_own_flows_are_answered(void **state)
{
	struct spec query =
		between("fd00:7::2", "fd00:7::9", 40000, 53, IPPROTO_UDP, 0);
	struct spec answer =
		between("fd00:7::9", "fd00:7::2", 53, 40000, IPPROTO_UDP, 0);

	(void)state;
	assert_spec_dropped(&answer, ETH0, SG_DROP_CLOSED_PORT);
	assert_int_equal(send_out(&query, ETH0, NULL), ACTION_PASS);
	assert_passed(&answer, ETH0);
	answer.sport = 54;
	assert_spec_dropped(&answer, ETH0, SG_DROP_CLOSED_PORT);
}

static void sources_that_cannot_be(void **state)
{
	static const char *const sources[] = {
		"::",	     "::1",	  "ff02::1",   "fd00:3::2",
		"fd00:7::2", "fd00:1::9", "fd00:3::9", "::ffff:10.1.0.1",
	};
	struct spec spec = vpn_ssh;

	(void)state;
	harness_restart(WITH_IPV6);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	spec.dst = "fd00:7::2";
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		spec.src = sources[i];
		assert_spec_dropped(&spec, ETH0, SG_DROP_SPOOFED);
	}
	spec.src = "fe80::9"; /* means nothing to the container */
	assert_spec_dropped(&spec, ETH0, SG_DROP_SOURCE_REFUSED);
	spec.src = "fd00:7::9";
	spec.dst = "fd00:3::2";
	assert_spec_dropped(&spec, ETH0, SG_DROP_NOT_GATE);
	spec.dst = "fd00:1::2";
	assert_spec_dropped(&spec, ETH0, SG_DROP_NOT_GATE);
	spec.dst = "ff02::1";
	assert_spec_dropped(&spec, ETH0, SG_DROP_NOT_UNICAST);
	spec.dst = "fd00:7::2";
	assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
}

/* The headers between the IPv6 header and the TCP one. */
struct chain {
	const char *what;
	uint8_t first;
	uint8_t bytes[40];
	size_t length;
	int reason; /* SG_OK: it is walked over */
};

static const struct chain chains[] = {
	{"hop-by-hop", 0, {6, 0, 1, 4}, 8, SG_OK},
	{"destination options", 60, {6, 0, 1, 4}, 8, SG_OK},
	{"both, long", 0, {60, 1, 1, 12, [16] = 6, 0, 1, 4}, 24, SG_OK},
	{"routing that is over", 43, {6, 0, 4, 0}, 8, SG_OK},
	{"a fragment that is whole", 44, {6}, 8, SG_OK},
	{"routing", 43, {6, 0, 0, 1}, 8, SG_DROP_IP_OPTION},
	{"hop-by-hop, not first",
	 60,
	 {0, 0, [8] = 6, 0},
	 16,
	 SG_DROP_IP_OPTION},
	{"too many",
	 60,
	 {60, 0, [8] = 60, 0, [16] = 60, 0, [24] = 60, 0, [32] = 60, 0},
	 40,
	 SG_DROP_IP_OPTION},
	{"longer than the packet", 60, {6, 9}, 8, SG_DROP_IP_OPTION},
	{"far longer", 60, {6, 255}, 8, SG_DROP_IP_OPTION},
	{"authentication", 51, {6, 4}, 24, SG_DROP_PROTOCOL},
	{"no next header", 59, {6, 0}, 8, SG_DROP_PROTOCOL},
	{"one that nobody knows", 253, {6, 0}, 8, SG_DROP_PROTOCOL},
};

static void case_37_extension_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		struct spec spec = vpn_ssh;
		struct frame frame;

		harness_restart(WITH_IPV6);
		print_message("%s\n", chains[i].what);
		spec.extension = chains[i].first;
		spec.options_bytes = chains[i].length;
		memcpy(spec.options, chains[i].bytes, chains[i].length);
		if (chains[i].reason) {
			assert_spec_dropped(&spec, TAP0,
					    (enum sg_reason)chains[i].reason);
			continue;
		}
		assert_int_equal(send_in(&spec, TAP0, &frame), ACTION_REDIRECT);
		assert_string_equal(frame_dst(&frame), "fd00:3::2");
		assert_true(sums_are_right(&frame));
		/* walked over, and not a way past the policy */
		spec.dport = 24;
		assert_spec_dropped(&spec, TAP0, SG_DROP_CLOSED_PORT);
	}
}

static void headers_cut_short(void **state)
{
	struct frame frame;

	(void)state;
	harness_restart(WITH_IPV6);
	build_frame(&frame, &vpn_ssh, TAP0, false);
	frame.data[14 + 5]--; /* the payload's length */
	assert_dropped(&frame, TAP0, SG_DROP_L4_HEADER);
	frame.data[14 + 5] += 2;
	assert_dropped(&frame, TAP0, SG_DROP_IP_HEADER);
	build_frame(&frame, &vpn_ssh, TAP0, false);
	frame.data[14] = 0x40;
	assert_dropped(&frame, TAP0, SG_DROP_IP_HEADER);
}

static void what_the_link_lives_on(void **state)
{
	static const struct {
		uint8_t type;
		uint8_t hop_limit;
		int uplink;
		int container;
	} cases[] = {
		{133, 255, ACTION_DROP, ACTION_PASS},
		{134, 255, ACTION_PASS, ACTION_DROP},
		{135, 255, ACTION_PASS, ACTION_PASS},
		{136, 255, ACTION_PASS, ACTION_PASS},
		{134, 254, ACTION_DROP, ACTION_DROP},
		{136, 64, ACTION_DROP, ACTION_DROP},
		{137, 255, ACTION_DROP, ACTION_DROP},
		{130, 1, ACTION_PASS, ACTION_PASS},
		{130, 2, ACTION_DROP, ACTION_DROP},
		{139, 255, ACTION_DROP, ACTION_DROP},
		{1, 255, ACTION_DROP, ACTION_DROP},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct spec spec = icmp("fe80::9", "ff02::1", cases[i].type);

		spec.ttl = cases[i].hop_limit;
		assert_int_equal(send_in(&spec, ETH0, NULL), cases[i].uplink);
		assert_int_equal(send_in(&spec, VE_CONTAINER, NULL),
				 cases[i].container);
	}
	assert_no_flow();
}

static void pings_and_dhcp_of_the_host(void **state)
{
	struct spec ping = icmp("fd00:7::9", "fd00:7::2", 128);
	struct spec offer =
		between("fe80::9", "fd00:7::2", 547, 546, IPPROTO_UDP, 0);

	(void)state;
	assert_passed(&ping, ETH0);
	assert_passed(&offer, ETH0);
	offer.dst = "fd00:1::2";
	assert_spec_dropped(&offer, ETH0, SG_DROP_NOT_GATE);
	offer.dst = "fd00:7::2";
	offer.dport = 545;
	assert_spec_dropped(&offer, ETH0, SG_DROP_CLOSED_PORT);
	offer.sport = 546;
	offer.dport = 547;
	assert_spec_dropped(&offer, ETH0, SG_DROP_CLOSED_PORT);
	harness_reload("host { icmp-echo = {\"vpn\"} }");
	assert_spec_dropped(&ping, ETH0, SG_DROP_CLOSED_ECHO);
}

/* RFC 8415 7.2: a client's port is fixed, a server's is not. */
static void case_138_a_dhcp_answer_from_any_port(void **state)
{
	static const uint16_t ports[] = {546, 547, 1024, 65535};
	struct spec answer =
		between("fe80::9", "fd00:7::2", 547, 546, IPPROTO_UDP, 0);
	const struct sockaddr_in6 any = {.sin6_family = AF_INET6,
					 .sin6_port = htons(546)};
	int client = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	answer.sport = 1024; /* where no client is, nobody is to hear so */
	assert_spec_dropped(&answer, ETH0, SG_DROP_CLOSED_PORT);
	assert_int_equal(
		bind(client, (const struct sockaddr *)&any, sizeof(any)), 0);
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		answer.sport = ports[i];
		assert_passed(&answer, ETH0);
	}
	answer.dst = "fd00:7::77"; /* it answers where the client is */
	assert_spec_dropped(&answer, ETH0, SG_DROP_NOT_GATE);
	answer.dst = "fd00:7::2";
	answer.src = "fd00:1::9"; /* the VPN's */
	assert_spec_dropped(&answer, ETH0, SG_DROP_SPOOFED);
	answer.src = "fe80::9";
	answer.dport = 68;
	assert_spec_dropped(&answer, ETH0, SG_DROP_CLOSED_PORT);
	assert_no_flow();
	close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_an_address_the_container_is_closed),
		TEST(forwards_are_the_same_rules),
		TEST(grants_hold_for_both_families),
		TEST(the_container_goes_out_masqueraded),
		TEST(the_hosts_own_flows_are_answered),
		TEST(sources_that_cannot_be),
		TEST(case_37_extension_headers),
		TEST(headers_cut_short),
		TEST(what_the_link_lives_on),
		TEST(pings_and_dhcp_of_the_host),
		TEST(case_138_a_dhcp_answer_from_any_port),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
