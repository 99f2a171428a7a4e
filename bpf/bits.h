/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables of bits: a look-up of one costs a tenth of one in the map that it says
 * something about.
 */
#ifndef SG_BPF_BITS_H
#define SG_BPF_BITS_H

#include "packet.h"

/* Return whether a map of rows (struct sg_row) has this bit. */
stage bool bits_has(void *map, __u32 bit)
{
	__u32 row = bit / SG_ROW_BITS;
	const struct sg_row *found = bpf_map_lookup_elem(map, &row);

	return found && found->bits >> (bit % SG_ROW_BITS) & 1;
}

#endif
