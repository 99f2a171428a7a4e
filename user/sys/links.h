/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The links and addresses of this network namespace, by rtnetlink (RFC 3549).
 */
#ifndef SG_USER_LINKS_H
#define SG_USER_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sg_iface.h"
#include "sys/fault.h"

struct link {
	uint32_t ifindex;
	char name[SG_IFNAME_BYTES];
	uint8_t mac[SG_MAC_BYTES];
	uint32_t mtu; /* bytes from the IP header on */
	bool has_ethernet;
	bool is_veth;
	bool is_port;		/* of a bridge, bond or team: its master has the
				   addresses, and what it receives is the master's */
	uint32_t lower_ifindex; /* the link that carries it; 0: none */
	bool is_lower_elsewhere; /* and that is of another namespace */
	uint16_t vlan_protocol;	 /* of a VLAN device, network order; 0: other */
	uint16_t vlan_id;
	bool is_up;
	bool has_carrier;      /* the other end is up, too */
	union sg_addr router4; /* of its best default route; all 0: none */
	union sg_addr router6;
	unsigned int had_role; /* 1 + the role that it had under a former
				  name; 0: none, or none is known */
};

struct link_addr {
	uint32_t ifindex;
	union sg_addr addr;
	uint32_t prefix;   /* bits of the mapped form */
	bool is_permanent; /* configured, not learned by RA or DHCP */
	bool is_usable; /* as a source: not deprecated, tentative or failed */
};

/* A network that is behind a link by a route. */
struct link_route {
	uint32_t ifindex;
	union sg_addr addr;
	uint32_t prefix; /* bits of the mapped form */
};

#define LINKS_RULE_IIF 1 /* `ip rule iif` */
#define LINKS_RULE_TOS 2 /* `ip rule tos` or `dscp`, `ip route tos` */
#define LINKS_RULE_SUPPRESS                                                    \
	4 /* `ip -6 rule suppress_prefixlength`, `_ifgroup` */

struct links {
	struct link *items; /* owned */
	size_t count;
	struct link_addr *addrs; /* owned, in the kernel's order */
	size_t addr_count;
	struct link_route *routes; /* owned; unicast, but for default ones */
	size_t route_count;
	uint8_t unfollowed; /* LINKS_: rules and routes that the gate cannot
			       follow for what the container sends */
	uint64_t digest; /* of all of this, and of every route and rule: another
			    one is another state of the network */
};

/* 0 or -errno with *ret_fault. links_release() what it gave. */
int links_read(struct links *ret_links, struct fault *ret_fault);
void links_release(struct links *links);

/* Return a link by its index, or NULL: there is none. */
struct link *links_find(const struct links *links, uint32_t ifindex);

/* Make room for one more in an array that grows by doubling. 0 or -ENOMEM. */
int links_grow(void **items, size_t count, size_t bytes);

#endif
