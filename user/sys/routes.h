/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes and rules of this network namespace, as rtnetlink dumps them, into
 * struct links, whose links must be there already. */
#ifndef SG_USER_ROUTES_H
#define SG_USER_ROUTES_H

#include <linux/netlink.h>

/* Callbacks of libmnl for each message of a dump; data is struct links. */
int routes_on_route(const struct nlmsghdr *message, void *data);
int routes_on_rule(const struct nlmsghdr *message, void *data);

#endif
