// SPDX-License-Identifier: GPL-2.0-or-later
/* See migrate.h. */
#include "gate/migrate.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config/names.h"
#include "gate/maps.h"
#include "gate/pins_folder.h"
#include "gate/sync.h"
#include "sg_flow.h"
#include "sg_iface.h"
#include "sg_policy.h"
#include "sys/cleanup.h"
#include "sys/clock.h"

#define READY "ready" /* a folder in DIR/next: the new maps are filled */

/* Other sizes of one of them are other maps for all. */
static const enum pins_map family[] = {
	PINS_flows, PINS_half_open, PINS_gc_ring, PINS_gc_hand, PINS_snat_ports,
};

#define FAMILY (sizeof(family) / sizeof(family[0]))

static int system_fault(const char *pin_dir, int error, struct fault *ret_fault)
{
	return fault_set(ret_fault, error, "%s: %s", pin_dir, strerror(-error));
}

static uint32_t entries_wanted(enum pins_map map, const struct policy *policy)
{
	switch (map) {
	case PINS_flows:
		return policy->flows;
	case PINS_half_open:
		return policy->half_open;
	case PINS_gc_ring:
		return policy_gc_ring_entries(policy);
	case PINS_snat_ports:
		return policy_snat_port_entries(policy);
	default:
		return 0; /* fixed */
	}
}

static bool has_other_sizes(const struct pins *pins,
			    const struct policy *policy)
{
	for (size_t i = 0; i < FAMILY; i++) {
		uint32_t wanted = entries_wanted(family[i], policy);

		if (wanted && pins->map_fds[family[i]] >= 0 &&
		    maps_room(pins->map_fds[family[i]]) != wanted)
			return true;
	}
	return false;
}

static bool next_has(const char *pin_dir, const char *name)
{
	char path[PINS_PATH_BYTES];

	return pins_path(pin_dir, PINS_NEXT, name, path) == 0 &&
	       access(path, F_OK) == 0;
}

bool migrate_is_open(const char *pin_dir)
{
	return next_has(pin_dir, NULL);
}

bool migrate_would(const struct pins *pins, const struct policy *policy)
{
	return has_other_sizes(pins, policy) || migrate_is_open(pins->dir);
}

/* Take up what was interrupted, if it was for the sizes that are wanted now. */
static bool resume(const char *pin_dir, const struct policy *policy,
		   struct migrate *migrate)
{
	_cleanup_(pins_close) struct pins next = PINS_CLOSED;

	if (!next_has(pin_dir, READY))
		return false;
	for (int map = 0; map < PINS_MAP_COUNT; map++)
		migrate->next[map] =
			next_has(pin_dir, pins_map_name((enum pins_map)map));
	pins_open_present(pin_dir, PINS_NEXT, &next);
	return !has_other_sizes(&next, policy);
}

/* Choose which maps are to be new. */
static int choose(const char *pin_dir, const struct policy *policy,
		  struct migrate *migrate)
{
	uint32_t layout;
	int r = pins_layout(&migrate->old, &layout);

	if (r)
		return r;
	migrate->is_rebuild = layout != SG_LAYOUT;
	if (resume(pin_dir, policy, migrate)) {
		migrate->is_needed = true;
		return 0;
	}
	migrate_cancel(pin_dir);
	memset(migrate->next, 0, sizeof(migrate->next));
	if (migrate->is_rebuild)
		memset(migrate->next, true, sizeof(migrate->next));
	else if (has_other_sizes(&migrate->old, policy))
		for (size_t i = 0; i < FAMILY; i++)
			migrate->next[family[i]] = true;
	migrate->is_needed = memchr(migrate->next, true, PINS_MAP_COUNT);
	return 0;
}

static int check_room(const struct migrate *migrate,
		      const struct policy *policy, struct fault *ret_fault)
{
	_cleanup_(cleanup_free) struct sg_flow_key *keys = NULL;
	_cleanup_(cleanup_free) struct sg_flow *flows = NULL;
	uint32_t alive[SG_SHARE_COUNT] = {0};
	size_t count = 0;
	int r;

	if (migrate->is_rebuild || !migrate->next[PINS_flows])
		return 0;
	r = maps_read(migrate->old.map_fds[PINS_flows], sizeof(*keys),
		      sizeof(*flows), (void **)&keys, (void **)&flows, &count);
	if (r)
		return system_fault(migrate->old.dir, r, ret_fault);
	for (size_t i = 0; i < count; i++)
		if (flows[i].share < SG_SHARE_COUNT)
			alive[flows[i].share]++;
	for (uint32_t share = 0; share < SG_SHARE_COUNT; share++) {
		uint32_t room = sg_ring_size(SG_RING(SG_TABLE_FLOWS, share),
					     policy->flows, policy->half_open);

		if (alive[share] > room)
			return fault_set(ret_fault, EINVAL,
					 "limits.flows = %u: room for %u of "
					 "%s's flows, and %u are "
					 "alive; choose more, or run "
					 "`scoutgate down` first, which ends "
					 "them",
					 policy->flows, room,
					 name_of_share(share), alive[share]);
	}
	return 0;
}

int migrate_plan(const char *pin_dir, const struct policy *policy,
		 struct migrate *ret_migrate, struct fault *ret_fault)
{
	int r;

	pins_open_present(pin_dir, NULL, &ret_migrate->old);
	r = choose(pin_dir, policy, ret_migrate);
	if (r)
		return system_fault(pin_dir, r, ret_fault);
	r = check_room(ret_migrate, policy, ret_fault);
	if (r || !ret_migrate->is_needed)
		return r;
	r = pins_make_folder(pin_dir, PINS_NEXT);
	return r ? system_fault(pin_dir, r, ret_fault) : 0;
}

void migrate_release(struct migrate *migrate)
{
	pins_close(&migrate->old);
}

/* Every flow of a map, one by one, by the datapath's own hand. */
static int move_flows(int from, int move_fd, bool is_last)
{
	_cleanup_(cleanup_free) struct sg_flow_key *keys = NULL;
	_cleanup_(cleanup_free) struct sg_flow *flows = NULL;
	struct sg_move data = {.is_last = is_last};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &data,
		    .data_size_in = sizeof(data), .repeat = 1);
	size_t count;
	int r;

	if (from < 0) /* it has its new place already */
		return 0;
	r = maps_read(from, sizeof(*keys), sizeof(*flows), (void **)&keys,
		      (void **)&flows, &count);
	for (size_t i = 0; i < count && !r; i++) {
		data.key = keys[i];
		data.flow = flows[i];
		if (bpf_prog_test_run_opts(move_fd, &opts))
			r = -errno;
		else if (opts.retval)
			r = -ENOSPC;
	}
	return r;
}

/* Masquerade ports; sg_move counts the flows that use them. */
static int move_snat_ports(int from, int to)
{
	_cleanup_(cleanup_free) struct sg_snat_port_key *keys = NULL;
	_cleanup_(cleanup_free) struct sg_snat_port *snat_ports = NULL;
	size_t count;
	int r;

	if (from < 0)
		return 0;
	r = maps_read(from, sizeof(*keys), sizeof(*snat_ports), (void **)&keys,
		      (void **)&snat_ports, &count);
	for (size_t i = 0; i < count && !r; i++) {
		if (sg_snat_port_is_over(&snat_ports[i], boot_s()))
			continue;
		snat_ports[i].flows = 0;
		if (bpf_map_update_elem(to, &keys[i], &snat_ports[i],
					BPF_NOEXIST) &&
		    errno != EEXIST)
			r = -errno;
	}
	return r;
}

static int move_family(const struct migrate *migrate, const struct pins *pins,
		       int move_fd, bool is_last)
{
	const struct pins *old = &migrate->old;
	int r = 0;

	if (migrate->next[PINS_snat_ports])
		r = move_snat_ports(old->map_fds[PINS_snat_ports],
				    pins->map_fds[PINS_snat_ports]);
	if (!r && migrate->next[PINS_flows])
		r = move_flows(old->map_fds[PINS_flows], move_fd, is_last);
	if (!r && migrate->next[PINS_half_open])
		r = move_flows(old->map_fds[PINS_half_open], move_fd, is_last);
	return r;
}

/* The grants are what people switch by hand, and the same in every layout. */
static int carry_grants(const struct migrate *migrate, const struct pins *pins)
{
	for (__u32 id = 0; id < SG_GRANT_COUNT; id++) {
		struct sg_grant grant;

		if (bpf_map_lookup_elem(migrate->old.map_fds[PINS_grants], &id,
					&grant) ||
		    bpf_map_update_elem(pins->map_fds[PINS_grants], &id, &grant,
					BPF_ANY))
			return -errno;
	}
	return 0;
}

static int rebuild(const struct migrate *migrate, const struct pins *pins,
		   const struct policy *policy, struct fault *ret_fault)
{
	struct sg_gate gate = {.layout = SG_LAYOUT};
	uint32_t layout;
	__u32 zero = 0;
	int r = pins_layout(&migrate->old, &layout);

	if (!r && bpf_map_update_elem(pins->map_fds[PINS_gate], &zero, &gate,
				      BPF_ANY))
		r = -errno;
	if (!r && layout < SG_LAYOUT)
		r = carry_grants(migrate, pins);
	else if (!r)
		return sync_grants(pins, policy, ret_fault);
	return r ? system_fault(pins->dir, r, ret_fault) : 0;
}

int migrate_begin(const struct migrate *migrate, const struct pins *pins,
		  const struct policy *policy, int move_fd,
		  struct fault *ret_fault)
{
	int r;

	if (!migrate->is_needed || next_has(pins->dir, READY))
		return 0;
	if (migrate->is_rebuild)
		r = rebuild(migrate, pins, policy, ret_fault);
	else
		r = move_family(migrate, pins, move_fd, false);
	if (!r)
		r = pins_make_folder(pins->dir, PINS_NEXT "/" READY);
	return r ? system_fault(pins->dir, r, ret_fault) : 0;
}

void migrate_close(const char *pin_dir)
{
	char path[PINS_PATH_BYTES];

	if (pins_path(pin_dir, PINS_NEXT, READY, path) == 0)
		rmdir(path);
	if (pins_path(pin_dir, PINS_NEXT, NULL, path) == 0)
		rmdir(path);
}

void migrate_cancel(const char *pin_dir)
{
	char path[PINS_PATH_BYTES];

	for (int map = 0; map < PINS_MAP_COUNT; map++)
		if (pins_path(pin_dir, PINS_NEXT,
			      pins_map_name((enum pins_map)map), path) == 0)
			unlink(path);
	migrate_close(pin_dir);
}

static int put_in_place(const char *pin_dir, enum pins_map map)
{
	char from[PINS_PATH_BYTES];
	char to[PINS_PATH_BYTES];
	int r = pins_path(pin_dir, PINS_NEXT, pins_map_name(map), from);

	if (!r)
		r = pins_path(pin_dir, NULL, pins_map_name(map), to);
	return !r && rename(from, to) ? -errno : r;
}

int migrate_end(const struct migrate *migrate, const struct pins *pins,
		int move_fd, struct fault *ret_fault)
{
	int r = 0;

	if (!migrate->is_needed)
		return 0;
	maps_wait_for_programs(); /* of those that use the maps before */
	if (!migrate->is_rebuild)
		r = move_family(migrate, pins, move_fd, true);
	/* `gate` says which layout they are: the last one */
	for (int map = 0; map < PINS_MAP_COUNT && !r; map++)
		if (migrate->next[map] && map != PINS_gate)
			r = put_in_place(pins->dir, (enum pins_map)map);
	if (!r && migrate->next[PINS_gate])
		r = put_in_place(pins->dir, PINS_gate);
	if (!r && migrate->is_rebuild)
		pins_remove_former(pins->dir);
	return r ? fault_set(ret_fault, r,
			     "%s: the new maps could not take the old ones' "
			     "place: %s; run `scoutgate up` again",
			     pins->dir, strerror(-r))
		 : 0;
}
