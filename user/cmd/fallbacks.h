/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of `status` about what the gate does where the kernel lacks something.
 */
#ifndef SG_USER_FALLBACKS_H
#define SG_USER_FALLBACKS_H

#include <json-c/json.h>

/* Ask the kernel, and add a row for each feature that it lacks, or does not
 * tell of. */
void fallbacks_add(struct json_object *rows);
void fallbacks_print(struct json_object *rows);

#endif
