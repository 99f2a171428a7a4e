/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace of the test's own, for root or any user. */
#ifndef SG_TESTS_NETNS_H
#define SG_TESTS_NETNS_H

#include <sched.h>

#include "unit.h"

static inline int put(const char *path, unsigned int id)
{
	FILE *file = fopen(path, "we");
	int r = file ? fprintf(file, "0 %u 1\n", id) : -1;

	return file && fclose(file) == 0 && r > 0 ? 0 : -1;
}

/* Become root, unless it is so, in a user namespace, where ip(8) needs it. */
static inline int enter_namespace(void **state)
{
	uid_t uid = geteuid();

	(void)state;
	if (uid == 0)
		return unshare(CLONE_NEWNET);
	if (unshare(CLONE_NEWNET | CLONE_NEWUSER))
		return -1;
	return put("/proc/self/uid_map", uid);
}

static inline void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s: failed", command);
}

#endif
