/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gate as a whole: brought up, given a new policy, taken down. Each is
 * done under the lock, and done whole or not at all.
 */
#ifndef SG_USER_INSTANCE_H
#define SG_USER_INSTANCE_H

#include <stdbool.h>

#include "config/policy.h"
#include "gate/pins.h"
#include "sys/fault.h"
#include "sys/links.h"

/* Load, fill, attach to the interfaces that are there, pin. On a gate that is
 * up already: newer programs and policy in place of the old, flows live on. */
int instance_up(const char *pin_dir, bool clsact, const struct policy *policy,
		struct fault *ret_fault);

/* Complete a change of maps that was interrupted (migrate.h), if there still is
 * one when nobody else changes the gate. */
int instance_complete(const char *pin_dir, bool clsact,
		      const struct policy *policy, struct fault *ret_fault);

/* A new policy for a gate that is up. */
int instance_reload(const char *pin_dir, bool clsact,
		    const struct policy *policy, struct fault *ret_fault);

/* The links as they are now, each with the role that it has in the gate, be its
 * name another since. links_release() them. */
int instance_links(const struct pins *pins, struct links *ret_links,
		   struct fault *ret_fault);

/* Links or addresses have changed under a gate that is up: the same policy, of
 * this number, and programs, on what is there now. -EBUSY: another command is
 * changing it, or has put another policy in force. */
int instance_follow(const struct pins *pins, bool clsact,
		    const int *program_fds, const struct policy *policy,
		    uint32_t number, struct fault *ret_fault);

/* The state that `down` found. */
enum instance_end {
	INSTANCE_ENDED,
	INSTANCE_ENDED_BUT_LOOPBACK, /* lo's forwarding could not be put back */
	INSTANCE_LEFT_SOMETHING,     /* its pins were gone; the rest is, now */
	INSTANCE_WAS_NONE,	     /* nothing of a gate is here */
	INSTANCE_HAD_REMAINS,	     /* of an `up` that came to nothing */
};

/* Detach and unpin; a gate that is not there is no error. */
int instance_down(const char *pin_dir, enum instance_end *ret_end,
		  struct fault *ret_fault);

#endif
