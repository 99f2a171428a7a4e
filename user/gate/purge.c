// SPDX-License-Identifier: GPL-2.0-or-later
/* See purge.h. */
#include "gate/purge.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gate/maps.h"
#include "sg_reason.h"
#include "sys/cleanup.h"

/* Add packets to a row that the datapath does not write. */
static int add_to_gone(int fd, uint32_t reason, uint64_t packets)
{
	const struct sg_drop_key key = {SG_GONE_IFINDEX, reason};
	_cleanup_(cleanup_free) uint64_t *values = NULL;
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 1)
		return -1;
	values = calloc((size_t)cpus, sizeof(*values));
	if (!values)
		return -1;
	bpf_map_lookup_elem(fd, &key, values); /* zeros: there is none yet */
	values[0] += packets;
	return bpf_map_update_elem(fd, &key, values, BPF_ANY);
}

static void purge_drops(int fd, const struct links *links)
{
	_cleanup_(cleanup_free) struct sg_drop_key *keys = NULL;
	size_t count = 0;

	if (maps_keys(fd, sizeof(*keys), (void **)&keys, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		uint64_t packets;

		if (keys[i].ifindex != SG_GONE_IFINDEX &&
		    !links_find(links, keys[i].ifindex) &&
		    maps_sum(fd, &keys[i], 1, &packets) == 0 &&
		    add_to_gone(fd, keys[i].reason, packets) == 0)
			bpf_map_delete_elem(fd, &keys[i]);
	}
}

/* A pin of a program on a link is called IFINDEX_in, _out or _early. */
static void purge_pins(const char *pin_dir, const struct links *links)
{
	char path[PINS_PATH_BYTES];
	struct dirent *entry;
	DIR *dir;

	if (pins_path(pin_dir, "links", NULL, path))
		return;
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) != NULL) {
		uint32_t ifindex = (uint32_t)strtoul(entry->d_name, NULL, 10);

		if (ifindex && !links_find(links, ifindex))
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

void purge_gone(const struct pins *pins, const struct links *links)
{
	purge_drops(pins->map_fds[PINS_drops], links);
	purge_pins(pins->dir, links);
}
