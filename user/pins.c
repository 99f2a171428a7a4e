// SPDX-License-Identifier: GPL-2.0-or-later
/* See pins.h. */
#include "pins.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "cleanup.h"
#include "sg_iface.h"
#include "sg_policy.h"

#define BPFFS "/sys/fs/bpf"

/* A change takes milliseconds, one that loads programs half a second. */
#define LOCK_TRY_USEC 10000
#define LOCK_TRIES 200

static const char *const folders[] = {"links", "programs"};

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

/* Refuse a folder that somebody else made, or may change: he could take pins
 * away, and programs with them. */
static int check_owner(int fd, const char *dir, struct fault *ret_fault)
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
	r = check_owner(fd, dir, ret_fault);
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

/* The folder that will hold dir, which is there already. */
static int parent_of(const char *dir, char ret_parent[PATH_MAX])
{
	char *slash;

	if (snprintf(ret_parent, PATH_MAX, "%s", dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (ret_parent[0] != '/')
		return -EINVAL;
	for (size_t last = strlen(ret_parent) - 1;
	     last > 0 && ret_parent[last] == '/'; last--)
		ret_parent[last] = '\0'; /* "DIR/" is DIR */
	slash = strrchr(ret_parent, '/');
	*(slash == ret_parent ? slash + 1 : slash) = '\0';
	return 0;
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

/* Return whether what is mounted here ends with this process, as under `ip
 * netns exec`, which has a /sys of its own. */
bool pins_is_private_mount(void)
{
	struct stat own;
	struct stat first;

	return stat("/proc/self/ns/mnt", &own) == 0 &&
	       stat("/proc/1/ns/mnt", &first) == 0 &&
	       own.st_ino != first.st_ino;
}

static int check_bpffs(const char *dir, struct fault *ret_fault)
{
	char parent[PATH_MAX];
	int r = parent_of(dir, parent);

	if (r)
		return fault_set(ret_fault, r, "%s: give an absolute path",
				 dir);
	if (is_bpffs(parent))
		return 0;
	if (strcmp(parent, BPFFS) != 0)
		return fault_set(ret_fault, EINVAL,
				 "%s: not on a bpffs; mount one (mount -t bpf "
				 "bpf %s) or choose another --pin-dir",
				 dir, parent);
	if (pins_is_private_mount())
		return fault_set(ret_fault, EXDEV,
				 "%s: there is no bpffs in this mount "
				 "namespace, and one made here would end with "
				 "it; use `nsenter --net=`, not `ip netns "
				 "exec`, or mount one",
				 BPFFS);
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0700"))
		return fault_set(ret_fault, errno,
				 "%s: mounting bpffs failed: %s; run as root "
				 "on a kernel with BPF",
				 BPFFS, strerror(errno));
	return 0;
}

static int make_folder(const char *path, struct fault *ret_fault)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return fault_set(ret_fault, errno, "%s: %s; run as root", path,
				 strerror(errno));
	return 0;
}

int pins_make_folder(const char *dir, const char *sub)
{
	char path[PINS_PATH_BYTES];
	int r = pins_path(dir, sub, NULL, path);

	return !r && mkdir(path, 0700) && errno != EEXIST ? -errno : r;
}

/* Refuse what stands at the path of the gate's folder and is not the gate's. */
static int check_folder(const char *dir, struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int fd =
		open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? fault_set(ret_fault, errno, "%s: %s; run as root", dir,
				  strerror(errno))
		      : check_owner(fd, dir, ret_fault);
}

int pins_prepare(const char *dir, struct fault *ret_fault)
{
	char path[PINS_PATH_BYTES];
	int r = check_bpffs(dir, ret_fault);

	if (!r)
		r = make_folder(dir, ret_fault);
	if (!r)
		r = check_folder(dir, ret_fault);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && !r;
	     i++) {
		r = pins_path(dir, folders[i], NULL, path);
		if (r)
			return fault_set(ret_fault, r, "%s: too long", dir);
		r = make_folder(path, ret_fault);
	}
	return r;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Return whether a pin has the name of a map of a former layout. */
static bool is_former(const char *name)
{
	static const char *const former[] = {
		"masquerade_as", "own_addrs", "begun",	   "forwarded",
		"held",		 "keeper",    "mappings",  "newcomers",
		"starts",	 "sweep",     "sweep_hand"};

	return is_among(name, former, sizeof(former) / sizeof(former[0]));
}

/* Return whether a pin has the name of a map, of this layout or a former one.
 */
static bool is_map(const char *name)
{
	for (int map = 0; map < PINS_MAP_COUNT; map++)
		if (strcmp(pins_map_name((enum pins_map)map), name) == 0)
			return true;
	return is_former(name);
}

/* Return whether a name is that of a link's pin, as IFINDEX_in. */
static bool is_link(const char *name)
{
	static const char *const ends[] = {"_in", "_out", "_early"};
	size_t digits = strspn(name, "0123456789");

	return digits &&
	       is_among(name + digits, ends, sizeof(ends) / sizeof(ends[0]));
}

static bool is_program(const char *name)
{
	return strncmp(name, "sg_", 3) == 0;
}

static bool is_map_or_folder(const char *name)
{
	static const char *const inner[] = {"links", "programs", PINS_NEXT};

	return is_map(name) ||
	       is_among(name, inner, sizeof(inner) / sizeof(inner[0]));
}

static bool is_map_or_ready(const char *name)
{
	return is_map(name) || strcmp(name, "ready") == 0;
}

static bool is_nothing(const char *name)
{
	(void)name;
	return false;
}

/* Return the next entry of a folder, whoever's it is, or NULL. */
static const char *next_entry(DIR *dir)
{
	const struct dirent *entry;

	do
		entry = readdir(dir);
	while (entry && (strcmp(entry->d_name, ".") == 0 ||
			 strcmp(entry->d_name, "..") == 0));
	return entry ? entry->d_name : NULL;
}

static int unlink_at(int fd, const char *path, const char *name,
		     struct fault *ret_fault)
{
	if (unlinkat(fd, name, 0) && errno != ENOENT && errno != EISDIR)
		return fault_set(ret_fault, errno, "%s/%s: %s", path, name,
				 strerror(errno));
	return 0;
}

/* Unlink all in a folder that has a name of the gate's, and the folder if
 * nothing else is in it. Map `gate` goes last, so that a removal that is
 * interrupted is seen to be one. */
static int remove_folder(const char *path, bool (*is_ours)(const char *),
			 struct fault *ret_fault)
{
	_cleanup_(close_dir) DIR *dir = opendir(path);
	const char *gate = pins_map_name(PINS_gate);
	char other[NAME_MAX + 1] = "";
	const char *name;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0
				       : fault_set(ret_fault, errno, "%s: %s",
						   path, strerror(errno));
	while (!r && (name = next_entry(dir)) != NULL) {
		if (!is_ours(name))
			snprintf(other, sizeof(other), "%s", name);
		else if (strcmp(name, gate) != 0)
			r = unlink_at(dirfd(dir), path, name, ret_fault);
	}
	if (!r && is_ours(gate))
		r = unlink_at(dirfd(dir), path, gate, ret_fault);
	if (r)
		return r;
	if (other[0])
		return fault_set(ret_fault, EEXIST,
				 "%s/%s is not the gate's; it stays, and the "
				 "folder with it",
				 path, other);
	/* not empty: the next gate is being begun there */
	if (rmdir(path) && errno != ENOENT && errno != ENOTEMPTY)
		return fault_set(ret_fault, errno, "%s: %s", path,
				 strerror(errno));
	return 0;
}

int pins_check_gates(const char *dir, struct fault *ret_fault)
{
	_cleanup_(close_dir) DIR *entries = NULL;
	const char *name;
	bool begun;
	int r;

	if (!is_bpffs(dir))
		return fault_set(ret_fault, EINVAL,
				 "%s: not on a bpffs, so no gate is there; "
				 "nothing was touched",
				 dir);
	r = pins_are_begun(dir, &begun, ret_fault);
	if (r || begun)
		return r;
	entries = opendir(dir);
	if (!entries)
		return fault_set(ret_fault, errno, "%s: %s; run as root", dir,
				 strerror(errno));
	while ((name = next_entry(entries)) != NULL)
		if (!is_map_or_folder(name))
			return fault_set(ret_fault, EINVAL,
					 "%s: no gate is there, but %s, which "
					 "is another's; nothing was touched",
					 dir, name);
	return 0;
}

void pins_remove_former(const char *dir)
{
	_cleanup_(close_dir) DIR *entries = opendir(dir);
	const char *name;

	while (entries && (name = next_entry(entries)) != NULL)
		if (is_former(name))
			unlinkat(dirfd(entries), name, 0);
}

void pins_remove_empty(const char *dir)
{
	char path[PINS_PATH_BYTES];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (pins_path(dir, folders[i], NULL, path) == 0)
			rmdir(path);
	rmdir(dir);
}

int pins_remove(const char *dir, struct fault *ret_fault)
{
	/* the inner ones first */
	static const struct {
		const char *sub;
		bool (*is_ours)(const char *);
	} removed[] = {
		{"links", is_link},
		{"programs", is_program},
		{PINS_NEXT "/ready", is_nothing},
		{PINS_NEXT, is_map_or_ready},
		{NULL, is_map_or_folder},
	};
	char path[PINS_PATH_BYTES];
	struct fault fault;
	int said = 0;
	int r;

	for (size_t i = 0; i < sizeof(removed) / sizeof(removed[0]); i++) {
		r = pins_path(dir, removed[i].sub, NULL, path);
		if (r)
			return fault_set(ret_fault, r, "%.64s...: too long",
					 dir);
		r = remove_folder(path, removed[i].is_ours, &fault);
		if (r && !said) /* the rest goes all the same */
			*ret_fault = fault;
		said = said ? said : r;
	}
	return said;
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
