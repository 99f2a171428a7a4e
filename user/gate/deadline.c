// SPDX-License-Identifier: GPL-2.0-or-later
/* See deadline.h. */
#include "gate/deadline.h"

#include <stdio.h>
#include <time.h>

#include "sys/clock.h"

#define SECONDS_A_DAY 86400

uint32_t deadline_seconds_left(const struct sg_grant *grant)
{
	uint32_t now_s = boot_s();

	return grant->deadline_s > now_s ? grant->deadline_s - now_s : 0;
}

void deadline_describe(const struct sg_grant *grant,
		       char ret_text[DEADLINE_BYTES])
{
	uint32_t left_s = deadline_seconds_left(grant);
	time_t end = time(NULL) + left_s;
	struct tm at;
	char clock[32] = "?";

	if (!grant->deadline_s) {
		snprintf(ret_text, DEADLINE_BYTES, "until it is revoked");
		return;
	}
	if (localtime_r(&end, &at))
		strftime(clock, sizeof(clock),
			 left_s < SECONDS_A_DAY ? "%H:%M:%S" : "%F %H:%M", &at);
	snprintf(ret_text, DEADLINE_BYTES, "until %s (%u:%02u:%02u h)", clock,
		 left_s / 3600, left_s / 60 % 60, left_s % 60);
}
