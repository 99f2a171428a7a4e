/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings of `status`: each thing that is not as it should be, by name, with
 * what to do. */
#ifndef SG_USER_FINDING_H
#define SG_USER_FINDING_H

#include <json-c/json.h>

/* Add one to a list of objects with a member "problem". */
__attribute__((format(printf, 2, 3))) void
finding_add(struct json_object *findings, const char *format, ...);

#endif
