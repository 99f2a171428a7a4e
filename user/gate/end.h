/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a flow from user space: by program sg_end, which records it as the
 * datapath records those that it ends itself.
 */
#ifndef SG_USER_END_H
#define SG_USER_END_H

#include "gate/pins.h"
#include "sg_event.h"

/* Open the pinned program, for the caller to close. 0 or -errno. */
int end_open(const char *pin_dir, int *ret_fd);

/* End one flow. 0; -ENOENT: it is not there any more; or another -errno. */
int end_flow(int end_fd, const struct sg_flow_key *key,
	     const struct sg_flow *flow, enum sg_end_reason reason);

#endif
