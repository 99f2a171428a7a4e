// SPDX-License-Identifier: GPL-2.0-or-later
/* See pins_folder.h. */
#include "gate/pins_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "gate/pins.h"
#include "sys/cleanup.h"

#define BPFFS "/sys/fs/bpf"

static const char *const folders[] = {"links", "programs"};

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
		return fault_set(ret_fault, errno, "%s: %s; %s", path,
				 strerror(errno),
				 errno == EROFS ? "mount its bpffs for writing "
						  "(mount -o remount,rw)"
						: "run as root");
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
		      : pins_check_owner(fd, dir, ret_fault);
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
