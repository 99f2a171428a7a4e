// SPDX-License-Identifier: GPL-2.0-or-later
/* See digest.h. */
#include "sys/digest.h"

#define FNV_PRIME 0x100000001b3ULL

void digest_bytes(uint64_t *digest, const void *bytes, size_t count)
{
	const uint8_t *byte = bytes;

	while (count--)
		*digest = (*digest ^ *byte++) * FNV_PRIME;
}

static void digest_number(uint64_t *digest, uint64_t number)
{
	digest_bytes(digest, &number, sizeof(number));
}

void digest_link(uint64_t *digest, const struct link *link)
{
	digest_number(digest, link->ifindex);
	digest_bytes(digest, link->name, sizeof(link->name));
	digest_bytes(digest, link->mac, sizeof(link->mac));
	digest_number(digest, link->mtu);
	digest_number(digest, (uint64_t)link->has_carrier << 4 |
				      (uint64_t)link->has_ethernet << 3 |
				      (uint64_t)link->is_veth << 2 |
				      (uint64_t)link->is_port << 1 |
				      link->is_up);
	digest_number(digest, (uint64_t)link->lower_ifindex << 32 |
				      (uint64_t)link->vlan_protocol << 16 |
				      link->vlan_id);
}

void digest_addr(uint64_t *digest, const struct link_addr *addr)
{
	digest_number(digest, addr->ifindex);
	digest_bytes(digest, &addr->addr, sizeof(addr->addr));
	digest_number(digest, addr->prefix);
	digest_number(digest,
		      (uint64_t)addr->is_permanent << 1 | addr->is_usable);
}
