/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interfaces as the gate sees them: what role each has, which addresses are
 * its own, and where the container is.
 */
#ifndef SG_IFACE_H
#define SG_IFACE_H

#include "sg_types.h"

#define SG_IFNAME_BYTES 16 /* IFNAMSIZ */
#define SG_MAC_BYTES 6	   /* ETH_ALEN */

/* X(ENUM, "name") */
#define SG_ROLES(X)                                                            \
	X(VPN, "vpn")                                                          \
	X(LAN, "lan")                                                          \
	X(CONTAINER, "container")

enum sg_role {
#define X(id, name) SG_ROLE_##id,
	SG_ROLES(X)
#undef X
		SG_ROLE_COUNT
};

#define SG_ROLE_BIT(role) (1U << (role))

/* map `ifaces`, key: ifindex */
struct sg_iface {
	enum sg_role role;
	__u8 has_ethernet; /* 0: frames start at the IP header (tun) */
	__u8 mac[SG_MAC_BYTES];
	__u8 clamps_mss; /* 1: TCP's MSS is held to what fits both links */
	__u32 mtu;	 /* bytes from the IP header on */
	char name[SG_IFNAME_BYTES];
	/* its first address of each family, the source of what the gate itself
	 * sends by it: a link-local one where it has no other; all 0: none */
	union sg_addr v4;
	union sg_addr v6;
	/* the next hop of its default route of each family, which may not be
	 * the host's best; all 0: none */
	union sg_addr router4;
	union sg_addr router6;
};
SG_ASSERT_SIZE(struct sg_iface, 96);

/* map `exempt`, key: ifindex: a link that the configuration leaves alone. The
 * datapath does not read it; no program is attached there. */
struct sg_exempt {
	char name[SG_IFNAME_BYTES];
};
SG_ASSERT_SIZE(struct sg_exempt, 16);

/* map `vlans`: the VLAN devices that have a role, or are exempt. A frame of
 * such a VLAN is left to them by the link that carries it; the value is the
 * ifindex of the device. */
struct sg_vlan_key {
	__u32 ifindex;	 /* of the link that carries it */
	__be16 protocol; /* ETH_P_8021Q or ETH_P_8021AD */
	__u16 id;
};
SG_ASSERT_SIZE(struct sg_vlan_key, 8);

/* map `addresses`: the host's own addresses; the value is the prefix length in
 * bits of the mapped form (an IPv4 /24 is 120). A gate address is there under
 * its interface, and every address of the host under SG_ANY_IFINDEX. */
#define SG_ANY_IFINDEX 0
#define SG_BROADCAST 0xffffffff /* as a value: every host's on a link */

struct sg_gate_addr_key {
	__u32 ifindex;
	union sg_addr addr;
};
SG_ASSERT_SIZE(struct sg_gate_addr_key, 20);

/* map `subnets`: behind which roles a source can be, longest prefix match: the
 * networks that the configuration names, those of the links' addresses, and
 * those of routes; and each of the host's own addresses, and of the links'
 * broadcast addresses, which is nobody's behind any. */

struct sg_subnet_key {
	__u32 prefix_bits; /* of the mapped address */
	union sg_addr addr;
};
SG_ASSERT_SIZE(struct sg_subnet_key, 20);

struct sg_subnet {
	__u32 ifindex; /* 0: of none in particular, or of several */
	__u8 roles;    /* SG_ROLE_BIT()s; 0: nobody's behind any */
	__u8 pad[3];
	union sg_addr own; /* the host's address in it; all 0: none */
};
SG_ASSERT_SIZE(struct sg_subnet, 24);

/* map `subnet_bits`: whether `subnets` says anything of addresses that start
 * with these 16 bits, so that it need not be asked of most; IPv4's (of the
 * address itself), then IPv6's */
#define SG_SUBNET_BITS_ROWS (2 * 65536 / SG_ROW_BITS)

/* map `gate`, key 0 */
struct sg_gate {
	__u32 layout;		 /* SG_LAYOUT of the build that pinned it */
	__u32 container_ifindex; /* host's end of the veth, 0: not there */
	__u32 container_mtu;
	__u32 loopback_set; /* families whose forwarding of lo `up` set, and
				 `down` clears: 1 IPv4, 2 IPv6 */
	/* of its first frame, and only that; all 0: not heard yet. One store
	 * writes it, so that no CPU sees half of it */
	__u8 container_mac[8] __attribute__((aligned(8)));
	__u8 veth_mac[SG_MAC_BYTES]; /* of the host's end */
	__u8 container_is_down; /* 1: an end of its link is, as `run` has heard;
				   the container's next frame says otherwise */
	__u8 has_suppress; /* 1: an IPv6 rule suppresses routes, which the FIB
			      helper finds all the same: the container has no
			      IPv6 to the outside */
	__u64 netns; /* inode of the network namespace that the gate is of */
};
SG_ASSERT_SIZE(struct sg_gate, 40);

#endif
