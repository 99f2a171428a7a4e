// SPDX-License-Identifier: GPL-2.0-or-later
/* See netlink.h. */
#include "sys/netlink.h"

#include <errno.h>
#include <time.h>

int netlink_open(int bus, struct mnl_socket **ret_socket)
{
	*ret_socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!*ret_socket ||
	    mnl_socket_bind(*ret_socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	return 0;
}

void netlink_close(struct mnl_socket **socket)
{
	if (*socket)
		mnl_socket_close(*socket);
	*socket = NULL;
}

int netlink_ask(struct mnl_socket *socket, struct nlmsghdr *message,
		mnl_cb_t callback, void *data)
{
	unsigned int sequence = (unsigned int)time(NULL);
	char buffer[NETLINK_BYTES];
	ssize_t bytes;
	int r = MNL_CB_OK;

	message->nlmsg_seq = sequence;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -errno;
	while (r > MNL_CB_STOP) {
		bytes = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (bytes < 0)
			return -errno;
		r = mnl_cb_run(buffer, (size_t)bytes, sequence,
			       mnl_socket_get_portid(socket), callback, data);
	}
	return r == MNL_CB_STOP ? 0 : -errno;
}
