// SPDX-License-Identifier: GPL-2.0-or-later
/* See flood_packets.h. */
#include "flood_packets.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#define DATAGRAM_BYTES 3000
#define FIRST_PORT 1024
#define TTL 64
#define ND_HOP_LIMIT 255

/* A payload, and what the IP header is to say of it. */
struct payload {
	uint8_t protocol;
	uint8_t ttl;
	bool dont_fragment;
	bool is_fragment;
	bool has_more;
	uint16_t offset; /* in units of 8 bytes */
	size_t bytes;
	uint8_t *at;  /* in the slot */
	uint32_t sum; /* of the pseudo-header, but for protocol and length */
};

enum flood_kind flood_packets_kind(const char *name)
{
	static const char *const names[FLOOD_KIND_COUNT] = {
		[FLOOD_SYN] = "syn",	     [FLOOD_UDP] = "udp",
		[FLOOD_ECHO] = "echo",	     [FLOOD_FRAGMENT] = "fragment",
		[FLOOD_FIRST] = "first",     [FLOOD_LATER] = "later",
		[FLOOD_GARBAGE] = "garbage", [FLOOD_NEIGHBOUR] = "neighbour",
	};
	enum flood_kind kind = 0;

	while (kind < FLOOD_KIND_COUNT && strcmp(names[kind], name) != 0)
		kind++;
	return kind;
}

/* xorshift64 */
static uint32_t next_random(struct flood_packets *packets)
{
	packets->random ^= packets->random << 13;
	packets->random ^= packets->random >> 7;
	packets->random ^= packets->random << 17;
	return (uint32_t)(packets->random >> 32);
}

static struct flood_address next_source(struct flood_packets *packets)
{
	struct flood_address source = packets->first_source;

	packets->source_at += packets->source_step;
	source.low |= packets->source_at & packets->source_mask;
	return source;
}

static struct flood_address next_target(struct flood_packets *packets)
{
	return packets->to[packets->to_at++ % packets->to_count];
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

/* The sum of a whole payload, in which the field of the sum is 0. */
static uint16_t payload_sum(const struct payload *payload)
{
	uint32_t sum = payload->sum + htons(payload->protocol) +
		       htons((uint16_t)payload->bytes);

	return fold(add_words(sum, payload->at, payload->bytes));
}

static struct in6_addr address6(const struct flood_address *address)
{
	uint32_t low = htonl(address->low);
	struct in6_addr whole;

	memcpy(whole.s6_addr, address->high, sizeof(address->high));
	memcpy(whole.s6_addr + sizeof(address->high), &low, sizeof(low));
	return whole;
}

static size_t fill_ipv4(struct flood_packets *packets, struct slot *slot,
			struct payload *payload)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tot_len = htons((uint16_t)(sizeof(ip) + payload->bytes)),
		.id = (uint16_t)next_random(packets),
		.frag_off = htons((payload->dont_fragment ? IP_DF : 0) |
				  (payload->has_more ? IP_MF : 0) |
				  payload->offset),
		.ttl = payload->ttl,
		.protocol = payload->protocol,
		.saddr = htonl(next_source(packets).low),
		.daddr = htonl(next_target(packets).low),
	};

	ip.check = fold(add_words(0, &ip, sizeof(ip)));
	memcpy(slot->packet, &ip, sizeof(ip));
	slot->eth.ether_type = htons(ETHERTYPE_IP);
	payload->at = slot->packet + sizeof(ip);
	payload->sum = add_words(0, &ip.saddr, 2 * sizeof(ip.saddr));
	return sizeof(slot->eth) + sizeof(ip) + payload->bytes;
}

static size_t fill_ipv6(struct flood_packets *packets, struct slot *slot,
			struct payload *payload)
{
	struct flood_address source = next_source(packets);
	struct flood_address target = next_target(packets);
	struct ip6_frag fragment = {
		.ip6f_nxt = payload->protocol,
		.ip6f_offlg = htons(
			(uint16_t)(payload->offset << 3 | payload->has_more)),
		.ip6f_ident = next_random(packets),
	};
	size_t more = payload->is_fragment ? sizeof(fragment) : 0;
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6 << 28),
		.ip6_plen = htons((uint16_t)(more + payload->bytes)),
		.ip6_nxt = more ? IPPROTO_FRAGMENT : payload->protocol,
		.ip6_hlim = payload->ttl,
		.ip6_src = address6(&source),
		.ip6_dst = address6(&target),
	};

	memcpy(slot->packet, &ip, sizeof(ip));
	memcpy(slot->packet + sizeof(ip), &fragment, more);
	slot->eth.ether_type = htons(ETHERTYPE_IPV6);
	payload->at = slot->packet + sizeof(ip) + more;
	payload->sum = add_words(0, &ip.ip6_src, 2 * sizeof(ip.ip6_src));
	return sizeof(slot->eth) + sizeof(ip) + more + payload->bytes;
}

static size_t fill_ip(struct flood_packets *packets, struct slot *slot,
		      struct payload *payload)
{
	return packets->v6 ? fill_ipv6(packets, slot, payload)
			   : fill_ipv4(packets, slot, payload);
}

static void put_syn(struct flood_packets *packets,
		    const struct payload *payload)
{
	struct tcphdr tcp = {
		.source = htons(next_port(packets)),
		.dest = htons(packets->port),
		.seq = next_random(packets),
		.doff = sizeof(tcp) / 4,
		.syn = 1,
		.window = htons(UINT16_MAX),
	};

	memcpy(payload->at, &tcp, sizeof(tcp));
	tcp.check = payload_sum(payload);
	memcpy(payload->at, &tcp, sizeof(tcp));
}

static size_t fill_syn(struct flood_packets *packets, struct slot *slot)
{
	struct payload payload = {
		.protocol = IPPROTO_TCP,
		.ttl = TTL,
		.dont_fragment = true,
		.bytes = sizeof(struct tcphdr),
	};
	size_t bytes = fill_ip(packets, slot, &payload);

	put_syn(packets, &payload);
	return bytes;
}

static size_t fill_udp(struct flood_packets *packets, struct slot *slot)
{
	struct payload payload = {
		.protocol = IPPROTO_UDP,
		.ttl = TTL,
		.bytes = sizeof(struct udphdr),
	};
	size_t bytes = fill_ip(packets, slot, &payload);
	struct udphdr udp = {
		.source = htons(next_port(packets)),
		.dest = htons(packets->port),
		.len = htons(sizeof(udp)),
	};

	memcpy(payload.at, &udp, sizeof(udp));
	udp.check = payload_sum(&payload);
	memcpy(payload.at, &udp, sizeof(udp));
	return bytes;
}

/* The header is the same in ICMPv6, where the sum is over addresses, too. */
static size_t fill_echo(struct flood_packets *packets, struct slot *slot)
{
	struct payload payload = {
		.protocol = packets->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
		.ttl = TTL,
		.bytes = sizeof(struct icmphdr),
	};
	size_t bytes = fill_ip(packets, slot, &payload);
	struct icmphdr icmp = {
		.type = packets->v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO,
		.un.echo.id = (uint16_t)next_random(packets),
	};

	memcpy(payload.at, &icmp, sizeof(icmp));
	icmp.checksum = packets->v6 ? payload_sum(&payload)
				    : fold(add_words(0, &icmp, sizeof(icmp)));
	memcpy(payload.at, &icmp, sizeof(icmp));
	return bytes;
}

static size_t fill_fragment(struct flood_packets *packets, struct slot *slot)
{
	uint32_t random = next_random(packets);
	uint32_t last = (DATAGRAM_BYTES - FRAGMENT_BYTES) / 8;
	uint32_t offset = random & 1 ? 1 + (random >> 8) % last : 0;
	struct payload payload = {
		.protocol = IPPROTO_UDP,
		.ttl = TTL,
		.is_fragment = true,
		.has_more = !(offset && random & 2),
		.offset = (uint16_t)offset,
		.bytes = FRAGMENT_BYTES,
	};
	struct udphdr udp = {
		.source = htons(next_port(packets)),
		.dest = htons(packets->port),
		.len = htons(DATAGRAM_BYTES),
	};
	size_t bytes = fill_ip(packets, slot, &payload);

	memcpy(payload.at, &udp, sizeof(udp));
	return bytes;
}

/* A first fragment with a whole TCP header, or a later one. */
static size_t fill_part(struct flood_packets *packets, struct slot *slot,
			bool later)
{
	uint32_t last = (DATAGRAM_BYTES - FRAGMENT_BYTES) / 8;
	struct payload payload = {
		.protocol = IPPROTO_TCP,
		.ttl = TTL,
		.is_fragment = true,
		.has_more = true,
		.offset =
			(uint16_t)(later ? 1 + next_random(packets) % last : 0),
		.bytes = FRAGMENT_BYTES,
	};
	size_t bytes = fill_ip(packets, slot, &payload);

	memset(payload.at, 0, payload.bytes);
	if (!later)
		put_syn(packets, &payload);
	return bytes;
}

static void repair_ipv4(struct slot *slot)
{
	struct iphdr ip;

	memcpy(&ip, slot->packet, sizeof(ip));
	ip.check = 0;
	ip.check = fold(add_words(0, &ip, sizeof(ip)));
	memcpy(slot->packet, &ip, sizeof(ip));
}

/* A SYN in which one thing is not as it must be: the version or length of the
 * IP header, the length of the packet, of TCP's header, its flags, its port,
 * the protocol; or it is cut. */
static size_t fill_garbage(struct flood_packets *packets, struct slot *slot)
{
	size_t bytes = fill_syn(packets, slot);
	size_t ip_bytes = bytes - sizeof(slot->eth) - sizeof(struct tcphdr);
	uint8_t *tcp = slot->packet + ip_bytes;
	uint32_t random = next_random(packets);

	switch (random % 8) {
	case 0:
		slot->packet[0] ^= (uint8_t)(1 + (random >> 8) % 0xff);
		break;
	case 1:
		slot->packet[packets->v6 ? 4 : 2] ^= 0x10;
		break;
	case 2:
		tcp[12] = (uint8_t)(random >> 8);
		break;
	case 3:
		tcp[13] = (uint8_t)(random >> 8 & 1 ? 0 : TH_SYN | TH_FIN);
		break;
	case 4:
		memset(tcp, 0, 4);
		break;
	case 5: /* not one of TCP, UDP and ICMP, or an extension header */
		slot->packet[packets->v6 ? 6 : 9] = random >> 8 & 1 ? 0 : 132;
		break;
	case 6:
		slot->packet[packets->v6 ? 8 : 10] ^= packets->v6 ? 0x02 : 0xff;
		return bytes; /* IPv4: the sum; IPv6: a multicast source */
	default:
		return sizeof(slot->eth) + 1 +
		       (random >> 8) % (bytes - sizeof(slot->eth) - 1);
	}
	if (!packets->v6)
		repair_ipv4(slot);
	return bytes;
}

static size_t fill_arp(struct flood_packets *packets, struct slot *slot)
{
	uint32_t source = htonl(next_source(packets).low);
	uint32_t target = htonl(next_target(packets).low);
	struct ether_arp arp = {
		.ea_hdr.ar_hrd = htons(ARPHRD_ETHER),
		.ea_hdr.ar_pro = htons(ETHERTYPE_IP),
		.ea_hdr.ar_hln = ETH_ALEN,
		.ea_hdr.ar_pln = sizeof(source),
		.ea_hdr.ar_op = htons(ARPOP_REQUEST),
	};

	memcpy(arp.arp_sha, slot->eth.ether_shost, ETH_ALEN);
	memcpy(arp.arp_spa, &source, sizeof(source));
	memcpy(arp.arp_tpa, &target, sizeof(target));
	memcpy(slot->packet, &arp, sizeof(arp));
	slot->eth.ether_type = htons(ETHERTYPE_ARP);
	return sizeof(slot->eth) + sizeof(arp);
}

/* A neighbour solicitation, to the address itself; RFC 4861 4.3 */
static size_t fill_solicitation(struct flood_packets *packets,
				struct slot *slot)
{
	struct {
		struct nd_neighbor_solicit ask;
		struct nd_opt_hdr option;
		uint8_t mac[ETH_ALEN];
	} solicitation = {
		.ask.nd_ns_type = ND_NEIGHBOR_SOLICIT,
		.ask.nd_ns_target = address6(
			&packets->to[packets->to_at % packets->to_count]),
		.option.nd_opt_type = ND_OPT_SOURCE_LINKADDR,
		.option.nd_opt_len = 1,
	};
	struct payload payload = {
		.protocol = IPPROTO_ICMPV6,
		.ttl = ND_HOP_LIMIT,
		.bytes = sizeof(solicitation),
	};
	size_t bytes = fill_ip(packets, slot, &payload);

	memcpy(solicitation.mac, slot->eth.ether_shost, ETH_ALEN);
	memcpy(payload.at, &solicitation, sizeof(solicitation));
	solicitation.ask.nd_ns_cksum = payload_sum(&payload);
	memcpy(payload.at, &solicitation, sizeof(solicitation));
	return bytes;
}

size_t flood_packets_next(struct flood_packets *packets, struct slot *ret_slot)
{
	switch (packets->kind) {
	case FLOOD_UDP:
		return fill_udp(packets, ret_slot);
	case FLOOD_ECHO:
		return fill_echo(packets, ret_slot);
	case FLOOD_FRAGMENT:
		return fill_fragment(packets, ret_slot);
	case FLOOD_FIRST:
		return fill_part(packets, ret_slot, false);
	case FLOOD_LATER:
		return fill_part(packets, ret_slot, true);
	case FLOOD_GARBAGE:
		return fill_garbage(packets, ret_slot);
	case FLOOD_NEIGHBOUR:
		return packets->v6 ? fill_solicitation(packets, ret_slot)
				   : fill_arp(packets, ret_slot);
	default:
		return fill_syn(packets, ret_slot);
	}
}
