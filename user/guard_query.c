// SPDX-License-Identifier: GPL-2.0-or-later
/* What of the guard is in the kernel, by nfnetlink. See guard.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "cleanup.h"
#include "guard.h"

/* What is counted of the table: more rules than ours let something by. */
struct found {
	size_t input;
	size_t forward;
	bool is_dormant;
};

static void close_socket(struct mnl_socket **socket)
{
	if (*socket)
		mnl_socket_close(*socket);
}

static int on_message(const struct nlmsghdr *message, void *data)
{
	bool is_rule = (message->nlmsg_type & 0xff) == NFT_MSG_NEWRULE;
	struct found *found = data;
	const struct nlattr *attr;
	const char *chain;

	mnl_attr_for_each (attr, message, sizeof(struct nfgenmsg)) {
		uint16_t type = mnl_attr_get_type(attr);

		if (!is_rule && type == NFTA_TABLE_FLAGS)
			found->is_dormant = ntohl(mnl_attr_get_u32(attr)) &
					    NFT_TABLE_F_DORMANT;
		if (!is_rule || type != NFTA_RULE_CHAIN)
			continue;
		chain = mnl_attr_get_str(attr);
		found->input += strcmp(chain, "input") == 0;
		found->forward += strcmp(chain, "forward") == 0;
	}
	return MNL_CB_OK;
}

/* Ask for a thing of the table's, or list them. Returns 0 or -errno. */
static int ask(struct mnl_socket *socket, int what, uint16_t flags,
	       uint16_t attr, struct found *found)
{
	char buffer[32768];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	unsigned int port = mnl_socket_get_portid(socket);
	struct nfgenmsg *header;
	ssize_t bytes;
	int r = MNL_CB_OK;

	message->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | what);
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = (uint32_t)what;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	*header = (struct nfgenmsg){.nfgen_family = NFPROTO_INET};
	mnl_attr_put_strz(message, attr, GUARD_TABLE);
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -errno;
	while (r > MNL_CB_STOP) {
		bytes = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (bytes < 0)
			return -errno;
		r = mnl_cb_run(buffer, (size_t)bytes, (uint32_t)what, port,
			       on_message, found);
	}
	return r == MNL_CB_STOP ? 0 : -errno;
}

/* Older kernels list the rules of all tables of the family. */
static int look(struct found *found)
{
	_cleanup_(close_socket) struct mnl_socket *socket = NULL;
	int r;

	socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	r = ask(socket, NFT_MSG_GETTABLE, NLM_F_ACK, NFTA_TABLE_NAME, found);
	return r ? r
		 : ask(socket, NFT_MSG_GETRULE, NLM_F_DUMP, NFTA_RULE_TABLE,
		       found);
}

enum guard_state guard_query(const struct policy *policy, size_t governed)
{
	struct found found = {0};
	size_t names = guard_name_count(policy);
	int r = look(&found);

	if (r == -ENOENT)
		return GUARD_ABSENT;
	if (r)
		return GUARD_UNKNOWN;
	return !found.is_dormant && found.forward == names &&
			       found.input == names + governed
		       ? GUARD_WHOLE
		       : GUARD_CHANGED;
}

bool guard_is_there(void)
{
	struct found found = {0};

	return look(&found) == 0;
}
