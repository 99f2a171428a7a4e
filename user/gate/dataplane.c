// SPDX-License-Identifier: GPL-2.0-or-later
/* See dataplane.h. */
#include "gate/dataplane.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "gate.skel.h"
#include "gate/pins.h"
#include "gate_view.skel.h"
#include "sys/atomics.h"
#include "sys/cleanup.h"
#include "sys/kernel.h"
#include "sys/refusal.h"

#define BESIDE "_new" /* behind the name of what will take its place */

/* The warnings of libbpf in this thread, the verifier's log with them. */
static _Thread_local FILE *warned;

static int remember_warning(enum libbpf_print_level level, const char *format,
			    va_list args)
{
	if (level == LIBBPF_WARN && warned)
		vfprintf(warned, format, args);
	return 0;
}

/* One object of the skeleton that is being loaded: the maps alone, or some of
 * the programs, on those maps. */
struct loading {
	struct gate_bpf *skeleton;
	int error;	/* 0 or -errno */
	char *warnings; /* owned; NULL: none */
};

void dataplane_object(const void **ret_object, size_t *ret_bytes)
{
	*ret_object = gate_bpf__elf_bytes(ret_bytes);
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

static bool is_next(const bool *next, const char *name)
{
	for (int i = 0; i < PINS_MAP_COUNT; i++)
		if (strcmp(pins_map_name(i), name) == 0)
			return next && next[i];
	return false;
}

static int set_pins(struct gate_bpf *skeleton, const char *pin_dir,
		    const bool *next)
{
	char path[PINS_PATH_BYTES];
	struct bpf_map *map;
	int r = 0;

	bpf_object__for_each_map (map, skeleton->obj) {
		const char *name = bpf_map__name(map);

		if (!is_pinned(map) || r)
			continue;
		r = pins_path(pin_dir, is_next(next, name) ? PINS_NEXT : NULL,
			      name, path);
		if (!r)
			r = bpf_map__set_pin_path(map, path);
	}
	return r;
}

static int set_sizes(struct gate_bpf *skeleton, const struct policy *policy)
{
	const struct gate_bpf *s = skeleton;
	struct bpf_map *const maps[] = {s->maps.flows, s->maps.half_open,
					s->maps.gc_ring, s->maps.snat_ports};
	const __u32 sizes[] = {policy->flows, policy->half_open,
			       policy_gc_ring_entries(policy),
			       policy_snat_port_entries(policy)};
	int r = 0;

	skeleton->rodata->gc_ring_flows = policy->flows;
	skeleton->rodata->gc_ring_half_open = policy->half_open;
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]) && !r; i++)
		r = bpf_map__set_max_entries(maps[i], sizes[i]);
	return r;
}

/* libbpf finds a pinned map of another size only to be "incompatible". */
static int explain_load(const char *pin_dir, const struct loading *loading,
			struct fault *ret_fault)
{
	const char *warnings = loading->warnings ? loading->warnings : "";
	int error = loading->error;

	if (refusal_is_in(warnings))
		return refusal_explain(warnings, error, ret_fault);
	if (strstr(warnings, "pinned map") ||
	    strstr(warnings, "parameter mismatch"))
		return fault_set(ret_fault, error,
				 "%s: a pinned map is not the gate's; run "
				 "`scoutgate down`, then `up`",
				 pin_dir);
	if (error == -EPERM || error == -EACCES)
		return fault_set(ret_fault, error,
				 "loading the datapath: %s; run as root on a "
				 "kernel with BPF",
				 strerror(-error));
	return fault_set(ret_fault, error, "loading the datapath: %s (%.*s)",
			 strerror(-error), (int)strcspn(warnings, "\n"),
			 warnings);
}

/* The object that fits the kernel, in memory of its own: both have the same
 * maps and programs. NULL, and errno. */
static void *object_that_fits(size_t *ret_bytes)
{
	const void *built = kernel_has(KERNEL_PACKET_VIEW)
				    ? gate_view_bpf__elf_bytes(ret_bytes)
				    : gate_bpf__elf_bytes(ret_bytes);
	void *object = malloc(*ret_bytes);
	int r;

	if (!object)
		return NULL;
	r = atomics_fit(memcpy(object, built, *ret_bytes), *ret_bytes);
	if (!r)
		return object;
	free(object);
	errno = -r;
	return NULL;
}

static struct gate_bpf *open_skeleton(void)
{
	/* libbpf copies what it takes */
	_cleanup_(cleanup_free) void *object = NULL;
	struct gate_bpf *skeleton;
	struct bpf_object_skeleton *in;
	int r;

	skeleton = calloc(1, sizeof(*skeleton));
	if (!skeleton || gate_bpf__create_skeleton(skeleton)) {
		free(skeleton);
		errno = ENOMEM;
		return NULL;
	}
	in = skeleton->skeleton;
	object = object_that_fits(&in->data_sz);
	in->data = object;
	r = object ? bpf_object__open_skeleton(in, NULL) : -errno;
	in->data = NULL;
	if (!r)
		return skeleton;
	gate_bpf__destroy(skeleton);
	errno = -r;
	return NULL;
}

static void open_object(struct loading *loading, const struct policy *policy)
{
	struct bpf_program *program;

	loading->skeleton = open_skeleton();
	if (!loading->skeleton) {
		loading->error = -errno;
		return;
	}
	bpf_object__for_each_program(program, loading->skeleton->obj)
		bpf_program__set_autoload(program, false);
	loading->error = set_sizes(loading->skeleton, policy);
}

/* A thread's start: what it warned of is the thread's own. */
static void *load_object(void *data)
{
	struct loading *loading = data;
	size_t bytes;

	free(loading->warnings);
	loading->warnings = NULL;
	warned = open_memstream(&loading->warnings, &bytes);
	if (!loading->error)
		loading->error = gate_bpf__load(loading->skeleton);
	if (warned)
		fclose(warned);
	warned = NULL;
	return NULL;
}

/* Have an object's programs use the maps of another. */
static int share_maps(struct gate_bpf *skeleton, const struct gate_bpf *from)
{
	struct bpf_map *map;
	int r = 0;

	bpf_object__for_each_map (map, skeleton->obj)
		if (is_pinned(map) && !r)
			r = bpf_map__reuse_fd(
				map, bpf_object__find_map_fd_by_name(
					     from->obj, bpf_map__name(map)));
	return r;
}

static void choose_programs(struct loading *parts, bool moves)
{
	struct gate_bpf *first = parts[DATAPLANE_FIRST].skeleton;
	struct gate_bpf *second = parts[DATAPLANE_SECOND].skeleton;

	bpf_program__set_autoload(first->progs.sg_uplink_in, true);
	bpf_program__set_autoload(second->progs.sg_move, moves);
	bpf_program__set_autoload(second->progs.sg_container_in, true);
	bpf_program__set_autoload(second->progs.sg_host_out, true);
	bpf_program__set_autoload(second->progs.sg_uplink_early, true);
	bpf_program__set_autoload(second->progs.sg_end, true);
}

/* The verifier takes most of the time: the two large programs go through it
 * side by side, where there are two CPUs. */
static int load_programs(struct loading *parts, bool moves)
{
	struct loading *maps = &parts[DATAPLANE_MAPS];
	pthread_t thread;
	int error;

	for (int i = DATAPLANE_FIRST; i < DATAPLANE_PARTS && !maps->error; i++)
		maps->error = share_maps(parts[i].skeleton, maps->skeleton);
	if (maps->error)
		return maps->error;
	choose_programs(parts, moves);
	error = pthread_create(&thread, NULL, load_object,
			       &parts[DATAPLANE_SECOND]);
	load_object(&parts[DATAPLANE_FIRST]);
	if (error)
		load_object(&parts[DATAPLANE_SECOND]);
	else
		pthread_join(thread, NULL);
	return 0;
}

static void load_parts(struct loading *parts, const char *pin_dir,
		       const bool *next, const struct policy *policy)
{
	struct loading *maps = &parts[DATAPLANE_MAPS];

	for (int i = 0; i < DATAPLANE_PARTS; i++) {
		open_object(&parts[i], policy);
		if (parts[i].error)
			return;
	}
	if (pin_dir)
		maps->error = set_pins(maps->skeleton, pin_dir, next);
	load_object(maps);
	if (!maps->error)
		load_programs(parts, next && (next[PINS_flows] ||
					      next[PINS_half_open]));
}

int dataplane_load(const char *pin_dir, const bool *next,
		   const struct policy *policy, struct dataplane *ret_dataplane,
		   struct fault *ret_fault)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	struct loading parts[DATAPLANE_PARTS] = {0};
	struct dataplane dataplane = {0};
	int r = 0;

	setrlimit(RLIMIT_MEMLOCK, &all); /* counts maps before 5.11 */
	libbpf_set_print(remember_warning);
	load_parts(parts, pin_dir, next, policy);
	for (int i = 0; i < DATAPLANE_PARTS; i++) {
		dataplane.skeletons[i] = parts[i].skeleton;
		if (parts[i].error && !r)
			r = explain_load(pin_dir, &parts[i], ret_fault);
		free(parts[i].warnings);
	}
	if (r) {
		dataplane_unload(&dataplane);
		return r;
	}
	dataplane.program_fds[DATAPLANE_sg_uplink_in] = bpf_program__fd(
		parts[DATAPLANE_FIRST].skeleton->progs.sg_uplink_in);
	dataplane.program_fds[DATAPLANE_sg_container_in] = bpf_program__fd(
		parts[DATAPLANE_SECOND].skeleton->progs.sg_container_in);
	dataplane.program_fds[DATAPLANE_sg_host_out] = bpf_program__fd(
		parts[DATAPLANE_SECOND].skeleton->progs.sg_host_out);
	dataplane.program_fds[DATAPLANE_sg_uplink_early] = bpf_program__fd(
		parts[DATAPLANE_SECOND].skeleton->progs.sg_uplink_early);
	dataplane.program_fds[DATAPLANE_sg_end] =
		bpf_program__fd(parts[DATAPLANE_SECOND].skeleton->progs.sg_end);
	dataplane.move_fd = bpf_program__fd(
		parts[DATAPLANE_SECOND].skeleton->progs.sg_move);
	*ret_dataplane = dataplane;
	return 0;
}

void dataplane_unload(struct dataplane *dataplane)
{
	for (int i = 0; i < DATAPLANE_PARTS; i++) {
		gate_bpf__destroy(dataplane->skeletons[i]);
		dataplane->skeletons[i] = NULL;
	}
}

static int program_path(const char *pin_dir, enum dataplane_program program,
			const char *end, char ret_path[PINS_PATH_BYTES])
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s", dataplane_program_name(program),
		 end);
	return pins_path(pin_dir, "programs", name, ret_path);
}

int dataplane_pin_programs(const struct dataplane *dataplane,
			   const char *pin_dir, struct fault *ret_fault)
{
	char path[PINS_PATH_BYTES];

	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++) {
		if (program_path(pin_dir, (enum dataplane_program)i, BESIDE,
				 path))
			return fault_set(ret_fault, ENAMETOOLONG,
					 "%s: too long", pin_dir);
		unlink(path);
		if (bpf_obj_pin(dataplane->program_fds[i], path))
			return fault_set(ret_fault, errno, "%s: %s", path,
					 strerror(errno));
	}
	return 0;
}

void dataplane_unpin_programs(const char *pin_dir)
{
	char path[PINS_PATH_BYTES];

	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++)
		if (program_path(pin_dir, (enum dataplane_program)i, BESIDE,
				 path) == 0)
			unlink(path);
}

int dataplane_rename_programs(const char *pin_dir, struct fault *ret_fault)
{
	char from[PINS_PATH_BYTES];
	char to[PINS_PATH_BYTES];

	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++) {
		enum dataplane_program program = (enum dataplane_program)i;

		if (program_path(pin_dir, program, BESIDE, from) ||
		    program_path(pin_dir, program, "", to) || rename(from, to))
			return fault_set(ret_fault, errno, "%s: %s", from,
					 strerror(errno));
	}
	return 0;
}

int dataplane_map(const struct dataplane *dataplane, const char *name)
{
	return bpf_object__find_map_fd_by_name(
		dataplane->skeletons[DATAPLANE_MAPS]->obj, name);
}
