/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fault, told to a person: one line saying what went wrong, where and what to
 * do. Library modules fill it and return -errno; commands print it.
 */
#ifndef SG_USER_FAULT_H
#define SG_USER_FAULT_H

struct fault {
	char text[512];
};

/* Fill *ret_fault and return -error, so that callers can `return` it. */
__attribute__((format(printf, 3, 4))) int
fault_set(struct fault *ret_fault, int error, const char *format, ...);

#endif
