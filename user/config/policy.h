/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The validated policy, as the configuration says it: one whole value, with no
 * tie to the running system. Config path: text -> config -> policy -> entries.
 */
#ifndef SG_USER_POLICY_H
#define SG_USER_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sg_flow.h"
#include "sg_iface.h"
#include "sg_policy.h"
#include "sys/fault.h"
#include "sys/text.h"

#define POLICY_PATTERNS_MAX 32	  /* interface patterns of a role */
#define POLICY_FORWARDS_MAX 65536 /* ports, all forwards and protocols */
#define POLICY_FLOWS_MAX (1U << 22)
#define POLICY_NEW_PER_SOURCE_MAX 1000000

/* X(FIELD, "configuration key", default in seconds) */
#define POLICY_TIMEOUTS(X)                                                     \
	X(tcp_half_open, "tcp-half-open", 240)                                 \
	X(tcp_established, "tcp-established", 432000)                          \
	X(tcp_closing, "tcp-closing", 240)                                     \
	X(tcp_reset, "tcp-reset", 10)                                          \
	X(udp_new, "udp-new", 30)                                              \
	X(udp_assured, "udp-assured", 180)                                     \
	X(icmp, "icmp", 60)

/* X(ENUM, "name"): how an uplink's early drop is attached (XDP) */
#define POLICY_EARLY_MODES(X)                                                  \
	X(OFF, "off")                                                          \
	X(NATIVE, "native")   /* where the driver has it */                    \
	X(GENERIC, "generic") /* by the kernel, at some cost */

enum early_mode {
#define X(id, name) EARLY_##id,
	POLICY_EARLY_MODES(X)
#undef X
		EARLY_MODE_COUNT
};

struct policy_role {
	char patterns[POLICY_PATTERNS_MAX][SG_IFNAME_BYTES];
	size_t pattern_count;
};

/* One range of one forward; a forward of three ranges is three of these. */
struct policy_forward {
	char name[SG_NAME_BYTES];
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	struct port_range ports;
	uint16_t to_first;   /* container port that ports.first goes to */
	size_t source_first; /* of policy.sources */
	size_t source_count; /* 0: from anywhere */
	int line;	     /* of the configuration file */
};

struct policy {
	char *text; /* owned: the configuration that says all of this; NULL:
		       none does */
	struct policy_role roles[SG_ROLE_COUNT];
	struct policy_role exempt; /* links that the gate leaves alone */
	bool clamps_mss[SG_ROLE_COUNT];
	enum early_mode early[SG_ROLE_COUNT];
	union sg_addr container;
	union sg_addr container6; /* all 0: it has none */
	struct network vpn_network;
	struct network container_network;
	struct policy_forward *forwards; /* owned */
	size_t forward_count;
	struct network *sources; /* owned: the `from` of all forwards */
	size_t source_count;
	bool grants[SG_GRANT_COUNT]; /* at first start */
	bool persists_grants;	     /* they are saved for the next one */
	uint16_t control_port;	     /* 0: no host control */
	uint8_t echo_roles;	     /* SG_ROLE_BIT()s */
	uint8_t masquerade_roles;
	struct port_range masquerade_ports;
	bool egress_strict;	 /* the container's TCP begins by a SYN */
	uint32_t flows;		 /* entries, a power of two */
	uint32_t half_open;	 /* entries */
	uint32_t new_per_source; /* flows a second from one of lan; 0: any */
	bool record_required;	 /* no flow begins that is not recorded */
	struct {
#define X(field, key, seconds) uint32_t field;
		POLICY_TIMEOUTS(X)
#undef X
	} timeout_s;
};

/* Fill with the documented defaults; owns nothing yet. */
void policy_init(struct policy *ret_policy);
void policy_release(struct policy *policy);

/* Make it what an empty file means: nothing is open, in any direction. */
void policy_deny_all(struct policy *policy);

/* Return how many entries the maps of these names have. */
uint32_t policy_gc_ring_entries(const struct policy *policy);
uint32_t policy_snat_port_entries(const struct policy *policy);

/* Append a copy. 0, or -ENOMEM. */
int policy_add_source(struct policy *policy, const struct network *source);
int policy_add_forward(struct policy *policy,
		       const struct policy_forward *forward);

/* Refuse what no single line can show to be wrong. Return 0, or -EINVAL with
 * *ret_fault and *ret_line (0: the file as a whole). */
int policy_validate(const struct policy *policy, struct fault *ret_fault,
		    int *ret_line);

/* The mode of a name, or -ENOENT. */
int policy_early_by_name(const char *name);

/* As the role of a link: the gate leaves it alone. */
#define POLICY_EXEMPT SG_ROLE_COUNT

/* The rank of a pattern, by how closely it can fit: "*" has the least, a longer
 * one more, and a name without "*" the most. */
#define POLICY_RANK_ANY 1
#define POLICY_RANK_EXACT SG_IFNAME_BYTES
size_t policy_pattern_rank(const char *pattern);

/* Return the patterns of a role, or of POLICY_EXEMPT. */
const struct policy_role *policy_patterns(const struct policy *policy,
					  int role);

/* Return what the pattern that fits an interface most closely says: its role,
 * POLICY_EXEMPT, or -ENOENT: nothing names it. *ret_rank (may be NULL) is that
 * pattern's. "lo" is never named. */
int policy_assignment(const struct policy *policy, const char *interface,
		      size_t *ret_rank);

/* Return the role of an interface, or -ENOENT: it has none. */
int policy_role_of(const struct policy *policy, const char *interface);

#endif
