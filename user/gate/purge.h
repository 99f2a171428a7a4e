/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The remains of links that have gone: rows of map `drops`, pins. */
#ifndef SG_USER_PURGE_H
#define SG_USER_PURGE_H

#include "gate/pins.h"
#include "sys/links.h"

/* Remove them, so that 10,000 links may come and go. What was dropped stays
 * counted, by reason, under interface SG_GONE_IFINDEX. Nothing of it can fail
 * what else is done: what stays is tried again with the next change. */
void purge_gone(const struct pins *pins, const struct links *links);

#endif
