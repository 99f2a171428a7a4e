/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The use of the flow tables by each share (see enum sg_share), for people.
 */
#ifndef SG_USER_SHARES_H
#define SG_USER_SHARES_H

#include <json-c/json.h>

#include "config/policy.h"
#include "gate/pins.h"

/* Add a row for each share to `rows`, and to `full` the name of each whose part
 * of the open flows is used up by what is alive, so that more are refused. What
 * has expired counts until its room is needed. 0, or -errno. */
int shares_add(const struct pins *pins, struct json_object *rows,
	       struct json_object *full);

/* Add to `root` the masquerade ports that are in use, how many there are, and
 * how many of them several of the container's ports share. 0, or -errno. */
int shares_add_ports(const struct pins *pins, const struct policy *policy,
		     struct json_object *root);
void shares_print_ports(struct json_object *ports);

/* Print the rows as a table. */
void shares_print(struct json_object *rows);

#endif
