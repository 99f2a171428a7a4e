/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clock that the datapath goes by: nobody sets it, and it runs on while the
 * machine sleeps.
 */
#ifndef SG_USER_CLOCK_H
#define SG_USER_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* since the boot; what the owner's clock says: since 1970, UTC */
static inline uint64_t boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

static inline uint64_t real_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* whole seconds since the boot */
static inline uint32_t boot_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint32_t)now.tv_sec;
}

#endif
