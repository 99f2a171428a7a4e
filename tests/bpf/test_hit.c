// SPDX-License-Identifier: GPL-2.0-or-later
/* A hit beside the journey: what is sent on for a flow that stays as it is is
 * sent once more, on the same tables but for what keeps it from being a hit.
 * The same must come out, and become of the tables. */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "gate/maps.h"
#include "gate/sync.h"
#include "probes.h"
#include "sys/clock.h"
#include "sys/links.h"
#include "talks.h"

#ifndef BPF_F_TEST_SKB_CHECKSUM_COMPLETE /* 6.11 */
#define BPF_F_TEST_SKB_CHECKSUM_COMPLETE (1U << 2)
#endif

#define SEED 11
#define WORLDS 60
#define PACKETS 120 /* in each */
#define BETWEEN_S 10

/* A table of flows, as it was. */
struct table {
	struct sg_flow_key *keys;
	struct sg_flow *flows;
	size_t count;
};

static void read_table(struct table *ret_table)
{
	assert_int_equal(
		maps_read(gate_test.pins.map_fds[PINS_flows],
			  sizeof(*ret_table->keys), sizeof(*ret_table->flows),
			  (void **)&ret_table->keys, (void **)&ret_table->flows,
			  &ret_table->count),
		0);
}

static void release_table(struct table *table)
{
	free(table->keys);
	free(table->flows);
}

static void write_table(const struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		assert_int_equal(
			bpf_map_update_elem(gate_test.pins.map_fds[PINS_flows],
					    &table->keys[i], &table->flows[i],
					    BPF_ANY),
			0);
}

/* The table as it was, but for what keeps a packet from being a hit, and makes
 * no difference to the journey: the remote is reached by the neighbour that its
 * packets come by; no limit to what fits anyway. */
static void write_disguised(const struct table *table, enum place at,
			    const struct frame *frame)
{
	for (size_t i = 0; i < table->count; i++) {
		struct sg_flow flow = table->flows[i];

		if (at != VE_CONTAINER)
			flow.flags |= SG_FLOW_BY_MAC;
		else if (frame->bytes <= flow.mtu)
			flow.mtu = 0;
		assert_int_equal(
			bpf_map_update_elem(gate_test.pins.map_fds[PINS_flows],
					    &table->keys[i], &flow, BPF_ANY),
			0);
	}
}

/* Return whether the flows are those, in these states. */
static bool are_alive(const struct table *before, const struct table *after)
{
	if (before->count != after->count)
		return false;
	for (size_t i = 0; i < before->count; i++) {
		struct sg_flow flow;

		if (bpf_map_lookup_elem(gate_test.pins.map_fds[PINS_flows],
					&before->keys[i], &flow) ||
		    flow.state != before->flows[i].state)
			return false;
	}
	return true;
}

/* A second may have begun in between, or not yet here; more of them on a
 * machine that is busy or emulated. */
static void take_time(uint32_t *seen_s, uint32_t wanted_s)
{
	if (*seen_s + BETWEEN_S - wanted_s <= 2 * BETWEEN_S)
		*seen_s = wanted_s;
}

static void assert_table_is(const struct table *table, enum place at)
{
	assert_int_equal(flow_count(PINS_flows), table->count);
	for (size_t i = 0; i < table->count; i++) {
		const struct sg_flow *wanted = &table->flows[i];
		struct sg_flow flow;

		assert_int_equal(
			bpf_map_lookup_elem(gate_test.pins.map_fds[PINS_flows],
					    &table->keys[i], &flow),
			0);
		if (at == VE_CONTAINER && flow.mtu == 0)
			flow.mtu = wanted->mtu;
		if (flow.flags & SG_FLOW_BY_MAC &&
		    !(wanted->flags & SG_FLOW_BY_MAC)) {
			flow.flags &= ~(uint32_t)SG_FLOW_BY_MAC;
			flow.next_hop = wanted->next_hop;
		}
		take_time(&flow.last_s, wanted->last_s);
		take_time(&flow.path_s, wanted->path_s);
		assert_memory_equal(&flow, wanted, sizeof(flow));
	}
}

static void say(const struct frame *frame, enum place at, int action)
{
	if (action == ACTION_REDIRECT)
		return;
	for (int i = 0; i < IFACE_COUNT; i++)
		for (int r = 1; r < SG_REASON_COUNT; r++)
			if (drops_of((enum place)i, (enum sg_reason)r))
				print_error("%d: %d as %d\n", i,
					    (int)drops_of((enum place)i,
							  (enum sg_reason)r),
					    r);
	for (size_t i = 0; i < frame->bytes && i < 80; i++)
		print_error("%02x%s", frame->data[i],
			    i % 16 == 15 ? "\n" : " ");
	fail_msg("a hit at %d, but not for the journey: %d", at, action);
}

/* Returns whether the packet was one that the journey was asked about, too. */
static bool judge(const struct frame *frame, enum place at)
{
	size_t half_open = flow_count(PINS_half_open);
	uint64_t drops = all_drops();
	struct frame hit = *frame;
	struct frame journey = *frame;
	struct table before = {0};
	struct table after = {0};
	bool judged;

	read_table(&before);
	judged = run_in(&hit, at) == ACTION_REDIRECT && all_drops() == drops;
	read_table(&after);
	if (judged && half_open == flow_count(PINS_half_open) &&
	    are_alive(&before, &after)) {
		write_disguised(&before, at, frame);
		say(frame, at, run_in(&journey, at));
		assert_int_equal(all_drops(), drops);
		assert_int_equal(journey.bytes, hit.bytes);
		assert_memory_equal(journey.data, hit.data, hit.bytes);
		assert_int_equal(half_open, flow_count(PINS_half_open));
		assert_table_is(&after, at);
		write_table(&after);
	}
	release_table(&before);
	release_table(&after);
	return judged;
}

static uint32_t one_of(const uint32_t *values, size_t count)
{
	return values[(size_t)rand() % count];
}

/* A packet of one of the flows, or nearly. */
static void build_near(struct frame *frame, enum place *ret_at)
{
	static const uint32_t numbers[] = {1001,  1001,	 2401,	 61001,
					   65001, 64900, 128001, 900};
	static const uint32_t flags[] = {ACK, ACK,	 ACK,	    PSH | ACK,
					 ACK, FIN | ACK, RST | ACK, URG | ACK,
					 SYN, SYN | ACK};
	const struct talk *of = &talks[(size_t)rand() % talk_count];
	bool out = rand() % 2;
	struct spec spec = out ? of->out : of->in;
	uint8_t start[6]; /* to where IPv4's length ends */
	size_t most;

	*ret_at = out ? VE_CONTAINER : of->at;
	spec.seq = one_of(numbers, 8);
	spec.ack = one_of(numbers, 8);
	if (spec.protocol == IPPROTO_TCP)
		spec.flags = (uint8_t)one_of(flags, rand() % 4 ? 5 : 10);
	spec.window = (uint16_t)(rand() % 3 ? 64000 : rand());
	spec.payload_bytes = (size_t)rand() % 1460;
	spec.no_udp_sum = rand() % 4 == 0 && !strchr(spec.src, ':');
	spec.ttl = rand() % 16 ? 0 : (uint8_t)(1 + rand() % 2);
	spec.fragment = rand() % 4 ? 0 : 0x4000;
	build_frame(frame, &spec, *ret_at, false);
	memcpy(start, frame->data + 12, sizeof(start));
	most = frame->bytes < 74 ? frame->bytes : 74;
	if (rand() % 4 == 0) {
		frame->data[(size_t)rand() % most] = (uint8_t)rand();
		if (rand() % 4)
			fix_ip_sum(frame);
		if (rand() % 2 &&
		    memcmp(frame->data + 12, start, sizeof(start)) == 0 &&
		    frame->data[13] == 0)
			fix_l4_sum(frame);
	}
	if (rand() % 8 == 0) /* the link's padding */
		frame->bytes += (size_t)rand() % 20;
	gate_test.gso_bytes = rand() % 4 ? 0 : 1 + (uint32_t)rand() % 1400;
}

/* Something that a packet is judged by, made otherwise. */
static void change_flow(void)
{
	struct table table = {0};
	struct sg_flow *flow;
	uint32_t now_s = boot_s();

	read_table(&table);
	if (table.count) {
		flow = &table.flows[(size_t)rand() % table.count];
		flow->last_s = now_s - 3;
		if (rand() % 3 == 0)
			flow->mtu = (uint16_t)(rand() % 1500);
		else if (rand() % 3 == 0)
			flow->last_s = now_s - (uint32_t)rand() % 400;
		else if (rand() % 3 == 0 && flow->state >= SG_STATE_ESTABLISHED)
			flow->state =
				(uint8_t)(SG_STATE_ESTABLISHED + rand() % 3);
		else if (rand() % 3 == 0)
			flow->path_s = now_s - (uint32_t)rand() % 10;
		else
			flow->flags ^= (uint8_t)(1 << rand() % 8);
		write_table(&table);
	}
	release_table(&table);
}

static void change_gate(void)
{
	int fd = gate_test.pins.map_fds[PINS_gate];
	struct sg_gate gate;
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &gate), 0);
	gate.container_mtu = rand() % 2 ? 1500 : (uint32_t)(rand() % 1500);
	if (rand() % 8 == 0)
		memset(gate.container_mac, rand() % 3, 6);
	assert_int_equal(bpf_map_update_elem(fd, &zero, &gate, BPF_ANY), 0);
}

/* These interfaces are of no role any more, as when each becomes a port of a
 * bridge; put in force by settle(), to which a loader that is killed does not
 * come. */
static void take_roles_away(const uint32_t *ifindexes, size_t count)
{
	struct links links = {0};
	struct fault fault;

	assert_int_equal(links_read(&links, &fault), 0);
	for (size_t i = 0; i < links.count; i++)
		for (size_t j = 0; j < count; j++)
			if (links.items[i].ifindex == ifindexes[j])
				links.items[i].is_port = true;
	assert_int_equal(sync_links(&gate_test.pins, &gate_test.policy, &links,
				    false, &fault),
			 0);
	links_release(&links);
}

static void settle(void)
{
	struct fault fault;

	assert_int_equal(sync_settle(&gate_test.pins, &fault), 0);
}

/* One has lost its role, or all have again their own. */
static void change_iface(void)
{
	const uint32_t *ifindex = &gate_test.ifindex[rand() % IFACE_COUNT];
	struct sg_iface iface;

	if (bpf_map_lookup_elem(gate_test.pins.map_fds[PINS_ifaces], ifindex,
				&iface)) {
		harness_reload(TALKS_CONFIG);
		return;
	}
	take_roles_away(ifindex, 1);
	if (rand() % 2)
		settle();
}

static void change_world(void)
{
	switch (rand() % 12) {
	case 0:
		harness_grant(SG_GRANT_LAN_ACCESS, 1,
			      rand() % 2 ? 0 : 0xffffffff);
		break;
	case 1:
		harness_grant(SG_GRANT_LAN_ACCESS, rand() % 2, 1);
		break;
	case 2:
		change_iface();
		break;
	case 3:
		change_gate();
		break;
	case 4:
		harness_reload(rand() % 2 ? TALKS_CONFIG : "");
		break;
	default:
		change_flow();
		break;
	}
}

static void a_hit_is_as_the_journey(void **state)
{
	int worlds = harness_rounds(WORLDS);
	int judged = 0;
	struct frame frame;
	enum place at;

	(void)state;
	srand(SEED);
	for (int world = 0; world < worlds; world++) {
		talks_begin();
		for (int i = 0; i < PACKETS; i++) {
			build_near(&frame, &at);
			judged += judge(&frame, at);
			gate_test.gso_bytes = 0;
			if (world % 2 && rand() % 8 == 0)
				change_world();
		}
	}
	print_message("%d of %d went on\n", judged, worlds * PACKETS);
	assert_true(judged > worlds * PACKETS / 4);
}

static bool can_sum(struct frame *frame)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data,
		    .data_size_in = (__u32)frame->bytes, .repeat = 1,
		    .flags = BPF_F_TEST_SKB_CHECKSUM_COMPLETE);
	int fd = gate_test.program_fds[DATAPLANE_sg_uplink_in];

	return bpf_prog_test_run_opts(fd, &opts) == 0;
}

/* If a card has summed the whole packet (CHECKSUM_COMPLETE), its sum is kept
 * right: the kernel says EBADMSG if not. */
static void a_sum_by_the_card_is_kept_right(void **state)
{
	struct frame frame;

	(void)state;
	build_frame(&frame, &vpn_tcp, TAP0, false);
	if (!can_sum(&frame)) {
		print_message("# SKIP this kernel cannot run a program as if a "
			      "card had summed the packet\n");
		skip();
	}
	srand(SEED);
	talks_begin();
	gate_test.test_flags = BPF_F_TEST_SKB_CHECKSUM_COMPLETE;
	for (size_t i = 0; i < talk_count * PACKETS; i++) {
		struct talk talk = talks[i % talk_count];

		talk.in.payload_bytes = (size_t)rand() % 1440;
		talk.in.no_udp_sum = i % 3 == 0 && !strchr(talk.in.src, ':');
		talk.out.payload_bytes = (size_t)rand() % 1440;
		assert_int_equal(send_in(&talk.in, talk.at, NULL),
				 ACTION_REDIRECT);
		assert_int_equal(send_in(&talk.out, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
	}
	talks_begin(); /* of what begins, too */
}

static void begin_hits(void)
{
	talks_begin();
	for (size_t i = 0; i < talk_count; i++) {
		assert_int_equal(send_in(&talks[i].in, talks[i].at, NULL),
				 ACTION_REDIRECT);
		assert_int_equal(send_in(&talks[i].out, VE_CONTAINER, NULL),
				 ACTION_REDIRECT);
	}
}

/* From when the loader has taken a role away nothing passes, whatever becomes
 * of the loader. */
static void an_interface_without_a_role_lets_nothing_through(void **state)
{
	(void)state;
	begin_hits();
	take_roles_away(&gate_test.ifindex[TAP0], 1);
	for (size_t i = 0; i < talk_count; i++)
		if (talks[i].at == TAP0)
			assert_spec_dropped(&talks[i].in, TAP0,
					    SG_DROP_NOT_GOVERNED);
		else
			assert_int_equal(send_in(&talks[i].in, ETH0, NULL),
					 ACTION_REDIRECT);
	take_roles_away(gate_test.ifindex, IFACE_COUNT);
	for (size_t i = 0; i < talk_count; i++) {
		assert_spec_dropped(&talks[i].in, talks[i].at,
				    SG_DROP_NOT_GOVERNED);
		assert_spec_dropped(&talks[i].out, VE_CONTAINER,
				    SG_DROP_NOT_GOVERNED);
	}
}

/* Nor is anything sent there, when that is in force. */
static void nor_does_it_get_answers(void **state)
{
	(void)state;
	begin_hits();
	take_roles_away(&gate_test.ifindex[TAP0], 1);
	settle();
	for (size_t i = 0; i < talk_count; i++)
		if (talks[i].at == TAP0)
			assert_refused(&talks[i].out, VE_CONTAINER,
				       talks[i].out.sport == 41000
					       ? SG_DROP_EGRESS_CLOSED
					       : SG_DROP_NO_ROUTE);
		else
			assert_int_equal(
				send_in(&talks[i].out, VE_CONTAINER, NULL),
				ACTION_REDIRECT);
}

/* An offer to the host's DHCP client is the host's, though there is a flow that
 * fragments have begun and that was assured. */
static void dhcp_is_the_hosts(void **state)
{
	struct spec offer =
		between("192.168.7.9", "192.168.7.2", 67, 68, IPPROTO_UDP, 0);
	struct spec answer =
		between("10.0.3.2", "192.168.7.9", 68, 67, IPPROTO_UDP, 0);
	struct frame first;
	struct frame whole;
	size_t before;

	(void)state;
	talks_begin();
	before = flow_count(PINS_flows);
	offer.payload_bytes = 400;
	build_frame(&whole, &offer, ETH0, false);
	build_fragment(&first, &whole, 0, 200, true);
	assert_int_equal(run_in(&first, ETH0), ACTION_REDIRECT);
	assert_int_equal(send_in(&answer, VE_CONTAINER, NULL), ACTION_REDIRECT);
	build_fragment(&first, &whole, 0, 200, true);
	assert_int_equal(run_in(&first, ETH0), ACTION_REDIRECT);
	assert_int_equal(flow_count(PINS_flows), before + 1);
	assert_passed(&offer, ETH0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_hit_is_as_the_journey),
		TEST(a_sum_by_the_card_is_kept_right),
		TEST(an_interface_without_a_role_lets_nothing_through),
		TEST(nor_does_it_get_answers),
		TEST(dhcp_is_the_hosts),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
