/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words that several CPUs change at once. A compare-and-exchange is known to
 * Linux 5.12 and later; for one before, the loader puts a plain store in its
 * place (atomics_fit()), by which two CPUs may lose one another's change.
 */
#ifndef SG_BPF_ATOMIC_H
#define SG_BPF_ATOMIC_H

#include "packet.h"

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
