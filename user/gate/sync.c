// SPDX-License-Identifier: GPL-2.0-or-later
/* See sync.h. */
#include "gate/sync.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "gate/entries.h"
#include "gate/in_force.h"
#include "gate/maps.h"
#include "gate/rules.h"
#include "sys/cleanup.h"
#include "sys/clock.h"

static bool is_other_slot(const void *key, const void *context)
{
	return ((const struct sg_port_key *)key)->slot !=
	       *(const uint32_t *)context;
}

static bool is_other_forward(const void *key, const void *context)
{
	return ((const struct sg_forward_key *)key)->slot !=
	       *(const uint32_t *)context;
}

static bool is_other_source(const void *key, const void *context)
{
	return ((const struct sg_source_key *)key)->slot !=
	       *(const uint32_t *)context;
}

static int clear_slot(const struct pins *pins, uint32_t slot)
{
	int r = maps_retain(pins->map_fds[PINS_ports],
			    sizeof(struct sg_port_key), is_other_slot, &slot);

	if (!r)
		r = maps_retain(pins->map_fds[PINS_forwards],
				sizeof(struct sg_forward_key), is_other_forward,
				&slot);
	if (!r)
		r = maps_retain(pins->map_fds[PINS_sources],
				sizeof(struct sg_source_key), is_other_source,
				&slot);
	return r ? r : in_force_clear(pins, slot);
}

static int write_slot(const struct pins *pins, const struct policy *policy,
		      const struct policy_entries *entries, uint32_t slot)
{
	uint32_t one[1] = {1};
	int r;

	r = maps_write(pins->map_fds[PINS_ports], entries->port_keys,
		       entries->ports, entries->port_count,
		       sizeof(*entries->port_keys), sizeof(*entries->ports));
	if (!r)
		r = maps_write_rows(pins->map_fds[PINS_port_bits],
				    slot * SG_PORT_BITS_ROWS,
				    entries->port_bits, SG_PORT_BITS_ROWS);
	if (!r)
		r = maps_write(pins->map_fds[PINS_forwards],
			       entries->forward_keys, entries->forwards,
			       entries->forward_count,
			       sizeof(*entries->forward_keys),
			       sizeof(*entries->forwards));
	for (size_t i = 0; i < entries->source_count && !r; i++)
		r = maps_write(pins->map_fds[PINS_sources],
			       &entries->source_keys[i], one, 1,
			       sizeof(*entries->source_keys), sizeof(one[0]));
	if (!r)
		r = in_force_write(pins, slot, policy);
	if (!r)
		r = maps_write(pins->map_fds[PINS_policy], &slot,
			       &entries->policy, 1, sizeof(slot),
			       sizeof(entries->policy));
	return r;
}

static int read_active(const struct pins *pins, struct sg_active *ret_active)
{
	int r = pins_active(pins, ret_active);

	if (!r)
		ret_active->slot %= SG_SLOTS;
	return r;
}

static int write_active(const struct pins *pins, const struct sg_active *active)
{
	__u32 zero = 0;

	return bpf_map_update_elem(pins->map_fds[PINS_active], &zero, active,
				   BPF_ANY)
		       ? -errno
		       : 0;
}

/* Each flow is judged again, with its next packet. */
static int put_in_force(const struct pins *pins, struct sg_active active)
{
	active.generation = (active.generation | SG_CHANGING) + 1;
	return write_active(pins, &active);
}

/* No hits: what they go by is about to be another, or may be already. */
static int mark_changing(const struct pins *pins)
{
	struct sg_active active = {0};
	int r = read_active(pins, &active);

	active.generation |= SG_CHANGING;
	return r ? r : write_active(pins, &active);
}

static int replace_slot(const struct pins *pins, const struct policy *policy)
{
	_cleanup_(entries_release_policy) struct policy_entries entries = {0};
	struct sg_active active = {0};
	struct sg_policy old;
	uint32_t slot;
	int r = read_active(pins, &active);

	if (r)
		return r;
	slot = 1 - active.slot;
	if (bpf_map_lookup_elem(pins->map_fds[PINS_policy], &active.slot, &old))
		return -errno;
	r = entries_of_policy(policy, slot, &entries);
	if (r)
		return r;
	entries.policy.number = old.number + 1;
	if (entries.policy.number == 0)
		entries.policy.number = 1;
	if (old.number) /* at first, there are none that read a slot */
		maps_wait_for_programs();
	r = clear_slot(pins, slot);
	if (!r)
		r = rules_assign(pins, active.slot, &entries);
	if (!r)
		r = write_slot(pins, policy, &entries, slot);
	active.slot = slot;
	return r ? r : put_in_force(pins, active);
}

/* Return whether a masquerade port is of no range of the policy's, and over. */
static bool is_left_over(const struct sg_snat_port_key *key,
			 const struct sg_snat_port *snat_port,
			 const struct port_range *ports)
{
	uint16_t port = ntohs(key->gate_port.be);

	return port >= SG_PORT_RESERVED &&
	       (port < ports->first || port > ports->last) &&
	       sg_snat_port_is_over(snat_port, boot_s());
}

/* Delete the masquerade ports that are left of another range, which the
 * datapath never takes again: they would fill the map. What cannot be deleted
 * now is with the next policy. */
static void purge_snat_ports(const struct pins *pins,
			     const struct policy *policy)
{
	_cleanup_(cleanup_free) struct sg_snat_port_key *keys = NULL;
	_cleanup_(cleanup_free) struct sg_snat_port *snat_ports = NULL;
	const struct port_range *ports = &policy->masquerade_ports;
	int fd = pins->map_fds[PINS_snat_ports];
	bool has_waited = false;
	size_t count = 0;

	if (maps_read(fd, sizeof(*keys), sizeof(*snat_ports), (void **)&keys,
		      (void **)&snat_ports, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		if (!is_left_over(&keys[i], &snat_ports[i], ports))
			continue;
		if (!has_waited) /* for those that read the former policy */
			maps_wait_for_programs();
		has_waited = true;
		if (!bpf_map_lookup_elem(fd, &keys[i], &snat_ports[i]) &&
		    is_left_over(&keys[i], &snat_ports[i], ports))
			bpf_map_delete_elem(fd, &keys[i]);
	}
}

int sync_policy(const struct pins *pins, const struct policy *policy,
		struct fault *ret_fault)
{
	int r = replace_slot(pins, policy);

	if (!r)
		purge_snat_ports(pins, policy);
	return r ? fault_set(ret_fault, r,
			     "%s: writing the policy failed: %s; the old one "
			     "stays in force",
			     pins->dir, strerror(-r))
		 : 0;
}

static int write_gate(const struct pins *pins,
		      const struct link_entries *entries, bool is_watched)
{
	int fd = pins->map_fds[PINS_gate];
	struct sg_gate gate;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(fd, &zero, &gate))
		return -errno;
	if (gate.container_ifindex != entries->container_ifindex)
		memset(gate.container_mac, 0, sizeof(gate.container_mac));
	gate.layout = SG_LAYOUT;
	gate.netns = pins_netns();
	gate.container_ifindex = entries->container_ifindex;
	gate.container_mtu = entries->container_mtu;
	gate.has_suppress = entries->has_suppress;
	gate.container_is_down = is_watched && entries->container_is_down;
	memcpy(gate.veth_mac, entries->veth_mac, sizeof(gate.veth_mac));
	return bpf_map_update_elem(fd, &zero, &gate, BPF_ANY) ? -errno : 0;
}

/* Let `starts`, which is asked first, name a subnet as long as it is there. */
static int replace_subnets(const struct pins *pins,
			   const struct link_entries *e)
{
	int fd = pins->map_fds[PINS_subnet_bits];
	int r = maps_change_rows(fd, e->subnet_bits, true);

	if (!r)
		r = maps_replace(pins->map_fds[PINS_subnets], e->subnet_keys,
				 e->subnets, e->subnet_count,
				 sizeof(*e->subnet_keys), sizeof(*e->subnets));
	return r ? r : maps_change_rows(fd, e->subnet_bits, false);
}

static int replace_links(const struct pins *pins, const struct policy *policy,
			 const struct links *links, bool is_watched)
{
	_cleanup_(entries_release_links) struct link_entries e = {0};
	int r = entries_of_links(policy, links, &e);

	if (!r)
		r = mark_changing(pins);
	if (!r)
		r = write_gate(pins, &e, is_watched);
	if (!r)
		r = maps_replace_held(pins->map_fds[PINS_addresses],
				      e.addr_keys, e.addrs, e.addr_count,
				      sizeof(*e.addr_keys), sizeof(*e.addrs));
	if (!r)
		r = replace_subnets(pins, &e);
	if (!r)
		r = maps_replace_held(pins->map_fds[PINS_ifaces], e.iface_keys,
				      e.ifaces, e.iface_count,
				      sizeof(*e.iface_keys), sizeof(*e.ifaces));
	if (!r)
		r = maps_replace(pins->map_fds[PINS_exempt], e.exempt_keys,
				 e.exempt, e.exempt_count,
				 sizeof(*e.exempt_keys), sizeof(*e.exempt));
	if (!r) /* when their own links are there to judge them */
		r = maps_replace(pins->map_fds[PINS_vlans], e.vlan_keys,
				 e.vlans, e.vlan_count, sizeof(*e.vlan_keys),
				 sizeof(*e.vlans));
	return r;
}

int sync_changing(const struct pins *pins, struct fault *ret_fault)
{
	int r = mark_changing(pins);

	return r ? fault_set(ret_fault, r, "%s/active: %s", pins->dir,
			     strerror(-r))
		 : 0;
}

int sync_settle(const struct pins *pins, struct fault *ret_fault)
{
	struct sg_active active = {0};
	int r = read_active(pins, &active);

	if (!r)
		r = put_in_force(pins, active);
	return r ? fault_set(ret_fault, r, "%s/active: %s", pins->dir,
			     strerror(-r))
		 : 0;
}

int sync_links(const struct pins *pins, const struct policy *policy,
	       const struct links *links, bool is_watched,
	       struct fault *ret_fault)
{
	int r = replace_links(pins, policy, links, is_watched);

	return r ? fault_set(ret_fault, r,
			     "%s: writing the interfaces failed: %s", pins->dir,
			     strerror(-r))
		 : 0;
}

int sync_grants(const struct pins *pins, const struct policy *policy,
		struct fault *ret_fault)
{
	for (__u32 id = 0; id < SG_GRANT_COUNT; id++) {
		struct sg_grant grant = {.open = policy->grants[id]};

		if (bpf_map_update_elem(pins->map_fds[PINS_grants], &id, &grant,
					BPF_ANY))
			return fault_set(ret_fault, errno, "%s/grants: %s",
					 pins->dir, strerror(errno));
	}
	return 0;
}
