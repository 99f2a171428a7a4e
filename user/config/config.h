/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration's grammar: text to a validated policy, or nothing. */
#ifndef SG_USER_CONFIG_H
#define SG_USER_CONFIG_H

#include "config/policy.h"

/*
 * Parse a text. On success *ret_policy owns memory: policy_release() it. On
 * failure it is untouched, *ret_fault says "NAME:LINE: what", and -errno is
 * returned. name: the file, for messages.
 */
int config_parse(const char *text, const char *name, struct policy *ret_policy,
		 struct fault *ret_fault);

/* Read a file (see file.h) and parse it. */
int config_load(const char *path, struct policy *ret_policy,
		struct fault *ret_fault);

#endif
