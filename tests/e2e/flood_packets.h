/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of a flood, one after the other. */
#ifndef SG_TESTS_FLOOD_PACKETS_H
#define SG_TESTS_FLOOD_PACKETS_H

#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAGMENT_BYTES 64 /* behind the IP header */
#define TARGETS_MAX 2

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

struct flood_packets {
	bool fragments;
	uint32_t first_source; /* host order, as all here */
	uint32_t source_mask;  /* the bits that vary */
	uint32_t source_at;
	uint32_t source_step;	  /* odd, so it goes through the whole range */
	uint16_t source_port;	  /* 0: any */
	uint32_t to[TARGETS_MAX]; /* in turn */
	size_t to_count;
	size_t to_at;
	uint16_t port;
	uint64_t random; /* not 0 */
};

/* Fill in the next packet behind the Ethernet header; its bytes, with that. */
size_t flood_packets_next(struct flood_packets *packets, struct slot *ret_slot);

#endif
