/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The programs: loaded from the skeleton onto the pinned maps, which are made
 * where they are missing. The only user of the generated skeleton.
 */
#ifndef SG_USER_DATAPLANE_H
#define SG_USER_DATAPLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/policy.h"
#include "sys/fault.h"

/* X(name): as in bpf/gate.bpf.c */
#define DATAPLANE_PROGRAMS(X)                                                  \
	X(sg_uplink_in)                                                        \
	X(sg_uplink_early)                                                     \
	X(sg_container_in)                                                     \
	X(sg_host_out)                                                         \
	X(sg_end)

enum dataplane_program {
#define X(name) DATAPLANE_##name,
	DATAPLANE_PROGRAMS(X)
#undef X
		DATAPLANE_PROGRAM_COUNT
};

struct gate_bpf;

/* objects that are loaded apart: the maps, and two shares of the programs */
enum dataplane_part {
	DATAPLANE_MAPS,
	DATAPLANE_FIRST,
	DATAPLANE_SECOND,
	DATAPLANE_PARTS
};

struct dataplane {
	struct gate_bpf *skeletons[DATAPLANE_PARTS]; /* owned */
	int program_fds[DATAPLANE_PROGRAM_COUNT];    /* the skeletons' */
	int move_fd; /* of program sg_move; negative: not loaded */
};

/*
 * Load every program. With pin_dir, maps are taken from there, or made and
 * pinned (those that next[] names in its folder PINS_NEXT; NULL: none);
 * without, all maps are new and private. Sizes are the policy's. Program
 * sg_move comes with new maps of flows. dataplane_unload() what it gave; pins
 * stay.
 */
int dataplane_load(const char *pin_dir, const bool *next,
		   const struct policy *policy, struct dataplane *ret_dataplane,
		   struct fault *ret_fault);
void dataplane_unload(struct dataplane *dataplane);

/* Pin the programs as DIR/programs/NAME, in two steps: beside the earlier ones,
 * which may fail and be undone, and then in their place. */
int dataplane_pin_programs(const struct dataplane *dataplane,
			   const char *pin_dir, struct fault *ret_fault);
void dataplane_unpin_programs(const char *pin_dir);
int dataplane_rename_programs(const char *pin_dir, struct fault *ret_fault);

/* The object that the programs are loaded from. */
void dataplane_object(const void **ret_object, size_t *ret_bytes);

const char *dataplane_program_name(enum dataplane_program program);
/* The fd of one of its maps, by name; -1: no such map. */
int dataplane_map(const struct dataplane *dataplane, const char *name);

#endif
