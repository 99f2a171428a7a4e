/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules in force, with their hits, as rows; used by two commands. */
#ifndef SG_USER_FORWARDS_H
#define SG_USER_FORWARDS_H

#include <json-c/json.h>

#include "gate/pins.h"

/* Add a row for each rule of the slot in force. 0 or -errno. */
int forwards_add(const struct pins *pins, struct json_object *rows);
void forwards_print(struct json_object *rows);

#endif
