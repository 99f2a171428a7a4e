/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Internet checksum's arithmetic (RFC 1071), in the byte order of memory.
 */
#ifndef SG_BPF_CSUM_H
#define SG_BPF_CSUM_H

#include "packet.h"

/* To 16 bits, with the carries added in: of a number and itself with its halves
 * exchanged, the upper half is the sum of the two halves, carry included. */
stage __u16 sum_fold(__u64 sum)
{
	__u32 half;

	sum += sum << 32 | sum >> 32;
	half = sum >> 32;
	half += half << 16 | half >> 16;
	return half >> 16;
}

#endif
