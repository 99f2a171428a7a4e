/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instance as it stands in bpffs: DIR/MAP for each map, DIR/programs/ and
 * DIR/links/. Whoever holds its lock may change it.
 */
#ifndef SG_USER_PINS_H
#define SG_USER_PINS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/fault.h"

/* X(name): every map, as it is pinned */
#define PINS_MAPS(X)                                                           \
	X(active)                                                              \
	X(policy)                                                              \
	X(grants)                                                              \
	X(ports)                                                               \
	X(port_bits)                                                           \
	X(sources)                                                             \
	X(forwards)                                                            \
	X(config)                                                              \
	X(supervisor)                                                          \
	X(hits)                                                                \
	X(gate)                                                                \
	X(ifaces)                                                              \
	X(exempt)                                                              \
	X(vlans)                                                               \
	X(addresses)                                                           \
	X(subnets)                                                             \
	X(subnet_bits)                                                         \
	X(flows)                                                               \
	X(port_seen)                                                           \
	X(half_open)                                                           \
	X(gc_ring)                                                             \
	X(gc_hand)                                                             \
	X(fragments)                                                           \
	X(frag_queue)                                                          \
	X(new_flow_rate)                                                       \
	X(snat_ports)                                                          \
	X(shared_ports)                                                        \
	X(flow_events)                                                         \
	X(attempt_events)                                                      \
	X(refusals)                                                            \
	X(event_counts)                                                        \
	X(record_lease)                                                        \
	X(drops)

enum pins_map {
#define X(name) PINS_##name,
	PINS_MAPS(X)
#undef X
		PINS_MAP_COUNT
};

#define PINS_PATH_BYTES 512
#define PINS_NEXT "next" /* folder of maps that will replace those in dir */

struct pins {
	const char *dir;
	int map_fds[PINS_MAP_COUNT]; /* -1: not open */
};

/* The value of pins before pins_open(): pins_close() may be called on it. */
#define PINS_CLOSED                                                            \
	{                                                                      \
		.map_fds = { [0 ... PINS_MAP_COUNT - 1] = -1 }                 \
	}

const char *pins_map_name(enum pins_map map);
/* "DIR/SUB/NAME", sub may be NULL; -ENAMETOOLONG if it does not fit */
int pins_path(const char *dir, const char *sub, const char *name,
	      char ret_path[PINS_PATH_BYTES]);

/* Find out whether an instance stands in dir: one whose layout is noted, which
 * is done once its grants are. */
int pins_are_begun(const char *dir, bool *ret_begun, struct fault *ret_fault);

/* The layout's number, which is the first word of whatever map `gate` holds. 0
 * or -errno. */
int pins_layout(const struct pins *pins, uint32_t *ret_layout);

/* Return the inode of this process's network namespace; 0: it is not known. */
uint64_t pins_netns(void);

/* -EXDEV: the gate is of another network namespace. What its maps say can be
 * read, and a grant switched, but its links are not those that are seen here.
 */
int pins_check_netns(const struct pins *pins, struct fault *ret_fault);

/* Write the name that an interface of the gate's has now; "#3" where the gate
 * is of another network namespace, "(gone)" where there is none of that number.
 */
void pins_interface_name(const struct pins *pins, uint32_t ifindex,
			 char ret_name[IF_NAMESIZE]);

/* -EPROTO: it is another than this build's. */
int pins_check_layout(const struct pins *pins, struct fault *ret_fault);

/* Open those of its maps that are there, in a folder of dir or (NULL) in dir
 * itself, of whatever layout. pins_close() them. */
void pins_open_present(const char *dir, const char *sub, struct pins *ret_pins);

/* Open every map of the instance: those that next[] names (NULL: none) from its
 * folder PINS_NEXT, the others from dir. pins_close() in every case. */
int pins_open_mixed(const char *dir, const bool *next, struct pins *ret_pins,
		    struct fault *ret_fault);

/* Open every map of the instance. -ENOENT: there is none; -EPROTO: it is of
 * another layout. pins_close() in every case. */
int pins_open(const char *dir, struct pins *ret_pins, struct fault *ret_fault);
void pins_close(struct pins *pins);

struct stat;
/* Return whether nobody else owns a file or folder, or may write to it. */
bool pins_is_ours(const struct stat *info);

/* Refuse a folder that somebody else made, or may change: he could take pins
 * away, and programs with them. 0 or -errno. */
int pins_check_owner(int fd, const char *dir, struct fault *ret_fault);

/* Return whether what is open, and locked, still stands at a path: who had the
 * lock before may have taken it away. */
bool pins_stand_at(int fd, const char *path);

/* The writer's lock, held until the fd returned is closed. It waits up to two
 * seconds for one who is changing it; -EBUSY: another
 * holds it. dir must be there. */
int pins_lock(const char *dir, struct fault *ret_fault);

/* Read which slot is in force. 0, or -errno. */
struct sg_active;
int pins_active(const struct pins *pins, struct sg_active *ret_active);

/* The policy in force. 0, or -errno. */
struct sg_policy;
int pins_policy(const struct pins *pins, struct sg_policy *ret_policy);

#endif
