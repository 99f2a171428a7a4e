/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The links of this network namespace, as `status` sees them: governed and
 * whole, exempt, or a finding. */
#ifndef SG_USER_STATUS_LINKS_H
#define SG_USER_STATUS_LINKS_H

#include <json-c/json.h>

#include "config/policy.h"
#include "gate/pins.h"

/* Add a row for each link that is governed or exempt, and what is wrong to
 * findings; to *waiting, a row for each role that no link has yet. 0 or -errno.
 */
int status_add_links(const struct pins *pins, const struct policy *policy,
		     struct json_object *rows, struct json_object *waiting,
		     struct json_object *findings);

#endif
