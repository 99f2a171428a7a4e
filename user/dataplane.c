// SPDX-License-Identifier: GPL-2.0-or-later
/* See dataplane.h. */
#include "dataplane.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "cleanup.h"
#include "gate.skel.h"
#include "pins.h"

/* What libbpf last warned of: the kernel's reason, for a fault's line. */
static char last_warning[256];

static int remember_warning(enum libbpf_print_level level, const char *format,
			    va_list args)
{
	if (level == LIBBPF_WARN && !last_warning[0])
		vsnprintf(last_warning, sizeof(last_warning), format, args);
	last_warning[strcspn(last_warning, "\n")] = '\0';
	return 0;
}

const char *dataplane_program_name(enum dataplane_program program)
{
	static const char *const names[] = {
#define X(name) [DATAPLANE_##name] = #name,
		DATAPLANE_PROGRAMS(X)
#undef X
	};

	return names[program];
}

/* The others are of one load's own: .rodata, scratch. */
static bool is_pinned(const struct bpf_map *map)
{
	for (int i = 0; i < PINS_MAP_COUNT; i++)
		if (strcmp(pins_map_name(i), bpf_map__name(map)) == 0)
			return true;
	return false;
}

static int set_pins(struct gate_bpf *skeleton, const char *pin_dir)
{
	char path[PINS_PATH_BYTES];
	struct bpf_map *map;
	int r = 0;

	bpf_object__for_each_map (map, skeleton->obj) {
		if (!is_pinned(map) || r)
			continue;
		r = pins_path(pin_dir, NULL, bpf_map__name(map), path);
		if (!r)
			r = bpf_map__set_pin_path(map, path);
	}
	return r;
}

static int set_sizes(struct gate_bpf *skeleton, const struct policy *policy)
{
	const struct port_range *ports = &policy->masquerade_ports;
	__u32 mappings = 3U * (ports->last - ports->first + 1U);
	int r;

	skeleton->rodata->sweep_size = policy->flows;
	r = bpf_map__set_max_entries(skeleton->maps.flows, policy->flows);
	if (!r)
		r = bpf_map__set_max_entries(skeleton->maps.sweep,
					     policy->flows);
	if (!r)
		r = bpf_map__set_max_entries(skeleton->maps.half_open,
					     policy->half_open);
	if (!r)
		r = bpf_map__set_max_entries(skeleton->maps.mappings, mappings);
	return r;
}

/* libbpf finds a pinned map of another size only to be "incompatible". */
static int explain_load(const char *pin_dir, int error, struct fault *ret_fault)
{
	if (strstr(last_warning, "pinned map") ||
	    strstr(last_warning, "parameter mismatch"))
		return fault_set(ret_fault, error,
				 "%s: limits or masquerade ports differ from "
				 "the running gate's; run `scoutgate down`, "
				 "then `up`",
				 pin_dir);
	if (error == -EPERM || error == -EACCES)
		return fault_set(ret_fault, error,
				 "loading the datapath: %s; run as root on a "
				 "kernel with BPF",
				 strerror(-error));
	return fault_set(ret_fault, error, "loading the datapath: %s (%s)",
			 strerror(-error), last_warning);
}

static int load(struct gate_bpf *skeleton, const char *pin_dir,
		const struct policy *policy)
{
	int r = set_sizes(skeleton, policy);

	if (!r && pin_dir)
		r = set_pins(skeleton, pin_dir);
	return r ? r : gate_bpf__load(skeleton);
}

int dataplane_load(const char *pin_dir, const struct policy *policy,
		   struct dataplane *ret_dataplane, struct fault *ret_fault)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	struct dataplane dataplane = {0};
	int r;

	setrlimit(RLIMIT_MEMLOCK, &all); /* counts maps before 5.11 */
	last_warning[0] = '\0';
	libbpf_set_print(remember_warning);
	dataplane.skeleton = gate_bpf__open();
	if (!dataplane.skeleton)
		return explain_load(pin_dir, -errno, ret_fault);
	r = load(dataplane.skeleton, pin_dir, policy);
	if (r) {
		gate_bpf__destroy(dataplane.skeleton);
		return explain_load(pin_dir, r, ret_fault);
	}
#define X(name)                                                                \
	dataplane.program_fds[DATAPLANE_##name] =                              \
		bpf_program__fd(dataplane.skeleton->progs.name);
	DATAPLANE_PROGRAMS(X)
#undef X
	*ret_dataplane = dataplane;
	return 0;
}

void dataplane_unload(struct dataplane *dataplane)
{
	if (dataplane->skeleton)
		gate_bpf__destroy(dataplane->skeleton);
	dataplane->skeleton = NULL;
}

int dataplane_pin_programs(const struct dataplane *dataplane,
			   const char *pin_dir, struct fault *ret_fault)
{
	char path[PINS_PATH_BYTES];

	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++) {
		const char *name =
			dataplane_program_name((enum dataplane_program)i);

		if (pins_path(pin_dir, "programs", name, path))
			return fault_set(ret_fault, ENAMETOOLONG,
					 "%s: too long", pin_dir);
		unlink(path);
		if (bpf_obj_pin(dataplane->program_fds[i], path))
			return fault_set(ret_fault, errno, "%s: %s", path,
					 strerror(errno));
	}
	return 0;
}

int dataplane_map(const struct dataplane *dataplane, const char *name)
{
	return bpf_object__find_map_fd_by_name(dataplane->skeleton->obj, name);
}
