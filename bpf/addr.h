/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The owners that an address can have: nobody, the host itself, a link's
 * broadcast, or one that cannot be behind this uplink.
 */
#ifndef SG_BPF_ADDR_H
#define SG_BPF_ADDR_H

#include "ifaces_maps.h"
#include "packet.h"
#include "verifier.h"

/* Addresses that are no one host's: 0/8, 127/8, 224/3 (RFC 1122 3.2.1.3), and
 * ::/127, ff00::/8 (RFC 4291 2.4). */
stage bool address_is_one_host(bool v6, const union sg_addr *addr)
{
	__u8 first = bpf_ntohl(addr->word[3]) >> 24;

	if (v6)
		return (addr->word[0] | addr->word[1] | addr->word[2] ||
			bpf_ntohl(addr->word[3]) > 1) &&
		       bpf_ntohl(addr->word[0]) >> 24 != 0xff;
	return first != 0 && first != 127 && first < 224;
}

/* The source of what the gate itself sends by an interface; may be unset. */
stage const union sg_addr *address_of(const struct sg_iface *iface, bool v6)
{
	return v6 ? &iface->v6 : &iface->v4;
}

/* Return whether an interface, or the host on any, has this address. */
stage bool address_is_own(__u32 ifindex, const union sg_addr *addr)
{
	struct sg_gate_addr_key key = {.ifindex = ifindex, .addr = *addr};

	return bpf_map_lookup_elem(&addresses, &key);
}

/* Return whether a packet is to an address of the interface that it came by:
 * mostly its first. */
stage bool address_is_gates(const struct packet *pkt)
{
	const union sg_addr *first = address_of(pkt->iface, is_v6(pkt));

	return addr_equal(&pkt->dst, first) ||
	       address_is_own(pkt->ifindex, &pkt->dst);
}

/* Return whether an address is a link's broadcast address. */
stage bool address_is_broadcast(const union sg_addr *addr)
{
	struct sg_gate_addr_key key = {.ifindex = SG_ANY_IFINDEX,
				       .addr = *addr};
	const __u32 *prefix = bpf_map_lookup_elem(&addresses, &key);

	return prefix && *prefix == SG_BROADCAST;
}

/* Return whether `subnets` may have an entry for an address: one for it, or for
 * one that starts alike. */
stage bool address_is_known(bool v6, const union sg_addr *addr)
{
	__u32 bit = bpf_ntohl(addr->word[v6 ? 0 : 3]) >> 16;

	return bits_has(&subnet_bits,
			v6 ? SG_SUBNET_BITS_ROWS * SG_ROW_BITS / 2 + bit : bit);
}

/* Return whether an address cannot be behind this uplink: it is nobody's, the
 * host's own, or of a network that is on a link of another role. */
stage bool address_is_elsewhere(const struct packet *pkt,
				const union sg_addr *addr)
{
	struct sg_subnet_key key = {.prefix_bits = 128, .addr = *addr};
	const struct sg_subnet *subnet;

	if (!address_is_one_host(is_v6(pkt), addr) ||
	    addr_equal(addr, container_addr(pkt)))
		return true;
	if (addr_is_link_local(addr)) /* of this link (RFC 4007) */
		return address_is_own(pkt->ifindex, addr);
	if (!address_is_known(is_v6(pkt), addr))
		return false;
	subnet = bpf_map_lookup_elem(&subnets, &key);
	return subnet && !(subnet->roles & SG_ROLE_BIT(pkt->iface->role));
}

/* Return whether an address is on a link, without a router between. A network
 * that has no address of the host's is that of a route; one that several links
 * of a role are in (cable and Wi-Fi) is on each. */
stage bool address_is_on_link(__u32 ifindex, const struct sg_iface *iface,
			      const union sg_addr *addr)
{
	struct sg_subnet_key key = {.prefix_bits = 128, .addr = *addr};
	const struct sg_subnet *subnet;

	if (addr_is_link_local(addr))
		return true;
	subnet = bpf_map_lookup_elem(&subnets, &key);
	return subnet && addr_is_set(&subnet->own) &&
	       (subnet->ifindex == ifindex ||
		(!subnet->ifindex && subnet->roles & SG_ROLE_BIT(iface->role)));
}

/* Return whether a packet's source cannot be behind its uplink. */
stage bool address_is_spoofed(const struct packet *pkt)
{
	return address_is_elsewhere(pkt, &pkt->src);
}

#endif
