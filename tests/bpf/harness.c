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

#include "config.h"
#include "links.h"
#include "maps.h"
#include "sync.h"

struct gate_test gate_test;

static const char *const names[] = {"tap0", "eth0", "ve-container"};
static const uint8_t macs[][6] = {TAP0_MAC, ETH0_MAC, VETH_MAC};
static const uint8_t remote_mac[] = REMOTE_MAC;
static const uint8_t container_mac[] = CONTAINER_MAC;

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
	      "sysctl -qw net.ipv4.conf.lo.forwarding=1;"
	      "ip neigh add 192.168.7.9 lladdr 02:00:00:00:09:01 dev eth0;"
	      "ip neigh add 10.1.0.1 lladdr 02:00:00:00:09:01 dev tap0");
	return 0;
}

static void load_config(const char *config)
{
	struct links links;
	struct fault fault;

	policy_release(&gate_test.policy);
	if (config_parse(config ? config : default_config, "test",
			 &gate_test.policy, &fault) ||
	    links_read(&links, &fault))
		fail_msg("%s", fault.text);
	if (gate_test.dataplane.skeleton &&
	    (sync_links(&gate_test.pins, &gate_test.policy, &links, &fault) ||
	     sync_policy(&gate_test.pins, &gate_test.policy, &fault)))
		fail_msg("%s", fault.text);
	links_release(&links);
}

void harness_reload(const char *config)
{
	load_config(config);
}

void harness_restart(const char *config)
{
	struct fault fault;

	dataplane_unload(&gate_test.dataplane);
	load_config(config);
	if (dataplane_load(NULL, &gate_test.policy, &gate_test.dataplane,
			   &fault))
		fail_msg("%s", fault.text);
	gate_test.pins.dir = "test";
	for (int map = 0; map < PINS_MAP_COUNT; map++)
		gate_test.pins.map_fds[map] =
			dataplane_map(&gate_test.dataplane, pins_map_name(map));
	load_config(config);
}

int harness_setup(void **state)
{
	(void)state;
	for (int i = 0; i < IFACE_COUNT; i++)
		gate_test.ifindex[i] = if_nametoindex(names[i]);
	harness_restart(NULL);
	return 0;
}

int harness_teardown(void **state)
{
	(void)state;
	dataplane_unload(&gate_test.dataplane);
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

static uint64_t add_sum(uint64_t sum, const void *data, size_t bytes)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i < bytes; i++)
		sum += i % 2 ? byte[i] : (uint64_t)byte[i] << 8;
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static struct iphdr *ip_of(const struct frame *frame)
{
	return (struct iphdr *)(uintptr_t)(frame->data + ETH_HLEN);
}

static uint8_t *l4_of(const struct frame *frame)
{
	return (uint8_t *)ip_of(frame) + ip_of(frame)->ihl * 4;
}

static size_t l4_bytes(const struct frame *frame)
{
	return ntohs(ip_of(frame)->tot_len) - ip_of(frame)->ihl * 4U;
}

void fix_ip_sum(struct frame *frame)
{
	struct iphdr *ip = ip_of(frame);

	ip->check = 0;
	ip->check = htons(~fold(add_sum(0, ip, ip->ihl * 4U)));
}

static uint64_t pseudo_sum(const struct frame *frame)
{
	const struct iphdr *ip = ip_of(frame);

	return add_sum(0, &ip->saddr, 8) + ip->protocol + l4_bytes(frame);
}

static uint16_t *l4_check(const struct frame *frame)
{
	switch (ip_of(frame)->protocol) {
	case IPPROTO_TCP:
		return &((struct tcphdr *)l4_of(frame))->check;
	case IPPROTO_UDP:
		return &((struct udphdr *)l4_of(frame))->check;
	case IPPROTO_ICMP:
		return &((struct icmphdr *)l4_of(frame))->checksum;
	default:
		return NULL;
	}
}

static uint16_t l4_sum(const struct frame *frame)
{
	uint64_t sum =
		ip_of(frame)->protocol == IPPROTO_ICMP ? 0 : pseudo_sum(frame);

	return fold(add_sum(sum, l4_of(frame), l4_bytes(frame)));
}

bool sums_are_right(const struct frame *frame)
{
	const struct iphdr *ip = ip_of(frame);

	if (fold(add_sum(0, ip, ip->ihl * 4U)) != 0xffff)
		return false;
	if (ip->protocol == IPPROTO_UDP && *l4_check(frame) == 0)
		return true;
	return l4_sum(frame) == 0xffff;
}

static void build_l4(uint8_t *at, const struct spec *spec, size_t bytes)
{
	struct tcphdr *tcp = (void *)at;
	struct udphdr *udp = (void *)at;
	struct icmphdr *icmp = (void *)at;

	if (spec->protocol == IPPROTO_TCP) {
		tcp->source = htons(spec->sport);
		tcp->dest = htons(spec->dport);
		tcp->seq = htonl(spec->seq	     ? spec->seq
				 : spec->flags & SYN ? 1000
						     : 1001);
		tcp->ack_seq = htonl(spec->ack ? spec->ack : 1001);
		tcp->doff = 5;
		at[13] = spec->flags;
		tcp->window = htons(spec->window ? spec->window : 64000);
	} else if (spec->protocol == IPPROTO_UDP) {
		udp->source = htons(spec->sport);
		udp->dest = htons(spec->dport);
		udp->len = htons((uint16_t)bytes);
	} else if (spec->protocol == IPPROTO_ICMP) {
		icmp->type = spec->icmp_type;
		icmp->un.echo.id = htons(spec->sport);
		icmp->un.echo.sequence = htons(1);
	}
}

static size_t header_bytes(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : 8;
}

void build_frame(struct frame *frame, const struct spec *spec, enum place at,
		 bool outgoing)
{
	struct ether_header *eth = (void *)frame->data;
	const uint8_t *peer = at == VE_CONTAINER ? container_mac : remote_mac;
	struct iphdr *ip = ip_of(frame);
	size_t l4 = header_bytes(spec->protocol) + spec->payload_bytes;
	size_t total = sizeof(*ip) + spec->options_bytes + l4;

	memset(frame, 0, sizeof(*frame));
	memcpy(eth->ether_dhost, outgoing ? peer : macs[at], 6);
	memcpy(eth->ether_shost, outgoing ? macs[at] : peer, 6);
	eth->ether_type = htons(ETHERTYPE_IP);
	ip->version = 4;
	ip->ihl = (5 + spec->options_bytes / 4) & 0xf;
	ip->tot_len = htons((uint16_t)total);
	ip->frag_off = htons(spec->fragment);
	ip->ttl = spec->ttl ? spec->ttl : 64;
	ip->protocol = spec->protocol;
	inet_pton(AF_INET, spec->src, &ip->saddr);
	inet_pton(AF_INET, spec->dst, &ip->daddr);
	memcpy(ip + 1, spec->options, spec->options_bytes);
	fix_ip_sum(frame);
	build_l4(l4_of(frame), spec, l4);
	for (size_t i = 0; i < spec->payload_bytes; i++)
		l4_of(frame)[l4 - spec->payload_bytes + i] = (uint8_t)(i * 7);
	frame->bytes = ETH_HLEN + total;
	if (!l4_check(frame) || spec->no_udp_sum)
		return;
	*l4_check(frame) = htons(~l4_sum(frame));
	if (spec->protocol == IPPROTO_UDP && *l4_check(frame) == 0)
		*l4_check(frame) = 0xffff;
}

static int run(struct frame *frame, enum dataplane_program program,
	       uint32_t ifindex)
{
	struct __sk_buff context = {.ifindex = ifindex};
	struct frame out = {.bytes = FRAME_BYTES};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data,
		    .data_size_in = (__u32)frame->bytes, .data_out = out.data,
		    .data_size_out = FRAME_BYTES, .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = 1);
	int fd = gate_test.dataplane.program_fds[program];

	if (bpf_prog_test_run_opts(fd, &opts))
		fail_msg("test run: %s", strerror(errno));
	out.bytes = opts.data_size_out;
	*frame = out;
	return (int)opts.retval;
}

int run_in(struct frame *frame, enum place at)
{
	return run(frame,
		   at == VE_CONTAINER ? DATAPLANE_sg_container_in
				      : DATAPLANE_sg_uplink_in,
		   gate_test.ifindex[at]);
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

static const char *address(const void *at)
{
	static char text[4][INET_ADDRSTRLEN];
	static int next;
	char *into = text[next++ % 4];

	inet_ntop(AF_INET, at, into, INET_ADDRSTRLEN);
	return into;
}

const char *frame_src(const struct frame *frame)
{
	return address(&ip_of(frame)->saddr);
}

const char *frame_dst(const struct frame *frame)
{
	return address(&ip_of(frame)->daddr);
}

uint16_t frame_sport(const struct frame *frame)
{
	const uint8_t *l4 = l4_of(frame);

	if (ip_of(frame)->protocol == IPPROTO_ICMP)
		return (uint16_t)(l4[4] << 8 | l4[5]);
	return (uint16_t)(l4[0] << 8 | l4[1]);
}

uint16_t frame_dport(const struct frame *frame)
{
	const uint8_t *l4 = l4_of(frame);

	return (uint16_t)(l4[2] << 8 | l4[3]);
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
