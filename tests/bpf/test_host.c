// SPDX-License-Identifier: GPL-2.0-or-later
/* The host itself: its own conversations, its control port, what a link needs
 * to live; and everything that is closed to the uplinks. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "harness.h"

static struct spec between(const char *src, const char *dst, uint16_t sport,
			   uint16_t dport, uint8_t protocol, uint8_t flags)
{
	return (struct spec){.src = src,
			     .dst = dst,
			     .sport = sport,
			     .dport = dport,
			     .protocol = protocol,
			     .flags = flags};
}

static void hosts_own_tcp_gets_its_answers(void **state)
{
	struct spec syn = between("192.168.7.2", "192.168.7.9", 40000, 443,
				  IPPROTO_TCP, SYN);
	struct spec answer = between("192.168.7.9", "192.168.7.2", 443, 40000,
				     IPPROTO_TCP, SYN | ACK);
	struct frame before;
	struct frame after;

	(void)state;
	assert_spec_dropped(&answer, ETH0, SG_DROP_NO_FLOW);
	assert_int_equal(send_out(&syn, ETH0, NULL), ACTION_PASS);
	build_frame(&before, &answer, ETH0, false);
	assert_int_equal(send_in(&answer, ETH0, &after), ACTION_PASS);
	assert_memory_equal(after.data, before.data, before.bytes);
	assert_spec_dropped(&answer, TAP0, SG_DROP_FLOW_CLASH);
	answer.sport = 444;
	assert_spec_dropped(&answer, ETH0, SG_DROP_NO_FLOW);
}

static void hosts_own_udp_and_ping(void **state)
{
	struct spec query = between("192.168.7.2", "192.168.7.9", 40000, 53,
				    IPPROTO_UDP, 0);
	struct spec answer = between("192.168.7.9", "192.168.7.2", 53, 40000,
				     IPPROTO_UDP, 0);
	struct spec ping =
		between("192.168.7.2", "192.168.7.9", 77, 0, IPPROTO_ICMP, 0);
	struct spec pong =
		between("192.168.7.9", "192.168.7.2", 77, 0, IPPROTO_ICMP, 0);

	(void)state;
	ping.icmp_type = 8;
	assert_spec_dropped(&answer, ETH0, SG_DROP_CLOSED_PORT);
	assert_spec_dropped(&pong, ETH0, SG_DROP_NO_FLOW);
	assert_int_equal(send_out(&query, ETH0, NULL), ACTION_PASS);
	assert_int_equal(send_out(&ping, ETH0, NULL), ACTION_PASS);
	assert_int_equal(send_in(&answer, ETH0, NULL), ACTION_PASS);
	assert_int_equal(send_in(&pong, ETH0, NULL), ACTION_PASS);
}

static void host_reaches_the_container_and_is_answered(void **state)
{
	struct spec syn =
		between("10.0.3.1", "10.0.3.2", 40000, 9999, IPPROTO_TCP, SYN);
	struct spec answer = between("10.0.3.2", "10.0.3.1", 9999, 40000,
				     IPPROTO_TCP, SYN | ACK);

	(void)state;
	assert_spec_dropped(&answer, VE_CONTAINER, SG_DROP_HOST_CLOSED);
	assert_int_equal(send_out(&syn, VE_CONTAINER, NULL), ACTION_PASS);
	assert_int_equal(send_in(&answer, VE_CONTAINER, NULL), ACTION_PASS);
}

static void answers_alone_of_the_host_begin_nothing(void **state)
{
	struct spec reset = between("192.168.7.2", "192.168.7.9", 445, 40000,
				    IPPROTO_TCP, RST | ACK);
	struct spec syn_ack = between("192.168.7.2", "192.168.7.9", 445, 40000,
				      IPPROTO_TCP, SYN | ACK);
	struct spec probe = between("192.168.7.9", "192.168.7.2", 40000, 445,
				    IPPROTO_TCP, ACK);

	(void)state;
	assert_int_equal(send_out(&reset, ETH0, NULL), ACTION_PASS);
	assert_int_equal(send_out(&syn_ack, ETH0, NULL), ACTION_PASS);
	assert_int_equal(flow_count(PINS_half_open), 0);
	assert_spec_dropped(&probe, ETH0, SG_DROP_NO_FLOW);
}

static void control_port_needs_its_grants(void **state)
{
	struct spec vpn =
		between("10.1.0.1", "10.1.0.2", 40000, 23, IPPROTO_TCP, SYN);
	struct spec lan = between("192.168.7.9", "192.168.7.2", 40000, 23,
				  IPPROTO_TCP, SYN);
	struct spec reply = between("10.1.0.2", "10.1.0.1", 23, 40000,
				    IPPROTO_TCP, SYN | ACK);
	struct sg_flow_key key;
	struct sg_flow flow;

	(void)state;
	assert_spec_dropped(&vpn, TAP0, SG_DROP_GRANT_CLOSED);
	harness_grant(SG_GRANT_HOST_CONTROL, 1, 0);
	assert_spec_dropped(&lan, ETH0, SG_DROP_GRANT_CLOSED);
	assert_int_equal(send_in(&vpn, TAP0, NULL), ACTION_PASS);
	assert_int_equal(send_out(&reply, TAP0, NULL), ACTION_PASS);
	vpn.flags = ACK;
	assert_int_equal(send_in(&vpn, TAP0, NULL), ACTION_PASS);
	the_flow(&key, &flow);
	assert_int_equal(flow.kind, SG_KIND_CONTROL);
	assert_int_equal(flow.state, SG_STATE_ESTABLISHED);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	assert_int_equal(send_in(&lan, ETH0, NULL), ACTION_PASS);
	harness_grant(SG_GRANT_HOST_CONTROL, 0, 0);
	reply.flags = ACK;
	assert_int_equal(send_out(&reply, TAP0, NULL), ACTION_DROP);
	assert_spec_dropped(&vpn, TAP0, SG_DROP_NO_FLOW);
	assert_spec_dropped(&lan, ETH0, SG_DROP_GRANT_CLOSED);
}

static void case_45_51_impossible_sources(void **state)
{
	static const struct {
		enum place at;
		const char *src;
	} spoofs[] = {
		{ETH0, "10.0.3.2"},	   {ETH0, "10.0.3.77"},
		{ETH0, "10.1.0.1"},	   {ETH0, "127.0.0.1"},
		{ETH0, "192.168.7.2"},	   {ETH0, "10.1.0.2"},
		{ETH0, "0.0.0.0"},	   {ETH0, "224.0.0.1"},
		{ETH0, "255.255.255.255"}, {TAP0, "10.0.3.2"},
		{TAP0, "10.0.3.1"},	   {TAP0, "192.168.7.9"},
		{TAP0, "10.1.0.2"},	   {TAP0, "127.0.0.1"},
	};
	struct spec spec;

	(void)state;
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	for (size_t i = 0; i < sizeof(spoofs) / sizeof(spoofs[0]); i++) {
		spec = between(spoofs[i].src,
			       spoofs[i].at == ETH0 ? "192.168.7.2"
						    : "10.1.0.2",
			       40000, 22, IPPROTO_TCP, SYN);
		assert_spec_dropped(&spec, spoofs[i].at, SG_DROP_SPOOFED);
	}
	spec = between("192.168.7.9", "192.168.7.2", 40000, 22, IPPROTO_TCP,
		       SYN);
	assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
	spec = between("203.0.113.5", "192.168.7.2", 40000, 22, IPPROTO_TCP,
		       SYN); /* from beyond the LAN's router */
	assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
}

static void case_46_to_50_only_the_gates_own_address(void **state)
{
	static const struct {
		enum place at;
		const char *dst;
	} targets[] = {
		{ETH0, "10.0.3.2"},    {ETH0, "10.0.3.1"},
		{ETH0, "10.1.0.2"},    {ETH0, "10.1.0.1"},
		{ETH0, "203.0.113.1"}, {TAP0, "10.0.3.2"},
		{TAP0, "10.0.3.1"},    {TAP0, "192.168.7.2"},
		{TAP0, "192.168.7.9"},
	};
	static const uint16_t ports[] = {22, 23, 80, 2000};

	(void)state;
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	harness_grant(SG_GRANT_HOST_CONTROL, 1, 0);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		for (size_t j = 0; j < sizeof(ports) / sizeof(ports[0]); j++) {
			struct spec spec =
				between(targets[i].at == ETH0 ? "192.168.7.9"
							      : "10.1.0.1",
					targets[i].dst, 40000, ports[j],
					IPPROTO_TCP, SYN);

			assert_spec_dropped(&spec, targets[i].at,
					    SG_DROP_NOT_GATE);
		}
}

static void case_57_58_dhcp_each_on_its_side(void **state)
{
	struct spec offer = between("192.168.7.1", "255.255.255.255", 67, 68,
				    IPPROTO_UDP, 0);
	struct spec discover =
		between("0.0.0.0", "255.255.255.255", 68, 67, IPPROTO_UDP, 0);

	(void)state;
	assert_int_equal(send_in(&offer, ETH0, NULL), ACTION_PASS);
	assert_spec_dropped(&discover, ETH0, SG_DROP_SPOOFED);
	discover.src = "192.168.7.9";
	assert_spec_dropped(&discover, ETH0, SG_DROP_NOT_UNICAST);
	discover.src = "0.0.0.0";
	assert_int_equal(send_in(&discover, VE_CONTAINER, NULL), ACTION_PASS);
	offer.src = "10.0.3.2";
	assert_spec_dropped(&offer, VE_CONTAINER, SG_DROP_NOT_UNICAST);
}

static void case_60_source_ports_open_nothing(void **state)
{
	static const uint16_t ports[] = {20, 22, 53, 67, 68, 80, 123, 443};

	(void)state;
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		struct spec tcp = between("192.168.7.9", "192.168.7.2",
					  ports[i], 4000, IPPROTO_TCP, SYN);
		struct spec udp = between("192.168.7.9", "192.168.7.2",
					  ports[i], 4000, IPPROTO_UDP, 0);

		assert_spec_dropped(&tcp, ETH0, SG_DROP_CLOSED_PORT);
		assert_spec_dropped(&udp, ETH0, SG_DROP_CLOSED_PORT);
	}
}

static void echo_is_as_configured(void **state)
{
	struct spec ping =
		between("192.168.7.9", "192.168.7.2", 77, 0, IPPROTO_ICMP, 0);

	(void)state;
	ping.icmp_type = 8;
	assert_int_equal(send_in(&ping, ETH0, NULL), ACTION_PASS);
	harness_reload("host { icmp-echo = {\"vpn\"} }");
	assert_spec_dropped(&ping, ETH0, SG_DROP_CLOSED_ECHO);
	ping.src = "10.1.0.1";
	ping.dst = "10.1.0.2";
	assert_int_equal(send_in(&ping, TAP0, NULL), ACTION_PASS);
}

/* An ICMP error from `src` that quotes a packet of the host's. */
static void build_error(struct frame *frame, uint8_t type,
			const struct spec *quoted)
{
	struct spec error = {.src = "192.168.7.1",
			     .dst = "192.168.7.2",
			     .protocol = IPPROTO_ICMP,
			     .icmp_type = type,
			     .payload_bytes = 28};
	struct frame inner;

	build_frame(&inner, quoted, ETH0, true);
	build_frame(frame, &error, ETH0, false);
	memcpy(frame->data + 14 + 20 + 8, inner.data + 14, 28);
}

static void errors_about_the_hosts_own_packets_come_in(void **state)
{
	static const uint8_t types[] = {3, 11, 12};
	struct spec query = between("192.168.7.2", "192.168.7.9", 40000, 53,
				    IPPROTO_UDP, 0);
	struct frame frame;

	(void)state;
	send_out(&query, ETH0, NULL);
	for (size_t i = 0; i < sizeof(types); i++) {
		build_error(&frame, types[i], &query);
		assert_int_equal(run_in(&frame, ETH0), ACTION_PASS);
	}
	build_error(&frame, 5, &query); /* redirect */
	assert_dropped(&frame, ETH0, SG_DROP_ICMP_TYPE);
	query.dport = 54;
	build_error(&frame, 3, &query);
	assert_dropped(&frame, ETH0, SG_DROP_ICMP_ERROR);
}

static struct frame other_frame(enum place at, uint16_t type)
{
	struct frame frame;
	struct spec spec =
		between("10.1.0.1", "10.1.0.2", 1, 1, IPPROTO_UDP, 0);

	build_frame(&frame, &spec, at, false);
	frame.data[12] = (uint8_t)(type >> 8);
	frame.data[13] = (uint8_t)type;
	frame.bytes = 60;
	return frame;
}

static void case_34_other_frames_are_for_the_host_only(void **state)
{
	static const uint16_t types[] = {0x888e, 0x88cc, 0x0026};
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		frame = other_frame(ETH0, types[i]);
		assert_int_equal(run_in(&frame, ETH0), ACTION_PASS);
		frame = other_frame(VE_CONTAINER, types[i]);
		assert_dropped(&frame, VE_CONTAINER, SG_DROP_ETHERTYPE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hosts_own_tcp_gets_its_answers),
		TEST(hosts_own_udp_and_ping),
		TEST(host_reaches_the_container_and_is_answered),
		TEST(answers_alone_of_the_host_begin_nothing),
		TEST(control_port_needs_its_grants),
		TEST(case_45_51_impossible_sources),
		TEST(case_46_to_50_only_the_gates_own_address),
		TEST(case_57_58_dhcp_each_on_its_side),
		TEST(case_60_source_ports_open_nothing),
		TEST(echo_is_as_configured),
		TEST(errors_about_the_hosts_own_packets_come_in),
		TEST(case_34_other_frames_are_for_the_host_only),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
