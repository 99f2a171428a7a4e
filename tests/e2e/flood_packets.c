// SPDX-License-Identifier: GPL-2.0-or-later
/* See flood_packets.h. */
#include "flood_packets.h"

#include <arpa/inet.h>
#include <string.h>

#define DATAGRAM_BYTES 3000
#define FIRST_PORT 1024
#define TTL 64

/* xorshift64 */
static uint32_t next_random(struct flood_packets *packets)
{
	packets->random ^= packets->random << 13;
	packets->random ^= packets->random >> 7;
	packets->random ^= packets->random << 17;
	return (uint32_t)(packets->random >> 32);
}

static uint32_t next_source(struct flood_packets *packets)
{
	packets->source_at += packets->source_step;
	return packets->first_source |
	       (packets->source_at & packets->source_mask);
}

static uint16_t next_port(struct flood_packets *packets)
{
	if (packets->source_port)
		return packets->source_port;
	return (uint16_t)(FIRST_PORT +
			  next_random(packets) % (UINT16_MAX + 1 - FIRST_PORT));
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

static size_t fill_ip(struct flood_packets *packets, struct slot *slot,
		      uint8_t protocol, uint16_t fragment, size_t bytes)
{
	slot->ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(slot->ip) / 4,
		.tot_len = htons((uint16_t)(sizeof(slot->ip) + bytes)),
		.id = (uint16_t)next_random(packets),
		.frag_off = htons(fragment),
		.ttl = TTL,
		.protocol = protocol,
		.saddr = htonl(next_source(packets)),
		.daddr = htonl(
			packets->to[packets->to_at++ % packets->to_count]),
	};
	slot->ip.check = fold(add_words(0, &slot->ip, sizeof(slot->ip)));
	return sizeof(slot->eth) + sizeof(slot->ip) + bytes;
}

static size_t fill_syn(struct flood_packets *packets, struct slot *slot)
{
	size_t bytes =
		fill_ip(packets, slot, IPPROTO_TCP, IP_DF, sizeof(slot->tcp));
	uint32_t sum = htons(IPPROTO_TCP) + htons(sizeof(slot->tcp));

	slot->tcp = (struct tcphdr){
		.source = htons(next_port(packets)),
		.dest = htons(packets->port),
		.seq = next_random(packets),
		.doff = sizeof(slot->tcp) / 4,
		.syn = 1,
		.window = htons(UINT16_MAX),
	};
	sum = add_words(sum, &slot->ip.saddr, sizeof(slot->ip.saddr));
	sum = add_words(sum, &slot->ip.daddr, sizeof(slot->ip.daddr));
	slot->tcp.check = fold(add_words(sum, &slot->tcp, sizeof(slot->tcp)));
	return bytes;
}

static size_t fill_fragment(struct flood_packets *packets, struct slot *slot)
{
	uint32_t random = next_random(packets);
	uint32_t last = (DATAGRAM_BYTES - FRAGMENT_BYTES) / 8;
	uint32_t offset = random & 1 ? 1 + (random >> 8) % last : 0;
	uint16_t more = offset && random & 2 ? 0 : IP_MF;

	slot->udp = (struct udphdr){
		.source = htons(next_port(packets)),
		.dest = htons(packets->port),
		.len = htons(DATAGRAM_BYTES),
	};
	return fill_ip(packets, slot, IPPROTO_UDP, (uint16_t)(offset | more),
		       FRAGMENT_BYTES);
}

size_t flood_packets_next(struct flood_packets *packets, struct slot *ret_slot)
{
	return packets->fragments ? fill_fragment(packets, ret_slot)
				  : fill_syn(packets, ret_slot);
}
