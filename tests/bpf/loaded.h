/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The datapath that a test program runs packets through. Loading is what takes
 * long: it is done once for each set of sizes, and the maps are emptied between
 * the tests. With HARNESS_PINS=DIR (of a bpffs) it is done once for all
 * programs: what one loads is pinned there and serves the others.
 */
#ifndef SG_TESTS_LOADED_H
#define SG_TESTS_LOADED_H

/* See that gate_test has programs and maps of the sizes that gate_test.policy
 * wants, the maps as when they were made. Fails the test if it cannot. */
void loaded_for_policy(void);

#endif
