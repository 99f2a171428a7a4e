// SPDX-License-Identifier: GPL-2.0-or-later
/* The record: each flow that opens is told once, each that ends, too, with what
 * it counted and why; and what is lost is counted. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "gate/end.h"
#include "gate/sweep.h"
#include "probes.h"
#include "sys/clock.h"

#define EVENTS_MOST 32768
#define ATTEMPTS_IN_RING ((1 << 20) / (sizeof(struct sg_event) + 8))

static struct sg_event events[EVENTS_MOST];
static size_t event_count;

static int take(void *context, void *data, size_t bytes)
{
	(void)context;
	assert_int_equal(bytes, sizeof(struct sg_event));
	assert_true(event_count < EVENTS_MOST);
	memcpy(&events[event_count++], data, bytes);
	return 0;
}

static struct sg_refusal refusals[EVENTS_MOST];

static int take_refusal(void *context, void *data, size_t bytes)
{
	(void)context;
	assert_int_equal(bytes, sizeof(struct sg_refusal));
	assert_true(event_count < EVENTS_MOST);
	memcpy(&refusals[event_count++], data, bytes);
	return 0;
}

/* Read all that a ring has into `events`, or `refusals`. */
static size_t read_ring(enum pins_map map)
{
	struct ring_buffer *ring = ring_buffer__new(
		gate_test.pins.map_fds[map],
		map == PINS_refusals ? take_refusal : take, NULL, NULL);

	assert_non_null(ring);
	event_count = 0;
	assert_true(ring_buffer__consume(ring) >= 0);
	ring_buffer__free(ring);
	return event_count;
}

static int setup(void **state)
{
	int r = harness_setup(state);

	read_ring(PINS_flow_events);
	read_ring(PINS_attempt_events);
	read_ring(PINS_refusals);
	return r;
}

#define RECORD_TEST(name)                                                      \
	cmocka_unit_test_setup_teardown(name, setup, harness_teardown)

/* The ring's only event. */
static const struct sg_event *the_event(enum pins_map map)
{
	assert_int_equal(read_ring(map), 1);
	return &events[0];
}

/* The sums of all CPUs. */
static struct sg_event_count counts_of(enum sg_event_ring ring)
{
	int cpus = libbpf_num_possible_cpus();
	struct sg_event_count each[cpus];
	struct sg_event_count sum = {0};
	__u32 key = ring;

	assert_int_equal(
		bpf_map_lookup_elem(gate_test.pins.map_fds[PINS_event_counts],
				    &key, each),
		0);
	for (int i = 0; i < cpus; i++) {
		sum.attempted += each[i].attempted;
		sum.lost += each[i].lost;
		sum.lost_packets += each[i].lost_packets;
		sum.lost_bytes += each[i].lost_bytes;
		sum.first_lost_ns |= each[i].first_lost_ns;
		sum.last_lost_ns |= each[i].last_lost_ns;
	}
	return sum;
}

static int end_it(const struct sg_flow_key *key, const struct sg_flow *flow,
		  enum sg_end_reason reason)
{
	return end_flow(gate_test.program_fds[DATAPLANE_sg_end], key, flow,
			reason);
}

static void no_pause(void *data)
{
	(void)data;
}

static size_t sweep(void)
{
	size_t ended;

	assert_int_equal(sweep_flows(&gate_test.pins,
				     gate_test.program_fds[DATAPLANE_sg_end],
				     no_pause, NULL, &ended),
			 0);
	return ended;
}

static void assert_is_of(const struct sg_event *event,
			 const struct sg_flow_key *key,
			 const struct sg_flow *flow)
{
	assert_memory_equal(&event->key, key, sizeof(*key));
	assert_memory_equal(event->flow.id, flow->id, sizeof(flow->id));
	assert_true(flow->begun_ns && event->flow.begun_ns == flow->begun_ns);
	assert_true(event->at_ns >= event->flow.begun_ns);
}

static void a_flow_begins_when_both_ends_have_joined(void **state)
{
	struct spec syn = vpn_tcp;
	const struct sg_event *event;
	struct sg_flow_key key;
	struct spec reply;
	struct sg_flow flow;

	(void)state;
	send_in(&syn, TAP0, NULL);
	assert_int_equal(read_ring(PINS_flow_events), 0);
	open_tcp(&syn, TAP0, &reply);
	assert_int_equal(the_flow(&key, &flow), PINS_flows);
	event = the_event(PINS_flow_events);
	assert_int_equal(event->type, SG_EVENT_BEGIN);
	assert_int_equal(event->reason, SG_END_NONE);
	assert_int_equal(event->seq, 1);
	assert_is_of(event, &key, &flow);
	assert_int_equal(event->flow.state, SG_STATE_ESTABLISHED);
	/* the packet at hand comes after */
	assert_int_equal(event->flow.traffic[SG_IN].packets, 2);
	assert_int_equal(event->flow.traffic[SG_OUT].packets, 1);
	/* it goes on, which is no end of the half-open one */
	assert_int_equal(read_ring(PINS_attempt_events), 0);
	assert_int_equal(counts_of(SG_EVENTS_FLOWS).attempted, 1);
}

static void a_reset_flow_ends_with_all_that_it_counted(void **state)
{
	struct spec packet = vpn_tcp;
	const struct sg_event *event;
	struct sg_flow_key key;
	struct sg_flow flow;
	struct spec reply;

	(void)state;
	open_tcp(&packet, TAP0, &reply);
	packet.flags = RST | ACK;
	assert_delivered(&packet, TAP0);
	assert_int_equal(the_flow(&key, &flow), PINS_flows);
	packet.flags = SYN;
	packet.seq = 5000;
	assert_int_equal(send_in(&packet, TAP0, NULL), ACTION_REDIRECT);
	assert_int_equal(read_ring(PINS_flow_events), 2);
	event = &events[1];
	assert_int_equal(event->type, SG_EVENT_END);
	assert_int_equal(event->reason, SG_END_RESET);
	assert_int_equal(event->seq, events[0].seq + 1);
	assert_is_of(event, &key, &flow);
	assert_memory_equal(event->flow.traffic, flow.traffic,
			    sizeof(flow.traffic));
	assert_int_equal(event->flow.traffic[SG_IN].packets, 3);
	assert_int_equal(event->flow.traffic[SG_OUT].packets, 1);
	assert_true(event->flow.flags & SG_FLOW_RST(SG_IN));
	assert_false(event->flow.flags & SG_FLOW_RST(SG_OUT));
}

static void a_refused_flow_says_who_refused_it(void **state)
{
	struct spec refusal = between("10.0.3.2", "10.1.0.1", 22, 40000,
				      IPPROTO_TCP, RST | ACK);
	const struct sg_event *event;
	struct spec syn = vpn_tcp;

	(void)state;
	assert_delivered(&syn, TAP0);
	assert_int_equal(send_in(&refusal, VE_CONTAINER, NULL),
			 ACTION_REDIRECT);
	age_flows(PINS_half_open, 13);
	assert_int_equal(sweep(), 1);
	event = the_event(PINS_attempt_events);
	assert_int_equal(event->reason, SG_END_RESET);
	assert_int_equal(event->flow.state, SG_STATE_REFUSED);
	assert_true(event->flow.flags & SG_FLOW_RST(SG_OUT));
	assert_false(event->flow.flags & SG_FLOW_RST(SG_IN));
}

/* Send a packet that GSO will cut; it counts as what will be on the wire. */
static void counts_as(const struct spec *spec, uint32_t gso_bytes,
		      uint64_t packets, uint64_t bytes)
{
	struct sg_traffic before;
	struct sg_flow_key key;
	struct sg_flow flow;

	the_flow(&key, &flow);
	before = flow.traffic[SG_IN];
	gate_test.gso_bytes = gso_bytes;
	assert_int_equal(send_in(spec, TAP0, NULL), ACTION_REDIRECT);
	gate_test.gso_bytes = 0;
	the_flow(&key, &flow);
	assert_int_equal(flow.traffic[SG_IN].packets - before.packets, packets);
	assert_int_equal(flow.traffic[SG_IN].bytes - before.bytes, bytes);
}

static void segments_of_tcp_are_counted(void **state)
{
	struct spec data = vpn_tcp;
	struct spec reply;

	(void)state;
	open_tcp(&data, TAP0, &reply);
	data.flags = ACK;
	data.payload_bytes = 1400;
	counts_as(&data, 0, 1, 1440);
	counts_as(&data, 1400, 1, 1440);
	counts_as(&data, 1399, 2, 1400 + 2 * 40);
	counts_as(&data, 500, 3, 1400 + 3 * 40);
	counts_as(&data, 700, 2, 1400 + 2 * 40);
	/* no hit, as it ends the connection; and a number is no byte */
	data.flags = FIN | ACK;
	counts_as(&data, 700, 2, 1400 + 2 * 40);
	data.tcp_options_bytes = 12;
	memset(data.tcp_options, 1, 12);
	counts_as(&data, 500, 3, 1400 + 3 * 52);
}

static void segments_of_udp_are_counted(void **state)
{
	struct spec query = vpn_udp;

	(void)state;
	send_in(&query, TAP0, NULL);
	query.payload_bytes = 1400;
	counts_as(&query, 0, 1, 1428);
	counts_as(&query, 500, 3, 1400 + 3 * 28);
	counts_as(&query, 700, 2, 1400 + 2 * 28);
}

static void a_flow_ends_once_whoever_asks(void **state)
{
	struct spec syn = vpn_tcp;
	const struct sg_event *event;
	struct sg_flow_key key;
	struct sg_flow flow;
	struct sg_flow other;
	struct spec reply;

	(void)state;
	open_tcp(&syn, TAP0, &reply);
	the_flow(&key, &flow);
	other = flow;
	other.id[1]++;
	assert_int_equal(end_it(&key, &other, SG_END_GRANT), -ENOENT);
	assert_int_equal(read_ring(PINS_flow_events), 1);
	assert_int_equal(end_it(&key, &flow, SG_END_GRANT), 0);
	assert_int_equal(end_it(&key, &flow, SG_END_GRANT), -ENOENT);
	assert_no_flow();
	event = the_event(PINS_flow_events);
	assert_int_equal(event->type, SG_EVENT_END);
	assert_int_equal(event->reason, SG_END_GRANT);
	assert_is_of(event, &key, &flow);
	assert_int_equal(counts_of(SG_EVENTS_FLOWS).attempted, 2);
	assert_int_equal(counts_of(SG_EVENTS_FLOWS).lost, 0);
}

/* The masquerade port of a flow that user space ends is free soon. */
static void a_masquerade_flow_gives_its_port_back(void **state)
{
	int fd = gate_test.pins.map_fds[PINS_snat_ports];
	struct spec syn =
		between("10.0.3.2", "10.1.0.1", 40000, 443, IPPROTO_TCP, SYN);
	struct sg_snat_port snat_port;
	struct sg_snat_port_key port = {.protocol = IPPROTO_TCP};
	struct sg_flow_key key;
	struct sg_flow flow;
	struct spec answer;

	(void)state;
	answer = send_for_answer(&syn);
	assert_int_equal(send_in(&answer, TAP0, NULL), ACTION_REDIRECT);
	syn.flags = ACK;
	assert_left(&syn, NULL);
	assert_int_equal(the_flow(&key, &flow), PINS_flows);
	port.gate_port = flow.gate_port;
	assert_int_equal(bpf_map_lookup_elem(fd, &port, &snat_port), 0);
	assert_int_equal(snat_port.flows, 1);
	assert_int_equal(end_it(&key, &flow, SG_END_TIMEOUT), 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &port, &snat_port), 0);
	assert_int_equal(snat_port.flows, 0);
}

static void the_sweep_ends_what_is_over_and_nothing_else(void **state)
{
	struct spec query = vpn_udp;
	struct spec answer =
		between("10.0.3.2", "10.1.0.1", 53, 40000, IPPROTO_UDP, 0);
	const struct sg_event *event;
	struct spec syn = vpn_tcp;

	(void)state;
	assert_delivered(&query, TAP0);
	assert_int_equal(send_in(&answer, VE_CONTAINER, NULL), ACTION_REDIRECT);
	assert_delivered(&query, TAP0);
	assert_delivered(&syn, TAP0);
	assert_int_equal(read_ring(PINS_flow_events), 1);
	assert_int_equal(sweep(), 0);
	age_flows(PINS_flows, 181); /* over, but for the grace */
	assert_int_equal(sweep(), 0);
	age_flows(PINS_flows, 184);
	assert_int_equal(sweep(), 1);
	event = the_event(PINS_flow_events);
	assert_int_equal(event->type, SG_EVENT_END);
	assert_int_equal(event->reason, SG_END_TIMEOUT);
	assert_int_equal(event->flow.traffic[SG_IN].packets, 2);
	assert_int_equal(read_ring(PINS_attempt_events), 0);
	age_flows(PINS_half_open, 4 * 60 + 3);
	assert_int_equal(sweep(), 1);
	event = the_event(PINS_attempt_events);
	assert_int_equal(event->type, SG_EVENT_END);
	assert_int_equal(event->reason, SG_END_TIMEOUT);
	assert_int_equal(event->flow.state, SG_STATE_SYN_SENT);
	assert_int_equal(event->flow.traffic[SG_IN].packets, 1);
	assert_no_flow();
}

static void who_makes_room_is_evicted(void **state)
{
	struct spec syn = vpn_tcp;

	(void)state;
	harness_restart("forward \"ssh\" { ports = {\"22\"} }\n"
			"limits { flows = 64  half-open = 128 }\n");
	read_ring(PINS_attempt_events);
	for (uint16_t i = 0; i < 20; i++) {
		syn.sport = (uint16_t)(41000 + i);
		assert_int_equal(send_in(&syn, TAP0, NULL), ACTION_REDIRECT);
	}
	assert_int_equal(read_ring(PINS_attempt_events), 4);
	for (uint16_t i = 0; i < 4; i++) {
		assert_int_equal(events[i].reason, SG_END_EVICTED);
		assert_int_equal(ntohs(events[i].key.remote_port.be),
				 41000 + i);
		assert_int_equal(events[i].seq, i + 1);
	}
}

static void a_closed_grant_is_the_reason(void **state)
{
	struct spec syn = between("192.168.7.9", "192.168.7.2", 40000, 22,
				  IPPROTO_TCP, SYN);
	struct spec reply;

	(void)state;
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	open_tcp(&syn, ETH0, &reply);
	harness_grant(SG_GRANT_LAN_ACCESS, 0, 0);
	syn.flags = ACK;
	assert_spec_dropped(&syn, ETH0, SG_DROP_GRANT_CLOSED);
	assert_int_equal(read_ring(PINS_flow_events), 2);
	assert_int_equal(events[1].type, SG_EVENT_END);
	assert_int_equal(events[1].reason, SG_END_GRANT);
}

/* A ring that is full loses the ends that come then, and says so. */
static void what_is_lost_is_counted(void **state)
{
	struct spec syn = vpn_tcp;
	struct sg_event_count count;
	size_t begun = ATTEMPTS_IN_RING + 100;

	(void)state;
	syn.payload_bytes = 0;
	for (size_t i = 0; i < begun; i++) {
		syn.sport = (uint16_t)(10000 + i);
		assert_int_equal(send_in(&syn, TAP0, NULL), ACTION_REDIRECT);
	}
	age_flows(PINS_half_open, 4 * 60 + 3);
	assert_int_equal(sweep(), begun);
	assert_no_flow();
	count = counts_of(SG_EVENTS_ATTEMPTS);
	assert_int_equal(count.attempted, begun);
	assert_int_equal(read_ring(PINS_attempt_events), begun - count.lost);
	assert_in_range(count.lost, 99, 101);
	assert_int_equal(count.lost_packets, count.lost);
	assert_int_equal(count.lost_bytes, count.lost * 40);
	assert_true(count.first_lost_ns && count.last_lost_ns);
	assert_int_equal(counts_of(SG_EVENTS_FLOWS).lost, 0);
}

/* Of a packet to a closed port, of so many bytes: its head, by both programs
 * that may drop it. */
static void is_sampled(size_t payload_bytes)
{
	static const uint8_t zeros[SG_REFUSAL_HEAD_BYTES];
	struct spec closed = vpn_udp;
	size_t programs = gate_test.has_twin ? 2 : 1;
	struct frame frame;
	size_t head_bytes;

	closed.dport = 9999;
	closed.payload_bytes = payload_bytes;
	build_frame(&frame, &closed, TAP0, false);
	head_bytes = frame.bytes < sizeof(zeros) ? frame.bytes : sizeof(zeros);
	/* again, where what else comes by has used up a second's samples */
	for (int tries = 0; tries < 3; tries++) {
		wait_for_mid_second();
		assert_int_equal(run_in(&frame, TAP0), ACTION_DROP);
		if (read_ring(PINS_refusals) == programs)
			break;
	}
	/* an emulated machine shows the other program some packets alone */
	if (harness_rounds(100) == 100)
		assert_int_equal(event_count, programs);
	else
		assert_in_range(event_count, 1, programs);
	for (size_t i = 0; i < event_count; i++) {
		const struct sg_refusal *refusal = &refusals[i];

		assert_int_equal(refusal->reason, SG_DROP_CLOSED_PORT);
		assert_int_equal(refusal->ifindex, gate_test.ifindex[TAP0]);
		assert_int_equal(refusal->bytes, frame.bytes);
		assert_int_equal(refusal->has_ethernet, 1);
		assert_true(refusal->at_ns && refusal->seq);
		assert_memory_equal(refusal->head, frame.data, head_bytes);
		assert_memory_equal(refusal->head + head_bytes, zeros,
				    sizeof(zeros) - head_bytes);
	}
}

static void what_is_dropped_is_sampled(void **state)
{
	(void)state;
	is_sampled(0);
	is_sampled(21);
	is_sampled(22); /* as long as a head */
	is_sampled(1000);
}

static void a_flood_is_sampled_a_little(void **state)
{
	int cpus = libbpf_num_possible_cpus();
	struct spec closed = vpn_udp;

	(void)state;
	closed.dport = 9999;
	wait_for_mid_second();
	for (int i = 0; i < 100 * cpus; i++)
		send_in(&closed, TAP0, NULL);
	/* some of this second's may be those of the test before */
	assert_in_range(read_ring(PINS_refusals), 16, 2 * 32 * cpus);
	assert_int_equal(counts_of(SG_EVENTS_REFUSALS).attempted, event_count);
	assert_int_equal(counts_of(SG_EVENTS_REFUSALS).lost, 0);
}

/* No flow begins that is not recorded; the daemon has promised for so long. */
static void require_record(uint32_t until_s)
{
	const int *map_fds = gate_test.pins.map_fds;
	const struct sg_record_lease lease = {.until_s = until_s};
	struct sg_active active;
	struct sg_policy policy;
	__u32 zero = 0;

	assert_int_equal(pins_active(&gate_test.pins, &active), 0);
	assert_int_equal(pins_policy(&gate_test.pins, &policy), 0);
	policy.record_required = 1;
	assert_int_equal(bpf_map_update_elem(map_fds[PINS_policy], &active.slot,
					     &policy, BPF_ANY),
			 0);
	assert_int_equal(bpf_map_update_elem(map_fds[PINS_record_lease], &zero,
					     &lease, BPF_ANY),
			 0);
}

static void where_a_record_is_required_none_begins_without(void **state)
{
	struct spec syn = vpn_tcp;
	struct spec out =
		between("10.0.3.2", "10.1.0.1", 40000, 443, IPPROTO_TCP, SYN);
	struct spec hosts = between("192.168.7.2", "192.168.7.9", 40000, 443,
				    IPPROTO_TCP, SYN);
	struct spec reply;

	(void)state;
	wait_for_mid_second();
	require_record(0);
	assert_spec_dropped(&syn, TAP0, SG_DROP_NO_RECORD);
	assert_refused(&out, VE_CONTAINER, SG_DROP_NO_RECORD);
	require_record(boot_s() - 1);
	assert_spec_dropped(&syn, TAP0, SG_DROP_NO_RECORD);
	assert_no_flow();
	assert_int_equal(send_out(&hosts, ETH0, NULL), ACTION_PASS);
	assert_int_equal(flow_count(PINS_half_open), 1);
	require_record(boot_s() + 5);
	open_tcp(&syn, TAP0, &reply);
	/* what has begun goes on */
	require_record(boot_s() - 1);
	syn.flags = ACK;
	assert_delivered(&syn, TAP0);
}

/* UDP flows that open, and end, until the ring has no room for one more. */
static void fill_flow_events(void)
{
	struct spec query = vpn_udp;
	struct spec answer =
		between("10.0.3.2", "10.1.0.1", 53, 40000, IPPROTO_UDP, 0);
	struct sg_flow_key key;
	struct sg_flow flow;

	while (!counts_of(SG_EVENTS_FLOWS).lost) {
		send_in(&query, TAP0, NULL);
		send_in(&answer, VE_CONTAINER, NULL);
		send_in(&query, TAP0, NULL);
		assert_int_equal(the_flow(&key, &flow), PINS_flows);
		end_it(&key, &flow, SG_END_TIMEOUT);
	}
}

static void where_a_record_is_required_a_full_ring_opens_none(void **state)
{
	struct spec syn = vpn_tcp;
	struct spec query = vpn_udp;
	struct spec answer =
		between("10.0.3.2", "10.1.0.1", 53, 40000, IPPROTO_UDP, 0);
	struct spec reply;
	uint64_t lost;

	(void)state;
	fill_flow_events();
	lost = counts_of(SG_EVENTS_FLOWS).lost;
	open_tcp(&syn, TAP0, &reply); /* none is required */
	assert_int_equal(flow_count(PINS_flows), 1);
	assert_int_equal(counts_of(SG_EVENTS_FLOWS).lost, lost + 1);
	require_record(boot_s() + 600);
	assert_int_equal(send_in(&query, TAP0, NULL), ACTION_REDIRECT);
	assert_int_equal(send_in(&answer, VE_CONTAINER, NULL), ACTION_REDIRECT);
	assert_spec_dropped(&query, TAP0, SG_DROP_NO_RECORD);
	assert_int_equal(flow_count(PINS_flows), 1);
	assert_true(read_ring(PINS_flow_events) > 10000);
	assert_delivered(&query, TAP0);
	assert_int_equal(flow_count(PINS_flows), 2);
	assert_int_equal(read_ring(PINS_flow_events), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RECORD_TEST(a_flow_begins_when_both_ends_have_joined),
		RECORD_TEST(a_reset_flow_ends_with_all_that_it_counted),
		RECORD_TEST(a_refused_flow_says_who_refused_it),
		RECORD_TEST(segments_of_tcp_are_counted),
		RECORD_TEST(segments_of_udp_are_counted),
		RECORD_TEST(a_flow_ends_once_whoever_asks),
		RECORD_TEST(a_masquerade_flow_gives_its_port_back),
		RECORD_TEST(the_sweep_ends_what_is_over_and_nothing_else),
		RECORD_TEST(who_makes_room_is_evicted),
		RECORD_TEST(a_closed_grant_is_the_reason),
		RECORD_TEST(what_is_lost_is_counted),
		RECORD_TEST(what_is_dropped_is_sampled),
		RECORD_TEST(a_flood_is_sampled_a_little),
		RECORD_TEST(where_a_record_is_required_none_begins_without),
		RECORD_TEST(where_a_record_is_required_a_full_ring_opens_none),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
