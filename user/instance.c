// SPDX-License-Identifier: GPL-2.0-or-later
/* See instance.h. */
#include "instance.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "attach.h"
#include "cleanup.h"
#include "dataplane.h"
#include "loopback.h"
#include "maps.h"
#include "pins.h"
#include "sync.h"

int instance_links(const struct pins *pins, struct links *ret_links,
		   struct fault *ret_fault)
{
	struct sg_iface iface;
	int r = links_read(ret_links, ret_fault);

	for (size_t i = 0; i < ret_links->count && !r; i++)
		if (bpf_map_lookup_elem(pins->map_fds[PINS_ifaces],
					&ret_links->items[i].ifindex,
					&iface) == 0)
			ret_links->items[i].had_role = 1 + iface.role;
	return r;
}

/* What can fail for reasons of the system's comes first, and opens nothing: an
 * interface with a program and no role lets nothing through. Then the roles,
 * and last the one write that puts the whole policy in force. */
static int apply(const struct pins *pins, const struct attach *how,
		 const struct policy *policy, bool is_new_policy,
		 struct fault *ret_fault)
{
	_cleanup_(links_release) struct links links = {0};
	_cleanup_(cleanup_free) uint32_t *before = NULL; /* interfaces */
	size_t count = 0;
	/* a new policy asks for names; until then a role is kept */
	int r = is_new_policy ? links_read(&links, ret_fault)
			      : instance_links(pins, &links, ret_fault);

	if (r)
		return r;
	r = maps_keys(pins->map_fds[PINS_ifaces], sizeof(*before),
		      (void **)&before, &count);
	if (r)
		return fault_set(ret_fault, r, "%s/ifaces: %s", pins->dir,
				 strerror(-r));
	r = attach_links(pins->dir, how, policy, &links, ret_fault);
	if (!r)
		r = loopback_set(pins, ret_fault);
	if (!r)
		r = sync_links(pins, policy, &links, ret_fault);
	if (!r && is_new_policy)
		r = sync_policy(pins, policy, ret_fault);
	for (size_t i = 0; i < count && !r; i++)
		r = attach_forget(pins->dir, before[i], policy, &links,
				  ret_fault);
	return r;
}

static struct attach choose(bool clsact, const int *program_fds)
{
	int any = program_fds[DATAPLANE_sg_host_out];

	return (struct attach){
		.mode = clsact ? HOOK_CLSACT : hook_probe(any),
		.program_fds = program_fds,
	};
}

static int bring_up(const char *pin_dir, bool clsact, bool is_new,
		    const struct policy *policy, struct fault *ret_fault)
{
	_cleanup_(dataplane_unload) struct dataplane dataplane = {0};
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	const struct sg_gate gate = {.layout = SG_LAYOUT};
	struct attach how;
	int zero = 0;
	int r;

	if (!is_new) { /* a layout that we do not know must not be loaded on */
		r = pins_open(pin_dir, &pins, ret_fault);
		pins_close(&pins);
		if (r)
			return r;
	}
	r = dataplane_load(pin_dir, policy, &dataplane, ret_fault);
	if (r)
		return r;
	if (is_new && bpf_map_update_elem(dataplane_map(&dataplane, "gate"),
					  &zero, &gate, BPF_ANY))
		return fault_set(ret_fault, errno, "%s/gate: %s", pin_dir,
				 strerror(errno));
	r = pins_open(pin_dir, &pins, ret_fault);
	if (!r && is_new)
		r = sync_grants(&pins, policy, ret_fault);
	if (!r)
		r = dataplane_pin_programs(&dataplane, pin_dir, ret_fault);
	how = choose(clsact, dataplane.program_fds);
	return r ? r : apply(&pins, &how, policy, true, ret_fault);
}

/* Whatever of a gate is there, of whatever layout. */
static int take_down(const char *pin_dir, struct fault *ret_fault)
{
	_cleanup_(links_release) struct links links = {0};
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	struct fault ignored;
	int r = links_read(&links, ret_fault);

	if (!r)
		r = attach_remove(pin_dir, &links, ret_fault);
	if (r)
		return r;
	if (pins_open(pin_dir, &pins, &ignored) == 0)
		loopback_restore(&pins);
	return pins_remove(pin_dir, ret_fault);
}

int instance_up(const char *pin_dir, bool clsact, const struct policy *policy,
		struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int lock = -1;
	struct fault ignored;
	bool is_new;
	int r = pins_prepare(pin_dir, ret_fault);

	if (r)
		return r;
	lock = pins_lock(pin_dir, ret_fault);
	if (lock < 0)
		return lock;
	is_new = !pins_exist(pin_dir);
	r = bring_up(pin_dir, clsact, is_new, policy, ret_fault);
	if (r && is_new)
		take_down(pin_dir, &ignored);
	return r;
}

static int open_programs(const char *pin_dir, int *ret_fds,
			 struct fault *ret_fault)
{
	char path[PINS_PATH_BYTES];

	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++) {
		if (pins_path(pin_dir, "programs",
			      dataplane_program_name((enum dataplane_program)i),
			      path))
			return fault_set(ret_fault, ENAMETOOLONG,
					 "%s: too long", pin_dir);
		ret_fds[i] = bpf_obj_get(path);
		if (ret_fds[i] < 0)
			return fault_set(ret_fault, errno,
					 "%s: %s; run `scoutgate up`", path,
					 strerror(errno));
	}
	return 0;
}

/* The sizes of maps are fixed when they are made. */
static int check_sizes(const struct pins *pins, const struct policy *policy,
		       struct fault *ret_fault)
{
	const struct port_range *ports = &policy->masquerade_ports;
	const struct {
		enum pins_map map;
		uint32_t wanted;
	} sizes[] = {
		{PINS_flows, policy->flows},
		{PINS_half_open, policy->half_open},
		{PINS_mappings, 3U * (ports->last - ports->first + 1U)},
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bpf_map_info info = {0};
		__u32 bytes = sizeof(info);

		if (bpf_obj_get_info_by_fd(pins->map_fds[sizes[i].map], &info,
					   &bytes))
			return fault_set(ret_fault, errno, "%s: %s", pins->dir,
					 strerror(errno));
		if (info.max_entries != sizes[i].wanted)
			return fault_set(
				ret_fault, EINVAL,
				"limits or masquerade ports differ from the "
				"running gate's (%s: %u, wanted %u); run "
				"`scoutgate down`, then `up`",
				pins_map_name(sizes[i].map), info.max_entries,
				sizes[i].wanted);
	}
	return 0;
}

int instance_reload(const char *pin_dir, bool clsact,
		    const struct policy *policy, struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int lock = -1;
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	int fds[DATAPLANE_PROGRAM_COUNT] = {-1, -1, -1};
	struct attach how;
	int r;

	lock = pins_lock(pin_dir, ret_fault);
	if (lock < 0)
		return lock;
	r = pins_open(pin_dir, &pins, ret_fault);
	if (!r)
		r = check_sizes(&pins, policy, ret_fault);
	if (!r)
		r = open_programs(pin_dir, fds, ret_fault);
	if (!r) {
		how = choose(clsact, fds);
		r = apply(&pins, &how, policy, true, ret_fault);
	}
	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++)
		cleanup_close(&fds[i]);
	return r;
}

int instance_follow(const struct pins *pins, bool clsact,
		    const int *program_fds, const struct policy *policy,
		    struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int lock = pins_lock(pins->dir, ret_fault);
	struct attach how = choose(clsact, program_fds);

	return lock < 0 ? lock : apply(pins, &how, policy, false, ret_fault);
}

int instance_down(const char *pin_dir, struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int lock = -1;

	if (access(pin_dir, F_OK) && errno == ENOENT)
		return 0;
	lock = pins_lock(pin_dir, ret_fault);
	return lock < 0 ? lock : take_down(pin_dir, ret_fault);
}
