// SPDX-License-Identifier: GPL-2.0-or-later
/* See probes.h. */
#include "probes.h"

#include <bpf/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "gate/maps.h"
#include "sys/clock.h"

#define ETH 14

const struct spec vpn_tcp = {
	.src = "10.1.0.1",
	.dst = "10.1.0.2",
	.sport = 40000,
	.dport = 22,
	.protocol = IPPROTO_TCP,
	.flags = SYN,
};

const struct spec vpn_udp = {
	.src = "10.1.0.1",
	.dst = "10.1.0.2",
	.sport = 40000,
	.dport = 5353,
	.protocol = IPPROTO_UDP,
	.payload_bytes = 20,
};

struct spec between(const char *src, const char *dst, uint16_t sport,
		    uint16_t dport, uint8_t protocol, uint8_t flags)
{
	return (struct spec){
		.src = src,
		.dst = dst,
		.sport = sport,
		.dport = dport,
		.protocol = protocol,
		.flags = flags,
		.icmp_type = protocol == IPPROTO_ICMP ? 8 : 0,
	};
}

/* Calls visit for every flow, and writes back what it changes. */
static void each_flow(enum pins_map map,
		      void (*visit)(struct sg_flow *flow, uint64_t *argument),
		      uint64_t *argument)
{
	int fd = gate_test.pins.map_fds[map];
	struct sg_flow_key *keys = NULL;
	struct sg_flow *flows = NULL;
	size_t count;

	assert_int_equal(maps_read(fd, sizeof(*keys), sizeof(*flows),
				   (void **)&keys, (void **)&flows, &count),
			 0);
	for (size_t i = 0; i < count; i++) {
		struct sg_flow before = flows[i];

		visit(&flows[i], argument);
		if (memcmp(&before, &flows[i], sizeof(before)) != 0)
			assert_int_equal(bpf_map_update_elem(fd, &keys[i],
							     &flows[i],
							     BPF_EXIST),
					 0);
	}
	free(keys);
	free(flows);
}

static void add_packets(struct sg_flow *flow, uint64_t *sum)
{
	*sum += flow->traffic[SG_IN].packets + flow->traffic[SG_OUT].packets;
}

uint64_t flow_packets(void)
{
	uint64_t sum = 0;

	each_flow(PINS_half_open, add_packets, &sum);
	each_flow(PINS_flows, add_packets, &sum);
	return sum;
}

static void set_last(struct sg_flow *flow, uint64_t *then_s)
{
	flow->last_s = (uint32_t)*then_s;
}

void age_flows(enum pins_map map, uint64_t seconds)
{
	uint64_t then_s = boot_s() - seconds;

	each_flow(map, set_last, &then_s);
}

void wait_for_mid_second(void)
{
	const struct timespec little = {.tv_nsec = 20000000};
	struct timespec now;

	do {
		nanosleep(&little, NULL);
		clock_gettime(CLOCK_BOOTTIME, &now);
	} while (now.tv_nsec < 300000000 || now.tv_nsec > 600000000);
}

void needs_kernel(int major, int minor)
{
	struct utsname name;
	int is_major = 0;
	int is_minor = 0;

	uname(&name);
	sscanf(name.release, "%d.%d", &is_major, &is_minor);
	if (is_major < major || (is_major == major && is_minor < minor))
		skip();
}

void shell_runs(const char *commands)
{
	if (system(commands))
		fail_msg("failed: %s", commands);
}

/* The probe unharmed gets through: what stops the others is the harm. */
void control(const struct spec *spec)
{
	struct spec other = *spec;

	other.sport = 50000;
	assert_delivered(&other, TAP0);
}

enum sg_state state_now(void)
{
	struct sg_flow_key key;
	struct sg_flow flow;

	the_flow(&key, &flow);
	return (enum sg_state)flow.state;
}

/* The TTL, or hop limit. */
static uint8_t ttl_of(const struct frame *frame)
{
	return frame->data[ETH] >> 4 == 6 ? frame->data[ETH + 7]
					  : frame->data[ETH + 8];
}

void assert_no_flow(void)
{
	assert_int_equal(flow_count(PINS_half_open), 0);
	assert_int_equal(flow_count(PINS_flows), 0);
}

void assert_frame_delivered(struct frame *frame, enum place at)
{
	const uint8_t veth[] = VETH_MAC;
	const struct frame before = *frame;
	uint64_t packets = flow_packets();
	uint64_t drops = all_drops();

	assert_int_equal(run_in(frame, at), ACTION_REDIRECT);
	assert_int_equal(frame->bytes, before.bytes);
	assert_memory_equal(frame->data + 6, veth, sizeof(veth));
	assert_string_equal(frame_src(frame), frame_src(&before));
	assert_string_equal(frame_dst(frame), frame->data[ETH] >> 4 == 6
						      ? "fd00:3::2"
						      : "10.0.3.2");
	assert_int_equal(frame_sport(frame), frame_sport(&before));
	assert_int_equal(ttl_of(frame), ttl_of(&before) - 1);
	assert_true(sums_are_right(frame));
	assert_int_equal(all_drops(), drops);
	assert_int_equal(flow_packets(), packets + 1);
}

static void assert_payload(const struct frame *frame, const struct spec *spec)
{
	const uint8_t *payload =
		frame->data + frame->bytes - spec->payload_bytes;

	for (size_t i = 0; i < spec->payload_bytes; i++)
		assert_int_equal(payload[i], (uint8_t)(i * 7));
}

void assert_delivered(const struct spec *spec, enum place at)
{
	struct frame frame;

	build_frame(&frame, spec, at, false);
	assert_frame_delivered(&frame, at);
	assert_payload(&frame, spec);
}

void assert_delivered_to(const struct spec *spec, enum place at, uint16_t port)
{
	struct frame frame;

	build_frame(&frame, spec, at, false);
	assert_frame_delivered(&frame, at);
	assert_int_equal(frame_dport(&frame), port);
}

void assert_frame_passed(struct frame *frame, enum place at)
{
	const struct frame before = *frame;
	uint64_t drops = all_drops();

	assert_int_equal(run_in(frame, at), ACTION_PASS);
	assert_int_equal(frame->bytes, before.bytes);
	assert_memory_equal(frame->data, before.data, before.bytes);
	assert_int_equal(all_drops(), drops);
}

void assert_passed(const struct spec *spec, enum place at)
{
	struct frame frame;

	build_frame(&frame, spec, at, false);
	assert_frame_passed(&frame, at);
}

/* The gate's address on the way to a remote. */
static const char *gate_towards(const char *remote)
{
	if (strchr(remote, ':'))
		return "fd00:7::2";
	return strncmp(remote, "10.1.", 5) ? "192.168.7.2" : "10.1.0.2";
}

void assert_left(const struct spec *spec, struct frame *ret_frame)
{
	uint64_t packets = flow_packets();
	uint64_t drops = all_drops();
	struct frame frame;

	assert_int_equal(send_in(spec, VE_CONTAINER, &frame), ACTION_REDIRECT);
	assert_string_equal(frame_src(&frame), gate_towards(spec->dst));
	assert_string_equal(frame_dst(&frame), spec->dst);
	if (spec->protocol != IPPROTO_ICMP && spec->sport < 1024)
		assert_in_range(frame_sport(&frame),
				spec->sport < 512 ? 1 : 512,
				spec->sport < 512 ? 511 : 1023);
	else
		assert_in_range(frame_sport(&frame),
				gate_test.policy.masquerade_ports.first,
				gate_test.policy.masquerade_ports.last);
	if (spec->protocol != IPPROTO_ICMP)
		assert_int_equal(frame_dport(&frame), spec->dport);
	assert_int_equal(ttl_of(&frame), spec->ttl ? spec->ttl - 1 : 63);
	assert_true(sums_are_right(&frame));
	assert_payload(&frame, spec);
	assert_int_equal(all_drops(), drops);
	assert_int_equal(flow_packets(), packets + 1);
	if (ret_frame)
		*ret_frame = frame;
}

struct spec send_for_answer(const struct spec *out)
{
	struct frame sent;

	assert_left(out, &sent);
	return between(out->dst, gate_towards(out->dst), out->dport,
		       frame_sport(&sent), out->protocol, SYN | ACK);
}

struct spec answer_to(const struct frame *sent, uint8_t protocol, uint8_t flags)
{
	struct spec answer =
		between(frame_dst(sent), frame_src(sent), frame_dport(sent),
			frame_sport(sent), protocol, flags);

	if (protocol == IPPROTO_ICMP) {
		answer.icmp_type = 0;
		answer.sport = frame_sport(sent); /* the identifier */
	}
	return answer;
}

const struct spec lan_tcp = {
	.src = "192.168.7.9",
	.dst = "192.168.7.2",
	.sport = 40000,
	.dport = 22,
	.protocol = IPPROTO_TCP,
	.flags = SYN,
};

void lan_gets_short(void)
{
	struct spec spec = lan_tcp;
	struct spec reply;

	spec.src = "192.168.7.77";
	for (int i = 0; i < 12; i++, spec.sport++) /* of 24 */
		open_tcp(&spec, ETH0, &reply);
}
