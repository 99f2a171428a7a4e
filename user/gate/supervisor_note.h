/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's note on itself, for `status`: map `supervisor`. */
#ifndef SG_USER_SUPERVISOR_NOTE_H
#define SG_USER_SUPERVISOR_NOTE_H

#include "gate/pins.h"
#include "sg_policy.h"

/* This process has begun to keep the gate. */
void supervisor_note_begin(const struct pins *pins);

/* It has looked at all; problem: what it could not put right, or "". */
void supervisor_note_look(const struct pins *pins, const char *problem);

/* Nobody keeps the gate, as it was wanted. */
void supervisor_note_end(const struct pins *pins);

/* 0 or -errno. */
int supervisor_note_read(const struct pins *pins,
			 struct sg_supervisor *ret_supervisor);

#endif
