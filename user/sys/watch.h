/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of links and addresses, as rtnetlink tells them (RFC 3549). */
#ifndef SG_USER_WATCH_H
#define SG_USER_WATCH_H

#include "sys/fault.h"

struct mnl_socket;

/* Be told from now on. 0 or -errno; watch_close() it. */
int watch_open(struct mnl_socket **ret_socket, struct fault *ret_fault);
/* The same for changes of nftables. A kernel without has none to tell of. */
int watch_open_rules(struct mnl_socket **ret_socket, struct fault *ret_fault);
void watch_close(struct mnl_socket **socket);
int watch_fd(const struct mnl_socket *socket);

/* Take all that has come. What it says is not needed: whoever is told reads
 * all links anew, so a loss (ENOBUFS) costs nothing. */
void watch_drain(struct mnl_socket *socket);

#endif
