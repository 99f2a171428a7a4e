/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The owner's open grants. Every packet that depends on one reads it, so that
 * closing works from the next packet on; a deadline needs nobody awake.
 */
#ifndef SG_BPF_GRANT_H
#define SG_BPF_GRANT_H

#include "packet.h"
#include "policy_maps.h"

stage bool grant_is_open(__u32 id, __u32 now_s)
{
	const void *value = bpf_map_lookup_elem(&grants, &id);
	union {
		__u64 whole;
		struct sg_grant grant;
	} read;

	if (!value)
		return false;
	/* one load: no half of what is being replaced */
	read.whole = *(const volatile __u64 *)value;
	return sg_grant_is_open(&read.grant, now_s);
}

/* Return whether every grant in the mask of SG_GRANT_BIT()s is open, at once
 * and with no call. */
stage bool grants_are_open_here(__u32 mask, __u32 now_s)
{
	for (__u32 id = 0; id < SG_GRANT_COUNT; id++)
		if (mask & SG_GRANT_BIT(id) && !grant_is_open(id, now_s))
			return false;
	return true;
}

standalone int grants_are_open(__u32 mask, __u32 now_s)
{
	return grants_are_open_here(mask, now_s);
}

#endif
