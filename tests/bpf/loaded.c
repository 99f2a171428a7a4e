// SPDX-License-Identifier: GPL-2.0-or-later
/* See loaded.h. */
#include "loaded.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gate/pins_folder.h"
#include "harness.h"

/* the ring of tokens is larger, and empty by its hand */
#define ARRAY_MOST SG_PORT_SEEN_ROWS

static void empty_percpu_array(int fd, const struct bpf_map_info *info)
{
	int cpus = libbpf_num_possible_cpus();
	char *zeros = calloc((size_t)cpus, info->value_size);

	for (__u32 i = 0; i < info->max_entries; i++)
		bpf_map_update_elem(fd, &i, zeros, BPF_ANY);
	free(zeros);
}

/* Make a map what it was when it was made. */
static void empty_map(int fd)
{
	static const char zeros[4096];
	struct bpf_map_info info = {0};
	__u32 bytes = sizeof(info);
	char key[64];

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &bytes), 0);
	if (info.type == BPF_MAP_TYPE_PERCPU_ARRAY) {
		empty_percpu_array(fd, &info);
		return;
	}
	if (info.type != BPF_MAP_TYPE_ARRAY) { /* a ring has no keys */
		while (bpf_map_get_next_key(fd, NULL, key) == 0)
			bpf_map_delete_elem(fd, key);
		return;
	}
	for (__u32 i = 0; i < info.max_entries && i < ARRAY_MOST; i++)
		bpf_map_update_elem(fd, &i, zeros, BPF_ANY);
}

static uint32_t entries_of(enum pins_map map)
{
	struct bpf_map_info info = {0};
	__u32 bytes = sizeof(info);

	bpf_obj_get_info_by_fd(gate_test.pins.map_fds[map], &info, &bytes);
	return info.max_entries;
}

/* Return whether the gate that is loaded has the sizes that the policy wants:
 * it then serves once more, which spares the verifier's time. */
static bool sizes_are_right(void)
{
	const struct policy *policy = &gate_test.policy;

	return gate_test.is_loaded && entries_of(PINS_flows) == policy->flows &&
	       entries_of(PINS_half_open) == policy->half_open &&
	       entries_of(PINS_snat_ports) == policy_snat_port_entries(policy);
}

/* Find where a gate of these sizes is or will be pinned: below HARNESS_PINS, in
 * which the test programs share what was loaded once. False: not wanted. */
static bool shared_dir(char ret_dir[PINS_PATH_BYTES])
{
	const struct policy *policy = &gate_test.policy;
	const char *dir = getenv("HARNESS_PINS");

	if (!dir)
		return false;
	if (mkdir(dir, 0700) && errno != EEXIST)
		fail_msg("%s: %s", dir, strerror(errno));
	snprintf(ret_dir, PINS_PATH_BYTES, "%s/%u_%u_%u", dir, policy->flows,
		 policy->half_open, policy_snat_port_entries(policy));
	return true;
}

static int open_program(const char *dir, enum dataplane_program program)
{
	char path[PINS_PATH_BYTES];

	pins_path(dir, "programs", dataplane_program_name(program), path);
	return bpf_obj_get(path);
}

static void load_at(const char *dir)
{
	struct dataplane dataplane;
	struct fault fault;

	if ((dir && pins_prepare(dir, &fault)) ||
	    dataplane_load(dir, NULL, &gate_test.policy, &dataplane, &fault) ||
	    (dir && (dataplane_pin_programs(&dataplane, dir, &fault) ||
		     dataplane_rename_programs(dir, &fault))))
		fail_msg("%s", fault.text);
	for (int map = 0; map < PINS_MAP_COUNT; map++)
		gate_test.pins.map_fds[map] =
			dup(dataplane_map(&dataplane, pins_map_name(map)));
	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++)
		gate_test.program_fds[i] = dup(dataplane.program_fds[i]);
	dataplane_unload(&dataplane);
}

static void empty_maps(void)
{
	for (int map = 0; map < PINS_MAP_COUNT; map++)
		empty_map(gate_test.pins.map_fds[map]);
}

static void take_from(const char *dir)
{
	char path[PINS_PATH_BYTES];

	for (int map = 0; map < PINS_MAP_COUNT; map++) {
		pins_path(dir, NULL, pins_map_name(map), path);
		gate_test.pins.map_fds[map] = bpf_obj_get(path);
	}
	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++)
		gate_test.program_fds[i] = open_program(dir, i);
	empty_maps();
}

static void load(void)
{
	char dir[PINS_PATH_BYTES];
	bool is_shared = shared_dir(dir);
	int last =
		is_shared ? open_program(dir, DATAPLANE_PROGRAM_COUNT - 1) : -1;

	if (gate_test.is_loaded) {
		pins_close(&gate_test.pins);
		for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++)
			close(gate_test.program_fds[i]);
	}
	if (last >= 0)
		take_from(dir);
	else
		load_at(is_shared ? dir : NULL);
	if (last >= 0)
		close(last);
	gate_test.pins.dir = "test";
	gate_test.is_loaded = true;
}

void loaded_for_policy(void)
{
	if (sizes_are_right())
		empty_maps();
	else
		load();
}
