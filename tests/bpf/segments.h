/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments of one TCP connection, by their numbers: the client is the expert,
 * the server the container's port 22.
 */
#ifndef SG_TESTS_SEGMENTS_H
#define SG_TESTS_SEGMENTS_H

#include "harness.h"

#define CLIENT_ISN 1000
#define SERVER_ISN 5000
#define CLIENT_NEXT 1001
#define SERVER_NEXT 5001
#define FAR (1U << 30)

#define PASSES(packet) assert_int_equal(packet, ACTION_REDIRECT)

extern const struct spec to_server;
extern const struct spec to_client;

struct spec segment_of(const struct spec *end, uint8_t flags, uint32_t seq,
		       uint32_t ack, size_t bytes);
/* Send a segment; return the program's action. */
int client(uint8_t flags, uint32_t seq, uint32_t ack, size_t bytes);
int server(uint8_t flags, uint32_t seq, uint32_t ack, size_t bytes);
/* It is dropped, as its numbers are none that its sender can mean. */
void client_is_refused(uint8_t flags, uint32_t seq, uint32_t ack, size_t bytes);
void server_is_refused(uint8_t flags, uint32_t seq, uint32_t ack, size_t bytes);

/* Three segments: both ends have joined, with windows of 1000 bytes. */
void establish(void);
/* The same, where the client offers a scale of 7. scale: what the server
 * offers, or -1: none. */
void establish_scaled(int scale);
void add_scale(struct spec *spec, uint8_t scale);

#endif
