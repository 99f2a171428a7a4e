/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of the forwards in force, by the number that flows have of them. */
#ifndef SG_USER_RULE_NAMES_H
#define SG_USER_RULE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gate/pins.h"
#include "sg_policy.h"

struct rule_names {
	struct sg_forward *items; /* owned; by number */
	size_t count;
};

/* 0 or -errno. rule_names_release() it. */
int rule_names_read(const struct pins *pins, struct rule_names *ret_names);
void rule_names_release(struct rule_names *names);

/* Return the name, or NULL: no forward in force has that number. */
const char *rule_names_find(const struct rule_names *names, uint32_t rule);

/* Return whether a forward in force has that name. */
bool rule_names_has(const struct rule_names *names, const char *name);

#endif
