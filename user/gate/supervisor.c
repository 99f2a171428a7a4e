// SPDX-License-Identifier: GPL-2.0-or-later
/* See supervisor.h. */
#include "gate/supervisor.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gate/entries.h"
#include "gate/forwarding.h"
#include "gate/guard.h"
#include "gate/hold.h"
#include "gate/hook.h"
#include "gate/in_force.h"
#include "gate/instance.h"
#include "gate/loopback.h"
#include "gate/maps.h"
#include "gate/migrate.h"
#include "gate/pins_folder.h"
#include "gate/supervisor_note.h"
#include "sg_policy.h"
#include "sys/cleanup.h"

static void close_programs(struct supervisor *supervisor)
{
	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++) {
		cleanup_close(&supervisor->program_fds[i]);
		supervisor->program_fds[i] = -1;
	}
}

/* Return whether pins may have come or gone in a folder since the last look:
 * the kernel notes when, to a tick of its clock, so that of the last second's
 * there may be more. */
static bool folder_may_differ(const char *pin_dir, const char *sub,
			      struct supervisor_folder *seen)
{
	char path[PINS_PATH_BYTES];
	struct supervisor_folder now = {0};
	struct timespec clock;
	struct stat info;
	bool same;

	if (pins_path(pin_dir, sub, NULL, path) || stat(path, &info))
		return true;
	now.device = info.st_dev;
	now.inode = info.st_ino;
	now.changed = info.st_mtim;
	same = memcmp(&now, seen, sizeof(now)) == 0;
	clock_gettime(CLOCK_REALTIME, &clock);
	/* in the future: a clock that was set back */
	if (labs(clock.tv_sec - now.changed.tv_sec) > 1)
		*seen = now;
	else
		*seen = (struct supervisor_folder){0};
	return !same;
}

/* The programs as they are pinned: a newer scoutgate may have put others there.
 * Those that are not are pinned again. Returns whether any was. */
static bool refresh_programs(struct supervisor *supervisor)
{
	char path[PINS_PATH_BYTES];
	bool repaired = false;

	if (!folder_may_differ(supervisor->pin_dir, "programs",
			       &supervisor->programs_seen))
		return false;
	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++) {
		const char *name =
			dataplane_program_name((enum dataplane_program)i);
		int fd;

		if (pins_path(supervisor->pin_dir, "programs", name, path))
			continue;
		fd = bpf_obj_get(path);
		if (fd >= 0) {
			cleanup_close(&supervisor->program_fds[i]);
			supervisor->program_fds[i] = fd;
		} else if (errno == ENOENT &&
			   bpf_obj_pin(supervisor->program_fds[i], path) == 0) {
			repaired = true;
		} else { /* tried again with the next look */
			supervisor->programs_seen =
				(struct supervisor_folder){0};
		}
	}
	return repaired;
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {0};
	__u32 bytes = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &bytes) ? 0 : info.id;
}

/* The maps as they are pinned: another command may have put others there. Those
 * that are not are pinned again. Returns whether any was. */
static bool refresh_maps(struct supervisor *supervisor)
{
	char path[PINS_PATH_BYTES];
	bool repaired = false;

	if (!folder_may_differ(supervisor->pin_dir, NULL,
			       &supervisor->maps_seen))
		return false;
	for (int map = 0; map < PINS_MAP_COUNT; map++) {
		int *held = &supervisor->pins.map_fds[map];
		int fd;

		if (pins_path(supervisor->pin_dir, NULL,
			      pins_map_name((enum pins_map)map), path))
			continue;
		fd = bpf_obj_get(path);
		if (fd < 0 && errno == ENOENT && bpf_obj_pin(*held, path) == 0)
			repaired = true;
		else if (fd < 0) /* tried again with the next look */
			supervisor->maps_seen = (struct supervisor_folder){0};
		if (fd >= 0 && map_id(fd) != map_id(*held)) {
			int former = *held;

			*held = fd;
			fd = former;
			supervisor->policy_number = 0; /* of a gate made anew */
		}
		cleanup_close(&fd);
	}
	return repaired;
}

static uint32_t program_id(int fd)
{
	struct bpf_prog_info info = {0};
	__u32 bytes = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &bytes) ? 0 : info.id;
}

static bool hook_is_right(const struct supervisor *supervisor, uint32_t ifindex,
			  enum hook_side side, enum dataplane_program program)
{
	struct hook hook = {supervisor->pin_dir, ifindex, side};
	enum hook_mode mode;
	uint32_t id;

	return hook_query(&hook, &mode, &id) == 0 &&
	       !hook_preceded_by(&hook, mode, id) &&
	       id == program_id(supervisor->program_fds[program]);
}

static bool hooks_are_right(const struct supervisor *supervisor,
			    const struct links *links)
{
	for (size_t i = 0; i < links->count; i++) {
		uint32_t ifindex = links->items[i].ifindex;
		int role = entries_role(&supervisor->policy, &links->items[i]);
		enum dataplane_program in = role == SG_ROLE_CONTAINER
						    ? DATAPLANE_sg_container_in
						    : DATAPLANE_sg_uplink_in;

		if (role >= 0 &&
		    (!hook_is_right(supervisor, ifindex, HOOK_INGRESS, in) ||
		     !hook_is_right(supervisor, ifindex, HOOK_EGRESS,
				    DATAPLANE_sg_host_out)))
			return false;
	}
	return true;
}

int supervisor_open(const char *pin_dir, bool clsact,
		    const struct policy *policy, struct supervisor *ret_keep,
		    struct fault *ret_fault)
{
	int r;

	*ret_keep = (struct supervisor){
		.pin_dir = pin_dir,
		.clsact = clsact,
		.hold = -1,
		.pins = PINS_CLOSED,
		.program_fds = {[0 ... DATAPLANE_PROGRAM_COUNT - 1] = -1},
	};
	ret_keep->hold = hold_begin(pin_dir, ret_fault);
	r = ret_keep->hold < 0 ? ret_keep->hold : 0;
	if (!r)
		r = instance_up(pin_dir, clsact, policy, ret_fault);
	if (!r)
		r = pins_open(pin_dir, &ret_keep->pins, ret_fault);
	if (r)
		return r;
	supervisor_note_begin(&ret_keep->pins);
	refresh_programs(ret_keep);
	return supervisor_learn(ret_keep, NULL, ret_fault);
}

void supervisor_close(struct supervisor *supervisor)
{
	pins_close(&supervisor->pins);
	policy_release(&supervisor->policy);
	close_programs(supervisor);
	hold_end(supervisor->pin_dir, &supervisor->hold);
}

int supervisor_learn(struct supervisor *supervisor, bool *ret_is_new,
		     struct fault *ret_fault)
{
	struct policy policy = {0};
	uint32_t number;
	int r;

	if (ret_is_new)
		*ret_is_new = false;
	if (in_force_number(&supervisor->pins) == supervisor->policy_number)
		return 0;
	r = in_force_read(&supervisor->pins, &policy, &number, ret_fault);
	if (r)
		return r;
	policy_release(&supervisor->policy);
	supervisor->policy = policy;
	supervisor->policy_number = number;
	supervisor->digest = 0; /* what `up` alone does not watch */
	if (ret_is_new)
		*ret_is_new = true;
	return 0;
}

static int follow(struct supervisor *supervisor, struct fault *ret_fault)
{
	refresh_programs(supervisor);
	return instance_follow(&supervisor->pins, supervisor->clsact,
			       supervisor->program_fds, &supervisor->policy,
			       supervisor->policy_number, ret_fault);
}

int supervisor_follow_change(struct supervisor *supervisor,
			     struct fault *ret_fault)
{
	_cleanup_(links_release) struct links links = {0};
	int r = supervisor_links(supervisor, &links, ret_fault);

	if (r || links.digest == supervisor->digest)
		return r;
	/* what changes while it is put in force is told of by an event more */
	supervisor->digest = 0;
	r = follow(supervisor, ret_fault);
	if (!r)
		supervisor->digest = links.digest;
	return r;
}

int supervisor_links(const struct supervisor *supervisor,
		     struct links *ret_links, struct fault *ret_fault)
{
	return instance_links(&supervisor->pins, ret_links, ret_fault);
}

/* Look at the guard when nftables has changed. */
static bool guard_is_missing(struct supervisor *supervisor)
{
	_cleanup_(cleanup_free) uint32_t *governed = NULL;
	bool look = supervisor->is_guard_doubtful;
	enum guard_state state;
	size_t count;

	supervisor->is_guard_doubtful = false;
	if (!look || maps_keys(supervisor->pins.map_fds[PINS_ifaces],
			       sizeof(*governed), (void **)&governed, &count))
		return false;
	state = guard_query(&supervisor->policy, count);
	supervisor->is_guard_doubtful = state == GUARD_UNKNOWN;
	return state == GUARD_CHANGED || state == GUARD_ABSENT;
}

int supervisor_hold(struct supervisor *supervisor, struct fault *ret_fault)
{
	return hold_keep(supervisor->pin_dir, &supervisor->hold, ret_fault);
}

int supervisor_repair(struct supervisor *supervisor, const char **ret_what,
		      struct fault *ret_fault)
{
	_cleanup_(links_release) struct links links = {0};
	bool completed = false;
	bool pinned;
	int r = pins_prepare(supervisor->pin_dir, ret_fault);

	*ret_what = NULL;
	if (!r && migrate_is_open(
			  supervisor->pin_dir)) { /* somebody's, or nobody's */
		r = instance_complete(supervisor->pin_dir, supervisor->clsact,
				      &supervisor->policy, ret_fault);
		if (r)
			return r == -EBUSY ? 0 : r;
		completed = true;
	}
	if (r)
		return r;
	pinned = refresh_maps(supervisor);
	pinned |= refresh_programs(supervisor);
	r = pins_check_layout(&supervisor->pins, ret_fault);
	if (!r && completed) /* the same, by another number */
		r = supervisor_learn(supervisor, NULL, ret_fault);
	if (!r)
		r = supervisor_links(supervisor, &links, ret_fault);
	if (r)
		return r;
	if (pinned)
		*ret_what = "pins were missing; put back";
	if (forwarding_is_open(&supervisor->policy, &links))
		*ret_what = "the kernel's forwarding was on; off again";
	else if (!loopback_is_set())
		*ret_what = "lo's forwarding was off, without which no way out "
			    "is found; on again";
	else if (!hooks_are_right(supervisor, &links))
		*ret_what = "programs were missing from an interface, or "
			    "another's came before them; put back";
	else if (guard_is_missing(supervisor))
		*ret_what = "the guard was missing, or was changed; put back";
	else
		return 0;
	return follow(supervisor, ret_fault);
}

int supervisor_cut(struct supervisor *supervisor, struct cut_change *ret_change,
		   struct fault *ret_fault)
{
	int r = cut_ended(&supervisor->cut, &supervisor->pins, ret_change);

	return r ? fault_set(ret_fault, r,
			     "%s/flows: cutting the flows of a grant that has "
			     "ended failed: %s",
			     supervisor->pin_dir, strerror(-r))
		 : 0;
}

int supervisor_reload(struct supervisor *supervisor,
		      const struct policy *policy, struct fault *ret_fault)
{
	struct fault later; /* then it is learned with the next look */
	int r = instance_reload(supervisor->pin_dir, supervisor->clsact, policy,
				ret_fault);

	if (r)
		return r;
	refresh_maps(supervisor); /* other sizes, other maps */
	refresh_programs(supervisor);
	supervisor_learn(supervisor, NULL, &later);
	return 0;
}
