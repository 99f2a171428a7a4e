/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Release at the end of the scope that owns: _cleanup_(f) calls f(&variable).
 */
#ifndef SG_USER_CLEANUP_H
#define SG_USER_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Hand an fd over to the caller: the scope no longer owns it. */
static inline int cleanup_steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#endif
