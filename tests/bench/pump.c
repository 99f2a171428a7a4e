// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames into interfaces of any namespace, and what that costs: pump CPU FD
 *
 * It runs on one CPU, on which the kernel then does all the work of a frame:
 * the cost of one is the CPU time of this process, and of that CPU's
 * ksoftirqd, whose /proc/PID/schedstat is open as FD. It obeys lines of its
 * standard input and answers each with one:
 *
 *   tap NS IFACE   make a tap device, be its other end, and drop what is sent
 *                  there: a handle
 *   port NS IFACE  a packet socket on an interface: a handle
 *   tcx NS IFACE PATH
 *                  a pinned program on what the interface receives: a handle
 *   play COUNT N   and N lines, each a frame; COUNT times, all of them in turn:
 *                  nanoseconds of CPU, nanoseconds, frames that were refused
 *   time NS IFACE PATH COUNT REPEAT HEX
 *                  a pinned program, run on a frame as if the interface had
 *                  received it: COUNT times by BPF_PROG_TEST_RUN, each REPEAT
 *                  times over on the same frame: nanoseconds a run, summed up
 *                  over COUNT, and the action of the last
 *
 * With `relay NS IFACE NS IFACE` for FD, it makes two tap devices instead and
 * copies frames between them, as the two ends of a VPN would, until killed.
 *
 * A frame is: HANDLE HEX AT ADD SUM SUM, where the 32 bits at AT grow by ADD
 * each time, and the Internet checksums at both SUMs follow; 0: none.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_BYTES 1600
#define FRAMES_MAX 16
#define NS_PER_S 1000000000ULL
#define TCX_INGRESS ((enum bpf_attach_type)46) /* <linux/bpf.h> of 6.6 */

struct frame {
	int fd;
	size_t bytes;
	size_t at; /* of the field that grows; 0: none */
	uint32_t add;
	size_t sums[2];
	uint8_t data[FRAME_BYTES];
};

static struct frame frames[FRAMES_MAX];

static void fail(const char *what)
{
	fprintf(stderr, "pump: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(const char *ns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		fail(path);
	close(fd);
}

static int open_tap(const char *iface)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	/* as VPNs do; others' frames are skbs before XDP sees them */
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", iface);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
		fail(iface);
	return fd;
}

static int open_sink(const char *iface)
{
	struct sock_filter nothing = {.code = BPF_RET | BPF_K};
	struct sock_fprog filter = {.len = 1, .filter = &nothing};
	int fd = open_tap(iface);

	if (ioctl(fd, TUNATTACHFILTER, &filter))
		fail(iface);
	return fd;
}

static int open_port(const char *iface)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(iface),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		fail(iface);
	return fd;
}

static int attach(const char *iface)
{
	char path[256];
	int program;
	int fd;

	if (scanf("%255s", path) != 1)
		fail("tcx");
	program = bpf_obj_get(path);
	if (program < 0)
		fail(path);
	fd = bpf_link_create(program, (int)if_nametoindex(iface), TCX_INGRESS,
			     NULL);
	if (fd < 0)
		fail("tcx");
	return fd;
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec at;

	clock_gettime(clock, &at);
	return (uint64_t)at.tv_sec * NS_PER_S + (uint64_t)at.tv_nsec;
}

/* Return how long this process and the CPU's ksoftirqd have run. */
static uint64_t cpu_ns(int schedstat)
{
	char text[128] = "";

	if (pread(schedstat, text, sizeof(text) - 1, 0) <= 0)
		fail("schedstat");
	return now_ns(CLOCK_PROCESS_CPUTIME_ID) + strtoull(text, NULL, 10);
}

static void take_bytes(struct frame *frame)
{
	static char hex[2 * FRAME_BYTES + 1];
	unsigned int byte;

	if (scanf("%3200s", hex) != 1)
		fail("frame");
	frame->bytes = strlen(hex) / 2;
	for (size_t i = 0; i < frame->bytes; i++) {
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			fail("frame");
		frame->data[i] = (uint8_t)byte;
	}
}

static void take_frame(struct frame *frame)
{
	if (scanf("%d", &frame->fd) != 1)
		fail("frame");
	take_bytes(frame);
	if (scanf("%zu %u %zu %zu", &frame->at, &frame->add, &frame->sums[0],
		  &frame->sums[1]) != 4)
		fail("frame");
}

/* RFC 1624, eqn. 3, for 32 bits that change */
static void update_sum(uint8_t *at, uint32_t from, uint32_t to)
{
	uint16_t field;
	uint32_t sum;

	memcpy(&field, at, sizeof(field));
	sum = (uint16_t)~ntohs(field);
	sum += (~from >> 16) + (~from & 0xffff) + (to >> 16) + (to & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	field = htons((uint16_t)~sum);
	memcpy(at, &field, sizeof(field));
}

static void grow(struct frame *frame)
{
	uint32_t from;
	uint32_t to;

	memcpy(&from, frame->data + frame->at, sizeof(from));
	to = htonl(ntohl(from) + frame->add);
	memcpy(frame->data + frame->at, &to, sizeof(to));
	for (int i = 0; i < 2; i++)
		if (frame->sums[i])
			update_sum(frame->data + frame->sums[i], ntohl(from),
				   ntohl(to));
}

static void play(unsigned long count, unsigned long frame_count, int schedstat)
{
	uint64_t refused = 0;
	uint64_t wall;
	uint64_t cpu;

	if (frame_count > FRAMES_MAX)
		fail("too many frames");
	for (unsigned long i = 0; i < frame_count; i++)
		take_frame(&frames[i]);
	cpu = cpu_ns(schedstat);
	wall = now_ns(CLOCK_MONOTONIC);
	for (unsigned long i = 0; i < count; i++) {
		for (struct frame *f = frames; f < frames + frame_count; f++) {
			ssize_t sent = write(f->fd, f->data, f->bytes);

			refused += sent < 0;
			if (f->at)
				grow(f);
		}
	}
	wall = now_ns(CLOCK_MONOTONIC) - wall;
	cpu = cpu_ns(schedstat) - cpu;
	printf("%llu %llu %llu\n", (unsigned long long)cpu,
	       (unsigned long long)wall, (unsigned long long)refused);
}

static void time_program(void)
{
	struct frame *frame = &frames[0];
	struct __sk_buff context = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data,
		    .ctx_in = &context, .ctx_size_in = sizeof(context));
	char ns[128];
	char iface[IF_NAMESIZE];
	char path[256];
	unsigned long count;
	uint64_t sum = 0;
	int program;

	if (scanf("%127s %15s %255s %lu %d", ns, iface, path, &count,
		  &opts.repeat) != 5)
		fail("time");
	take_bytes(frame);
	opts.data_size_in = (uint32_t)frame->bytes;
	enter(ns);
	context.ifindex = if_nametoindex(iface);
	program = bpf_obj_get(path);
	if (program < 0)
		fail(path);
	for (unsigned long i = 0; i < count; i++) {
		if (bpf_prog_test_run_opts(program, &opts))
			fail("BPF_PROG_TEST_RUN");
		sum += opts.duration;
	}
	close(program);
	printf("%llu %u\n", (unsigned long long)sum, opts.retval);
}

static int open_handle(const char *word)
{
	char ns[128];
	char iface[IF_NAMESIZE];

	if (scanf("%127s %15s", ns, iface) != 2)
		fail(word);
	enter(ns);
	if (strcmp(word, "tap") == 0)
		return open_sink(iface);
	return strcmp(word, "tcx") == 0 ? attach(iface) : open_port(iface);
}

static void obey(int schedstat)
{
	unsigned long count;
	unsigned long frame_count;
	char word[16];

	while (scanf("%15s", word) == 1) {
		if (strcmp(word, "time") == 0)
			time_program();
		else if (strcmp(word, "play") != 0)
			printf("%d\n", open_handle(word));
		else if (scanf("%lu %lu", &count, &frame_count) == 2)
			play(count, frame_count, schedstat);
		fflush(stdout);
	}
}

static void copy_frames(int from, int to)
{
	static char frame[65536];
	ssize_t bytes;

	while ((bytes = read(from, frame, sizeof(frame))) > 0)
		if (write(to, frame, (size_t)bytes) < 0 && errno != EIO)
			fail("relay"); /* EIO: that end is not up */
}

static void relay(char **ends)
{
	struct pollfd taps[2] = {{.events = POLLIN}, {.events = POLLIN}};

	for (int i = 0; i < 2; i++) {
		enter(ends[2 * i]);
		taps[i].fd = open_tap(ends[2 * i + 1]);
	}
	while (poll(taps, 2, -1) >= 0)
		for (int i = 0; i < 2; i++)
			if (taps[i].revents)
				copy_frames(taps[i].fd, taps[!i].fd);
}

int main(int argc, char **argv)
{
	cpu_set_t cpus;

	if (argc == 7 && strcmp(argv[2], "relay") == 0) {
		relay(argv + 3);
		return 1;
	}
	if (argc != 3) {
		fprintf(stderr, "usage: pump CPU FD|relay NS IFACE NS IFACE\n");
		return 2;
	}
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		fail("sched_setaffinity");
	obey(atoi(argv[2]));
	return 0;
}
