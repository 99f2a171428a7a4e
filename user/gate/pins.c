// SPDX-License-Identifier: GPL-2.0-or-later
/* See pins.h. */
#include "gate/pins.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "sg_iface.h"
#include "sg_policy.h"
#include "sys/cleanup.h"

/* A change takes milliseconds, one that loads programs half a second. */
#define LOCK_TRY_USEC 10000
#define LOCK_TRIES 200

const char *pins_map_name(enum pins_map map)
{
	static const char *const names[] = {
#define X(name) [PINS_##name] = #name,
		PINS_MAPS(X)
#undef X
	};

	return names[map];
}

int pins_path(const char *dir, const char *sub, const char *name,
	      char ret_path[PINS_PATH_BYTES])
{
	int length = snprintf(ret_path, PINS_PATH_BYTES, "%s%s%s%s%s", dir,
			      sub ? "/" : "", sub ? sub : "", name ? "/" : "",
			      name ? name : "");

	return length < PINS_PATH_BYTES ? 0 : -ENAMETOOLONG;
}

static int open_map(const char *dir, const char *sub, enum pins_map map)
{
	char path[PINS_PATH_BYTES];
	int fd;

	if (pins_path(dir, sub, pins_map_name(map), path))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

/* Read map `gate`, of whatever layout: what an older one lacks is 0. */
static int read_gate(const struct pins *pins, struct sg_gate *ret_gate)
{
	_cleanup_(cleanup_free) char *value = NULL;
	int fd = pins->map_fds[PINS_gate];
	struct bpf_map_info info = {0};
	__u32 bytes = sizeof(info);
	__u32 zero = 0;

	if (bpf_obj_get_info_by_fd(fd, &info, &bytes))
		return -errno;
	/* of whatever layout; only another's is otherwise */
	if (info.type != BPF_MAP_TYPE_ARRAY || info.max_entries != 1 ||
	    info.key_size != sizeof(zero) ||
	    info.value_size < sizeof(ret_gate->layout) ||
	    strcmp(info.name, pins_map_name(PINS_gate)) != 0)
		return -EBADF;
	value = calloc(1, info.value_size + sizeof(*ret_gate));
	if (!value)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &zero, value))
		return -errno;
	memcpy(ret_gate, value, sizeof(*ret_gate));
	return 0;
}

int pins_layout(const struct pins *pins, uint32_t *ret_layout)
{
	struct sg_gate gate;
	int r = read_gate(pins, &gate);

	if (!r)
		*ret_layout = gate.layout;
	return r;
}

uint64_t pins_netns(void)
{
	struct stat info;

	return stat("/proc/self/ns/net", &info) ? 0 : info.st_ino;
}

/* Interfaces of another network namespace have the same numbers as ours. */
static int check_netns(const char *dir, const struct sg_gate *gate,
		       struct fault *ret_fault)
{
	if (gate->layout != SG_LAYOUT || !gate->netns ||
	    gate->netns == pins_netns())
		return 0;
	return fault_set(ret_fault, EXDEV,
			 "%s: it is the gate of another network namespace; "
			 "nothing was touched; run scoutgate there, or choose "
			 "another --pin-dir",
			 dir);
}

void pins_interface_name(const struct pins *pins, uint32_t ifindex,
			 char ret_name[IF_NAMESIZE])
{
	struct fault ignored;

	if (pins_check_netns(pins, &ignored))
		snprintf(ret_name, IF_NAMESIZE, "#%u", ifindex);
	else if (!if_indextoname(ifindex, ret_name))
		snprintf(ret_name, IF_NAMESIZE, "(gone)");
}

int pins_check_layout(const struct pins *pins, struct fault *ret_fault)
{
	struct sg_gate gate;
	int r = read_gate(pins, &gate);

	if (r)
		return fault_set(ret_fault, r, "%s/gate: %s", pins->dir,
				 strerror(-r));
	if (gate.layout == SG_LAYOUT)
		return 0;
	return fault_set(ret_fault, EPROTO,
			 "%s: pinned with layout %u, this scoutgate has %d; "
			 "run `scoutgate up`, which makes it anew",
			 pins->dir, gate.layout, SG_LAYOUT);
}

int pins_check_netns(const struct pins *pins, struct fault *ret_fault)
{
	struct sg_gate gate;
	int r = read_gate(pins, &gate);

	if (r)
		return fault_set(ret_fault, r, "%s/gate: %s", pins->dir,
				 strerror(-r));
	return check_netns(pins->dir, &gate, ret_fault);
}

int pins_are_begun(const char *dir, bool *ret_begun, struct fault *ret_fault)
{
	_cleanup_(pins_close) struct pins pins = PINS_CLOSED;
	struct sg_gate gate = {0};
	int r = open_map(dir, NULL, PINS_gate);

	if (r >= 0) {
		pins.map_fds[PINS_gate] = r;
		r = read_gate(&pins, &gate);
	}
	if (r == -EBADF)
		return fault_set(ret_fault, r,
				 "%s/gate is another's map; nothing was "
				 "touched; choose another --pin-dir",
				 dir);
	/* only what is surely not there: it would be begun anew */
	if (r && r != -ENOENT)
		return fault_set(ret_fault, r, "%s/gate: %s; run as root", dir,
				 strerror(-r));
	*ret_begun = gate.layout != 0;
	return check_netns(dir, &gate, ret_fault);
}

void pins_open_present(const char *dir, const char *sub, struct pins *ret_pins)
{
	*ret_pins = (struct pins)PINS_CLOSED;
	ret_pins->dir = dir;
	for (int map = 0; map < PINS_MAP_COUNT; map++)
		ret_pins->map_fds[map] = open_map(dir, sub, (enum pins_map)map);
}

int pins_open_mixed(const char *dir, const bool *next, struct pins *ret_pins,
		    struct fault *ret_fault)
{
	*ret_pins = (struct pins)PINS_CLOSED;
	ret_pins->dir = dir;
	for (int map = 0; map < PINS_MAP_COUNT; map++) {
		int fd = open_map(dir, next && next[map] ? PINS_NEXT : NULL,
				  (enum pins_map)map);

		if (fd == -ENOENT && map == 0)
			return fault_set(ret_fault, ENOENT,
					 "%s: no gate here; run `scoutgate up`",
					 dir);
		if (fd < 0)
			return fault_set(ret_fault, fd, "%s/%s: %s%s", dir,
					 pins_map_name((enum pins_map)map),
					 strerror(-fd),
					 fd == -ENOENT
						 ? "; run `scoutgate down`, "
						   "then `up`"
						 : "; run as root");
		ret_pins->map_fds[map] = fd;
	}
	return 0;
}

int pins_open(const char *dir, struct pins *ret_pins, struct fault *ret_fault)
{
	int r = pins_open_mixed(dir, NULL, ret_pins, ret_fault);

	return r ? r : pins_check_layout(ret_pins, ret_fault);
}

void pins_close(struct pins *pins)
{
	for (int map = 0; map < PINS_MAP_COUNT; map++)
		cleanup_close(&pins->map_fds[map]);
	*pins = (struct pins)PINS_CLOSED; /* to be closed again with no harm */
}

/* flock() that waits, but not for ever; it has no timeout of its own. */
static int lock_within(int fd, int tries)
{
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK || --tries == 0)
			return -errno;
		usleep(LOCK_TRY_USEC);
	}
	return 0;
}

bool pins_is_ours(const struct stat *info)
{
	return info->st_uid == geteuid() &&
	       !(info->st_mode & (S_IWGRP | S_IWOTH));
}

int pins_check_owner(int fd, const char *dir, struct fault *ret_fault)
{
	struct stat info;

	if (fstat(fd, &info))
		return fault_set(ret_fault, errno, "%s: %s", dir,
				 strerror(errno));
	if (pins_is_ours(&info))
		return 0;
	return fault_set(ret_fault, EPERM,
			 "%s: it is another user's, or others may write to it; "
			 "remove it, or choose another --pin-dir",
			 dir);
}

bool pins_stand_at(int fd, const char *path)
{
	struct stat locked;
	struct stat named;

	return fstat(fd, &locked) == 0 && lstat(path, &named) == 0 &&
	       locked.st_ino == named.st_ino && locked.st_dev == named.st_dev;
}

int pins_lock(const char *dir, struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int fd = -1;
	int r;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return fault_set(ret_fault, ENOENT,
				 "%s: no gate here; run `scoutgate up`", dir);
	if (fd < 0)
		return fault_set(ret_fault, errno, "%s: %s; run as root", dir,
				 strerror(errno));
	r = pins_check_owner(fd, dir, ret_fault);
	if (r)
		return r;
	if (lock_within(fd, LOCK_TRIES))
		return fault_set(ret_fault, EBUSY,
				 "%s: another scoutgate is changing it; try "
				 "again when it is done",
				 dir);
	if (!pins_stand_at(fd, dir)) /* who had it has taken the folder away */
		return fault_set(ret_fault, ENOENT,
				 "%s: it was taken down meanwhile; run "
				 "`scoutgate up`",
				 dir);
	return cleanup_steal_fd(&fd);
}

int pins_active(const struct pins *pins, struct sg_active *ret_active)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(pins->map_fds[PINS_active], &zero,
				   ret_active)
		       ? -errno
		       : 0;
}

int pins_policy(const struct pins *pins, struct sg_policy *ret_policy)
{
	struct sg_active active;
	int r = pins_active(pins, &active);

	if (!r && bpf_map_lookup_elem(pins->map_fds[PINS_policy], &active.slot,
				      ret_policy))
		r = -errno;
	return r;
}
