/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A question to the kernel by netlink, and all that it answers (RFC 3549). */
#ifndef SG_USER_NETLINK_H
#define SG_USER_NETLINK_H

#include <libmnl/libmnl.h>

/* A socket for questions, by NETLINK_ROUTE or another bus. 0 or -errno; in
 * every case netlink_close() it. */
int netlink_open(int bus, struct mnl_socket **ret_socket);
void netlink_close(struct mnl_socket **socket);

/* Send a message of at most NETLINK_BYTES, and have each message of the answer
 * given to a callback of libmnl's, with data. 0 or -errno (-EINTR: what is
 * listed changed meanwhile). */
#define NETLINK_BYTES 32768
int netlink_ask(struct mnl_socket *socket, struct nlmsghdr *message,
		mnl_cb_t callback, void *data);

#endif
