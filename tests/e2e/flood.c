// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Packets as fast as an interface of this namespace takes them, each from
 * another source: flood [OPTION...] IFACE DST_MAC KIND COUNT
 *
 *   --sources PREFIX  where they say they come from (10.64.0.0/10); no address
 *                     comes twice before each has come once. IPv6: /96 at least
 *   --from-port PORT  (any)
 *   --to ADDRESS      10.1.0.2; a second one: to each in turn
 *   --port PORT       22
 *   --tap ADDRESS     they do not go out by IFACE, they come in by it: it is
 *                     made, with this address and DST_MAC, and set up, and goes
 *                     with this process
 *   --down            not set up: that is for others. Packets are pressed on it
 *                     all the while
 *   --seconds N       ends after N seconds, if COUNT were not sent before
 *
 * KIND: syn, TCP SYNs. udp. echo, ICMP echo requests. fragment, UDP datagrams
 * of which the first fragment comes, or one of the later, and never the rest;
 * first and later, the one or the other alone, of TCP. garbage, SYNs with one
 * thing wrong. neighbour, ARP requests, or of IPv6 neighbour solicitations.
 * COUNT 0: without end. Prints how many were sent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ether.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "flood_packets.h"

#define BATCH 256

struct flood {
	const char *iface;
	struct ether_addr to_mac;
	uint64_t count;
	unsigned int seconds; /* 0: no end */
	struct in_addr tap;   /* 0: through an interface that is there */
	bool down;
	struct flood_packets packets;
};

static struct ifreq request_for(const struct flood *flood)
{
	struct ifreq request = {};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s",
		 flood->iface);
	return request;
}

static int open_iface(const struct flood *flood, struct ether_addr *ret_mac)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct ifreq request = request_for(flood);

	at.sll_ifindex = (int)if_nametoindex(flood->iface);
	if (fd < 0 || !at.sll_ifindex || ioctl(fd, SIOCGIFHWADDR, &request) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return -1;
	memcpy(ret_mac, request.ifr_hwaddr.sa_data, sizeof(*ret_mac));
	return fd;
}

/* No process in between: the first packet comes as soon as it can. */
static int make_tap(const struct flood *flood)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr = flood->tap,
	};
	struct ifreq make = request_for(flood), mac = make, own = make,
		     up = make;

	make.ifr_flags = IFF_TAP | IFF_NO_PI;
	mac.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(mac.ifr_hwaddr.sa_data, &flood->to_mac, sizeof(flood->to_mac));
	memcpy(&own.ifr_addr, &address, sizeof(address));
	up.ifr_flags = IFF_UP;
	if (fd < 0 || control < 0 || ioctl(fd, TUNSETIFF, &make) ||
	    ioctl(control, SIOCSIFHWADDR, &mac) ||
	    (!flood->down && (ioctl(control, SIOCSIFADDR, &own) ||
			      ioctl(control, SIOCSIFFLAGS, &up))))
		return -1;
	close(control);
	return fd;
}

/* All of them, however few the interface takes at once; 0 or -1. */
static int send_batch(int fd, struct mmsghdr *messages, unsigned int count)
{
	unsigned int done = 0;

	while (done < count) {
		int sent = sendmmsg(fd, messages + done, count - done, 0);

		if (sent > 0)
			done += (unsigned int)sent;
		else if (errno == ENOBUFS || errno == EINTR)
			sched_yield();
		else
			return -1;
	}
	return 0;
}

/* The same, where they come in; EIO: it is down. */
static int write_batch(int fd, const struct mmsghdr *messages,
		       unsigned int count)
{
	unsigned int done = 0;

	while (done < count) {
		const struct iovec *packet = messages[done].msg_hdr.msg_iov;

		if (write(fd, packet->iov_base, packet->iov_len) >= 0)
			done++;
		else if (errno == EIO || errno == EINTR)
			sched_yield();
		else
			return -1;
	}
	return 0;
}

/* Return the milliseconds of the clock that nobody sets. */
static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_over(const struct flood *flood, int64_t began_ms)
{
	return flood->seconds &&
	       clock_ms() - began_ms >= (int64_t)flood->seconds * 1000;
}

/* Return how many were sent. If they are not *ret_is_whole, all that were
 * wanted or that there was time for, errno says why. */
static uint64_t run(struct flood *flood, bool *ret_is_whole)
{
	static struct slot slots[BATCH];
	static struct iovec parts[BATCH];
	static struct mmsghdr messages[BATCH];
	struct ether_addr from_mac = {{2}};
	bool tap = flood->tap.s_addr != 0;
	int fd = tap ? make_tap(flood) : open_iface(flood, &from_mac);
	int64_t began_ms = clock_ms();
	uint64_t sent = 0;

	for (size_t i = 0; i < BATCH; i++) {
		memcpy(slots[i].eth.ether_dhost, &flood->to_mac, ETH_ALEN);
		memcpy(slots[i].eth.ether_shost, &from_mac, ETH_ALEN);
		parts[i].iov_base = &slots[i].eth;
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (fd >= 0 && sent < flood->count && !is_over(flood, began_ms)) {
		uint64_t left = flood->count - sent;
		unsigned int batch = left < BATCH ? (unsigned int)left : BATCH;

		for (unsigned int i = 0; i < batch; i++)
			parts[i].iov_len =
				flood_packets_next(&flood->packets, &slots[i]);
		if (tap ? write_batch(fd, messages, batch)
			: send_batch(fd, messages, batch)) {
			*ret_is_whole = false;
			return sent;
		}
		sent += batch;
	}
	*ret_is_whole = fd >= 0;
	return sent;
}

static bool take_address(const char *text, struct flood_packets *packets,
			 struct flood_address *ret_address)
{
	struct in6_addr v6;
	struct in_addr v4;
	uint32_t low;

	packets->v6 = strchr(text, ':') != NULL;
	if (!packets->v6) {
		if (!inet_aton(text, &v4))
			return false;
		ret_address->low = ntohl(v4.s_addr);
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return false;
	memcpy(ret_address->high, v6.s6_addr, sizeof(ret_address->high));
	memcpy(&low, v6.s6_addr + sizeof(ret_address->high), sizeof(low));
	ret_address->low = ntohl(low);
	return true;
}

static bool take_prefix(const char *text, struct flood_packets *ret_packets)
{
	struct flood_address first = {};
	char address[INET6_ADDRSTRLEN];
	unsigned int bits;

	if (sscanf(text, "%45[0-9a-f.:]/%u", address, &bits) != 2 ||
	    !take_address(address, ret_packets, &first))
		return false;
	if (ret_packets->v6)
		bits -= 96; /* those that never vary */
	if (bits > 32 || (!bits && !ret_packets->v6))
		return false;
	ret_packets->source_mask = (uint32_t)(((uint64_t)1 << (32 - bits)) - 1);
	first.low &= ~ret_packets->source_mask;
	ret_packets->first_source = first;
	return true;
}

static bool take_target(const char *text, struct flood_packets *ret_packets)
{
	if (ret_packets->to_count == TARGETS_MAX ||
	    !take_address(text, ret_packets,
			  &ret_packets->to[ret_packets->to_count]))
		return false;
	ret_packets->to_count++;
	return true;
}

static bool take_option(int option, const char *value, struct flood *ret_flood)
{
	switch (option) {
	case 's':
		return take_prefix(value, &ret_flood->packets);
	case 'f':
		ret_flood->packets.source_port = (uint16_t)atoi(value);
		return true;
	case 't':
		return take_target(value, &ret_flood->packets);
	case 'p':
		ret_flood->packets.port = (uint16_t)atoi(value);
		return true;
	case 'i':
		return inet_aton(value, &ret_flood->tap);
	case 'd':
		ret_flood->down = true;
		return true;
	case 'n':
		ret_flood->seconds = (unsigned int)atoi(value);
		return true;
	default:
		return false;
	}
}

static bool take_arguments(int argc, char **argv, struct flood *ret_flood)
{
	static const struct option options[] = {
		{"sources", required_argument, NULL, 's'},
		{"from-port", required_argument, NULL, 'f'},
		{"to", required_argument, NULL, 't'},
		{"port", required_argument, NULL, 'p'},
		{"tap", required_argument, NULL, 'i'},
		{"down", no_argument, NULL, 'd'},
		{"seconds", required_argument, NULL, 'n'},
		{},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take_option(option, optarg, ret_flood))
			return false;
	if (argc - optind != 4)
		return false;
	argv += optind;
	ret_flood->iface = argv[0];
	ret_flood->packets.kind = flood_packets_kind(argv[2]);
	ret_flood->count = strtoull(argv[3], NULL, 10);
	if (!ret_flood->count)
		ret_flood->count = UINT64_MAX;
	return ether_aton_r(argv[1], &ret_flood->to_mac) &&
	       ret_flood->packets.kind != FLOOD_KIND_COUNT;
}

int main(int argc, char **argv)
{
	struct flood flood = {.packets = {.port = 22}};
	struct flood_packets *packets = &flood.packets;
	bool is_whole;
	uint64_t sent;

	take_prefix("10.64.0.0/10", packets);
	if (!take_arguments(argc, argv, &flood)) {
		fprintf(stderr, "usage: flood [--sources PREFIX] [--from-port "
				"PORT] [--to ADDRESS]... [--port PORT] [--tap "
				"ADDRESS] [--down] [--seconds N] IFACE DST_MAC "
				"KIND COUNT\n");
		return 2;
	}
	if (!packets->to_count)
		take_target("10.1.0.2", packets);
	if (getrandom(&packets->random, sizeof(packets->random), 0) < 0 ||
	    !packets->random)
		packets->random = 1;
	packets->source_at = (uint32_t)packets->random;
	packets->source_step = (uint32_t)(packets->random >> 32) | 1;
	sent = run(&flood, &is_whole);
	if (!is_whole)
		fprintf(stderr, "flood: %s: %s\n", flood.iface,
			strerror(errno));
	printf("%llu\n", (unsigned long long)sent);
	return !is_whole;
}
