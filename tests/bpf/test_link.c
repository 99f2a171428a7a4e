// SPDX-License-Identifier: GPL-2.0-or-later
/* The link itself: ARP, VLAN tags, whose MAC is whose; and how many flows one
 * neighbour may begin. */
#include <bpf/bpf.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "probes.h"
#include "sys/clock.h"

#define ARP_BYTES 42

enum { REQUEST = 1, REPLY = 2 };

static struct frame arp(enum place at, uint8_t operation,
			const uint8_t sender[4], const uint8_t target[4])
{
	static const uint8_t start[] = {0x08, 0x06, 0, 1, 8, 0, 6, 4, 0};
	struct spec spec =
		between("10.1.0.1", "10.1.0.2", 1, 1, IPPROTO_UDP, 0);
	struct frame frame;

	build_frame(&frame, &spec, at, false);
	memset(frame.data + 14, 0, FRAME_BYTES - 14);
	memcpy(frame.data + 12, start, sizeof(start));
	frame.data[21] = operation;
	memcpy(frame.data + 22, frame.data + 6, 6);
	memcpy(frame.data + 28, sender, 4);
	memcpy(frame.data + 38, target, 4);
	frame.bytes = ARP_BYTES;
	return frame;
}

static const uint8_t neighbour[] = {192, 168, 7, 9};
static const uint8_t eth0[] = {192, 168, 7, 2};
static const uint8_t tap0[] = {10, 1, 0, 2};
static const uint8_t veth[] = {10, 0, 3, 1};
static const uint8_t container[] = {10, 0, 3, 2};
static const uint8_t nobody[] = {0, 0, 0, 0};
static const uint8_t third[] = {192, 168, 7, 77};

static void case_35_arp_for_other_interfaces_addresses(void **state)
{
	static const uint8_t *const others[] = {tap0, veth, container, nobody};
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		frame = arp(ETH0, REQUEST, neighbour, others[i]);
		assert_dropped(&frame, ETH0, SG_DROP_ARP);
	}
	frame = arp(ETH0, REQUEST, neighbour, eth0);
	assert_frame_passed(&frame, ETH0);
	frame = arp(ETH0, REPLY, neighbour, eth0);
	assert_frame_passed(&frame, ETH0);
	/* one that asks for a third says where it is now */
	frame = arp(ETH0, REQUEST, neighbour, third);
	assert_frame_passed(&frame, ETH0);
	frame = arp(VE_CONTAINER, REQUEST, container, third);
	assert_dropped(&frame, VE_CONTAINER, SG_DROP_ARP);
	frame = arp(ETH0, REQUEST, nobody, eth0); /* a probe (RFC 5227) */
	assert_frame_passed(&frame, ETH0);
	frame = arp(VE_CONTAINER, REQUEST, container, eth0);
	assert_dropped(&frame, VE_CONTAINER, SG_DROP_ARP);
	frame = arp(VE_CONTAINER, REQUEST, container, veth);
	assert_frame_passed(&frame, VE_CONTAINER);
	frame = arp(VE_CONTAINER, REQUEST, neighbour, veth);
	assert_dropped(&frame, VE_CONTAINER, SG_DROP_SPOOFED);
}

static void case_36_arp_that_claims_our_address(void **state)
{
	static const uint8_t *const others[] = {tap0, veth};
	struct frame frame;

	(void)state;
	frame = arp(ETH0, REQUEST, eth0, eth0);
	assert_dropped(&frame, ETH0, SG_DROP_ARP);
	frame = arp(ETH0, REPLY, eth0, eth0);
	assert_dropped(&frame, ETH0, SG_DROP_ARP);
	/* a site may use what the host has elsewhere, which the kernel does not
	 * take from it */
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		frame = arp(ETH0, REPLY, others[i], eth0);
		assert_frame_passed(&frame, ETH0);
	}
	frame = arp(ETH0, REQUEST, neighbour, neighbour); /* he has moved */
	assert_frame_passed(&frame, ETH0);
	frame.bytes = ARP_BYTES - 1;
	assert_dropped(&frame, ETH0, SG_DROP_FRAME_SHORT);
}

static void case_53_the_container_has_one_mac(void **state)
{
	static const uint8_t hosts[] = VETH_MAC;
	static const uint8_t other[] = {2, 0, 0, 0, 9, 99};
	struct spec spec =
		between("10.0.3.2", "192.168.7.9", 33000, 53, IPPROTO_UDP, 0);
	struct frame frame;

	(void)state;
	build_frame(&frame, &spec, VE_CONTAINER, false);
	memcpy(frame.data + 6, hosts, 6); /* before it is known, too */
	assert_dropped(&frame, VE_CONTAINER, SG_DROP_SPOOFED);
	assert_left(&spec, &frame);
	build_frame(&frame, &spec, VE_CONTAINER, false);
	memcpy(frame.data + 6, other, 6);
	assert_dropped(&frame, VE_CONTAINER, SG_DROP_SPOOFED);
	frame = arp(VE_CONTAINER, REQUEST, container, veth);
	memcpy(frame.data + 6, other, 6);
	assert_dropped(&frame, VE_CONTAINER, SG_DROP_SPOOFED);
	assert_left(&spec, &frame);
}

static void tag(struct frame *frame, uint16_t type, uint16_t vlan)
{
	const uint8_t bytes[] = {(uint8_t)(type >> 8), (uint8_t)type,
				 (uint8_t)(vlan >> 8), (uint8_t)vlan};

	memmove(frame->data + 16, frame->data + 12, frame->bytes - 12);
	memcpy(frame->data + 12, bytes, sizeof(bytes));
	frame->bytes += sizeof(bytes);
}

static void case_29_30_tags_are_no_way_round(void **state)
{
	struct spec out =
		between("10.0.3.2", "192.168.7.9", 33000, 53, IPPROTO_UDP, 0);
	struct frame frame;

	(void)state;
	for (uint16_t vlan = 0; vlan < 0xf000; vlan += 0x1fff) {
		build_frame(&frame, &vpn_tcp, TAP0, false);
		tag(&frame, ETHERTYPE_VLAN, vlan);
		assert_dropped(&frame, TAP0, SG_DROP_VLAN);
		tag(&frame, 0x88a8, vlan); /* QinQ */
		assert_dropped(&frame, TAP0, SG_DROP_VLAN);
	}
	build_frame(&frame, &out, VE_CONTAINER, false);
	tag(&frame, ETHERTYPE_VLAN, 5);
	assert_dropped(&frame, VE_CONTAINER, SG_DROP_VLAN);
	assert_delivered(&vpn_tcp, TAP0);
}

static void one_neighbour_may_begin_so_many_flows(void **state)
{
	struct spec spec = lan_tcp;
	struct spec vpn = vpn_tcp;
	uint32_t begun_s;
	uint32_t seconds; /* that were begun meanwhile, in each of which 10 may
			   */
	int refused = 0;

	(void)state;
	harness_restart(LIMITED);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	for (int i = 0; i < 40; i++, spec.sport++) /* while there is room */
		assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
	lan_gets_short();
	begun_s = boot_s();
	for (int i = 0; i < 40; i++, spec.sport++)
		refused += send_in(&spec, ETH0, NULL) == ACTION_DROP;
	seconds = boot_s() - begun_s + 1;
	assert_in_range(refused, seconds < 3 ? 40 - 10 * (seconds + 1) : 0, 30);
	assert_int_equal(drops_of(ETH0, SG_DROP_SOURCE_LIMIT), refused);
	/* another may; on a slow machine the oldest makes room for it, and what
	 * that had counted is gone */
	spec.src = "192.168.7.10";
	assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
	for (int i = 0; i < 40; i++, vpn.sport++) /* and the expert */
		assert_int_equal(send_in(&vpn, TAP0, NULL), ACTION_REDIRECT);
}

/* The newest second that a source began flows in was so long ago, and it began
 * ten. */
static void age_new_flow_rate(uint32_t seconds)
{
	int fd = gate_test.pins.map_fds[PINS_new_flow_rate];
	struct sg_new_flow_rate rate;
	struct sg_new_flow_rate_key source;

	assert_int_equal(bpf_map_get_next_key(fd, NULL, &source), 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &source, &rate), 0);
	rate.second -= seconds;
	rate.flows = 10;
	assert_int_equal(bpf_map_update_elem(fd, &source, &rate, BPF_EXIST), 0);
}

/* Nor more, by CPUs whose seconds do not begin at once. */
static void nor_more_by_a_cpu_that_is_behind(void **state)
{
	struct spec spec = lan_tcp;

	(void)state;
	harness_restart(LIMITED);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	lan_gets_short();
	assert_delivered(&spec, ETH0);
	age_new_flow_rate((uint32_t)-1);
	spec.sport++;
	assert_spec_dropped(&spec, ETH0, SG_DROP_SOURCE_LIMIT);
}

/* A neighbour who forges an address has another MAC. */
static void case_169_nor_is_he_limited_whose_address_is_forged(void **state)
{
	struct spec spec = lan_tcp;
	struct frame frame;

	(void)state;
	harness_restart(LIMITED);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	lan_gets_short();
	assert_delivered(&spec, ETH0);
	age_new_flow_rate(0);
	spec.sport++;
	assert_spec_dropped(&spec, ETH0, SG_DROP_SOURCE_LIMIT);
	build_frame(&frame, &spec, ETH0, false);
	frame.data[11] ^= 1;
	assert_frame_delivered(&frame, ETH0);
}

static void a_second_later_he_may_again(void **state)
{
	struct spec spec = lan_tcp;

	(void)state;
	harness_restart(LIMITED);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	lan_gets_short();
	spec.sport--;
	assert_delivered(&spec, ETH0);
	age_new_flow_rate(1);
	spec.sport++;
	assert_delivered(&spec, ETH0);
}

/* In IPv6 each address on the link, and each /64 behind a router (RFC 4291). */
static void one_neighbour_is_an_address_or_a_64(void **state)
{
	struct spec spec =
		between("fd00:8::9", "fd00:7::2", 40000, 22, IPPROTO_TCP, SYN);

	(void)state;
	harness_restart("container { address6 = \"fd00:3::2\" }\n" LIMITED);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	lan_gets_short();
	assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
	age_new_flow_rate(0);
	spec.src = "fd00:8::1:0:0:9";
	assert_spec_dropped(&spec, ETH0, SG_DROP_SOURCE_LIMIT);
	spec.src = "fd00:8::a";
	assert_spec_dropped(&spec, ETH0, SG_DROP_SOURCE_LIMIT);
	spec.src = "fd00:9::9";
	assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
	for (int i = 0; i < 10; i++, spec.sport++) {
		spec.src = "fd00:7::9";
		send_in(&spec, ETH0, NULL);
	}
	spec.src = "fd00:7::a";
	assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
}

static void a_limit_of_0_is_none(void **state)
{
	struct spec spec = between("192.168.7.9", "192.168.7.2", 40000, 22,
				   IPPROTO_TCP, SYN);

	(void)state;
	harness_reload("forward \"ssh\" { ports = {\"22\"} }\n"
		       "limits { new-per-source = \"0\" }");
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	for (int i = 0; i < 50; i++) {
		spec.sport++;
		assert_delivered(&spec, ETH0);
	}
}

/* RFC 6980, and DHCP: what the link lives on is never cut. */
static void what_the_link_lives_on_comes_whole(void **state)
{
	struct spec solicit =
		between("fd00:7::9", "fd00:7::2", 0, 0, IPPROTO_ICMPV6, 0);
	struct spec offer =
		between("192.168.7.1", "192.168.7.2", 67, 68, IPPROTO_UDP, 0);
	struct frame fragment;
	struct frame whole;

	(void)state;
	solicit.icmp_type = 135;
	solicit.ttl = 255;
	solicit.payload_bytes = 24;
	build_frame(&whole, &solicit, ETH0, false);
	build_fragment(&fragment, &whole, 0, 16, true);
	assert_dropped(&fragment, ETH0, SG_DROP_LINK_LOCAL);
	assert_frame_passed(&whole, ETH0);
	offer.payload_bytes = 300;
	build_frame(&whole, &offer, ETH0, false);
	build_fragment(&fragment, &whole, 0, 200, true);
	assert_dropped(&fragment, ETH0, SG_DROP_CLOSED_PORT);
	assert_frame_passed(&whole, ETH0);
}

/* A client that has an address must have the container's to be served. */
static void dhcp_is_served_to_the_container(void **state)
{
	struct spec ask =
		between("0.0.0.0", "255.255.255.255", 68, 67, IPPROTO_UDP, 0);

	(void)state;
	ask.payload_bytes = 300;
	assert_passed(&ask, VE_CONTAINER);
	ask.src = "10.0.3.2";
	ask.dst = "10.0.3.1";
	assert_passed(&ask, VE_CONTAINER);
	ask.src = "10.0.3.9";
	assert_refused(&ask, VE_CONTAINER, SG_DROP_SPOOFED);
	ask.src = "192.168.7.9";
	assert_refused(&ask, VE_CONTAINER, SG_DROP_SPOOFED);
	/* and the container serves nobody, by either port */
	ask = between("10.0.3.2", "192.168.7.9", 5000, 68, IPPROTO_UDP, 0);
	assert_spec_dropped(&ask, VE_CONTAINER, SG_DROP_EGRESS_CLOSED);
	ask.sport = 67;
	ask.dport = 5000;
	assert_spec_dropped(&ask, VE_CONTAINER, SG_DROP_EGRESS_CLOSED);
	ask.sport = 5000;
	assert_left(&ask, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_35_arp_for_other_interfaces_addresses),
		TEST(case_36_arp_that_claims_our_address),
		TEST(case_53_the_container_has_one_mac),
		TEST(case_29_30_tags_are_no_way_round),
		TEST(one_neighbour_may_begin_so_many_flows),
		TEST(nor_more_by_a_cpu_that_is_behind),
		TEST(case_169_nor_is_he_limited_whose_address_is_forged),
		TEST(a_second_later_he_may_again),
		TEST(one_neighbour_is_an_address_or_a_64),
		TEST(a_limit_of_0_is_none),
		TEST(what_the_link_lives_on_comes_whole),
		TEST(dhcp_is_served_to_the_container),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
