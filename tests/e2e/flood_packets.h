/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of a flood, one after the other. */
#ifndef SG_TESTS_FLOOD_PACKETS_H
#define SG_TESTS_FLOOD_PACKETS_H

#include <net/ethernet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAGMENT_BYTES 64 /* behind the IP header */
#define PACKET_BYTES 128  /* of IP or ARP, at most */
#define TARGETS_MAX 2

struct slot {
	uint16_t pad; /* aligns what is behind the Ethernet header */
	struct ether_header eth;
	uint8_t packet[PACKET_BYTES];
};

enum flood_kind {
	FLOOD_SYN,	 /* TCP SYNs */
	FLOOD_UDP,	 /* small datagrams */
	FLOOD_ECHO,	 /* ICMP echo requests */
	FLOOD_FRAGMENT,	 /* of UDP: first ones and later ones, mixed */
	FLOOD_FIRST,	 /* of TCP: first fragments that hold a SYN */
	FLOOD_LATER,	 /* of TCP: fragments that follow no first */
	FLOOD_GARBAGE,	 /* SYNs with one thing wrong */
	FLOOD_NEIGHBOUR, /* ARP requests, or neighbour solicitations */
	FLOOD_KIND_COUNT,
};

/* An address whose last 32 bits are a number; an IPv4 address is only that. */
struct flood_address {
	uint8_t high[12];
	uint32_t low; /* host order */
};

struct flood_packets {
	enum flood_kind kind;
	bool v6;
	struct flood_address first_source;
	uint32_t source_mask; /* the bits that vary */
	uint32_t source_at;
	uint32_t source_step; /* odd, so it goes through the whole range */
	uint16_t source_port; /* 0: any */
	struct flood_address to[TARGETS_MAX]; /* in turn */
	size_t to_count;
	size_t to_at;
	uint16_t port;
	uint64_t random; /* not 0 */
};

/* Return the kind of this name, or FLOOD_KIND_COUNT. */
enum flood_kind flood_packets_kind(const char *name);

/* Fill in the next packet, and the type in the Ethernet header, of which the
 * addresses are there; return its bytes, with that header. */
size_t flood_packets_next(struct flood_packets *packets, struct slot *ret_slot);

#endif
