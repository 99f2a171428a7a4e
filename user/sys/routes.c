// SPDX-License-Identifier: GPL-2.0-or-later
/* See routes.h. */
#include "sys/routes.h"

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "sys/digest.h"
#include "sys/text.h"

#define RULE_DSCP 26 /* FRA_DSCP, of Linux 6.13 */
#define V4_PREFIX 96 /* of all IPv4 addresses, mapped */

/* One way of a route: by a link, perhaps to a next hop. */
struct way {
	uint32_t ifindex;
	union sg_addr gateway; /* all 0: none */
};

/* Digest what of a route or a rule decides: not its lifetime, and how often it
 * was used. */
static void digest_message(uint64_t *digest, const struct nlmsghdr *message,
			   size_t header_bytes)
{
	const struct nlattr *attr;

	digest_bytes(digest, mnl_nlmsg_get_payload(message), header_bytes);
	mnl_attr_for_each (attr, message, header_bytes)
		if (mnl_attr_get_type(attr) != RTA_CACHEINFO &&
		    mnl_attr_get_type(attr) != RTA_EXPIRES)
			digest_bytes(digest, attr, attr->nla_len);
}

static union sg_addr addr_of(const struct nlattr *attr)
{
	union sg_addr addr = {0};

	if (mnl_attr_get_payload_len(attr) == sizeof(uint32_t))
		return text_addr_from_v4(mnl_attr_get_u32(attr));
	if (mnl_attr_get_payload_len(attr) == sizeof(addr))
		memcpy(&addr, mnl_attr_get_payload(attr), sizeof(addr));
	return addr;
}

/* Read RTA_GATEWAY, or RTA_VIA: of another family (RFC 5549). */
static void take_gateway(const struct nlattr *attr, struct way *way)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);
	size_t bytes = mnl_attr_get_payload_len(attr);

	if (mnl_attr_get_type(attr) == RTA_GATEWAY)
		way->gateway = addr_of(attr);
	else if (bytes == sizeof(*via) + sizeof(way->gateway))
		memcpy(&way->gateway, via->rtvia_addr, sizeof(way->gateway));
}

/* Note the next hop of a default route; the first is the best. */
static void add_router(struct links *links, const struct rtmsg *route,
		       const struct way *way)
{
	static const union sg_addr none;
	struct link *link = links_find(links, way->ifindex);
	union sg_addr *router;

	if (!link)
		return;
	router = route->rtm_family == AF_INET ? &link->router4 : &link->router6;
	if (memcmp(router, &none, sizeof(none)) == 0)
		*router = way->gateway;
}

static int add_network(struct links *links, const struct rtmsg *route,
		       const union sg_addr *dst, const struct way *way)
{
	uint32_t base = route->rtm_family == AF_INET ? V4_PREFIX : 0;
	struct link_route network = {
		.ifindex = way->ifindex,
		.addr = *dst,
		.prefix = base + route->rtm_dst_len,
	};

	if (links_grow((void **)&links->routes, links->route_count,
		       sizeof(network)))
		return MNL_CB_ERROR;
	links->routes[links->route_count++] = network;
	return MNL_CB_OK;
}

static int add_way(struct links *links, const struct rtmsg *route,
		   const union sg_addr *dst, const struct way *way)
{
	if (!way->ifindex)
		return MNL_CB_OK;
	if (route->rtm_dst_len)
		return add_network(links, route, dst, way);
	add_router(links, route, way);
	return MNL_CB_OK;
}

/* Each of several ways (ECMP). */
static int add_ways(struct links *links, const struct rtmsg *route,
		    const union sg_addr *dst, const struct nlattr *multipath)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(multipath);
	int bytes = mnl_attr_get_payload_len(multipath);
	int r = MNL_CB_OK;

	while (r == MNL_CB_OK && RTNH_OK(hop, bytes)) {
		struct way way = {.ifindex = (uint32_t)hop->rtnh_ifindex};
		const struct nlattr *attr = (const void *)RTNH_DATA(hop);
		size_t left = hop->rtnh_len - sizeof(*hop);

		for (; mnl_attr_ok(attr, (int)left);
		     left -= MNL_ALIGN(attr->nla_len),
		     attr = mnl_attr_next(attr))
			if (mnl_attr_get_type(attr) == RTA_GATEWAY ||
			    mnl_attr_get_type(attr) == RTA_VIA)
				take_gateway(attr, &way);
		r = add_way(links, route, dst, &way);
		bytes -= (int)RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	return r;
}

int routes_on_route(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	const struct nlattr *multipath = NULL;
	const struct nlattr *attr;
	struct links *links = data;
	union sg_addr dst = {0};
	struct way way = {0};

	if (message->nlmsg_type != RTM_NEWROUTE ||
	    route->rtm_flags & RTM_F_CLONED ||
	    (route->rtm_family != AF_INET && route->rtm_family != AF_INET6))
		return MNL_CB_OK;
	digest_message(&links->digest, message, sizeof(*route));
	if (route->rtm_tos)
		links->unfollowed |= LINKS_RULE_TOS;
	mnl_attr_for_each (attr, message, sizeof(*route)) {
		uint16_t type = mnl_attr_get_type(attr);

		if (type == RTA_DST)
			dst = addr_of(attr);
		else if (type == RTA_OIF)
			way.ifindex = mnl_attr_get_u32(attr);
		else if (type == RTA_MULTIPATH)
			multipath = attr;
		else if (type == RTA_GATEWAY || type == RTA_VIA)
			take_gateway(attr, &way);
	}
	if (route->rtm_type != RTN_UNICAST)
		return MNL_CB_OK;
	return multipath ? add_ways(links, route, &dst, multipath)
			 : add_way(links, route, &dst, &way);
}

/* Return what of a rule the kernel's FIB helper does not go by: it is asked
 * with no link that the packet came by and no TOS, and what IPv6 rules suppress
 * it finds all the same. */
static uint8_t unfollowed_of(const struct fib_rule_hdr *rule,
			     const struct nlattr *attr)
{
	switch (mnl_attr_get_type(attr)) {
	case FRA_IIFNAME:
		return LINKS_RULE_IIF;
	case RULE_DSCP:
		return LINKS_RULE_TOS;
	case FRA_SUPPRESS_PREFIXLEN:
	case FRA_SUPPRESS_IFGROUP:
		return rule->family == AF_INET6 &&
				       (int32_t)mnl_attr_get_u32(attr) >= 0
			       ? LINKS_RULE_SUPPRESS
			       : 0;
	default:
		return 0;
	}
}

int routes_on_rule(const struct nlmsghdr *message, void *data)
{
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(message);
	struct links *links = data;
	const struct nlattr *attr;

	if (message->nlmsg_type != RTM_NEWRULE ||
	    (rule->family != AF_INET && rule->family != AF_INET6))
		return MNL_CB_OK;
	digest_message(&links->digest, message, sizeof(*rule));
	if (rule->tos)
		links->unfollowed |= LINKS_RULE_TOS;
	mnl_attr_for_each (attr, message, sizeof(*rule))
		links->unfollowed |= unfollowed_of(rule, attr);
	return MNL_CB_OK;
}
