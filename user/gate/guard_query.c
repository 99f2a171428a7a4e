// SPDX-License-Identifier: GPL-2.0-or-later
/* Ask the kernel for the guard that is in it, by nfnetlink. See guard.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "gate/guard.h"
#include "sys/cleanup.h"
#include "sys/netlink.h"

/* A chain as it is seen: rules that are not ours let something by. */
struct chain {
	size_t rules;
	size_t accepts;	   /* rules of that verdict */
	bool ends_in_drop; /* the last rule's is */
};

struct found {
	struct chain input;
	struct chain forward;
	bool is_dormant;
};

/* Return the attribute of a type within another, or NULL; parent may be. */
static const struct nlattr *child_of(const struct nlattr *parent, uint16_t type)
{
	const struct nlattr *attr;

	if (!parent)
		return NULL;
	mnl_attr_for_each_nested (attr, parent)
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

/* Return what an expression decides, or -1: nothing. */
static int verdict_of(const struct nlattr *expression)
{
	const struct nlattr *name = child_of(expression, NFTA_EXPR_NAME);
	const struct nlattr *value = child_of(expression, NFTA_EXPR_DATA);

	if (!name || strcmp(mnl_attr_get_str(name), "immediate") != 0)
		return -1;
	value = child_of(value, NFTA_IMMEDIATE_DATA);
	value = child_of(value, NFTA_DATA_VERDICT);
	value = child_of(value, NFTA_VERDICT_CODE);
	return value ? (int)ntohl(mnl_attr_get_u32(value)) : -1;
}

static void add_rule(struct chain *chain, const struct nlattr *expressions)
{
	const struct nlattr *attr;
	int verdict = -1;

	mnl_attr_for_each_nested (attr, expressions) {
		int of_this = verdict_of(attr);

		if (of_this >= 0)
			verdict = of_this;
	}
	chain->rules++;
	chain->accepts += verdict == NF_ACCEPT;
	chain->ends_in_drop = verdict == NF_DROP;
}

static void on_rule(const struct nlmsghdr *message, struct found *found)
{
	const struct nlattr *expressions = NULL;
	const struct nlattr *attr;
	const char *table = "";
	const char *chain = "";

	mnl_attr_for_each (attr, message, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) == NFTA_RULE_TABLE)
			table = mnl_attr_get_str(attr);
		if (mnl_attr_get_type(attr) == NFTA_RULE_CHAIN)
			chain = mnl_attr_get_str(attr);
		if (mnl_attr_get_type(attr) == NFTA_RULE_EXPRESSIONS)
			expressions = attr;
	}
	if (!expressions || strcmp(table, GUARD_TABLE) != 0)
		return;
	if (strcmp(chain, "input") == 0)
		add_rule(&found->input, expressions);
	if (strcmp(chain, "forward") == 0)
		add_rule(&found->forward, expressions);
}

static int on_message(const struct nlmsghdr *message, void *data)
{
	struct found *found = data;
	const struct nlattr *attr;

	if ((message->nlmsg_type & 0xff) == NFT_MSG_NEWRULE) {
		on_rule(message, found);
		return MNL_CB_OK;
	}
	mnl_attr_for_each (attr, message, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == NFTA_TABLE_FLAGS)
			found->is_dormant = ntohl(mnl_attr_get_u32(attr)) &
					    NFT_TABLE_F_DORMANT;
	return MNL_CB_OK;
}

/* Ask for a thing of the table's, or list them. Returns 0 or -errno. */
static int ask(struct mnl_socket *socket, int what, uint16_t flags,
	       uint16_t attr, struct found *found)
{
	char buffer[NETLINK_BYTES];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header;

	message->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | what);
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	*header = (struct nfgenmsg){.nfgen_family = NFPROTO_INET};
	mnl_attr_put_strz(message, attr, GUARD_TABLE);
	return netlink_ask(socket, message, on_message, found);
}

static int look(struct found *found)
{
	_cleanup_(netlink_close) struct mnl_socket *socket = NULL;
	int r = netlink_open(NETLINK_NETFILTER, &socket);

	if (!r)
		r = ask(socket, NFT_MSG_GETTABLE, NLM_F_ACK, NFTA_TABLE_NAME,
			found);
	return r ? r
		 : ask(socket, NFT_MSG_GETRULE, NLM_F_DUMP, NFTA_RULE_TABLE,
		       found);
}

/* One that is interrupted by a change is asked again. */
static int look_again(struct found *found)
{
	int tries = 10;
	int r;

	do {
		*found = (struct found){0};
		r = look(found);
	} while ((r == -EINTR || r == -ENOBUFS) && --tries);
	return r;
}

static bool is_whole(const struct chain *chain, size_t rules, size_t accepts)
{
	return chain->rules == rules && chain->accepts == accepts &&
	       chain->ends_in_drop;
}

enum guard_state guard_query(const struct policy *policy, size_t governed)
{
	struct found found;
	size_t accepted;
	size_t names = guard_name_count(policy, &accepted);
	int r = look_again(&found);

	if (r == -ENOENT)
		return GUARD_ABSENT;
	if (r == -EINTR || r == -ENOBUFS || r == -ENOMEM)
		return GUARD_UNKNOWN;
	if (r)
		return GUARD_UNSUPPORTED;
	return !found.is_dormant && is_whole(&found.forward, names, accepted) &&
			       is_whole(&found.input, names + governed,
					accepted + governed)
		       ? GUARD_WHOLE
		       : GUARD_CHANGED;
}

bool guard_is_there(void)
{
	struct found found;

	return look_again(&found) == 0;
}
