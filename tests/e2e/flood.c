// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Packets as fast as an interface of this namespace takes them, each from
 * another source: flood [OPTION...] IFACE DST_MAC syn|fragment COUNT
 *
 *   --sources PREFIX  where they say they come from (10.64.0.0/10); no address
 *                     comes twice before each has come once
 *   --to ADDRESS      10.1.0.2
 *   --port PORT       22
 *
 * syn: TCP SYNs. fragment: UDP datagrams of which the first fragment comes, or
 * one of the later, and never the rest. Prints how many were sent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>

#define BATCH 256
#define FRAGMENT_BYTES 64 /* behind the IP header */
#define DATAGRAM_BYTES 3000
#define FIRST_PORT 1024
#define TTL 64

struct slot {
	uint16_t pad; /* aligns what is behind the Ethernet header */
	struct ether_header eth;
	struct iphdr ip;
	union {
		struct tcphdr tcp;
		struct udphdr udp;
		uint8_t bytes[FRAGMENT_BYTES];
	};
};

struct flood {
	const char *iface;
	struct ether_addr to_mac;
	bool fragments;
	uint64_t count;
	uint32_t first_source; /* host order, as all here */
	uint32_t source_mask;  /* the bits that vary */
	uint32_t source_at;
	uint32_t source_step; /* odd, so it goes through the whole range */
	uint32_t to;
	uint16_t port;
	uint64_t random;
};

/* xorshift64 */
static uint32_t next_random(struct flood *flood)
{
	flood->random ^= flood->random << 13;
	flood->random ^= flood->random >> 7;
	flood->random ^= flood->random << 17;
	return (uint32_t)(flood->random >> 32);
}

static uint32_t next_source(struct flood *flood)
{
	flood->source_at += flood->source_step;
	return flood->first_source | (flood->source_at & flood->source_mask);
}

static uint16_t next_port(struct flood *flood)
{
	return (uint16_t)(FIRST_PORT +
			  next_random(flood) % (UINT16_MAX + 1 - FIRST_PORT));
}

/* RFC 1071, over an even number of bytes */
static uint32_t add_words(uint32_t sum, const void *data, size_t bytes)
{
	uint16_t word;

	for (size_t at = 0; at < bytes; at += sizeof(word)) {
		memcpy(&word, (const uint8_t *)data + at, sizeof(word));
		sum += word;
	}
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static size_t fill_ip(struct flood *flood, struct slot *slot, uint8_t protocol,
		      uint16_t fragment, size_t bytes)
{
	slot->ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(slot->ip) / 4,
		.tot_len = htons((uint16_t)(sizeof(slot->ip) + bytes)),
		.id = (uint16_t)next_random(flood),
		.frag_off = htons(fragment),
		.ttl = TTL,
		.protocol = protocol,
		.saddr = htonl(next_source(flood)),
		.daddr = htonl(flood->to),
	};
	slot->ip.check = fold(add_words(0, &slot->ip, sizeof(slot->ip)));
	return sizeof(slot->eth) + sizeof(slot->ip) + bytes;
}

static size_t fill_syn(struct flood *flood, struct slot *slot)
{
	size_t bytes =
		fill_ip(flood, slot, IPPROTO_TCP, IP_DF, sizeof(slot->tcp));
	uint32_t sum = htons(IPPROTO_TCP) + htons(sizeof(slot->tcp));

	slot->tcp = (struct tcphdr){
		.source = htons(next_port(flood)),
		.dest = htons(flood->port),
		.seq = next_random(flood),
		.doff = sizeof(slot->tcp) / 4,
		.syn = 1,
		.window = htons(UINT16_MAX),
	};
	sum = add_words(sum, &slot->ip.saddr, sizeof(slot->ip.saddr));
	sum = add_words(sum, &slot->ip.daddr, sizeof(slot->ip.daddr));
	slot->tcp.check = fold(add_words(sum, &slot->tcp, sizeof(slot->tcp)));
	return bytes;
}

static size_t fill_fragment(struct flood *flood, struct slot *slot)
{
	uint32_t random = next_random(flood);
	uint32_t last = (DATAGRAM_BYTES - FRAGMENT_BYTES) / 8;
	uint32_t offset = random & 1 ? 1 + (random >> 8) % last : 0;
	uint16_t more = offset && random & 2 ? 0 : IP_MF;

	slot->udp = (struct udphdr){
		.source = htons(next_port(flood)),
		.dest = htons(flood->port),
		.len = htons(DATAGRAM_BYTES),
	};
	return fill_ip(flood, slot, IPPROTO_UDP, (uint16_t)(offset | more),
		       FRAGMENT_BYTES);
}

static int open_iface(const struct flood *flood, struct ether_addr *ret_mac)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct ifreq request = {};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s",
		 flood->iface);
	at.sll_ifindex = (int)if_nametoindex(flood->iface);
	if (fd < 0 || !at.sll_ifindex || ioctl(fd, SIOCGIFHWADDR, &request) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return -1;
	memcpy(ret_mac, request.ifr_hwaddr.sa_data, sizeof(*ret_mac));
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

/* How many were sent; fewer than wanted: errno says why. */
static uint64_t run(struct flood *flood)
{
	static struct slot slots[BATCH];
	static struct iovec parts[BATCH];
	static struct mmsghdr messages[BATCH];
	struct ether_addr from_mac;
	int fd = open_iface(flood, &from_mac);
	uint64_t sent = 0;

	for (size_t i = 0; i < BATCH; i++) {
		slots[i].eth.ether_type = htons(ETHERTYPE_IP);
		memcpy(slots[i].eth.ether_dhost, &flood->to_mac, ETH_ALEN);
		memcpy(slots[i].eth.ether_shost, &from_mac, ETH_ALEN);
		parts[i].iov_base = &slots[i].eth;
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (fd >= 0 && sent < flood->count) {
		uint64_t left = flood->count - sent;
		unsigned int batch = left < BATCH ? (unsigned int)left : BATCH;

		for (unsigned int i = 0; i < batch; i++)
			parts[i].iov_len =
				flood->fragments
					? fill_fragment(flood, &slots[i])
					: fill_syn(flood, &slots[i]);
		if (send_batch(fd, messages, batch))
			break;
		sent += batch;
	}
	return sent;
}

static bool take_prefix(const char *text, struct flood *ret_flood)
{
	unsigned int bits;
	char address[INET_ADDRSTRLEN];
	struct in_addr first;

	if (sscanf(text, "%15[0-9.]/%u", address, &bits) != 2 || bits < 1 ||
	    bits > 32 || !inet_aton(address, &first))
		return false;
	ret_flood->source_mask = (uint32_t)(((uint64_t)1 << (32 - bits)) - 1);
	ret_flood->first_source = ntohl(first.s_addr) & ~ret_flood->source_mask;
	return true;
}

static bool take_option(int option, const char *value, struct flood *ret_flood)
{
	struct in_addr to;

	switch (option) {
	case 's':
		return take_prefix(value, ret_flood);
	case 't':
		if (!inet_aton(value, &to))
			return false;
		ret_flood->to = ntohl(to.s_addr);
		return true;
	case 'p':
		ret_flood->port = (uint16_t)atoi(value);
		return true;
	default:
		return false;
	}
}

static bool take_arguments(int argc, char **argv, struct flood *ret_flood)
{
	static const struct option options[] = {
		{"sources", required_argument, NULL, 's'},
		{"to", required_argument, NULL, 't'},
		{"port", required_argument, NULL, 'p'},
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
	ret_flood->fragments = strcmp(argv[2], "fragment") == 0;
	ret_flood->count = strtoull(argv[3], NULL, 10);
	return ether_aton_r(argv[1], &ret_flood->to_mac) &&
	       (ret_flood->fragments || strcmp(argv[2], "syn") == 0);
}

int main(int argc, char **argv)
{
	struct flood flood = {.port = 22};
	uint64_t sent;

	take_prefix("10.64.0.0/10", &flood);
	take_option('t', "10.1.0.2", &flood);
	if (!take_arguments(argc, argv, &flood)) {
		fprintf(stderr, "usage: flood [--sources PREFIX] [--to ADDRESS]"
				" [--port PORT] IFACE DST_MAC syn|fragment"
				" COUNT\n");
		return 2;
	}
	if (getrandom(&flood.random, sizeof(flood.random), 0) < 0 ||
	    !flood.random)
		flood.random = 1;
	flood.source_at = next_random(&flood);
	flood.source_step = next_random(&flood) | 1;
	sent = run(&flood);
	if (sent < flood.count)
		fprintf(stderr, "flood: %s: %s\n", flood.iface,
			strerror(errno));
	printf("%llu\n", (unsigned long long)sent);
	return sent < flood.count;
}
