/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tags of VLANs (IEEE 802.1Q), as the kernel keeps them beside the frame.
 */
#ifndef SG_BPF_VLAN_H
#define SG_BPF_VLAN_H

#include "ifaces_maps.h"
#include "packet.h"

#define VLAN_ID_MASK 0xfff

/* Return whether a frame is of a VLAN that has a device of its own, with a role
 * or exempt: it is judged there, before it goes out by this link or after it
 * came by it. */
stage bool vlan_is_devices(struct __sk_buff *skb)
{
	struct sg_vlan_key key = {
		.ifindex = skb->ifindex,
		.protocol = (__be16)skb->vlan_proto,
		.id = skb->vlan_tci & VLAN_ID_MASK,
	};

	return skb->vlan_present && bpf_map_lookup_elem(&vlans, &key);
}

/* Take a priority tag off, as VLAN 0 is no VLAN (IEEE 802.1Q 6.9.1); a tag
 * behind it then is the frame's. SG_OK, or the reason to drop. */
stage int vlan_take_priority_off(struct __sk_buff *skb)
{
	return skb->vlan_present && !(skb->vlan_tci & VLAN_ID_MASK) &&
			       bpf_skb_vlan_pop(skb)
		       ? SG_DROP_VLAN
		       : SG_OK;
}

#endif
