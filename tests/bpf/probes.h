/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probes, and the controls beside them: a packet that gets through is checked
 * for its bytes and for what was counted, as assert_dropped() does for one that
 * does not.
 */
#ifndef SG_TESTS_PROBES_H
#define SG_TESTS_PROBES_H

#include "harness.h"

#define MASQUERADE_LOW 1024 /* of the documented default */
#define MASQUERADE_PORTS 31744

/* From the expert, to forwards of harness.c's configuration. */
extern const struct spec vpn_tcp; /* a SYN to 22 */
extern const struct spec vpn_udp; /* 20 bytes to 5353 */

struct spec between(const char *src, const char *dst, uint16_t sport,
		    uint16_t dport, uint8_t protocol, uint8_t flags);

/* From an uplink, into the container. */
void assert_delivered(const struct spec *spec, enum place at);
void assert_frame_delivered(struct frame *frame, enum place at);
/* The probe unharmed, from the expert, gets through: what stops the others is
 * the harm. */
void control(const struct spec *spec);
/* The same for an answer, which is for this port of the container's. */
void assert_delivered_to(const struct spec *spec, enum place at, uint16_t port);
/* To the host's stack, unchanged. */
void assert_passed(const struct spec *spec, enum place at);
void assert_frame_passed(struct frame *frame, enum place at);
/* From the container, under the gate's address and a masquerade port. */
void assert_left(const struct spec *spec, struct frame *ret_frame);

/* Send a packet of the container's, which leaves; return the answer to it, for
 * a TCP handshake's second step. It has addresses of its own. */
struct spec send_for_answer(const struct spec *out);

/* Return what a remote answers to a packet as it left the gate. */
struct spec answer_to(const struct frame *sent, uint8_t protocol,
		      uint8_t flags);

enum sg_state state_now(void); /* of the only flow */
void assert_no_flow(void);
uint64_t flow_packets(void); /* of all flows, both directions */
/* As if every flow of the map had been idle for so long. */
void age_flows(enum pins_map map, uint64_t seconds);
/* Until it is far from a second's ends, and all clocks agree on it. */
void wait_for_mid_second(void);

/* Skip the test on an older kernel, which does not tell what it is about. */
void needs_kernel(int major, int minor);

/* Commands of the shell's, in the namespace; they must succeed. */
void shell_runs(const char *commands);

/* The LAN's part of the flow table is half used, by 192.168.7.77; needs LIMITED
 * or the like, and the grant. Before it, new-per-source limits nothing. */
#define LIMITED                                                                \
	"forward \"ssh\" { ports = {\"22\"} }\n"                               \
	"limits { flows = 64  half-open = 128  new-per-source = \"10\" }\n"
void lan_gets_short(void);
extern const struct spec lan_tcp; /* a SYN to port 22 */

#endif
