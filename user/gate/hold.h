/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The supervisor's lock: there is one of each gate. It is a file of its own in
 * /run/scoutgate-supervisor, which is root's, so that it does not go with a
 * pin's folder, and a short change by another command is not kept out.
 */
#ifndef SG_USER_HOLD_H
#define SG_USER_HOLD_H

#include <limits.h>
#include <stdbool.h>

#include "sys/fault.h"

#define HOLD_FOLDER "/run/scoutgate-supervisor"

/* Name a file of a gate in the folder: by its network namespace, and where it
 * is pinned, with colons for slashes. 0 or -ENAMETOOLONG. */
int hold_path(const char *pin_dir, const char *end, char ret_path[PATH_MAX]);
/* Make the folder, and refuse one in which another user could put another file
 * in a file's place. 0 or -errno with *ret_fault. */
int hold_folder(struct fault *ret_fault);

/* Become the supervisor of the gate in pin_dir of this network namespace.
 * Returns a descriptor that holds it until hold_end(), or -errno with
 * *ret_fault: -EBUSY: there is another. Whoever takes the gate down is waited
 * for, some seconds: -EAGAIN. */
int hold_begin(const char *pin_dir, struct fault *ret_fault);
/* Hold it again, if somebody has removed its file: who comes next would hold
 * another. 0, or -errno with *ret_fault: -EBUSY: one has come already. */
int hold_keep(const char *pin_dir, int *fd, struct fault *ret_fault);
/* Keep supervisors off until hold_end(), as one does that takes the gate down;
 * there may be several. A descriptor, or -errno with *ret_fault: -EBUSY: there
 * is a supervisor. */
int hold_keep_off(const char *pin_dir, struct fault *ret_fault);
void hold_end(const char *pin_dir, int *fd);

/* Return whether there is a supervisor. */
bool hold_is_taken(const char *pin_dir);

#endif
