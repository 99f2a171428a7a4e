/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The grammar's sections, settings and their checks, for config.c alone. */
#ifndef SG_USER_CONFIG_GRAMMAR_H
#define SG_USER_CONFIG_GRAMMAR_H

#include <confuse.h>
#include <stdbool.h>

#include "sys/fault.h"

/* A parser for one text, whose checks report into *fault as "NAME:LINE: what";
 * both must outlive it. One at a time. NULL: out of memory. */
cfg_t *grammar_new(const char *name, struct fault *fault);

/* Return whether the text that was parsed set anything at all. */
bool grammar_saw_anything(cfg_t *cfg);

#endif
