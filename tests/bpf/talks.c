// SPDX-License-Identifier: GPL-2.0-or-later
/* See talks.h. */
#include "talks.h"

#include <netinet/in.h>
#include <string.h>

#include "probes.h"

struct talk talks[TALKS_MAX];
size_t talk_count;

/* The flow that this packet from a remote begins. */
static void talk(const struct spec *first, enum place at)
{
	struct talk *to = &talks[talk_count++];
	struct frame frame;

	to->at = at;
	to->in = *first;
	assert_int_equal(send_in(first, at, &frame), ACTION_REDIRECT);
	to->out = *first;
	to->out.src = strchr(first->src, ':') ? "fd00:3::2" : "10.0.3.2";
	to->out.dst = first->src;
	to->out.sport = frame_dport(&frame);
	to->out.dport = first->sport;
	to->out.flags = first->flags | ACK;
	assert_int_equal(send_in(&to->out, VE_CONTAINER, NULL),
			 ACTION_REDIRECT);
	to->in.flags = ACK;
	to->out.flags = ACK;
	assert_int_equal(send_in(&to->in, at, NULL), ACTION_REDIRECT);
}

/* And that one from the container does. */
static void talk_out(const struct spec *first, enum place at)
{
	struct talk *to = &talks[talk_count++];
	struct frame frame;

	to->at = at;
	to->out = *first;
	assert_int_equal(send_in(first, VE_CONTAINER, &frame), ACTION_REDIRECT);
	to->in = *first;
	to->in.src = first->dst;
	to->in.dst = at == TAP0 ? "10.1.0.2" : "192.168.7.2";
	if (strchr(first->src, ':'))
		to->in.dst = "fd00:7::2";
	to->in.sport = first->dport;
	to->in.dport = frame_sport(&frame);
	to->in.flags = first->flags | ACK;
	assert_int_equal(send_in(&to->in, at, NULL), ACTION_REDIRECT);
	to->in.flags = ACK;
	to->out.flags = ACK;
	assert_int_equal(send_in(&to->out, VE_CONTAINER, NULL),
			 ACTION_REDIRECT);
}

static void talk_of(const char *src, const char *dst, uint16_t sport,
		    uint16_t dport, uint8_t protocol, enum place at)
{
	struct spec first = between(src, dst, sport, dport, protocol,
				    protocol == IPPROTO_TCP ? SYN : 0);

	first.payload_bytes = protocol == IPPROTO_TCP ? 0 : 9;
	if (strcmp(src, "10.0.3.2") == 0 || strcmp(src, "fd00:3::2") == 0)
		talk_out(&first, at);
	else
		talk(&first, at);
}

void talks_begin(void)
{
	harness_restart(TALKS_CONFIG);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	talk_count = 0;
	talk_of("10.1.0.1", "10.1.0.2", 40000, 22, IPPROTO_TCP, TAP0);
	talk_of("10.1.0.1", "10.1.0.2", 40000, 53, IPPROTO_UDP, TAP0);
	talk_of("192.168.7.9", "192.168.7.2", 40000, 8080, IPPROTO_TCP, ETH0);
	talk_of("192.168.7.9", "192.168.7.2", 40000, 22, IPPROTO_TCP, ETH0);
	talk_of("192.168.7.9", "192.168.7.2", 40000, 5353, IPPROTO_UDP, ETH0);
	talk_of("fd00:7::9", "fd00:7::2", 40000, 22, IPPROTO_TCP, ETH0);
	talk_of("fd00:7::9", "fd00:7::2", 40000, 53, IPPROTO_UDP, ETH0);
	talk_of("10.0.3.2", "10.1.0.1", 41000, 80, IPPROTO_TCP, TAP0);
	talk_of("10.0.3.2", "192.168.7.9", 41000, 53, IPPROTO_UDP, ETH0);
	talk_of("fd00:3::2", "fd00:7::9", 41000, 80, IPPROTO_TCP, ETH0);
}
