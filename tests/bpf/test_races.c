// SPDX-License-Identifier: GPL-2.0-or-later
/* The same flow on several CPUs at the same instant. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gate/maps.h"
#include "gate/sync.h"
#include "probes.h"
#include "sys/clock.h"
#include "sys/links.h"
#include "sys/text.h"

#define THREADS 2
#define ROUNDS_MAX 2000
#define ROUNDS_ALONE 50 /* CPUs that take turns run few races */
#define TRIES 1000000

/* The work of a thread of a race in a round, on a CPU of its own. */
struct runner {
	void (*step)(struct runner *runner);
	int number;
	struct frame frame; /* in: what it sends; out: what came of it */
	enum place at;
	int action;
};

static struct {
	atomic_int arrived;
	int round;
	int rounds;
	struct runner runners[THREADS];
} race;

static void *run_step(void *argument)
{
	struct runner *runner = argument;
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(runner->number % (int)sysconf(_SC_NPROCESSORS_ONLN), &cpu);
	pthread_setaffinity_np(pthread_self(), sizeof(cpu), &cpu);
	atomic_fetch_add(&race.arrived, 1); /* go on together */
	while (atomic_load(&race.arrived) < THREADS)
		if (race.rounds == ROUNDS_ALONE)
			sched_yield();
	/* each in turn a little earlier, so that every order is met with */
	for (volatile int i = 0; i < race.round * (runner->number * 2 - 1) % 97;
	     i++)
		;
	runner->step(runner);
	return NULL;
}

/* before and after each round nobody else runs, so that they may fail */
static void run_race(void (*before)(int round), void (*after)(int round))
{
	pthread_t threads[THREADS];
	bool together = sysconf(_SC_NPROCESSORS_ONLN) >= THREADS;

	race.rounds = together ? ROUNDS_MAX : ROUNDS_ALONE;
	for (race.round = 0; race.round < race.rounds; race.round++) {
		before(race.round);
		atomic_store(&race.arrived, 0);
		for (int i = 0; i < THREADS; i++) {
			race.runners[i].number = i;
			assert_int_equal(pthread_create(&threads[i], NULL,
							run_step,
							&race.runners[i]),
					 0);
		}
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		after(race.round);
	}
}

static void send_once(struct runner *runner)
{
	runner->action = run_in(&runner->frame, runner->at);
}

static void give(int number, const struct spec *spec, enum place at)
{
	struct runner *runner = &race.runners[number];

	runner->step = send_once;
	build_frame(&runner->frame, spec, at, false);
	runner->at = at;
}

static size_t snat_port_count(void)
{
	struct sg_snat_port_key *keys = NULL;
	size_t count;

	assert_int_equal(maps_keys(gate_test.pins.map_fds[PINS_snat_ports],
				   sizeof(*keys), (void **)&keys, &count),
			 0);
	free(keys);
	return count;
}

static struct spec first_of(int round)
{
	return between("10.0.3.2", "192.168.7.9", (uint16_t)(20000 + round), 80,
		       IPPROTO_UDP, 0);
}

static void same_first_packet(int round)
{
	struct spec spec = first_of(round);

	for (int i = 0; i < THREADS; i++)
		give(i, &spec, VE_CONTAINER);
}

static void all_left_alike(int round)
{
	const struct frame *first = &race.runners[0].frame;

	(void)round;
	for (int i = 0; i < THREADS; i++) {
		const struct runner *runner = &race.runners[i];

		assert_int_equal(runner->action, ACTION_REDIRECT);
		assert_int_equal(runner->frame.bytes, first->bytes);
		assert_memory_equal(runner->frame.data, first->data,
				    first->bytes);
	}
	assert_in_range(frame_sport(first), MASQUERADE_LOW, 65535);
	assert_true(sums_are_right(first));
}

static void case_72_the_same_first_packet_on_all_cpus(void **state)
{
	(void)state;
	run_race(same_first_packet, all_left_alike);
	assert_int_equal(snat_port_count(), race.rounds);
	assert_int_equal(flow_count(PINS_half_open), race.rounds);
	assert_int_equal(flow_packets(), THREADS * race.rounds);
	assert_int_equal(all_drops(), 0);
}

/* Of a container that has not been heard yet. */
static void first_frames(int round)
{
	int fd = gate_test.pins.map_fds[PINS_gate];
	struct sg_gate gate;
	__u32 zero = 0;

	bpf_map_lookup_elem(fd, &zero, &gate);
	memset(gate.container_mac, 0, sizeof(gate.container_mac));
	bpf_map_update_elem(fd, &zero, &gate, BPF_ANY);
	same_first_packet(round);
}

static void the_containers_first_frames_on_all_cpus(void **state)
{
	(void)state;
	run_race(first_frames, all_left_alike);
	assert_int_equal(all_drops(), 0);
}

/* The place in the range that two sources want has long been another's. */
static void colliding_first_packets(int round)
{
	struct sg_snat_port_key key = {
		.protocol = IPPROTO_UDP,
		.gate_port.be = htons((uint16_t)(20000 + round)),
	};
	/* before the boot clock began, so long ago on a young machine, too */
	struct sg_snat_port stale = {.container_port.be = htons(7),
				     .until_s = (uint32_t)-3600};
	struct spec spec = first_of(round);

	bpf_map_update_elem(gate_test.pins.map_fds[PINS_snat_ports], &key,
			    &stale, BPF_ANY);
	for (int i = 0; i < THREADS; i++) {
		give(i, &spec, VE_CONTAINER);
		spec.sport = (uint16_t)(spec.sport + MASQUERADE_PORTS);
	}
}

/* Each under a port of its own, by which its answer comes to it. */
static void each_has_its_answer(int round)
{
	struct frame *sent = &race.runners[0].frame;

	assert_int_not_equal(frame_sport(sent),
			     frame_sport(&race.runners[1].frame));
	for (int i = 0; i < THREADS; i++) {
		struct spec answer;

		sent = &race.runners[i].frame;
		assert_int_equal(race.runners[i].action, ACTION_REDIRECT);
		answer = answer_to(sent, IPPROTO_UDP, 0);
		assert_int_equal(send_in(&answer, ETH0, sent), ACTION_REDIRECT);
		assert_int_equal(frame_dport(sent),
				 20000 + round + i * MASQUERADE_PORTS);
	}
}

static void case_71_72_colliding_sources_on_all_cpus(void **state)
{
	(void)state;
	run_race(colliding_first_packets, each_has_its_answer);
}

/* The container's second packet beside the answer to its first: neither is
 * lost, and the flow is in one place. */
static void second_and_answer(int round)
{
	struct spec spec = first_of(round);
	struct spec answer;
	struct frame sent;

	assert_int_equal(send_in(&spec, VE_CONTAINER, &sent), ACTION_REDIRECT);
	answer = answer_to(&sent, IPPROTO_UDP, 0);
	give(0, &spec, VE_CONTAINER);
	give(1, &answer, ETH0);
}

static void none_was_lost(int round)
{
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(race.runners[i].action, ACTION_REDIRECT);
	assert_int_equal(flow_count(PINS_half_open) + flow_count(PINS_flows),
			 round + 1);
}

static void case_73_an_answer_beside_the_next_packet(void **state)
{
	(void)state;
	run_race(second_and_answer, none_was_lost);
	assert_int_equal(all_drops(), 0);
}

/* Send until it gets through, as TCP does; a reset comes back instead. */
static void send_again(struct runner *runner)
{
	const struct frame sent = runner->frame;

	for (int i = 0; i < TRIES; i++) {
		runner->frame = sent;
		runner->action = run_in(&runner->frame, runner->at);
		if (runner->action == ACTION_REDIRECT &&
		    strcmp(frame_dst(&runner->frame), frame_dst(&sent)) == 0)
			return;
	}
}

/* A SYN, and at once, with no pause for the insert, what answers it. */
static void syn_and_answer(int round)
{
	struct spec syn = vpn_tcp;
	struct spec answer =
		between("10.0.3.2", "10.1.0.1", 22, (uint16_t)(20000 + round),
			IPPROTO_TCP, SYN | ACK);

	syn.sport = (uint16_t)(20000 + round);
	give(0, &syn, TAP0);
	give(1, &answer, VE_CONTAINER);
	race.runners[1].step = send_again;
}

static void then_it_is_established(int round)
{
	struct spec ack = vpn_tcp;

	assert_int_equal(race.runners[0].action, ACTION_REDIRECT);
	assert_int_equal(race.runners[1].action, ACTION_REDIRECT);
	ack.sport = (uint16_t)(20000 + round);
	ack.flags = ACK;
	assert_delivered(&ack, TAP0);
}

static void case_73_a_reply_beside_the_insert(void **state)
{
	(void)state;
	run_race(syn_and_answer, then_it_is_established);
	assert_int_equal(flow_count(PINS_flows), race.rounds);
	assert_int_equal(flow_count(PINS_half_open), 0);
	assert_int_equal(drops_of(TAP0, SG_DROP_NO_FLOW), 0);
}

/* The ACK that establishes, beside data that the container sends already. */
static void ack_and_data(int round)
{
	struct spec ack = vpn_tcp;
	struct spec data =
		between("10.0.3.2", "10.1.0.1", 22, (uint16_t)(20000 + round),
			IPPROTO_TCP, SYN | ACK);

	ack.sport = (uint16_t)(20000 + round);
	assert_int_equal(send_in(&ack, TAP0, NULL), ACTION_REDIRECT);
	assert_int_equal(send_in(&data, VE_CONTAINER, NULL), ACTION_REDIRECT);
	ack.flags = ACK;
	data.flags = PSH | ACK;
	give(0, &ack, TAP0);
	give(1, &data, VE_CONTAINER);
}

static void case_73_data_beside_the_promotion(void **state)
{
	(void)state;
	run_race(ack_and_data, none_was_lost);
	assert_int_equal(all_drops(), 0);
}

/* Data of one end on two CPUs: what both have sent may be acknowledged. */
#define CHUNK 100

static uint32_t number_of(int round)
{
	return 1001 + (uint32_t)round * THREADS * CHUNK;
}

static void data_by_both(int round)
{
	for (int i = 0; i < THREADS; i++) {
		struct spec data = vpn_tcp;

		data.flags = PSH | ACK;
		data.seq = number_of(round) + (uint32_t)i * CHUNK;
		data.payload_bytes = CHUNK;
		give(i, &data, TAP0);
	}
}

static struct spec the_reply;

static void all_is_acknowledged(int round)
{
	the_reply.ack = number_of(round + 1);
	assert_int_equal(send_in(&the_reply, VE_CONTAINER, NULL),
			 ACTION_REDIRECT);
}

static void case_73_numbers_are_raised_on_all_cpus(void **state)
{
	(void)state;
	open_tcp(&vpn_tcp, TAP0, &the_reply);
	run_race(data_by_both, all_is_acknowledged);
	assert_int_equal(all_drops(), 0);
}

/* Each end offers a larger window, and ends, at the same instant. */
static void both_end(int round)
{
	struct spec end = vpn_tcp;
	struct spec answer;

	end.sport = (uint16_t)(20000 + round);
	open_tcp(&end, TAP0, &answer);
	end.flags = answer.flags = FIN | ACK;
	end.window = answer.window = 65000;
	give(0, &end, TAP0);
	give(1, &answer, VE_CONTAINER);
}

static void it_is_closing(int round)
{
	struct sg_flow_key key = {
		.remote_port.be = htons((uint16_t)(20000 + round)),
		.local_port.be = htons(22),
		.protocol = IPPROTO_TCP,
	};
	struct sg_flow flow;

	assert_int_equal(text_parse_addr("10.1.0.1", &key.remote), 0);
	assert_int_equal(text_parse_addr("10.0.3.2", &key.local), 0);
	assert_int_equal(bpf_map_lookup_elem(gate_test.pins.map_fds[PINS_flows],
					     &key, &flow),
			 0);
	assert_int_equal(flow.state, SG_STATE_CLOSING);
	assert_int_equal(flow.window[SG_IN], 65000);
	assert_int_equal(flow.window[SG_OUT], 65000);
}

static void case_73_both_ends_close_at_once(void **state)
{
	(void)state;
	run_race(both_end, it_is_closing);
	assert_int_equal(all_drops(), 0);
}

#define SYNC_S 4 /* one that waits for nobody comes to thousands */
#define ASKED_AT_ONCE 1000

static atomic_bool is_synced;

static void *ask_until_synced(void *argument)
{
	struct __sk_buff context = {.ifindex = gate_test.ifindex[ETH0]};
	const struct frame *frame = argument;
	char out[FRAME_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data,
		    .data_size_in = (__u32)frame->bytes, .data_out = out,
		    .ctx_in = &context, .ctx_size_in = sizeof(context),
		    .repeat = ASKED_AT_ONCE);
	int fd = gate_test.program_fds[DATAPLANE_sg_uplink_in];

	while (!atomic_load(&is_synced)) {
		opts.data_size_out = sizeof(out);
		bpf_prog_test_run_opts(fd, &opts);
	}
	return NULL;
}

/* Change all links at once. It is not enough if others stay as they are. */
static void change_mtus(struct links *links)
{
	for (size_t i = 0; i < links->count; i++)
		links->items[i].mtu ^= 1;
}

/* The kernel gives what is replaced to the next that is written. */
static void a_packet_meets_no_other_interfaces_role(void **state)
{
	const struct spec closed = between("192.168.7.9", "192.168.7.2", 40000,
					   22, IPPROTO_TCP, SYN);
	struct links links;
	struct fault fault;
	struct frame frame;
	pthread_t thread;

	(void)state;
	build_frame(&frame, &closed, ETH0, false);
	assert_int_equal(links_read(&links, &fault), 0);
	atomic_store(&is_synced, false);
	assert_int_equal(
		pthread_create(&thread, NULL, ask_until_synced, &frame), 0);
	for (uint32_t end_s = boot_s() + SYNC_S; boot_s() < end_s;) {
		change_mtus(&links);
		if (sync_links(&gate_test.pins, &gate_test.policy, &links,
			       false, &fault))
			fail_msg("%s", fault.text);
	}
	atomic_store(&is_synced, true);
	pthread_join(thread, NULL);
	links_release(&links);
	assert_true(all_drops() > 0);
	assert_int_equal(all_drops(), drops_of(ETH0, SG_DROP_GRANT_CLOSED));
	assert_int_equal(flow_count(PINS_half_open), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(case_72_the_same_first_packet_on_all_cpus),
		TEST(the_containers_first_frames_on_all_cpus),
		TEST(case_71_72_colliding_sources_on_all_cpus),
		TEST(case_73_an_answer_beside_the_next_packet),
		TEST(case_73_a_reply_beside_the_insert),
		TEST(case_73_data_beside_the_promotion),
		TEST(case_73_numbers_are_raised_on_all_cpus),
		TEST(case_73_both_ends_close_at_once),
		TEST(a_packet_meets_no_other_interfaces_role),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
