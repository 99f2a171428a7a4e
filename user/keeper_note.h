/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's note on itself, for `status`: map `keeper`. */
#ifndef SG_USER_KEEPER_NOTE_H
#define SG_USER_KEEPER_NOTE_H

#include "pins.h"
#include "sg_policy.h"

/* This process has begun to keep the gate. */
void keeper_note_begin(const struct pins *pins);

/* It has looked at all; trouble: what it could not put right, or "". */
void keeper_note_look(const struct pins *pins, const char *trouble);

/* Nobody keeps the gate, as it was wanted. */
void keeper_note_end(const struct pins *pins);

/* 0 or -errno. */
int keeper_note_read(const struct pins *pins, struct sg_keeper *ret_keeper);

#endif
