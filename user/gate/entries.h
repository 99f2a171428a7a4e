/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contents that the maps are to have: a policy and the links of the moment,
 * as arrays of keys and values. Pure: no root, no kernel.
 */
#ifndef SG_USER_ENTRIES_H
#define SG_USER_ENTRIES_H

#include "config/policy.h"
#include "sys/links.h"

/* The policy, in one slot. */
struct policy_entries {
	struct sg_policy policy; /* its number is the caller's to set */
	struct sg_port_key *port_keys;
	struct sg_port *ports;
	size_t port_count;
	struct sg_row port_bits[SG_PORT_BITS_ROWS];
	struct sg_forward_key *forward_keys;
	struct sg_forward *forwards;
	size_t forward_count;
	struct sg_source_key *source_keys;
	size_t source_count;
};

/* The sources that say where a network is: the lower goes first. */
enum subnet_rank { SUBNET_NAMED, SUBNET_CONFIGURED, SUBNET_LEARNED };

struct subnet_claim {
	struct sg_subnet_key key;
	struct sg_subnet subnet;
	enum subnet_rank rank;
};

struct link_entries {
	uint32_t *iface_keys; /* ifindex */
	struct sg_iface *ifaces;
	size_t iface_count;
	struct sg_gate_addr_key *addr_keys;
	uint32_t *addrs; /* prefix length, bits */
	size_t addr_count;
	struct sg_subnet_key *subnet_keys;
	struct sg_subnet *subnets;
	size_t subnet_count;
	struct subnet_claim *claims; /* of which `subnets` is made */
	size_t claim_count;
	struct sg_row subnet_bits[SG_SUBNET_BITS_ROWS];
	uint32_t *exempt_keys; /* ifindex */
	struct sg_exempt *exempt;
	size_t exempt_count;
	struct sg_vlan_key *vlan_keys;
	uint32_t *vlans; /* ifindex of the VLAN's device */
	size_t vlan_count;
	uint32_t container_ifindex; /* 0: none */
	uint32_t container_mtu;
	bool container_is_down; /* an end of its link is */
	bool has_suppress;	/* see sg_gate */
	uint8_t veth_mac[SG_MAC_BYTES];
};

/* Return the role of a link by its name, or, where no more than "*" fits that,
 * the one that it had before it was renamed; -ENOENT: none, as a port has. */
int entries_role(const struct policy *policy, const struct link *link);

/* Return whether the policy leaves a link alone by its name. */
bool entries_is_exempt(const struct policy *policy, const struct link *link);

/* 0 or -ENOMEM; release what they gave. */
int entries_of_policy(const struct policy *policy, uint32_t slot,
		      struct policy_entries *ret_entries);
void entries_release_policy(struct policy_entries *entries);

int entries_of_links(const struct policy *policy, const struct links *links,
		     struct link_entries *ret_entries);
void entries_release_links(struct link_entries *entries);

#endif
