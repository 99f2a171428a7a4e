/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot clock in seconds, as flows and grants have it. Reading it takes
 * longer than all the rest of a packet, so each CPU does it once in a while.
 */
#ifndef SG_BPF_CLOCK_H
#define SG_BPF_CLOCK_H

#include "packet.h"

#define NS_PER_S 1000000000ULL
#define CLOCK_JIFFIES 10 /* a tenth of a second at most, where HZ is 100 */

struct clock {
	__u64 jiffies; /* when it was read */
	__u32 now_s;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct clock);
} clock SEC(".maps");

stage __u32 clock_now_s(void)
{
	__u64 jiffies = bpf_jiffies64();
	struct clock *read;
	__u32 zero = 0;

	read = bpf_map_lookup_elem(&clock, &zero);
	if (!read)
		return bpf_ktime_get_boot_ns() / NS_PER_S;
	if (!read->now_s || jiffies - read->jiffies >= CLOCK_JIFFIES) {
		read->now_s = bpf_ktime_get_boot_ns() / NS_PER_S;
		read->jiffies = jiffies;
	}
	return read->now_s;
}

/* Return whether more than so many seconds have passed since. The difference is
 * signed, as another CPU may have read the clock a little later. */
stage bool clock_is_over(__u32 now_s, __u32 since_s, __u32 limit_s)
{
	return (__s32)(now_s - since_s) > (__s32)limit_s;
}

#endif
