/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The facts that the owner wants to know, in sentences: what is open, who is
 * connected. */
#ifndef SG_USER_SUMMARY_H
#define SG_USER_SUMMARY_H

#include <json-c/json.h>

#include "gate/pins.h"

#define SUMMARY_BYTES 1024

/* The findings of `status`, by lists of rows. */
struct summary {
	struct json_object *interfaces;
	struct json_object *waiting; /* roles that no link has yet */
	struct json_object *findings;
	struct json_object *daemon;
};

/* 0 or -errno. */
int summary_write(const struct pins *pins, const struct summary *found,
		  char ret_text[SUMMARY_BYTES]);

#endif
