/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The common part of unit tests: cmocka, addresses and networks by their text,
 * files in a directory of the test's own, and configurations that are refused.
 */
#ifndef SG_TESTS_UNIT_H
#define SG_TESTS_UNIT_H

#include "cmocka_first.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "sys/text.h"

#define UNTOUCHED 0xa5 /* every byte of an output that must not change */

static inline union sg_addr addr_of(const char *text)
{
	union sg_addr addr;

	assert_int_equal(text_parse_addr(text, &addr), 0);
	return addr;
}

static inline struct network network_of(const char *text)
{
	struct network network;

	assert_int_equal(text_parse_network(text, &network), 0);
	return network;
}

static inline void assert_untouched(const void *output, size_t bytes)
{
	const uint8_t *byte = output;

	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(byte[i], UNTOUCHED);
}

/* A person reads it in a terminal and in a log: one line, no control codes. */
static inline void assert_one_line(const char *message)
{
	assert_true(message[0]);
	for (const char *c = message; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			fail_msg("not one line: <%s>", message);
}

static inline void parse_accepted(const char *text, struct policy *ret_policy)
{
	struct fault fault;

	if (config_parse(text, "FILE", ret_policy, &fault))
		fail_msg("<%s> is refused: %s", text, fault.text);
}

static inline void assert_accepted(const char *text)
{
	struct policy policy;

	parse_accepted(text, &policy);
	policy_release(&policy);
}

/* Refused with "FILE:LINE: ...part...", one line; nothing else is changed. */
static inline void assert_refused(const char *text, int line, const char *part)
{
	struct policy policy;
	struct fault fault;
	char start[32];

	memset(&policy, UNTOUCHED, sizeof(policy));
	if (config_parse(text, "FILE", &policy, &fault) == 0)
		fail_msg("<%s> is accepted", text);
	assert_untouched(&policy, sizeof(policy));
	snprintf(start, sizeof(start), "FILE:%d: ", line);
	if (strncmp(fault.text, start, strlen(start)) != 0 ||
	    !fault.text[strlen(start)])
		fail_msg("<%s> at %s<%s>", text, start, fault.text);
	if (!strstr(fault.text + strlen(start), part))
		fail_msg("<%s>: no \"%s\" in <%s>", text, part, fault.text);
	assert_one_line(fault.text);
}

static inline int make_dir(void **state)
{
	char *dir = strdup("/tmp/scoutgate-unit-XXXXXX");

	*state = dir;
	return dir && mkdtemp(dir) ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *st, int flag,
			     struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline int remove_dir(void **state)
{
	int r = nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return r;
}

static inline const char *path_in(const char *dir, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* A new file of mode 0644 in dir; returns its path, good until the next one. */
static inline const char *write_file(const char *dir, const char *name,
				     const void *bytes, size_t count)
{
	const char *path = path_in(dir, name);
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, count), count);
	assert_int_equal(fchmod(fd, 0644), 0);
	close(fd);
	return path;
}

/* The bits of a table of `count` rows. */
static inline size_t bits_of(const struct sg_row *rows, size_t count)
{
	size_t bits = 0;

	for (size_t i = 0; i < count; i++)
		bits += (size_t)__builtin_popcountll(rows[i].bits);
	return bits;
}

static inline bool has_bit(const struct sg_row *rows, uint32_t at)
{
	return rows[at / SG_ROW_BITS].bits >> at % SG_ROW_BITS & 1;
}

#endif
