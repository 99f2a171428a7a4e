// SPDX-License-Identifier: GPL-2.0-or-later
/* See watch.h. */
#include "sys/watch.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "sys/netlink.h"

#define GROUP(number) (1U << ((number)-1))
#define GROUPS                                                                 \
	(GROUP(RTNLGRP_LINK) | GROUP(RTNLGRP_IPV4_IFADDR) |                    \
	 GROUP(RTNLGRP_IPV6_IFADDR) | GROUP(RTNLGRP_IPV4_ROUTE) |              \
	 GROUP(RTNLGRP_IPV6_ROUTE) | GROUP(RTNLGRP_IPV4_RULE) |                \
	 GROUP(RTNLGRP_IPV6_RULE))

static int open_socket(int bus, unsigned int groups, const char *name,
		       struct mnl_socket **ret_socket, struct fault *ret_fault)
{
	struct mnl_socket *socket =
		mnl_socket_open2(bus, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (!socket || mnl_socket_bind(socket, groups, MNL_SOCKET_AUTOPID)) {
		int error = errno;

		watch_close(&socket);
		return fault_set(ret_fault, error, "%s: %s", name,
				 strerror(error));
	}
	*ret_socket = socket;
	return 0;
}

int watch_open(struct mnl_socket **ret_socket, struct fault *ret_fault)
{
	return open_socket(NETLINK_ROUTE, GROUPS, "rtnetlink", ret_socket,
			   ret_fault);
}

int watch_open_rules(struct mnl_socket **ret_socket, struct fault *ret_fault)
{
	return open_socket(NETLINK_NETFILTER, GROUP(NFNLGRP_NFTABLES),
			   "nfnetlink", ret_socket, ret_fault);
}

void watch_close(struct mnl_socket **socket)
{
	netlink_close(socket);
}

int watch_fd(const struct mnl_socket *socket)
{
	return mnl_socket_get_fd(socket);
}

void watch_drain(struct mnl_socket *socket)
{
	char buffer[32768];

	while (mnl_socket_recvfrom(socket, buffer, sizeof(buffer)) > 0 ||
	       errno == ENOBUFS || errno == EINTR)
		;
}
