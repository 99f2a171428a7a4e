// SPDX-License-Identifier: GPL-2.0-or-later
/* See leftover.h. */
#include "gate/leftover.h"

#include <dirent.h>
#include <errno.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gate/attach.h"
#include "gate/forwarding.h"
#include "gate/guard.h"
#include "gate/hook.h"
#include "gate/pins.h"
#include "gate/pins_folder.h"
#include "sys/cleanup.h"
#include "sys/links.h"

#define DEPTH 16 /* of folders below a mount */
#define DETACH_LOOKS 20
#define DETACH_WAIT_NS 50000000

/* A gate that may be this network namespace's: of another layout, it does not
 * say so. */
static bool may_be_here(const char *folder)
{
	struct fault ignored;
	bool begun;

	return pins_are_begun(folder, &begun, &ignored) == 0 && begun;
}

/* One that surely is. */
static bool is_here(const char *folder)
{
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	struct fault ignored;

	return pins_open(folder, &pins, &ignored) == 0 &&
	       pins_check_netns(&pins, &ignored) == 0;
}

/* Find a gate in a folder of a bpffs, or below. */
static bool find_gate_in(const char *folder, bool (*is_gate)(const char *),
			 int depth, char ret_path[PINS_PATH_BYTES])
{
	char path[PINS_PATH_BYTES];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	if (is_gate(folder)) {
		snprintf(ret_path, PINS_PATH_BYTES, "%s", folder);
		return true;
	}
	dir = depth ? opendir(folder) : NULL;
	while (dir && !found && (entry = readdir(dir)) != NULL)
		found = entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
			pins_path(folder, entry->d_name, NULL, path) == 0 &&
			find_gate_in(path, is_gate, depth - 1, ret_path);
	if (dir)
		closedir(dir);
	return found;
}

static void close_mounts(FILE **mounts)
{
	if (*mounts)
		endmntent(*mounts);
}

/* Find one on any bpffs that this process sees. */
static bool find_gate(bool (*is_gate)(const char *),
		      char ret_path[PINS_PATH_BYTES])
{
	_cleanup_(close_mounts) FILE *mounts =
		setmntent("/proc/self/mounts", "r");
	struct mntent *mount;

	while (mounts && (mount = getmntent(mounts)) != NULL)
		if (strcmp(mount->mnt_type, "bpf") == 0 &&
		    find_gate_in(mount->mnt_dir, is_gate, DEPTH, ret_path))
			return true;
	return false;
}

/* Return whether an interface keeps a program of ours. The kernel detaches
 * those whose pin has gone a little later. */
static bool has_programs(uint32_t ifindex)
{
	const struct timespec a_little = {.tv_nsec = DETACH_WAIT_NS};

	int looks = DETACH_LOOKS;

	while (hook_has_tcx_of_ours(ifindex)) {
		if (!--looks)
			return true;
		nanosleep(&a_little, NULL);
	}
	return false;
}

/* Refuse to take for a leftover what is of a gate in force: one that is pinned
 * elsewhere, or whose programs a process or a pin yet holds on an interface. */
static int check_none_in_force(const char *pin_dir, const struct links *links,
			       struct fault *ret_fault)
{
	char path[PINS_PATH_BYTES];

	if (pins_is_private_mount())
		return fault_set(ret_fault, EXDEV,
				 "%s: no gate is there, in this mount "
				 "namespace, and what another one has is not "
				 "seen; nothing was touched; use `nsenter "
				 "--net=`, not `ip netns exec`",
				 pin_dir);
	if (find_gate(may_be_here, path))
		return fault_set(ret_fault, EEXIST,
				 "%s: no gate is there, but one is in force, "
				 "at %s; nothing was touched",
				 pin_dir, path);
	for (size_t i = 0; i < links->count; i++)
		if (has_programs(links->items[i].ifindex))
			return fault_set(ret_fault, EEXIST,
					 "%s: no gate is there, but one is in "
					 "force on %s; nothing was touched; "
					 "give its --pin-dir",
					 pin_dir, links->items[i].name);
	return 0;
}

int leftover_check_alone(const char *pin_dir, struct fault *ret_fault)
{
	char path[PINS_PATH_BYTES];

	return find_gate(is_here, path)
		       ? fault_set(ret_fault, EEXIST,
				   "%s: this network namespace has a gate, at "
				   "%s, which stays in force; use that "
				   "--pin-dir, or take it down first",
				   pin_dir, path)
		       : 0;
}

static size_t count_filters(const char *pin_dir, const struct links *links)
{
	const enum hook_side sides[] = {HOOK_INGRESS, HOOK_EGRESS};
	size_t count = 0;

	for (size_t i = 0; i < links->count; i++)
		for (int side = 0; side < 2; side++) {
			const struct hook hook = {
				pin_dir, links->items[i].ifindex, sides[side]};
			enum hook_mode mode;
			uint32_t id;

			count += hook_query(&hook, &mode, &id) == 0;
		}
	return count;
}

/* lo's alone is what a gate turns on, where the kernel forwards nothing. */
static size_t restore_loopback(void)
{
	size_t count = 0;

	for (int family = 0; family < FORWARDING_FAMILIES; family++) {
		enum forwarding_family of = (enum forwarding_family)family;

		if (forwarding_get(of, "lo") == 1 &&
		    forwarding_get(of, "all") == 0)
			count += forwarding_set(of, "lo", false) == 0;
	}
	return count;
}

int leftover_remove(const char *pin_dir, size_t *ret_count,
		    struct fault *ret_fault)
{
	_cleanup_(links_release) struct links links = {0};
	size_t count;
	int r = links_read(&links, ret_fault);

	*ret_count = 0;
	if (!r)
		r = check_none_in_force(pin_dir, &links, ret_fault);
	if (r)
		return r;
	count = count_filters(pin_dir, &links) + guard_is_there();
	if (!count) /* no sign of a gate, so lo's is another's */
		return 0;
	r = attach_remove(pin_dir, &links, ret_fault);
	if (r)
		return r;
	guard_remove();
	*ret_count = count + restore_loopback();
	return 0;
}
