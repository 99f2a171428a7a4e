// SPDX-License-Identifier: GPL-2.0-or-later
/* See instance.h. */
#include "gate/instance.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "gate/accept_ra.h"
#include "gate/attach.h"
#include "gate/dataplane.h"
#include "gate/forwarding.h"
#include "gate/guard.h"
#include "gate/in_force.h"
#include "gate/leftover.h"
#include "gate/loopback.h"
#include "gate/maps.h"
#include "gate/migrate.h"
#include "gate/pins.h"
#include "gate/pins_folder.h"
#include "gate/purge.h"
#include "gate/sync.h"
#include "sys/cleanup.h"
#include "sys/kernel.h"

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

/* The change to make to the gate. */
struct change {
	const struct policy *policy;
	bool is_new_policy; /* or the links alone have changed */
	bool fills_first;   /* maps of a gate that passes packets already */
	struct attach how;
	const int *former_fds; /* programs to go back to; NULL: none */
};

static int fill(const struct pins *pins, const struct change *change,
		const struct links *links, struct fault *ret_fault)
{
	int r = forwarding_close(change->policy, links, ret_fault);

	if (!r)
		r = loopback_set(pins, ret_fault);
	if (!r)
		r = sync_links(pins, change->policy, links,
			       !change->is_new_policy, ret_fault);
	if (!r)
		r = change->is_new_policy
			    ? sync_policy(pins, change->policy, ret_fault)
			    : sync_settle(pins, ret_fault);
	return r;
}

/* Hooks as they were: nothing is half applied. */
static void undo_attach(const struct pins *pins, const struct change *change,
			const struct links *links, const uint32_t *before,
			size_t count)
{
	struct attach former = {change->how.mode, change->former_fds};

	if (!change->former_fds)
		former.program_fds = change->how.program_fds;
	attach_undo(pins->dir, &former, change->policy, links, before, count);
}

/* Do first what can fail for reasons of the system's, and opens nothing: an
 * interface with a program and no role lets nothing through. Then write the
 * roles, and last, with one write, put the whole policy in force. */
static int apply(const struct pins *pins, const struct change *change,
		 struct fault *ret_fault)
{
	_cleanup_(links_release) struct links links = {0};
	_cleanup_(cleanup_free) uint32_t *before = NULL; /* interfaces */
	size_t count = 0;
	/* a new policy asks for names; until then a role is kept */
	int r = change->is_new_policy ? links_read(&links, ret_fault)
				      : instance_links(pins, &links, ret_fault);

	if (!r && !change->is_new_policy) /* before what takes long */
		r = sync_changing(pins, ret_fault);
	if (r)
		return r;
	r = maps_keys(pins->map_fds[PINS_ifaces], sizeof(*before),
		      (void **)&before, &count);
	if (r)
		return fault_set(ret_fault, r, "%s/ifaces: %s", pins->dir,
				 strerror(-r));
	if (change->fills_first)
		r = fill(pins, change, &links, ret_fault);
	if (!r)
		r = attach_links(pins->dir, &change->how, change->policy,
				 &links, ret_fault);
	if (!r && !change->fills_first)
		r = fill(pins, change, &links, ret_fault);
	if (r && change->is_new_policy)
		undo_attach(pins, change, &links, before, count);
	if (!r) /* a layer more, where the kernel has it: status says */
		guard_set(change->policy, &links);
	/* one that fails lets nothing through until `down` */
	for (size_t i = 0; i < count && !r; i++)
		attach_forget(pins->dir, before[i], change->policy, &links);
	if (!r)
		purge_gone(pins, &links);
	return r;
}

static struct attach choose(bool clsact, const int *program_fds)
{
	return (struct attach){
		.mode = !clsact && kernel_has(KERNEL_TCX) ? HOOK_TCX
							  : HOOK_CLSACT,
		.program_fds = program_fds,
	};
}

/* The pinned programs. Those that are missing are -1, and a fault. */
static int open_programs(const char *pin_dir, int *ret_fds,
			 struct fault *ret_fault)
{
	char path[PINS_PATH_BYTES];
	int r = 0;

	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++) {
		ret_fds[i] = -1;
		if (r ||
		    pins_path(pin_dir, "programs",
			      dataplane_program_name((enum dataplane_program)i),
			      path))
			continue;
		ret_fds[i] = bpf_obj_get(path);
		if (ret_fds[i] < 0)
			r = fault_set(ret_fault, errno,
				      "%s: %s; run `scoutgate up`", path,
				      strerror(errno));
	}
	return r;
}

static void close_programs(int *fds)
{
	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++)
		cleanup_close(&fds[i]);
}

/* Write what a first `up` begins with. */
static int write_first(const struct pins *pins, const struct policy *policy,
		       struct fault *ret_fault)
{
	int fd = pins->map_fds[PINS_gate];
	struct sg_gate gate; /* zeros, or of one that was interrupted */
	__u32 zero = 0;
	int r = sync_grants(pins, policy, ret_fault);

	if (r)
		return r;
	if (bpf_map_lookup_elem(fd, &zero, &gate) == 0) {
		gate.layout = SG_LAYOUT;
		gate.netns = pins_netns();
		r = bpf_map_update_elem(fd, &zero, &gate, BPF_ANY);
	} else {
		r = -1;
	}
	if (r)
		r = fault_set(ret_fault, errno, "%s/gate: %s", pins->dir,
			      strerror(errno));
	return r;
}

/* The datapath is loaded, on maps that may be new: in place of what is there.
 */
static int take_over(const struct pins *pins, struct change *change,
		     const struct migrate *migrate,
		     const struct dataplane *dataplane, struct fault *ret_fault)
{
	int former_fds[DATAPLANE_PROGRAM_COUNT];
	struct fault ignored;
	int r = migrate_begin(migrate, pins, change->policy, dataplane->move_fd,
			      ret_fault);

	/* of an older gate, which lacks what is on no hook */
	if (open_programs(pins->dir, former_fds, &ignored) == 0 ||
	    former_fds[DATAPLANE_sg_host_out] >= 0)
		change->former_fds = former_fds;
	if (!r)
		r = dataplane_pin_programs(dataplane, pins->dir, ret_fault);
	if (!r)
		r = apply(pins, change, ret_fault);
	close_programs(former_fds);
	if (r) {
		dataplane_unpin_programs(pins->dir);
		migrate_cancel(pins->dir);
		return r;
	}
	r = migrate_end(migrate, pins, dataplane->move_fd, ret_fault);
	if (!r)
		r = dataplane_rename_programs(pins->dir, ret_fault);
	if (!r)
		migrate_close(pins->dir);
	return r;
}

static int bring_up(const char *pin_dir, bool clsact, bool is_new,
		    const struct policy *policy, struct fault *ret_fault)
{
	_cleanup_(dataplane_unload) struct dataplane dataplane = {0};
	_cleanup_(migrate_release) struct migrate migrate = MIGRATE_NONE;
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	struct change change = {.policy = policy, .is_new_policy = true};
	int r = 0;

	if (!is_new)
		r = migrate_plan(pin_dir, policy, &migrate, ret_fault);
	if (!r)
		r = dataplane_load(pin_dir, migrate.next, policy, &dataplane,
				   ret_fault);
	if (!r)
		r = pins_open_mixed(pin_dir, migrate.next, &pins, ret_fault);
	if (!r && is_new)
		r = write_first(&pins, policy, ret_fault);
	if (r)
		return r;
	change.fills_first = migrate.is_rebuild;
	change.how = choose(clsact, dataplane.program_fds);
	return take_over(&pins, &change, &migrate, &dataplane, ret_fault);
}

/* Take away what a gate has outside of its folder. That lo's forwarding cannot
 * be put back holds up nothing else. */
static int detach(const char *pin_dir, enum instance_end *ret_end,
		  struct fault *ret_fault)
{
	_cleanup_(links_release) struct links links = {0};
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	struct fault ignored;
	int r;

	guard_remove();
	r = links_read(&links, ret_fault);
	if (!r)
		r = attach_remove(pin_dir, &links, ret_fault);
	*ret_end = INSTANCE_ENDED;
	if (!r && pins_open(pin_dir, &pins, &ignored) == 0 &&
	    loopback_restore(&pins))
		*ret_end = INSTANCE_ENDED_BUT_LOOPBACK;
	return r;
}

/* Take down whatever of a gate is there, of whatever layout. One that was never
 * begun, or has lost map `gate`, has pins alone: the guard and the filters that
 * are there may be those of a gate in another folder. */
static int take_down(const char *pin_dir, bool *ret_begun,
		     enum instance_end *ret_end, struct fault *ret_fault)
{
	int r = pins_are_begun(pin_dir, ret_begun, ret_fault);

	accept_ra_restore(pin_dir);
	if (!r && *ret_begun)
		r = detach(pin_dir, ret_end, ret_fault);
	return r ? r : pins_remove(pin_dir, ret_fault);
}

int instance_up(const char *pin_dir, bool clsact, const struct policy *policy,
		struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int lock = -1;
	enum instance_end end;
	struct fault ignored;
	bool begun;
	int r = pins_prepare(pin_dir, ret_fault);

	if (r)
		return r;
	lock = pins_lock(pin_dir, ret_fault);
	if (lock < 0)
		return lock;
	r = pins_prepare(pin_dir, ret_fault); /* `down` may have been at it */
	if (!r)
		r = pins_are_begun(pin_dir, &begun, ret_fault);
	if (!r && !begun)
		r = leftover_check_alone(pin_dir, ret_fault);
	if (r) {
		pins_remove_empty(pin_dir);
		return r;
	}
	r = bring_up(pin_dir, clsact, !begun, policy, ret_fault);
	if (r && !begun)
		take_down(pin_dir, &begun, &end, &ignored);
	return r;
}

int instance_complete(const char *pin_dir, bool clsact,
		      const struct policy *policy, struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int lock = pins_lock(pin_dir, ret_fault);

	if (lock < 0)
		return lock;
	/* who was at it may have ended it while this one waited */
	return migrate_is_open(pin_dir)
		       ? bring_up(pin_dir, clsact, false, policy, ret_fault)
		       : 0;
}

/* The programs that are there, with a new policy. */
static int replace_policy(const struct pins *pins, bool clsact,
			  const struct policy *policy, struct fault *ret_fault)
{
	struct change change = {.policy = policy, .is_new_policy = true};
	int fds[DATAPLANE_PROGRAM_COUNT];
	int r = open_programs(pins->dir, fds, ret_fault);

	if (!r) {
		change.how = choose(clsact, fds);
		r = apply(pins, &change, ret_fault);
	}
	close_programs(fds);
	return r;
}

int instance_reload(const char *pin_dir, bool clsact,
		    const struct policy *policy, struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int lock = -1;
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	int r;

	lock = pins_lock(pin_dir, ret_fault);
	if (lock < 0)
		return lock;
	r = pins_open(pin_dir, &pins, ret_fault);
	if (!r)
		r = pins_check_netns(&pins, ret_fault);
	if (r)
		return r;
	/* the sizes of maps are fixed when they are made */
	return migrate_would(&pins, policy)
		       ? bring_up(pin_dir, clsact, false, policy, ret_fault)
		       : replace_policy(&pins, clsact, policy, ret_fault);
}

int instance_follow(const struct pins *pins, bool clsact,
		    const int *program_fds, const struct policy *policy,
		    uint32_t number, struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int lock = pins_lock(pins->dir, ret_fault);
	const struct change change = {
		.policy = policy,
		.how = choose(clsact, program_fds),
	};

	if (lock < 0)
		return lock;
	if (in_force_number(pins) != number)
		return fault_set(ret_fault, EBUSY,
				 "%s: another policy has been put in force",
				 pins->dir);
	return apply(pins, &change, ret_fault);
}

/* Take away what no pins say anything of. */
static int take_leftovers(const char *pin_dir, enum instance_end *ret_end,
			  struct fault *ret_fault)
{
	size_t left = 0;
	int r;

	accept_ra_restore(pin_dir);
	r = leftover_remove(pin_dir, &left, ret_fault);

	*ret_end = left ? INSTANCE_LEFT_SOMETHING : INSTANCE_WAS_NONE;
	return r;
}

int instance_down(const char *pin_dir, enum instance_end *ret_end,
		  struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int lock = -1;
	struct fault ignored;
	bool begun = false;
	int r;

	if (access(pin_dir, F_OK) && errno == ENOENT)
		return take_leftovers(pin_dir, ret_end, ret_fault);
	lock = pins_lock(pin_dir, ret_fault);
	if (lock < 0)
		return lock;
	r = pins_check_gates(pin_dir, ret_fault);
	if (!r)
		r = take_down(pin_dir, &begun, ret_end, ret_fault);
	if (r || begun)
		return r;
	r = take_leftovers(pin_dir, ret_end, &ignored);
	if (r || *ret_end == INSTANCE_WAS_NONE) /* there may be one elsewhere */
		*ret_end = INSTANCE_HAD_REMAINS;
	return 0;
}
