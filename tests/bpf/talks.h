/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flows of every kind that a hit can be of, by both uplinks and in both
 * families, which both ends have joined.
 */
#ifndef SG_TESTS_TALKS_H
#define SG_TESTS_TALKS_H

#include "harness.h"

#define TALKS_MAX 16
#define TALKS_CONFIG                                                           \
	"container { address6 = \"fd00:3::2\" }\n"                             \
	"forward \"ssh\" { ports = {\"22\"} }\n"                               \
	"forward \"web\" { ports = {\"8080\"} to = \"80\" }\n"                 \
	"forward \"dns\" { protocol = udp ports = {\"53\"} }\n"                \
	"forward \"mdns\" { protocol = udp ports = {\"5353\"} to = \"54\" }\n" \
	"forward \"dhcp\" { protocol = udp ports = {\"68\"} }\n"

/* The next packet of each end. */
struct talk {
	enum place at; /* the uplink */
	struct spec in;
	struct spec out;
};

extern struct talk talks[TALKS_MAX];
extern size_t talk_count;

/* The gate afresh, with lan-access granted, and all of them. */
void talks_begin(void);

#endif
