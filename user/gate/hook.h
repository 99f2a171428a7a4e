/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hook where a program meets the packets of an interface: a TCX link where
 * the kernel has them (6.6), a clsact filter otherwise. Ours runs first, and is
 * put first again; a foreign program runs beside it, on what ours lets through,
 * and is never replaced.
 */
#ifndef SG_USER_HOOK_H
#define SG_USER_HOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/fault.h"

enum hook_mode {
	HOOK_TCX,
	HOOK_CLSACT,
};

enum hook_side {
	HOOK_INGRESS,
	HOOK_EGRESS,
};

struct hook {
	const char *pin_dir;
	uint32_t ifindex;
	enum hook_side side;
};

const char *hook_mode_name(enum hook_mode mode);

/* Make the program the one on the hook, in place of an earlier one of ours,
 * with no packet in between. */
int hook_attach(const struct hook *hook, enum hook_mode mode, int program_fd,
		struct fault *ret_fault);

/* Take ours off; not being there is no error. */
int hook_detach(const struct hook *hook, struct fault *ret_fault);

#define HOOK_NOT_BPF 0xffffffff /* in place of a program's id */

/* Return the id of the program that sees a hook's packets first, if it is not
 * this one, or HOOK_NOT_BPF; 0: it is, or the kernel does not tell. */
uint32_t hook_preceded_by(const struct hook *hook, enum hook_mode mode,
			  uint32_t program_id);

/* The id of our program that is on the hook and how, or -ENOENT. */
int hook_query(const struct hook *hook, enum hook_mode *ret_mode,
	       uint32_t *ret_program_id);

/* Return whether a TCX program of a gate's, by its name, is on an interface. */
bool hook_has_tcx_of_ours(uint32_t ifindex);

#endif
