// SPDX-License-Identifier: GPL-2.0-or-later
/* See keep.h. */
#include "keep.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "entries.h"
#include "forwarding.h"
#include "guard.h"
#include "hold.h"
#include "hook.h"
#include "in_force.h"
#include "instance.h"
#include "keeper_note.h"
#include "maps.h"
#include "migrate.h"
#include "sg_policy.h"

static void close_programs(struct keep *keep)
{
	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++) {
		cleanup_close(&keep->program_fds[i]);
		keep->program_fds[i] = -1;
	}
}

/* Return whether pins may have come or gone in a folder since the last look:
 * the kernel notes when, to a tick of its clock, so that of the last second's
 * there may be more. */
static bool folder_may_differ(const char *pin_dir, const char *sub,
			      struct keep_folder *seen)
{
	char path[PINS_PATH_BYTES];
	struct keep_folder now = {0};
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
		*seen = (struct keep_folder){0};
	return !same;
}

/* The programs as they are pinned: a newer scoutgate may have put others there.
 * Those that are not are pinned again. Returns whether any was. */
static bool refresh_programs(struct keep *keep)
{
	char path[PINS_PATH_BYTES];
	bool repaired = false;

	if (!folder_may_differ(keep->pin_dir, "programs", &keep->programs_seen))
		return false;
	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++) {
		const char *name =
			dataplane_program_name((enum dataplane_program)i);
		int fd;

		if (pins_path(keep->pin_dir, "programs", name, path))
			continue;
		fd = bpf_obj_get(path);
		if (fd >= 0) {
			cleanup_close(&keep->program_fds[i]);
			keep->program_fds[i] = fd;
		} else if (errno == ENOENT &&
			   bpf_obj_pin(keep->program_fds[i], path) == 0) {
			repaired = true;
		} else { /* tried again with the next look */
			keep->programs_seen = (struct keep_folder){0};
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
static bool refresh_maps(struct keep *keep)
{
	char path[PINS_PATH_BYTES];
	bool repaired = false;

	if (!folder_may_differ(keep->pin_dir, NULL, &keep->maps_seen))
		return false;
	for (int map = 0; map < PINS_MAP_COUNT; map++) {
		int *held = &keep->pins.map_fds[map];
		int fd;

		if (pins_path(keep->pin_dir, NULL,
			      pins_map_name((enum pins_map)map), path))
			continue;
		fd = bpf_obj_get(path);
		if (fd < 0 && errno == ENOENT && bpf_obj_pin(*held, path) == 0)
			repaired = true;
		else if (fd < 0) /* tried again with the next look */
			keep->maps_seen = (struct keep_folder){0};
		if (fd >= 0 && map_id(fd) != map_id(*held)) {
			int former = *held;

			*held = fd;
			fd = former;
			keep->policy_number = 0; /* of a gate made anew */
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

static bool hook_is_right(const struct keep *keep, uint32_t ifindex,
			  enum hook_side side, enum dataplane_program program)
{
	struct hook hook = {keep->pin_dir, ifindex, side};
	enum hook_mode mode;
	uint32_t id;

	return hook_query(&hook, &mode, &id) == 0 &&
	       !hook_preceded_by(&hook, mode, id) &&
	       id == program_id(keep->program_fds[program]);
}

static bool hooks_are_right(const struct keep *keep, const struct links *links)
{
	for (size_t i = 0; i < links->count; i++) {
		uint32_t ifindex = links->items[i].ifindex;
		int role = entries_role(&keep->policy, &links->items[i]);
		enum dataplane_program in = role == SG_ROLE_CONTAINER
						    ? DATAPLANE_sg_container_in
						    : DATAPLANE_sg_uplink_in;

		if (role >= 0 &&
		    (!hook_is_right(keep, ifindex, HOOK_INGRESS, in) ||
		     !hook_is_right(keep, ifindex, HOOK_EGRESS,
				    DATAPLANE_sg_host_out)))
			return false;
	}
	return true;
}

int keep_open(const char *pin_dir, bool clsact, const struct policy *policy,
	      struct keep *ret_keep, struct fault *ret_fault)
{
	int r;

	*ret_keep = (struct keep){
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
	keeper_note_begin(&ret_keep->pins);
	refresh_programs(ret_keep);
	return keep_learn(ret_keep, NULL, ret_fault);
}

void keep_close(struct keep *keep)
{
	pins_close(&keep->pins);
	policy_release(&keep->policy);
	close_programs(keep);
	hold_end(keep->pin_dir, &keep->hold);
}

int keep_learn(struct keep *keep, bool *ret_is_new, struct fault *ret_fault)
{
	struct policy policy = {0};
	uint32_t number;
	int r;

	if (ret_is_new)
		*ret_is_new = false;
	if (in_force_number(&keep->pins) == keep->policy_number)
		return 0;
	r = in_force_read(&keep->pins, &policy, &number, ret_fault);
	if (r)
		return r;
	policy_release(&keep->policy);
	keep->policy = policy;
	keep->policy_number = number;
	keep->digest = 0; /* what `up` alone does not watch */
	if (ret_is_new)
		*ret_is_new = true;
	return 0;
}

static int follow(struct keep *keep, struct fault *ret_fault)
{
	refresh_programs(keep);
	return instance_follow(&keep->pins, keep->clsact, keep->program_fds,
			       &keep->policy, keep->policy_number, ret_fault);
}

int keep_follow_change(struct keep *keep, struct fault *ret_fault)
{
	_cleanup_(links_release) struct links links = {0};
	int r = keep_links(keep, &links, ret_fault);

	if (r || links.digest == keep->digest)
		return r;
	/* what changes while it is put in force is told of by an event more */
	keep->digest = 0;
	r = follow(keep, ret_fault);
	if (!r)
		keep->digest = links.digest;
	return r;
}

int keep_links(const struct keep *keep, struct links *ret_links,
	       struct fault *ret_fault)
{
	return instance_links(&keep->pins, ret_links, ret_fault);
}

/* Look at the guard when nftables has changed. */
static bool guard_is_missing(struct keep *keep)
{
	_cleanup_(cleanup_free) uint32_t *governed = NULL;
	bool look = keep->is_guard_doubtful;
	enum guard_state state;
	size_t count;

	keep->is_guard_doubtful = false;
	if (!look || maps_keys(keep->pins.map_fds[PINS_ifaces],
			       sizeof(*governed), (void **)&governed, &count))
		return false;
	state = guard_query(&keep->policy, count);
	keep->is_guard_doubtful = state == GUARD_UNKNOWN;
	return state == GUARD_CHANGED || state == GUARD_ABSENT;
}

int keep_hold(struct keep *keep, struct fault *ret_fault)
{
	return hold_keep(keep->pin_dir, &keep->hold, ret_fault);
}

int keep_repair(struct keep *keep, const char **ret_what,
		struct fault *ret_fault)
{
	_cleanup_(links_release) struct links links = {0};
	bool completed = false;
	bool pinned;
	int r = pins_prepare(keep->pin_dir, ret_fault);

	*ret_what = NULL;
	if (!r &&
	    migrate_is_open(keep->pin_dir)) { /* somebody's, or nobody's */
		r = instance_complete(keep->pin_dir, keep->clsact,
				      &keep->policy, ret_fault);
		if (r)
			return r == -EBUSY ? 0 : r;
		completed = true;
	}
	if (r)
		return r;
	pinned = refresh_maps(keep);
	pinned |= refresh_programs(keep);
	r = pins_check_layout(&keep->pins, ret_fault);
	if (!r && completed) /* the same, by another number */
		r = keep_learn(keep, NULL, ret_fault);
	if (!r)
		r = keep_links(keep, &links, ret_fault);
	if (r)
		return r;
	if (pinned)
		*ret_what = "pins were missing; put back";
	if (forwarding_is_open(&keep->policy, &links))
		*ret_what = "the kernel's forwarding was on; off again";
	else if (!hooks_are_right(keep, &links))
		*ret_what = "programs were missing from an interface, or "
			    "another's came before them; put back";
	else if (guard_is_missing(keep))
		*ret_what = "the guard was missing, or was changed; put back";
	else
		return 0;
	return follow(keep, ret_fault);
}

int keep_cut(struct keep *keep, struct cut_change *ret_change,
	     struct fault *ret_fault)
{
	int r = cut_ended(&keep->cut, &keep->pins, ret_change);

	return r ? fault_set(ret_fault, r,
			     "%s/flows: cutting the flows of a grant that has "
			     "ended failed: %s",
			     keep->pin_dir, strerror(-r))
		 : 0;
}

int keep_reload(struct keep *keep, const struct policy *policy,
		struct fault *ret_fault)
{
	struct fault later; /* then it is learned with the next look */
	int r = instance_reload(keep->pin_dir, keep->clsact, policy, ret_fault);

	if (r)
		return r;
	refresh_maps(keep); /* other sizes, other maps */
	refresh_programs(keep);
	keep_learn(keep, NULL, &later);
	return 0;
}
