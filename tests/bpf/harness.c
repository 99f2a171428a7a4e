// SPDX-License-Identifier: GPL-2.0-or-later
/* See harness.h. */
#include "harness.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "gate/maps.h"
#include "gate/sync.h"
#include "loaded.h"
#include "sys/links.h"
#include "twin.h"

/* who tries every port would wait long: the first, then one of so many */
#define TWIN_ALWAYS 20000
#define TWIN_THEN 97

struct gate_test gate_test;

static const char *const names[] = {"tap0", "eth0", "ve-container"};

static const char default_config[] =
	"forward \"ssh\" { ports = {\"22\"} }\n"
	"forward \"services\" { ports = {\"2000-2009\"} }\n"
	"forward \"web\" { ports = {\"8080\"} to = \"80\"\n"
	"                from = {\"10.1.0.0/28\", \"192.168.7.0/24\"} }\n"
	"forward \"dns\" { protocol = udp ports = {\"5353\"} to = \"53\" }\n";

static void shell(const char *command)
{
	if (system(command)) {
		fprintf(stderr, "failed: %s\n", command);
		exit(1);
	}
}

int harness_setup_group(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET)) {
		fputs("a network namespace needs root\n", stderr);
		exit(1);
	}
	shell("ip link set lo up;"
	      "for i in 'tap0 1' 'eth0 2' 've-container 3'; do set -- $i;"
	      "ip link add $1 address 02:00:00:00:01:0$2 type veth "
	      "peer name peer$2 address 02:00:00:00:09:0$2;"
	      "ip link set peer$2 up; ip link set $1 up; done;"
	      "ip addr add 10.1.0.2/24 dev tap0;"
	      "ip addr add 192.168.7.2/24 dev eth0;"
	      "ip addr add 10.0.3.1/24 dev ve-container;"
	      "ip addr add fd00:1::2/64 dev tap0 nodad;"
	      "ip addr add fd00:7::2/64 dev eth0 nodad;"
	      "ip addr add fd00:3::1/64 dev ve-container nodad;"
	      "sysctl -qw net.ipv6.conf.lo.forwarding=1;"
	      "ip neigh add fd00:7::9 lladdr 02:00:00:00:09:01 dev eth0;"
	      "sysctl -qw net.ipv4.conf.lo.forwarding=1;"
	      "ip neigh add 192.168.7.9 lladdr 02:00:00:00:09:01 dev eth0;"
	      "ip neigh add 10.1.0.1 lladdr 02:00:00:00:09:01 dev tap0");
	/* an XDP program can be tried on a receive queue that is ready for one
	 */
	shell("for i in tap0 eth0; do ethtool -K $i gro on; done "
	      "2>/dev/null;:");
	return 0;
}

static void parse(const char *config)
{
	struct fault fault;

	policy_release(&gate_test.policy);
	if (config_parse(config ? config : default_config, "test",
			 &gate_test.policy, &fault))
		fail_msg("%s", fault.text);
}

static void put_in_force(void)
{
	struct links links;
	struct fault fault;

	if (links_read(&links, &fault) ||
	    sync_links(&gate_test.pins, &gate_test.policy, &links, false,
		       &fault) ||
	    sync_policy(&gate_test.pins, &gate_test.policy, &fault))
		fail_msg("%s", fault.text);
	links_release(&links);
}

void harness_reload(const char *config)
{
	parse(config);
	put_in_force();
}

void harness_restart(const char *config)
{
	parse(config);
	loaded_for_policy();
	put_in_force();
}

int harness_setup(void **state)
{
	(void)state;
	for (int i = 0; i < IFACE_COUNT; i++)
		gate_test.ifindex[i] = if_nametoindex(names[i]);
	gate_test.gso_bytes = 0;
	gate_test.test_flags = 0;
	harness_restart(NULL);
	gate_test.has_twin = twin_is_possible();
	return 0;
}

static bool is_begun(const struct sg_flow_key *key, const struct sg_flow *flow,
		     uint16_t port)
{
	uint32_t index = port / SG_PORT_SEEN_PORTS;
	struct sg_port_seen row;

	if (key->protocol == IPPROTO_UDP)
		index += SG_PORT_SEEN_ROWS / 2;
	else if (key->protocol != IPPROTO_TCP)
		return true;
	assert_int_equal(
		bpf_map_lookup_elem(gate_test.pins.map_fds[PINS_port_seen],
				    &index, &row),
		0);
	return (flow->kind == SG_KIND_CONTROL || flow->kind == SG_KIND_HOST
			? row.hosts
			: row.containers)[port % SG_PORT_SEEN_PORTS];
}

/* Every flow there is can be found by the ports of both its inner ends. */
static void assert_flows_are_begun(enum pins_map map)
{
	int fd = gate_test.pins.map_fds[map];
	struct sg_flow_key *keys = NULL;
	struct sg_flow flow;
	size_t count;

	assert_int_equal(maps_keys(fd, sizeof(*keys), (void **)&keys, &count),
			 0);
	for (size_t i = 0; i < count; i++) {
		if (bpf_map_lookup_elem(fd, &keys[i], &flow))
			continue;
		assert_true(is_begun(&keys[i], &flow,
				     ntohs(keys[i].local_port.be)));
		assert_true(
			is_begun(&keys[i], &flow, ntohs(flow.gate_port.be)));
	}
	free(keys);
}

int harness_teardown(void **state)
{
	(void)state;
	assert_flows_are_begun(PINS_half_open);
	assert_flows_are_begun(PINS_flows);
	policy_release(&gate_test.policy);
	return 0;
}

void harness_grant(unsigned int grant, uint32_t open, uint32_t deadline_s)
{
	struct sg_grant value = {.open = open, .deadline_s = deadline_s};

	assert_int_equal(
		bpf_map_update_elem(gate_test.pins.map_fds[PINS_grants], &grant,
				    &value, BPF_ANY),
		0);
}

int harness_rounds(int count)
{
	return getenv("GUEST") ? count / 4 : count;
}

static int run(struct frame *frame, enum dataplane_program program,
	       uint32_t ifindex)
{
	struct __sk_buff context = {.ifindex = ifindex,
				    .gso_size = gate_test.gso_bytes};
	struct frame out = {.bytes = FRAME_BYTES};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data,
		    .data_size_in = (__u32)frame->bytes, .data_out = out.data,
		    .data_size_out = FRAME_BYTES, .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = 1,
		    .flags = gate_test.test_flags);
	int fd = gate_test.program_fds[program];

	if (bpf_prog_test_run_opts(fd, &opts))
		fail_msg("test run: %s", strerror(errno));
	out.bytes = opts.data_size_out;
	*frame = out;
	return (int)opts.retval;
}

int run_in(struct frame *frame, enum place at)
{
	static unsigned long runs;
	struct twin twin;
	bool has_twin;
	int action;

	if (at == VE_CONTAINER)
		return run(frame, DATAPLANE_sg_container_in,
			   gate_test.ifindex[at]);
	has_twin = gate_test.has_twin &&
		   (runs++ < (unsigned long)harness_rounds(TWIN_ALWAYS) ||
		    runs % TWIN_THEN == 0);
	if (has_twin)
		twin_before(&twin, frame, at);
	action = run(frame, DATAPLANE_sg_uplink_in, gate_test.ifindex[at]);
	if (has_twin)
		twin_after(&twin, at, action);
	return action;
}

int run_out(struct frame *frame, enum place at)
{
	return run(frame, DATAPLANE_sg_host_out, gate_test.ifindex[at]);
}

int send_in(const struct spec *spec, enum place at, struct frame *ret_frame)
{
	struct frame frame;
	int action;

	build_frame(&frame, spec, at, false);
	action = run_in(&frame, at);
	if (ret_frame)
		*ret_frame = frame;
	return action;
}

int send_out(const struct spec *spec, enum place at, struct frame *ret_frame)
{
	struct frame frame;
	int action;

	build_frame(&frame, spec, at, true);
	action = run_out(&frame, at);
	if (ret_frame)
		*ret_frame = frame;
	return action;
}

uint64_t drops_of(enum place at, enum sg_reason reason)
{
	struct sg_drop_key key = {gate_test.ifindex[at], reason};
	uint64_t packets;

	return maps_sum(gate_test.pins.map_fds[PINS_drops], &key, 1,
			&packets) == 0
		       ? packets
		       : 0;
}

uint64_t all_drops(void)
{
	uint64_t sum = 0;

	for (int at = 0; at < IFACE_COUNT; at++)
		for (int reason = 1; reason < SG_REASON_COUNT; reason++)
			sum += drops_of((enum place)at, (enum sg_reason)reason);
	return sum;
}

void assert_dropped(struct frame *frame, enum place at, enum sg_reason reason)
{
	const struct frame before = *frame;
	uint64_t of_reason = drops_of(at, reason);
	uint64_t all = all_drops();

	assert_int_equal(run_in(frame, at), ACTION_DROP);
	assert_int_equal(frame->bytes, before.bytes);
	assert_memory_equal(frame->data, before.data, before.bytes);
	if (drops_of(at, reason) != of_reason + 1)
		for (int r = 1; r < SG_REASON_COUNT; r++)
			if (drops_of(at, (enum sg_reason)r))
				print_error("dropped as %d, not %d\n", r,
					    reason);
	assert_int_equal(drops_of(at, reason), of_reason + 1);
	assert_int_equal(all_drops(), all + 1);
}

void assert_spec_dropped(const struct spec *spec, enum place at,
			 enum sg_reason reason)
{
	struct frame frame;

	build_frame(&frame, spec, at, false);
	assert_dropped(&frame, at, reason);
}

void assert_refused(const struct spec *spec, enum place at,
		    enum sg_reason reason)
{
	uint64_t of_reason = drops_of(at, reason);
	uint64_t all = all_drops();
	struct frame frame;
	int action = send_in(spec, at, &frame);

	if (drops_of(at, reason) != of_reason + 1)
		for (int r = 1; r < SG_REASON_COUNT; r++)
			if (drops_of(at, (enum sg_reason)r))
				print_error("dropped as %d, not %d\n", r,
					    reason);
	assert_int_equal(drops_of(at, reason), of_reason + 1);
	assert_int_equal(all_drops(), all + 1);
	if (action == ACTION_DROP)
		return;
	assert_int_equal(action, ACTION_REDIRECT);
	assert_string_equal(frame_dst(&frame), spec->src);
	assert_true(sums_are_right(&frame));
}

size_t flow_count(enum pins_map map)
{
	struct sg_flow_key *keys = NULL;
	size_t count = 0;

	assert_int_equal(maps_keys(gate_test.pins.map_fds[map], sizeof(*keys),
				   (void **)&keys, &count),
			 0);
	free(keys);
	return count;
}

enum pins_map the_flow(struct sg_flow_key *ret_key, struct sg_flow *ret_flow)
{
	enum pins_map map =
		flow_count(PINS_flows) ? PINS_flows : PINS_half_open;
	int fd = gate_test.pins.map_fds[map];

	assert_int_equal(flow_count(PINS_flows) + flow_count(PINS_half_open),
			 1);
	assert_int_equal(bpf_map_get_next_key(fd, NULL, ret_key), 0);
	assert_int_equal(bpf_map_lookup_elem(fd, ret_key, ret_flow), 0);
	return map;
}

void open_tcp(const struct spec *syn, enum place at, struct spec *ret_reply)
{
	struct spec packet = *syn;
	struct spec reply = {.protocol = IPPROTO_TCP};
	struct frame frame;

	packet.protocol = IPPROTO_TCP;
	packet.flags = SYN;
	assert_int_equal(send_in(&packet, at, &frame), ACTION_REDIRECT);
	reply.src = "10.0.3.2";
	reply.dst = packet.src;
	reply.sport = frame_dport(&frame);
	reply.dport = packet.sport;
	reply.flags = SYN | ACK;
	assert_int_equal(send_in(&reply, VE_CONTAINER, NULL), ACTION_REDIRECT);
	packet.flags = ACK;
	assert_int_equal(send_in(&packet, at, NULL), ACTION_REDIRECT);
	reply.flags = ACK;
	*ret_reply = reply;
}
