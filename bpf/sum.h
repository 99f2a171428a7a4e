/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Internet checksum's arithmetic (RFC 1071), in the byte order of memory.
 */
#ifndef SG_BPF_SUM_H
#define SG_BPF_SUM_H

#include "packet.h"

/* To 16 bits, with the carries added in. */
stage __u16 sum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

#endif
