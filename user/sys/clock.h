/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clock that the datapath goes by: nobody sets it, and it runs on while the
 * machine sleeps.
 */
#ifndef SG_USER_CLOCK_H
#define SG_USER_CLOCK_H

#include <stdint.h>
#include <time.h>

/* whole seconds since the boot */
static inline uint32_t boot_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint32_t)now.tv_sec;
}

#endif
