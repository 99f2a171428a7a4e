// SPDX-License-Identifier: GPL-2.0-or-later
/* See segments.h. */
#include "segments.h"

#include <netinet/in.h>
#include <string.h>

#include "probes.h"

const struct spec to_server = {
	.src = "10.1.0.1",
	.dst = "10.1.0.2",
	.sport = 40000,
	.dport = 22,
	.protocol = IPPROTO_TCP,
	.window = 1000,
};

const struct spec to_client = {
	.src = "10.0.3.2",
	.dst = "10.1.0.1",
	.sport = 22,
	.dport = 40000,
	.protocol = IPPROTO_TCP,
	.window = 1000,
};

struct spec segment_of(const struct spec *end, uint8_t flags, uint32_t seq,
		       uint32_t ack, size_t bytes)
{
	struct spec spec = *end;

	spec.flags = flags;
	spec.seq = seq;
	spec.ack = ack;
	spec.payload_bytes = bytes;
	return spec;
}

int client(uint8_t flags, uint32_t seq, uint32_t ack, size_t bytes)
{
	struct spec spec = segment_of(&to_server, flags, seq, ack, bytes);

	return send_in(&spec, TAP0, NULL);
}

int server(uint8_t flags, uint32_t seq, uint32_t ack, size_t bytes)
{
	struct spec spec = segment_of(&to_client, flags, seq, ack, bytes);

	return send_in(&spec, VE_CONTAINER, NULL);
}

void client_is_refused(uint8_t flags, uint32_t seq, uint32_t ack, size_t bytes)
{
	struct spec spec = segment_of(&to_server, flags, seq, ack, bytes);

	assert_spec_dropped(&spec, TAP0, SG_DROP_TCP_WINDOW);
}

void server_is_refused(uint8_t flags, uint32_t seq, uint32_t ack, size_t bytes)
{
	struct spec spec = segment_of(&to_client, flags, seq, ack, bytes);

	assert_spec_dropped(&spec, VE_CONTAINER, SG_DROP_TCP_WINDOW);
}

void establish(void)
{
	PASSES(client(SYN, CLIENT_ISN, 0, 0));
	PASSES(server(SYN | ACK, SERVER_ISN, CLIENT_NEXT, 0));
	PASSES(client(ACK, CLIENT_NEXT, SERVER_NEXT, 0));
	assert_int_equal(state_now(), SG_STATE_ESTABLISHED);
}

void add_scale(struct spec *spec, uint8_t scale)
{
	const uint8_t option[] = {1, 3, 3, scale};

	memcpy(spec->tcp_options, option, sizeof(option));
	spec->tcp_options_bytes = sizeof(option);
}

void establish_scaled(int scale)
{
	struct spec syn = segment_of(&to_server, SYN, CLIENT_ISN, 0, 0);
	struct spec answer =
		segment_of(&to_client, SYN | ACK, SERVER_ISN, CLIENT_NEXT, 0);

	add_scale(&syn, 7);
	if (scale >= 0)
		add_scale(&answer, (uint8_t)scale);
	PASSES(send_in(&syn, TAP0, NULL));
	PASSES(send_in(&answer, VE_CONTAINER, NULL));
	PASSES(client(ACK, CLIENT_NEXT, SERVER_NEXT, 0));
}
