/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A BPF object for a kernel without compare-and-exchange: Linux before 5.12,
 * and the JIT compilers of some CPUs for years after.
 */
#ifndef ATOMICS_H
#define ATOMICS_H

#include <stddef.h>

/* Put a plain store in the place of each compare-and-exchange of an object in
 * memory, if this kernel takes no such instruction. 0 or -errno: it is no
 * object, -EINVAL. Needs the right to load a program. */
int atomics_fit(void *object, size_t bytes);

#endif
