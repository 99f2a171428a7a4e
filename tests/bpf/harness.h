/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The datapath by BPF_PROG_TEST_RUN: a network namespace of the process's own
 * with tap0 (vpn), eth0 (lan) and ve-container, the programs on maps that were
 * emptied, and packets as bytes in and bytes out.
 */
#ifndef SG_TESTS_HARNESS_H
#define SG_TESTS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "config/policy.h"
#include "frames.h"
#include "gate/dataplane.h"
#include "gate/pins.h"
#include "sg_flow.h"
#include "sg_reason.h"

#define ACTION_PASS (-1) /* TC_ACT_UNSPEC */
#define ACTION_DROP 2	 /* TC_ACT_SHOT */
#define ACTION_REDIRECT 7

/* An entry of a group's table: a test with a gate of its own. */
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

struct gate_test {
	bool is_loaded;
	bool has_twin; /* see twin.h */
	int program_fds[DATAPLANE_PROGRAM_COUNT];
	struct pins pins;
	struct policy policy;
	uint32_t ifindex[IFACE_COUNT];
	uint32_t gso_bytes;  /* of what is run: of a segment; 0: it is one */
	uint32_t test_flags; /* BPF_F_TEST_..., as it is run */
};

extern struct gate_test gate_test;

/* cmocka group fixtures: the namespace, and a gate with fresh maps for each
 * test. config: text of the configuration; NULL: default_config in harness.c,
 * forwards ssh, services, web (8080 to 80, by source), dns (udp 5353 to 53). */
int harness_setup_group(void **state);
int harness_setup(void **state);
int harness_teardown(void **state);
void harness_reload(const char *config);
void harness_restart(const char *config);
void harness_grant(unsigned int grant, uint32_t open, uint32_t deadline_s);

/* Return how often to try what is random: so often, or, where the CPU is
 * emulated (GUEST), a quarter of it. */
int harness_rounds(int count);

/* Run a packet through a hook: in place, frame is then what came out. */
int run_in(struct frame *frame, enum place at);	 /* ingress */
int run_out(struct frame *frame, enum place at); /* egress, host's own */
/* The same from a spec; *ret_frame may be NULL. */
int send_in(const struct spec *spec, enum place at, struct frame *ret_frame);
int send_out(const struct spec *spec, enum place at, struct frame *ret_frame);

uint64_t drops_of(enum place at, enum sg_reason reason);
uint64_t all_drops(void);
/* The packet is dropped, unchanged, and counted under this reason alone. */
void assert_dropped(struct frame *frame, enum place at, enum sg_reason reason);
void assert_spec_dropped(const struct spec *spec, enum place at,
			 enum sg_reason reason);

/* As above, but its sender may be told, by an ICMP error or a reset. */
void assert_refused(const struct spec *spec, enum place at,
		    enum sg_reason reason);

/* Entries of a map that has struct sg_flow_key. */
size_t flow_count(enum pins_map map);
/* The only flow there is, wherever; fails if there is not one. */
enum pins_map the_flow(struct sg_flow_key *ret_key, struct sg_flow *ret_flow);

/* Three packets: a TCP flow from the remote, established. */
void open_tcp(const struct spec *syn, enum place at, struct spec *ret_reply);

#endif
