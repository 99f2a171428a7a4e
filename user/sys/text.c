// SPDX-License-Identifier: GPL-2.0-or-later
/* See text.h. */
#include "sys/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sg_iface.h"

#define V4_BITS_AHEAD 96 /* of a mapped IPv4 address */
#define YEARS_10_S (10U * 365 * 86400)

/* A decimal number of digits alone; *ret_end is behind it. */
static int parse_number(const char *text, unsigned long max,
			unsigned long *ret_number, const char **ret_end)
{
	unsigned long number;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || number > max)
		return -EINVAL;
	*ret_number = number;
	*ret_end = end;
	return 0;
}

int text_parse_number(const char *text, uint32_t *ret_number)
{
	unsigned long number;
	const char *end;

	if (parse_number(text, UINT32_MAX, &number, &end) || *end)
		return -EINVAL;
	*ret_number = (uint32_t)number;
	return 0;
}

int text_parse_ports(const char *text, struct port_range *ret_range)
{
	unsigned long first;
	unsigned long last;
	const char *end;

	if (parse_number(text, UINT16_MAX, &first, &end))
		return -EINVAL;
	last = first;
	if (*end == '-' && parse_number(end + 1, UINT16_MAX, &last, &end))
		return -EINVAL;
	if (*end || first == 0 || last < first)
		return -EINVAL;
	ret_range->first = (uint16_t)first;
	ret_range->last = (uint16_t)last;
	return 0;
}

int text_parse_addr(const char *text, union sg_addr *ret_addr)
{
	union sg_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*ret_addr = text_addr_from_v4(v4.s_addr);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6) != 1 || text_addr_is_v4(&v6))
		return -EINVAL;
	*ret_addr = v6;
	return 0;
}

int text_parse_network(const char *text, struct network *ret_network)
{
	char address[TEXT_ADDR_BYTES];
	struct network network;
	union sg_addr addr;
	unsigned long bits;
	uint32_t ahead;
	const char *end;
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);

	if (length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	if (text_parse_addr(address, &addr))
		return -EINVAL;
	ahead = text_addr_is_v4(&addr) ? V4_BITS_AHEAD : 0;
	bits = 128 - ahead;
	if (slash && (parse_number(slash + 1, bits, &bits, &end) || *end))
		return -EINVAL;
	network = text_network_of(&addr, ahead + (uint32_t)bits);
	if (memcmp(&network.addr, &addr, sizeof(addr)) != 0)
		return -EINVAL;
	*ret_network = network;
	return 0;
}

/* Return how many seconds the unit that a letter stands for has; 0: none. */
static unsigned long unit_of(char letter)
{
	switch (letter) {
	case 'd':
		return 86400;
	case 'h':
		return 3600;
	case 'm':
		return 60;
	case 's':
		return 1;
	default:
		return 0;
	}
}

int text_parse_duration(const char *text, uint32_t *ret_seconds)
{
	unsigned long last_unit = ULONG_MAX;
	unsigned long sum = 0;
	const char *at = text;

	do {
		unsigned long number;
		unsigned long unit;

		if (parse_number(at, YEARS_10_S, &number, &at) || number == 0)
			return -EINVAL;
		/* a number alone is of seconds */
		unit = !*at && sum == 0 ? 1 : unit_of(*at);
		if (!unit || unit >= last_unit ||
		    number > (YEARS_10_S - sum) / unit)
			return -EINVAL;
		sum += number * unit;
		last_unit = unit;
		at += *at != '\0';
	} while (*at);
	*ret_seconds = (uint32_t)sum;
	return 0;
}

int text_parse_clock(const char *text, time_t now, uint32_t *ret_seconds)
{
	struct tm at;
	time_t then;

	if (strlen(text) != 5 || strspn(text, "0123456789") != 2 ||
	    text[2] != ':' || strspn(text + 3, "0123456789") != 2 ||
	    !localtime_r(&now, &at))
		return -EINVAL;
	at.tm_hour = (text[0] - '0') * 10 + text[1] - '0';
	at.tm_min = (text[3] - '0') * 10 + text[4] - '0';
	at.tm_sec = 0;
	at.tm_isdst = -1;
	if (at.tm_hour > 23 || at.tm_min > 59)
		return -EINVAL;
	then = mktime(&at);
	if (then <= now) { /* tomorrow, however long that day is */
		at.tm_mday++;
		at.tm_isdst = -1;
		then = mktime(&at);
	}
	if (then <= now)
		return -EINVAL;
	*ret_seconds = (uint32_t)(then - now);
	return 0;
}

bool text_is_interface(const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || length >= SG_IFNAME_BYTES ||
	    strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '*' && i + 1 == length)
			return true;
		if (!isgraph((unsigned char)text[i]) ||
		    strchr("/:*\"", text[i]))
			return false;
	}
	return true;
}

bool text_interface_matches(const char *pattern, const char *name)
{
	size_t length = strlen(pattern);

	if (length > 0 && pattern[length - 1] == '*')
		return strncmp(pattern, name, length - 1) == 0;
	return strcmp(pattern, name) == 0;
}

bool text_is_near(const char *word, const char *name)
{
	size_t bytes = strlen(word);
	size_t end = strlen(name);
	size_t head = 0;
	size_t tail = 0;

	while (head < end && word[head] == name[head])
		head++;
	while (tail < end - head && tail < bytes - head &&
	       word[bytes - 1 - tail] == name[end - 1 - tail])
		tail++;
	return bytes && (head == bytes ||
			 (head + tail + 2 >= end && head + tail + 2 >= bytes &&
			  head + tail >= 2));
}

void text_from_addr(const union sg_addr *addr, char *ret_text, size_t bytes)
{
	int family = text_addr_is_v4(addr) ? AF_INET : AF_INET6;
	const void *from = family == AF_INET ? (const void *)&addr->word[3]
					     : (const void *)addr;

	if (!inet_ntop(family, from, ret_text, (socklen_t)bytes))
		snprintf(ret_text, bytes, "?");
}

void text_from_network(const struct network *network, char *ret_text,
		       size_t bytes)
{
	bool is_v4 = text_addr_is_v4(&network->addr);
	size_t length;

	text_from_addr(&network->addr, ret_text, bytes);
	length = strlen(ret_text);
	snprintf(ret_text + length, bytes - length, "/%u",
		 network->prefix - (is_v4 ? V4_BITS_AHEAD : 0));
}

union sg_addr text_addr_from_v4(uint32_t v4)
{
	return (union sg_addr){.word = {0, 0, htonl(SG_ADDR_V4_MARK), v4}};
}

bool text_addr_is_v4(const union sg_addr *addr)
{
	return !addr->word[0] && !addr->word[1] &&
	       addr->word[2] == htonl(SG_ADDR_V4_MARK);
}

struct network text_network_of(const union sg_addr *addr, uint32_t prefix)
{
	struct network network = {.addr = *addr, .prefix = prefix};

	for (uint32_t i = 0; i < 4; i++) {
		uint32_t kept = prefix > i * 32 ? prefix - i * 32 : 0;

		if (kept == 0)
			network.addr.word[i] = 0;
		else if (kept < 32)
			network.addr.word[i] &= htonl(~0U << (32 - kept));
	}
	return network;
}

bool text_networks_overlap(const struct network *a, const struct network *b)
{
	uint32_t prefix = a->prefix < b->prefix ? a->prefix : b->prefix;
	struct network wide_a = text_network_of(&a->addr, prefix);
	struct network wide_b = text_network_of(&b->addr, prefix);

	return memcmp(&wide_a.addr, &wide_b.addr, sizeof(wide_a.addr)) == 0;
}

void text_colons(char *path)
{
	for (; *path; path++)
		if (*path == '/')
			*path = ':';
}

bool text_addr_is_link_local(const union sg_addr *addr)
{
	return ntohl(addr->word[0]) >> 22 == 0xfe800000 >> 22;
}
