/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ground that both sides stand on: fixed-width types, and the address that
 * keys and entries hold. Every other ABI header includes this one.
 */
#ifndef SG_TYPES_H
#define SG_TYPES_H

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/bpf.h>
#include <linux/types.h>
#endif

/* The structs and enums of include/ are shared with a program of another build.
 * A change of a size, an order, or an enum's number changes this one, and pins
 * of another number are never read. What is added at the end of an enum, as a
 * reason or a state, changes it, too: maps then hold what the other build
 * cannot name. */
#define SG_LAYOUT 14

/* An enum of one byte, of which bpftool prints the name. */
#define SG_BYTE __attribute__((packed))

#define SG_ASSERT_SIZE(type, bytes)                                            \
	_Static_assert(sizeof(type) == (bytes), #type " has no hidden "        \
						      "padding")

/* Of a map that is a table of bits: bit n of row r is that of r * SG_ROW_BITS +
 * n.
 */
#define SG_ROW_BITS 64

struct sg_row {
	__u64 bits;
};

/* A port in network byte order. */
union sg_be16 {
	__be16 be;
	__u8 byte[2]; /* as a person reads it, by bpftool: 22 is 0 22 */
};
SG_ASSERT_SIZE(union sg_be16, 2);

/* An IP address in network byte order; IPv4 is mapped (::ffff:a.b.c.d). */
union sg_addr {
	__be32 word[4];
	__u8 byte[16]; /* as a person reads it, by bpftool */
};
SG_ASSERT_SIZE(union sg_addr, 16);

/* word[2] of a mapped IPv4 address, in host byte order */
#define SG_ADDR_V4_MARK 0xffff

#endif
