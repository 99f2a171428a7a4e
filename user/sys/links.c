// SPDX-License-Identifier: GPL-2.0-or-later
/* See links.h. */
#include "sys/links.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "sys/cleanup.h"
#include "sys/digest.h"
#include "sys/netlink.h"
#include "sys/routes.h"
#include "sys/text.h"

#define READ_TRIES 10

int links_grow(void **items, size_t count, size_t bytes)
{
	void *grown;

	if (count & (count - 1) || (count && count < 8))
		return 0;
	grown = reallocarray(*items, count ? count * 2 : 8, bytes);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	return 0;
}

struct link *links_find(const struct links *links, uint32_t ifindex)
{
	for (size_t i = 0; i < links->count; i++)
		if (links->items[i].ifindex == ifindex)
			return &links->items[i];
	return NULL;
}

/* Return whether a driver says that a device is of a kind, as "veth"
 * (IFLA_INFO_KIND), or is the port of one (IFLA_INFO_SLAVE_KIND). */
static bool is_kind(const struct nlattr *link_info, uint16_t type,
		    const char *kind)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested (attr, link_info)
		if (mnl_attr_get_type(attr) == type)
			return strcmp(mnl_attr_get_str(attr), kind) == 0;
	return false;
}

static void take_vlan(const struct nlattr *link_info, struct link *link)
{
	const struct nlattr *data;
	const struct nlattr *attr;

	mnl_attr_for_each_nested (data, link_info) {
		if (mnl_attr_get_type(data) != IFLA_INFO_DATA)
			continue;
		mnl_attr_for_each_nested (attr, data) {
			if (mnl_attr_get_type(attr) == IFLA_VLAN_ID)
				link->vlan_id = mnl_attr_get_u16(attr);
			if (mnl_attr_get_type(attr) == IFLA_VLAN_PROTOCOL)
				link->vlan_protocol = mnl_attr_get_u16(attr);
		}
	}
}

/* Note what of a device's kind matters. A VRF's link has a master as well, but
 * its addresses and its packets stay its own. */
static void take_kind(const struct nlattr *link_info, struct link *link,
		      bool *ret_is_of_vrf)
{
	link->is_veth = is_kind(link_info, IFLA_INFO_KIND, "veth");
	*ret_is_of_vrf = is_kind(link_info, IFLA_INFO_SLAVE_KIND, "vrf");
	if (is_kind(link_info, IFLA_INFO_KIND, "vlan"))
		take_vlan(link_info, link);
}

static void take_link_attr(const struct nlattr *attr, struct link *link,
			   bool *ret_is_of_vrf)
{
	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		strncpy(link->name, mnl_attr_get_str(attr),
			sizeof(link->name) - 1);
		break;
	case IFLA_MTU:
		link->mtu = mnl_attr_get_u32(attr);
		break;
	case IFLA_LINKINFO:
		take_kind(attr, link, ret_is_of_vrf);
		break;
	case IFLA_MASTER:
		link->is_port = mnl_attr_get_u32(attr) != 0;
		break;
	case IFLA_LINK:
		link->lower_ifindex = mnl_attr_get_u32(attr);
		break;
	case IFLA_LINK_NETNSID:
		link->is_lower_elsewhere = true;
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == SG_MAC_BYTES)
			memcpy(link->mac, mnl_attr_get_payload(attr),
			       SG_MAC_BYTES);
		break;
	}
}

static int on_link(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct links *links = data;
	const struct nlattr *attr;
	bool is_of_vrf = false;
	struct link link = {
		.ifindex = (uint32_t)info->ifi_index,
		.has_ethernet = info->ifi_type == ARPHRD_ETHER,
		.is_up = info->ifi_flags & IFF_UP,
		.has_carrier = info->ifi_flags & IFF_LOWER_UP,
	};

	if (message->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	mnl_attr_for_each (attr, message, sizeof(*info)) {
		take_link_attr(attr, &link, &is_of_vrf);
		if (mnl_attr_get_type(attr) == IFLA_XDP) /* whose place it is */
			digest_bytes(&links->digest, attr, attr->nla_len);
	}
	link.is_port &= !is_of_vrf;
	digest_link(&links->digest, &link);
	if (links_grow((void **)&links->items, links->count, sizeof(link)))
		return MNL_CB_ERROR;
	links->items[links->count++] = link;
	return MNL_CB_OK;
}

static int on_addr(const struct nlmsghdr *message, void *data)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *local = NULL;
	struct links *links = data;
	const struct nlattr *attr;
	struct link_addr addr = {.ifindex = info->ifa_index};
	uint32_t flags = info->ifa_flags;

	mnl_attr_for_each (attr, message, sizeof(*info)) {
		if (mnl_attr_get_type(attr) == IFA_FLAGS)
			flags = mnl_attr_get_u32(attr);
		if (mnl_attr_get_type(attr) == IFA_LOCAL ||
		    (mnl_attr_get_type(attr) == IFA_ADDRESS && !local))
			local = attr;
	}
	if (message->nlmsg_type != RTM_NEWADDR || !local)
		return MNL_CB_OK;
	addr.is_permanent = flags & IFA_F_PERMANENT;
	addr.is_usable =
		!(flags & IFA_F_DEPRECATED) && !(flags & IFA_F_DADFAILED) &&
		(!(flags & IFA_F_TENTATIVE) || flags & IFA_F_OPTIMISTIC);
	if (info->ifa_family == AF_INET &&
	    mnl_attr_get_payload_len(local) == sizeof(uint32_t)) {
		addr.addr = text_addr_from_v4(mnl_attr_get_u32(local));
		addr.prefix = info->ifa_prefixlen + 96U;
	} else if (info->ifa_family == AF_INET6 &&
		   mnl_attr_get_payload_len(local) == sizeof(addr.addr)) {
		memcpy(&addr.addr, mnl_attr_get_payload(local),
		       sizeof(addr.addr));
		addr.prefix = info->ifa_prefixlen;
	} else {
		return MNL_CB_OK;
	}
	if (links_grow((void **)&links->addrs, links->addr_count, sizeof(addr)))
		return MNL_CB_ERROR;
	digest_addr(&links->digest, &addr);
	links->addrs[links->addr_count++] = addr;
	return MNL_CB_OK;
}

static int dump(struct mnl_socket *socket, uint16_t type, mnl_cb_t callback,
		struct links *links)
{
	char buffer[NETLINK_BYTES];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct rtgenmsg *family;

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	family = mnl_nlmsg_put_extra_header(message, sizeof(*family));
	family->rtgen_family = AF_UNSPEC;
	return netlink_ask(socket, message, callback, links);
}

static int read_once(struct links *links)
{
	_cleanup_(netlink_close) struct mnl_socket *socket = NULL;
	int r = netlink_open(NETLINK_ROUTE, &socket);

	if (!r)
		r = dump(socket, RTM_GETLINK, on_link, links);
	if (!r)
		r = dump(socket, RTM_GETADDR, on_addr, links);
	if (!r)
		r = dump(socket, RTM_GETROUTE, routes_on_route, links);
	return r ? r : dump(socket, RTM_GETRULE, routes_on_rule, links);
}

int links_read(struct links *ret_links, struct fault *ret_fault)
{
	struct links links = {0};
	int tries = READ_TRIES;
	int r;

	/* EINTR: links changed meanwhile, so what was read is no one moment */
	do {
		links_release(&links);
		r = read_once(&links);
	} while (r == -EINTR && --tries > 0);
	if (r) {
		links_release(&links);
		return fault_set(ret_fault, r,
				 "rtnetlink: reading links failed: %s",
				 strerror(-r));
	}
	*ret_links = links;
	return 0;
}

void links_release(struct links *links)
{
	free(links->items);
	free(links->addrs);
	free(links->routes);
	memset(links, 0, sizeof(*links));
}
