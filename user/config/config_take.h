/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a parsed text to a policy, for config.c alone. */
#ifndef SG_USER_CONFIG_TAKE_H
#define SG_USER_CONFIG_TAKE_H

#include <confuse.h>

#include "config/policy.h"

/* Put what the text says over the defaults in *policy. 0 or -ENOMEM. */
int config_take(cfg_t *cfg, struct policy *policy);

#endif
