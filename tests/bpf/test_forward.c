// SPDX-License-Identifier: GPL-2.0-or-later
/* Forwards: the remote's way to the container and back, byte by byte. */
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <string.h>

#include "gate/maps.h"
#include "probes.h"

static struct spec from_lan(uint16_t dport)
{
	return (struct spec){.src = "192.168.7.9",
			     .dst = "192.168.7.2",
			     .sport = 40000,
			     .dport = dport,
			     .protocol = IPPROTO_TCP,
			     .flags = SYN};
}

static void syn_reaches_the_container(void **state)
{
	const uint8_t veth[] = VETH_MAC;
	struct sg_flow_key key;
	struct sg_flow flow;
	struct frame before;
	struct frame after;

	(void)state;
	build_frame(&before, &vpn_tcp, TAP0, false);
	assert_int_equal(send_in(&vpn_tcp, TAP0, &after), ACTION_REDIRECT);
	assert_int_equal(after.bytes, before.bytes);
	assert_memory_equal(after.data + 6, veth, 6);
	assert_string_equal(frame_src(&after), "10.1.0.1");
	assert_string_equal(frame_dst(&after), "10.0.3.2");
	assert_int_equal(frame_sport(&after), 40000);
	assert_int_equal(frame_dport(&after), 22);
	assert_int_equal(after.data[14 + 8], 63);
	assert_true(sums_are_right(&after));
	/* nothing else of it is changed: IP up to the TTL, TCP past the ports
	 */
	assert_memory_equal(after.data + 14, before.data + 14, 8);
	assert_memory_equal(after.data + 38, before.data + 38, 12);
	assert_int_equal(the_flow(&key, &flow), PINS_half_open);
	assert_int_equal(flow.kind, SG_KIND_FORWARD);
	assert_int_equal(flow.state, SG_STATE_SYN_SENT);
	assert_int_equal(flow.traffic[SG_IN].packets, 1);
	assert_int_equal(flow.traffic[SG_IN].bytes, 40);
	assert_int_equal(flow.traffic[SG_OUT].packets, 0);
	assert_int_equal(flow.ifindex, gate_test.ifindex[TAP0]);
}

static void answer_goes_back_the_way_the_request_came(void **state)
{
	struct spec reply;
	struct frame frame;
	struct sg_flow_key key;
	struct sg_flow flow;

	(void)state;
	open_tcp(&vpn_tcp, TAP0, &reply);
	reply.payload_bytes = 100;
	assert_int_equal(send_in(&reply, VE_CONTAINER, &frame),
			 ACTION_REDIRECT);
	assert_string_equal(frame_src(&frame), "10.1.0.2");
	assert_string_equal(frame_dst(&frame), "10.1.0.1");
	assert_int_equal(frame_sport(&frame), 22);
	assert_true(sums_are_right(&frame));
	assert_int_equal(the_flow(&key, &flow), PINS_flows);
	assert_int_equal(flow.state, SG_STATE_ESTABLISHED);
	assert_int_equal(flow.traffic[SG_IN].packets, 2);
	assert_int_equal(flow.traffic[SG_OUT].packets, 2);
	assert_int_equal(flow.traffic[SG_OUT].bytes, 40 + 140);
}

static void ports_are_remapped_both_ways(void **state)
{
	struct spec web = vpn_tcp;
	struct spec reply;
	struct frame frame;

	(void)state;
	web.dport = 8080;
	assert_int_equal(send_in(&web, TAP0, &frame), ACTION_REDIRECT);
	assert_int_equal(frame_dport(&frame), 80);
	assert_true(sums_are_right(&frame));
	web.sport++;
	open_tcp(&web, TAP0, &reply);
	assert_int_equal(reply.sport, 80);
	assert_int_equal(send_in(&reply, VE_CONTAINER, &frame),
			 ACTION_REDIRECT);
	assert_int_equal(frame_sport(&frame), 8080);
	assert_true(sums_are_right(&frame));
}

static void ranges_have_both_their_ends(void **state)
{
	struct spec spec = vpn_tcp;

	(void)state;
	for (uint16_t port = 2000; port <= 2009; port++) {
		spec.dport = port;
		assert_int_equal(send_in(&spec, TAP0, NULL), ACTION_REDIRECT);
	}
	spec.dport = 1999;
	assert_spec_dropped(&spec, TAP0, SG_DROP_CLOSED_PORT);
	spec.dport = 2010;
	assert_spec_dropped(&spec, TAP0, SG_DROP_CLOSED_PORT);
	spec.dport = 22;
	spec.protocol = IPPROTO_UDP;
	assert_spec_dropped(&spec, TAP0, SG_DROP_CLOSED_PORT);
}

static void sources_not_listed_are_refused(void **state)
{
	struct spec web = vpn_tcp;
	uint32_t rule = 2;
	uint64_t hits[2];

	(void)state;
	web.dport = 8080;
	web.src = "10.1.0.15";
	assert_int_equal(send_in(&web, TAP0, NULL), ACTION_REDIRECT);
	web.src = "10.1.0.16";
	assert_spec_dropped(&web, TAP0, SG_DROP_SOURCE_REFUSED);
	assert_int_equal(
		maps_sum(gate_test.pins.map_fds[PINS_hits], &rule, 2, hits), 0);
	assert_int_equal(hits[0], 1);
	assert_int_equal(hits[1], 1);
}

static void lan_needs_its_grant(void **state)
{
	struct spec spec = from_lan(22);
	struct spec reply;

	(void)state;
	assert_spec_dropped(&spec, ETH0, SG_DROP_GRANT_CLOSED);
	harness_grant(SG_GRANT_HOST_CONTROL, 1, 0); /* the other one */
	assert_spec_dropped(&spec, ETH0, SG_DROP_GRANT_CLOSED);
	harness_grant(SG_GRANT_LAN_ACCESS, 2, 0); /* 1 opens, nothing else */
	assert_spec_dropped(&spec, ETH0, SG_DROP_GRANT_CLOSED);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	open_tcp(&spec, ETH0, &reply);
}

static void case_75_a_closed_grant_cuts_its_flows_at_once(void **state)
{
	struct spec vpn_reply;
	struct spec spec = from_lan(22);
	struct spec reply;

	(void)state;
	open_tcp(&vpn_tcp, TAP0, &vpn_reply);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	open_tcp(&spec, ETH0, &reply);
	harness_grant(SG_GRANT_LAN_ACCESS, 0, 0);
	assert_spec_dropped(&reply, VE_CONTAINER, SG_DROP_GRANT_CLOSED);
	spec.flags = ACK;
	assert_spec_dropped(&spec, ETH0, SG_DROP_NO_FLOW);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0); /* does not bring it back */
	assert_refused(&spec, ETH0, SG_DROP_NO_FLOW);
	/* the other flow lives on */
	assert_int_equal(send_in(&vpn_reply, VE_CONTAINER, NULL),
			 ACTION_REDIRECT);
}

static void a_deadline_closes_by_itself(void **state)
{
	struct spec spec = from_lan(22);

	(void)state;
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0xffffffff);
	assert_int_equal(send_in(&spec, ETH0, NULL), ACTION_REDIRECT);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 1); /* long ago */
	assert_spec_dropped(&spec, ETH0, SG_DROP_GRANT_CLOSED);
}

static void udp_is_forwarded_and_assured(void **state)
{
	struct spec query = {.src = "10.1.0.1",
			     .dst = "10.1.0.2",
			     .sport = 5000,
			     .dport = 5353,
			     .protocol = IPPROTO_UDP,
			     .payload_bytes = 31};
	struct spec reply = {.src = "10.0.3.2",
			     .dst = "10.1.0.1",
			     .sport = 53,
			     .dport = 5000,
			     .protocol = IPPROTO_UDP,
			     .payload_bytes = 90};
	struct sg_flow_key key;
	struct sg_flow flow;
	struct frame frame;

	(void)state;
	assert_int_equal(send_in(&query, TAP0, &frame), ACTION_REDIRECT);
	assert_int_equal(frame_dport(&frame), 53);
	assert_true(sums_are_right(&frame));
	assert_int_equal(the_flow(&key, &flow), PINS_half_open);
	assert_int_equal(send_in(&reply, VE_CONTAINER, &frame),
			 ACTION_REDIRECT);
	assert_int_equal(frame_sport(&frame), 5353);
	assert_true(sums_are_right(&frame));
	assert_int_equal(the_flow(&key, &flow), PINS_half_open);
	assert_int_equal(flow.state, SG_STATE_ANSWERED);
	/* a query and its answer are soon over; what goes on is assured */
	assert_int_equal(send_in(&query, TAP0, &frame), ACTION_REDIRECT);
	assert_int_equal(the_flow(&key, &flow), PINS_flows);
	assert_int_equal(flow.state, SG_STATE_ASSURED);
}

/* The flow that began from the VPN is now of the LAN, whose grant is closed. */
static void an_interface_of_another_role_needs_its_grants(void **state)
{
	struct spec packet = vpn_tcp;
	struct spec reply;

	(void)state;
	open_tcp(&vpn_tcp, TAP0, &reply);
	harness_reload("vpn { interfaces = {\"none0\"} }\n"
		       "lan { interfaces = {\"tap0\"} }\n"
		       "forward \"ssh\" { ports = {\"22\"} }");
	packet.flags = ACK;
	assert_spec_dropped(&packet, TAP0, SG_DROP_GRANT_CLOSED);
	assert_int_equal(flow_count(PINS_flows), 0);
}

static void a_reload_cuts_what_it_no_longer_allows(void **state)
{
	struct spec web = vpn_tcp;
	struct spec web_reply;
	struct spec reply;

	(void)state;
	web.dport = 8080;
	open_tcp(&vpn_tcp, TAP0, &reply);
	open_tcp(&web, TAP0, &web_reply);
	harness_reload("forward \"ssh\" { ports = {\"22\"} }\n"
		       "forward \"web\" { ports = {\"8080\"} to = \"81\" }");
	assert_int_equal(send_in(&reply, VE_CONTAINER, NULL), ACTION_REDIRECT);
	assert_spec_dropped(&web_reply, VE_CONTAINER, SG_DROP_POLICY_CHANGED);
	web.flags = ACK;
	assert_refused(&web, TAP0, SG_DROP_NO_FLOW);
	harness_reload(""); /* an empty file: deny all */
	assert_spec_dropped(&reply, VE_CONTAINER, SG_DROP_POLICY_CHANGED);
}

static void the_same_tuple_by_two_ways_is_a_clash(void **state)
{
	struct spec second = vpn_tcp;
	struct spec reply;

	(void)state;
	open_tcp(&vpn_tcp, TAP0, &reply);
	harness_reload("forward \"ssh\" { ports = {\"22\"} }\n"
		       "forward \"too\" { ports = {\"2222\"} to = \"22\" }");
	second.dport = 2222;
	assert_spec_dropped(&second, TAP0, SG_DROP_FLOW_CLASH);
	second.sport++;
	assert_int_equal(send_in(&second, TAP0, NULL), ACTION_REDIRECT);
}

static void case_114_a_flow_follows_its_link_that_is_made_anew(void **state)
{
	int fd = gate_test.pins.map_fds[PINS_flows];
	struct sg_flow_key key;
	struct sg_flow flow;
	struct spec reply;
	struct spec ack = vpn_tcp;

	(void)state;
	ack.flags = ACK;
	open_tcp(&vpn_tcp, TAP0, &reply);
	the_flow(&key, &flow);
	flow.ifindex = gate_test.ifindex[ETH0]; /* there: it stays */
	bpf_map_update_elem(fd, &key, &flow, BPF_EXIST);
	assert_spec_dropped(&ack, TAP0, SG_DROP_FLOW_CLASH);
	assert_spec_dropped(&ack, TAP0, SG_DROP_FLOW_CLASH);
	flow.ifindex = 9999; /* gone */
	bpf_map_update_elem(fd, &key, &flow, BPF_EXIST);
	assert_int_equal(send_in(&ack, TAP0, NULL), ACTION_REDIRECT);
	the_flow(&key, &flow);
	assert_int_equal(flow.ifindex, gate_test.ifindex[TAP0]);
	assert_int_equal(flow.state, SG_STATE_ESTABLISHED);
	flow.ifindex = 9999;
	flow.generation = 0; /* as after any change of links */
	bpf_map_update_elem(fd, &key, &flow, BPF_EXIST);
	assert_int_equal(send_in(&reply, VE_CONTAINER, NULL), ACTION_REDIRECT);
	the_flow(&key, &flow);
	assert_int_equal(flow.ifindex, gate_test.ifindex[TAP0]);
}

static void no_container_no_forwarding(void **state)
{
	struct sg_gate gate = {.layout = SG_LAYOUT};
	uint32_t zero = 0;

	(void)state;
	bpf_map_update_elem(gate_test.pins.map_fds[PINS_gate], &zero, &gate,
			    BPF_ANY);
	assert_spec_dropped(&vpn_tcp, TAP0, SG_DROP_NO_CONTAINER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(syn_reaches_the_container),
		TEST(answer_goes_back_the_way_the_request_came),
		TEST(ports_are_remapped_both_ways),
		TEST(ranges_have_both_their_ends),
		TEST(sources_not_listed_are_refused),
		TEST(lan_needs_its_grant),
		TEST(case_75_a_closed_grant_cuts_its_flows_at_once),
		TEST(a_deadline_closes_by_itself),
		TEST(udp_is_forwarded_and_assured),
		TEST(an_interface_of_another_role_needs_its_grants),
		TEST(a_reload_cuts_what_it_no_longer_allows),
		TEST(the_same_tuple_by_two_ways_is_a_clash),
		TEST(case_114_a_flow_follows_its_link_that_is_made_anew),
		TEST(no_container_no_forwarding),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
