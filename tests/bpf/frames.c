// SPDX-License-Identifier: GPL-2.0-or-later
/* See frames.h. */
#include "frames.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#define ICMP_BYTES 8

static const uint8_t macs[][6] = {TAP0_MAC, ETH0_MAC, VETH_MAC};
static const uint8_t remote_mac[] = REMOTE_MAC;
static const uint8_t container_mac[] = CONTAINER_MAC;

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

static struct ip6_hdr *ip6_of(const struct frame *frame)
{
	return (struct ip6_hdr *)(uintptr_t)(frame->data + ETH_HLEN);
}

bool frame_is_v6(const struct frame *frame)
{
	return ip_of(frame)->version == 6;
}

/* Behind IPv6's extension headers; *ret_protocol is what is there. */
static uint8_t *find_l4(const struct frame *frame, uint8_t *ret_protocol)
{
	uint8_t *at = (uint8_t *)ip_of(frame);

	*ret_protocol = ip_of(frame)->protocol;
	if (!frame_is_v6(frame))
		return at + ip_of(frame)->ihl * 4;
	*ret_protocol = ip6_of(frame)->ip6_nxt;
	at += sizeof(struct ip6_hdr);
	while (*ret_protocol == IPPROTO_HOPOPTS ||
	       *ret_protocol == IPPROTO_DSTOPTS ||
	       *ret_protocol == IPPROTO_ROUTING ||
	       *ret_protocol == IPPROTO_FRAGMENT) {
		*ret_protocol = at[0];
		at += (at[1] + 1) * 8;
	}
	return at;
}

static uint8_t protocol_of(const struct frame *frame)
{
	uint8_t protocol;

	find_l4(frame, &protocol);
	return protocol;
}

uint8_t *frame_l4(const struct frame *frame)
{
	uint8_t protocol;

	return find_l4(frame, &protocol);
}

size_t frame_l4_bytes(const struct frame *frame)
{
	size_t ahead = (size_t)(frame_l4(frame) - (uint8_t *)ip_of(frame));

	if (!frame_is_v6(frame))
		return ntohs(ip_of(frame)->tot_len) - ahead;
	return ntohs(ip6_of(frame)->ip6_plen) + sizeof(struct ip6_hdr) - ahead;
}

void fix_ip_sum(struct frame *frame)
{
	struct iphdr *ip = ip_of(frame);

	if (frame_is_v6(frame))
		return;
	ip->check = 0;
	ip->check = htons(~fold(add_sum(0, ip, ip->ihl * 4U)));
}

static uint64_t pseudo_sum(const struct frame *frame)
{
	uint64_t sum = protocol_of(frame) + frame_l4_bytes(frame);

	return frame_is_v6(frame) ? add_sum(sum, &ip6_of(frame)->ip6_src, 32)
				  : add_sum(sum, &ip_of(frame)->saddr, 8);
}

static uint16_t *l4_check(const struct frame *frame)
{
	uint8_t *l4 = frame_l4(frame);

	switch (protocol_of(frame)) {
	case IPPROTO_TCP:
		return &((struct tcphdr *)l4)->check;
	case IPPROTO_UDP:
		return &((struct udphdr *)l4)->check;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return &((struct icmphdr *)l4)->checksum;
	default:
		return NULL;
	}
}

static uint16_t l4_sum(const struct frame *frame)
{
	uint64_t sum =
		protocol_of(frame) == IPPROTO_ICMP ? 0 : pseudo_sum(frame);

	return fold(add_sum(sum, frame_l4(frame), frame_l4_bytes(frame)));
}

void fix_l4_sum(struct frame *frame)
{
	uint16_t *check = l4_check(frame);

	if (!check || frame_l4(frame) >= frame->data + frame->bytes)
		return; /* a chain of headers that leads out of the frame */
	*check = 0;
	*check = htons(~l4_sum(frame));
	if (protocol_of(frame) == IPPROTO_UDP && *check == 0)
		*check = 0xffff;
}

bool sums_are_right(const struct frame *frame)
{
	const struct iphdr *ip = ip_of(frame);

	if (!frame_is_v6(frame) && fold(add_sum(0, ip, ip->ihl * 4U)) != 0xffff)
		return false;
	if (protocol_of(frame) == IPPROTO_UDP && *l4_check(frame) == 0)
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
		tcp->doff = (5 + spec->tcp_options_bytes / 4) & 0xf;
		at[13] = spec->flags;
		tcp->window = htons(spec->window ? spec->window : 64000);
		memcpy(tcp + 1, spec->tcp_options, spec->tcp_options_bytes);
	} else if (spec->protocol == IPPROTO_UDP) {
		udp->source = htons(spec->sport);
		udp->dest = htons(spec->dport);
		udp->len = htons((uint16_t)bytes);
	} else if (spec->protocol == IPPROTO_ICMP ||
		   spec->protocol == IPPROTO_ICMPV6) {
		icmp->type = spec->icmp_type;
		icmp->un.echo.id = htons(spec->sport);
		icmp->un.echo.sequence = htons(1);
	}
}

static void build_ipv4(struct iphdr *ip, const struct spec *spec,
		       size_t l4_bytes)
{
	ip->version = 4;
	ip->ihl = (5 + spec->options_bytes / 4) & 0xf;
	ip->tot_len =
		htons((uint16_t)(sizeof(*ip) + spec->options_bytes + l4_bytes));
	ip->frag_off = htons(spec->fragment);
	ip->ttl = spec->ttl ? spec->ttl : 64;
	ip->protocol = spec->protocol;
	inet_pton(AF_INET, spec->src, &ip->saddr);
	inet_pton(AF_INET, spec->dst, &ip->daddr);
	memcpy(ip + 1, spec->options, spec->options_bytes);
}

static void build_ipv6(struct ip6_hdr *ip, const struct spec *spec,
		       size_t l4_bytes)
{
	ip->ip6_vfc = 0x60;
	ip->ip6_plen = htons((uint16_t)(spec->options_bytes + l4_bytes));
	ip->ip6_nxt = spec->options_bytes ? spec->extension : spec->protocol;
	ip->ip6_hlim = spec->ttl ? spec->ttl : 64;
	inet_pton(AF_INET6, spec->src, &ip->ip6_src);
	inet_pton(AF_INET6, spec->dst, &ip->ip6_dst);
	memcpy(ip + 1, spec->options, spec->options_bytes);
}

void build_frame(struct frame *frame, const struct spec *spec, enum place at,
		 bool outgoing)
{
	struct ether_header *eth = (void *)frame->data;
	const uint8_t *peer = at == VE_CONTAINER ? container_mac : remote_mac;
	bool v6 = strchr(spec->src, ':');
	size_t header = v6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr);
	size_t l4 = (spec->protocol == IPPROTO_TCP
			     ? sizeof(struct tcphdr) + spec->tcp_options_bytes
			     : ICMP_BYTES) +
		    spec->payload_bytes;
	uint8_t *l4_at;

	memset(frame, 0, sizeof(*frame));
	memcpy(eth->ether_dhost, outgoing ? peer : macs[at], 6);
	memcpy(eth->ether_shost, outgoing ? macs[at] : peer, 6);
	eth->ether_type = htons(v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	if (v6)
		build_ipv6(ip6_of(frame), spec, l4);
	else
		build_ipv4(ip_of(frame), spec, l4);
	fix_ip_sum(frame);
	l4_at = frame->data + ETH_HLEN + header + spec->options_bytes;
	build_l4(l4_at, spec, l4);
	for (size_t i = l4 - spec->payload_bytes; i < l4; i++)
		l4_at[i] = (uint8_t)((i - l4 + spec->payload_bytes) * 7);
	frame->bytes = ETH_HLEN + header + spec->options_bytes + l4;
	if (!spec->no_udp_sum)
		fix_l4_sum(frame);
}

static void build_fragment_header(uint8_t *at, uint8_t next, size_t from,
				  bool has_more)
{
	const uint16_t place = htons((uint16_t)(from | has_more));

	memset(at, 0, 8);
	at[0] = next;
	memcpy(at + 2, &place, sizeof(place));
	at[7] = 77; /* the packet's id */
}

void build_fragment(struct frame *fragment, const struct frame *whole,
		    size_t at, size_t bytes, bool has_more)
{
	const uint8_t *l4 = frame_l4(whole);
	size_t header = (size_t)(l4 - whole->data);
	size_t extra = frame_is_v6(whole) ? 8 : 0;

	memset(fragment, 0, sizeof(*fragment));
	memcpy(fragment->data, whole->data, header);
	if (extra) {
		build_fragment_header(fragment->data + header,
				      protocol_of(whole), at, has_more);
		ip6_of(fragment)->ip6_nxt = IPPROTO_FRAGMENT;
		ip6_of(fragment)->ip6_plen = htons((uint16_t)(bytes + extra));
	} else {
		ip_of(fragment)->id = htons(77);
		ip_of(fragment)->frag_off =
			htons((uint16_t)(at / 8 | (has_more ? IP_MF : 0)));
		ip_of(fragment)->tot_len =
			htons((uint16_t)(header - ETH_HLEN + bytes));
	}
	memcpy(fragment->data + header + extra, l4 + at, bytes);
	fragment->bytes = header + extra + bytes;
	fix_ip_sum(fragment);
}

void build_error(struct frame *error, const struct spec *outer, uint8_t code,
		 const struct frame *quoted, size_t quoted_bytes, enum place at)
{
	struct spec spec = *outer;

	spec.payload_bytes = quoted_bytes;
	build_frame(error, &spec, at, false);
	frame_l4(error)[1] = code;
	memset(frame_l4(error) + 4, 0, 4);
	memcpy(frame_l4(error) + ICMP_BYTES, quoted->data + ETH_HLEN,
	       quoted_bytes);
	fix_l4_sum(error);
}

static const char *address(const struct frame *frame, const void *v4,
			   const void *v6)
{
	static char text[4][INET6_ADDRSTRLEN];
	static int next;
	char *into = text[next++ % 4];
	bool is_v6 = frame_is_v6(frame);

	inet_ntop(is_v6 ? AF_INET6 : AF_INET, is_v6 ? v6 : v4, into,
		  INET6_ADDRSTRLEN);
	return into;
}

const char *frame_src(const struct frame *frame)
{
	return address(frame, &ip_of(frame)->saddr, &ip6_of(frame)->ip6_src);
}

const char *frame_dst(const struct frame *frame)
{
	return address(frame, &ip_of(frame)->daddr, &ip6_of(frame)->ip6_dst);
}

uint16_t frame_sport(const struct frame *frame)
{
	const uint8_t *l4 = frame_l4(frame);
	uint8_t protocol = protocol_of(frame);

	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
		return (uint16_t)(l4[4] << 8 | l4[5]);
	return (uint16_t)(l4[0] << 8 | l4[1]);
}

uint16_t frame_dport(const struct frame *frame)
{
	const uint8_t *l4 = frame_l4(frame);

	return (uint16_t)(l4[2] << 8 | l4[3]);
}

void frame_quoted(const struct frame *error, struct frame *ret_quoted)
{
	const uint8_t *from = frame_l4(error) + ICMP_BYTES;
	size_t bytes = frame_l4_bytes(error) - ICMP_BYTES;

	memset(ret_quoted, 0, sizeof(*ret_quoted));
	memcpy(ret_quoted->data + ETH_HLEN, from, bytes);
	ret_quoted->bytes = ETH_HLEN + bytes;
}
