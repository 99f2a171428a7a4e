/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small texts to values and back: ports, networks, addresses, durations.
 * Parsers return 0 or -EINVAL, and leave outputs alone on failure.
 */
#ifndef SG_USER_TEXT_H
#define SG_USER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "sg_types.h"

struct port_range {
	uint16_t first; /* host byte order, 1 to 65535 */
	uint16_t last;	/* not below first */
};

struct network {
	union sg_addr addr; /* host bits are 0 */
	uint32_t prefix;    /* bits of the mapped form: 96 to 128 for IPv4 */
};

#define TEXT_ADDR_BYTES 64 /* an address or a network, with its NUL */

/* "65536": decimal, below 2^32 */
int text_parse_number(const char *text, uint32_t *ret_number);
/* "22" or "2000-2009" */
int text_parse_ports(const char *text, struct port_range *ret_range);
/* "10.1.0.2" or "fd00::2" */
int text_parse_addr(const char *text, union sg_addr *ret_addr);
/* "10.1.0.0/24", or an address for itself alone; no host bits */
int text_parse_network(const char *text, struct network *ret_network);
/* "45", "45s", "30m", "1h30m", "5d": seconds, 1 to 10 years */
int text_parse_duration(const char *text, uint32_t *ret_seconds);
/* "18:00": the seconds until it is that time next, by the local clock, of which
 * it is `now`; 1 to a day (or an hour more, when the clock is put back) */
int text_parse_clock(const char *text, time_t now, uint32_t *ret_seconds);
/* an interface name, of which the last character may be "*"; one with a
 * quotation mark nftables has no word for */
bool text_is_interface(const char *text);
/* Return whether a name is, or begins as, a pattern of the above form says. */
bool text_interface_matches(const char *pattern, const char *name);

/* Return whether a word may be meant for a name: it is its beginning, or has a
 * letter or two that are not the name's. */
bool text_is_near(const char *word, const char *name);

void text_from_addr(const union sg_addr *addr, char *ret_text, size_t bytes);
void text_from_network(const struct network *network, char *ret_text,
		       size_t bytes);

/* Make a path one word, for a name in a folder: slashes become colons. */
void text_colons(char *path);

/* fe80::/10 (RFC 4291 2.5.6) */
bool text_addr_is_link_local(const union sg_addr *addr);
union sg_addr text_addr_from_v4(uint32_t v4); /* network byte order */
bool text_addr_is_v4(const union sg_addr *addr);
/* the network that an address with a prefix of the mapped form is in */
struct network text_network_of(const union sg_addr *addr, uint32_t prefix);
bool text_networks_overlap(const struct network *a, const struct network *b);

#endif
