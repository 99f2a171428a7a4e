/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The folder of pins: made, and removed with all that is the gate's in it. */
#ifndef SG_USER_PINS_FOLDER_H
#define SG_USER_PINS_FOLDER_H

#include <stdbool.h>

#include "sys/fault.h"

/* Make dir and its folders, on a bpffs, which is mounted if it is missing. */
int pins_prepare(const char *dir, struct fault *ret_fault);

/* Return whether what is mounted here ends with this process, as under `ip
 * netns exec`, which has a /sys of its own. */
bool pins_is_private_mount(void);

/* Make one folder in dir. 0 or -errno. */
int pins_make_folder(const char *dir, const char *sub);

/* Remove the pins of maps that only former layouts have. */
void pins_remove_former(const char *dir);

/* Remove the folders that nothing is in: of an `up` that came to nothing. */
void pins_remove_empty(const char *dir);

/* Refuse a folder in which no gate is, nor what is left of one, but what is
 * another's. Returns 0 or -errno. */
int pins_check_gates(const char *dir, struct fault *ret_fault);

/* Remove every pin and folder of the gate's, by their names; what is not there
 * is no error. -EEXIST: something else is in them, and stays. */
int pins_remove(const char *dir, struct fault *ret_fault);

#endif
