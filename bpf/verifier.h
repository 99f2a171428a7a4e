/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Things that the verifier must see: bounds of packets, rows of bits, and words
 * that several CPUs change.
 */
#ifndef SG_BPF_VERIFIER_H
#define SG_BPF_VERIFIER_H

#include "packet.h"

/*
 * Reading headers in place, under bounds that the verifier can see.
 */

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

/*
 * Tables of bits: a look-up of one costs a tenth of one in the map that it says
 * something about.
 */

/* Return whether a map of rows (struct sg_row) has this bit. */
stage bool bits_has(void *map, __u32 bit)
{
	__u32 row = bit / SG_ROW_BITS;
	const struct sg_row *found = bpf_map_lookup_elem(map, &row);

	return found && found->bits >> (bit % SG_ROW_BITS) & 1;
}

/*
 * Words that several CPUs change at once. A compare-and-exchange is known to
 * Linux 5.12 and later; for one before, the loader puts a plain store in its
 * place (atomics_fit()), by which two CPUs may lose one another's change.
 */

#define ATOMIC_TRIES 3 /* each that fails is another CPU's that succeeded */

/* Return whether the word was *seen and is `next` now; otherwise *seen is what
 * it is. */
stage bool atomic_exchange(__u32 *word, __u32 *seen, __u32 next)
{
	__u32 found = __sync_val_compare_and_swap(word, *seen, next);

	if (found == *seen)
		return true;
	*seen = found;
	return false;
}

/* Clear some bits of a word, and set others; write nothing where they are so.
 */
stage void atomic_change(__u32 *word, __u32 clear, __u32 set)
{
	__u32 seen = *(volatile __u32 *)word;

	for (int i = 0; i < ATOMIC_TRIES; i++)
		if (((seen & ~clear) | set) == seen ||
		    atomic_exchange(word, &seen, (seen & ~clear) | set))
			return;
}

#endif
