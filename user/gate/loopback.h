/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Forwarding of the loopback interface alone. Nothing is ever received there to
 * be forwarded, but the kernel's FIB helper, by which the datapath finds a way
 * out, answers only for an interface that has it.
 */
#ifndef SG_USER_LOOPBACK_H
#define SG_USER_LOOPBACK_H

#include "gate/pins.h"

/* Switch it on, and note in map `gate` if it was off. */
int loopback_set(const struct pins *pins, struct fault *ret_fault);

/* Return whether it is on, of each family that the kernel has. */
bool loopback_is_set(void);

/* Put it back, if the gate switched it on. -errno: the kernel refuses. */
int loopback_restore(const struct pins *pins);

#endif
