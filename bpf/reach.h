/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading headers in place, under bounds that the verifier can see.
 */
#ifndef SG_BPF_REACH_H
#define SG_BPF_REACH_H

#include "packet.h"

#define HEADER_AT_MASK 0xff /* no header of ours starts beyond byte 255 */

/* Return where a header starts, with a bound that the verifier can see. */
stage void *reach_at(struct __sk_buff *skb, __u32 offset)
{
	return (void *)(long)skb->data + (offset & HEADER_AT_MASK);
}

/* 1 to `limit`, a power of two: a length as every verifier wants it to be. It
 * is itself if it is one of these. */
stage __u32 reach_length(__u32 bytes, __u32 limit)
{
	return ((bytes - 1) & (limit - 1)) + 1;
}

/* Make `bytes` from offset `at` on readable in place, and what is before. */
stage bool reach(struct __sk_buff *skb, __u32 offset, __u32 bytes)
{
	if (reach_at(skb, offset) + bytes <= (void *)(long)skb->data_end)
		return true;
	if (offset + bytes > skb->len)
		return false;
	return bpf_skb_pull_data(skb, offset + bytes) == 0;
}

#endif
