/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames for the tests: from what a packet says to its bytes, with right sums,
 * and back. Every frame here has an Ethernet header.
 */
#ifndef SG_TESTS_FRAMES_H
#define SG_TESTS_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAP0_MAC                                                               \
	{                                                                      \
		0x02, 0, 0, 0, 1, 1                                            \
	}
#define ETH0_MAC                                                               \
	{                                                                      \
		0x02, 0, 0, 0, 1, 2                                            \
	}
#define VETH_MAC                                                               \
	{                                                                      \
		0x02, 0, 0, 0, 1, 3                                            \
	}
#define CONTAINER_MAC                                                          \
	{                                                                      \
		0x02, 0, 0, 0, 9, 3                                            \
	}
#define REMOTE_MAC                                                             \
	{                                                                      \
		0x02, 0, 0, 0, 9, 1                                            \
	}

#define FRAME_BYTES 2048

enum place { TAP0, ETH0, VE_CONTAINER, IFACE_COUNT };

enum tcp_flag { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

/* The contents of a packet; build_frame() makes it bytes with right sums. */
struct spec {
	const char *src; /* of either family */
	const char *dst;
	uint16_t sport; /* ICMP echo: the identifier, of an answer, too */
	uint16_t dport;
	uint8_t protocol;
	uint8_t flags;	     /* TCP */
	uint32_t seq;	     /* TCP; 0: 1000 for a SYN, 1001 for others */
	uint32_t ack;	     /* TCP; 0: 1001 */
	uint16_t window;     /* TCP; 0: 64000 */
	uint8_t icmp_type;   /* ICMP */
	uint8_t ttl;	     /* 0: 64 */
	uint8_t options[40]; /* IPv4 options, or IPv6 extension headers */
	size_t options_bytes;
	uint8_t extension; /* IPv6: what options begin with */
	uint8_t tcp_options[40];
	size_t tcp_options_bytes;
	uint16_t fragment; /* flags and offset, host byte order */
	bool no_udp_sum;
	size_t payload_bytes;
};

struct frame {
	uint8_t data[FRAME_BYTES];
	size_t bytes;
};

void build_frame(struct frame *frame, const struct spec *spec, enum place at,
		 bool outgoing);
/* Recompute what a test has changed. */
void fix_ip_sum(struct frame *frame);
void fix_l4_sum(struct frame *frame);
bool sums_are_right(const struct frame *frame);

/* Bytes [at, at + bytes) of what is behind a whole packet's IP header. */
void build_fragment(struct frame *fragment, const struct frame *whole,
		    size_t at, size_t bytes, bool has_more);
/* An ICMP error that quotes so many bytes of a packet, from its IP header on.
 */
void build_error(struct frame *error, const struct spec *outer, uint8_t code,
		 const struct frame *quoted, size_t quoted_bytes,
		 enum place at);

bool frame_is_v6(const struct frame *frame);
uint8_t *frame_l4(const struct frame *frame);
size_t frame_l4_bytes(const struct frame *frame);
const char *frame_src(const struct frame *frame);
const char *frame_dst(const struct frame *frame);
/* ICMP echo: the identifier is frame_sport(), and frame_dport() means nothing
 */
uint16_t frame_sport(const struct frame *frame);
uint16_t frame_dport(const struct frame *frame);
/* The packet that an ICMP error quotes, as a frame. */
void frame_quoted(const struct frame *error, struct frame *ret_quoted);

#endif
