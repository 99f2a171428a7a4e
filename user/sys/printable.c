// SPDX-License-Identifier: GPL-2.0-or-later
/* See printable.h. */
#include "sys/printable.h"

#include <stdio.h>
#include <string.h>

/* Return how many bytes follow the first of a character (RFC 3629 4), and the
 * range that the first of these is in; 0: that is no first byte of several. */
static size_t followers(unsigned char first, unsigned char *ret_low,
			unsigned char *ret_high)
{
	*ret_low = first == 0xe0   ? 0xa0 /* shorter forms */
		   : first == 0xf0 ? 0x90 /* shorter forms */
		   : first == 0xc2 ? 0xa0 /* control characters */
				   : 0x80;
	*ret_high = first == 0xed   ? 0x9f /* surrogates */
		    : first == 0xf4 ? 0x8f /* beyond U+10FFFF */
				    : 0xbf;
	if (first >= 0xc2 && first <= 0xdf)
		return 1;
	if (first >= 0xe0 && first <= 0xef)
		return 2;
	return first >= 0xf0 && first <= 0xf4 ? 3 : 0;
}

/* Return how many bytes the character at `text` has; 0: its first byte is to be
 * escaped. */
static size_t character(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;
	unsigned char low;
	unsigned char high;
	size_t more;

	if (bytes[0] < 0x80)
		return bytes[0] >= ' ' && bytes[0] != 0x7f &&
		       !(bytes[0] == '\\' && bytes[1] == 'x');
	more = followers(bytes[0], &low, &high);
	if (!more || bytes[1] < low || bytes[1] > high)
		return 0;
	for (size_t i = 2; i <= more; i++)
		if (bytes[i] < 0x80 || bytes[i] > 0xbf)
			return 0;
	return 1 + more;
}

bool printable_is(const char *text)
{
	size_t bytes;

	for (; *text; text += bytes) {
		bytes = character(text);
		if (!bytes)
			return false;
	}
	return true;
}

void printable_copy(const char *text, char *ret_text, size_t bytes)
{
	char escaped[PRINTABLE_GROWTH + 1];
	size_t used = 0;

	while (*text) {
		size_t took = character(text);
		size_t written = took ? took : PRINTABLE_GROWTH;

		if (used + written >= bytes)
			break;
		snprintf(escaped, sizeof(escaped), "\\x%02x",
			 (unsigned char)*text);
		memcpy(ret_text + used, took ? text : escaped, written);
		used += written;
		text += took ? took : 1;
	}
	ret_text[used] = '\0';
}
