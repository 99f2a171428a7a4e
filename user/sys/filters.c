// SPDX-License-Identifier: GPL-2.0-or-later
/* See filters.h. */
#include "sys/filters.h"

#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>

#include "sys/cleanup.h"
#include "sys/netlink.h"

struct search {
	struct filter first;
	bool found;
};

static uint32_t program_of(const struct nlattr *options)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested (attr, options)
		if (mnl_attr_get_type(attr) == TCA_BPF_ID)
			return mnl_attr_get_u32(attr);
	return 0;
}

/* The kernel lists them as it asks them; each priority is listed by itself
 * first, with no handle. Packets begin in chain 0. */
static int on_filter(const struct nlmsghdr *message, void *data)
{
	const struct tcmsg *filter = mnl_nlmsg_get_payload(message);
	struct search *search = data;
	const struct nlattr *attr;
	uint32_t chain = 0;
	uint32_t program_id = 0;

	if (message->nlmsg_type != RTM_NEWTFILTER || search->found ||
	    !filter->tcm_handle)
		return MNL_CB_OK;
	mnl_attr_for_each (attr, message, sizeof(*filter)) {
		if (mnl_attr_get_type(attr) == TCA_CHAIN)
			chain = mnl_attr_get_u32(attr);
		if (mnl_attr_get_type(attr) == TCA_OPTIONS)
			program_id = program_of(attr);
	}
	if (chain)
		return MNL_CB_OK;
	search->found = true;
	search->first = (struct filter){
		.priority = filter->tcm_info >> 16,
		.handle = filter->tcm_handle,
		.program_id = program_id,
	};
	return MNL_CB_OK;
}

static int ask(struct mnl_socket *socket, uint32_t ifindex, uint32_t parent,
	       struct search *search)
{
	char buffer[NETLINK_BYTES];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct tcmsg *filter;

	message->nlmsg_type = RTM_GETTFILTER;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	filter = mnl_nlmsg_put_extra_header(message, sizeof(*filter));
	filter->tcm_family = AF_UNSPEC;
	filter->tcm_ifindex = (int)ifindex;
	filter->tcm_parent = parent;
	return netlink_ask(socket, message, on_filter, search);
}

int filters_first(uint32_t ifindex, uint32_t parent, struct filter *ret_first)
{
	_cleanup_(netlink_close) struct mnl_socket *socket = NULL;
	struct search search = {0};
	int r = netlink_open(NETLINK_ROUTE, &socket);

	if (!r)
		r = ask(socket, ifindex, parent, &search);
	if (r)
		return r;
	*ret_first = search.first;
	return search.found ? 0 : -ENOENT;
}
