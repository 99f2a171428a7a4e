/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sweep of the flow tables: where no packet comes, nothing else ends the
 * flows that are over, and the record would have them open.
 */
#ifndef SG_USER_SWEEP_H
#define SG_USER_SWEEP_H

#include <stddef.h>

#include "gate/pins.h"

/* End the flows that have been over for two seconds, by the policy in force;
 * end_fd is program sg_end. pause() is called before the rings of their ends
 * can be full. *ret_ended: how many. 0 or -errno. */
int sweep_flows(const struct pins *pins, int end_fd, void (*pause)(void *data),
		void *data, size_t *ret_ended);

#endif
