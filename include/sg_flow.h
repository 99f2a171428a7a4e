/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flow: one conversation, both directions. Its key is the conversation as
 * the inner end (the container, or the host itself) sees it, so that a packet
 * of either direction finds the one entry with one lookup.
 */
#ifndef SG_FLOW_H
#define SG_FLOW_H

#include "sg_iface.h"

/* maps `flows` and `half_open` */
struct sg_flow_key {
	struct sg_addr remote;
	struct sg_addr local; /* the container's, or the host's own */
	__be16 remote_port;   /* ICMP echo: 0 */
	__be16 local_port;    /* ICMP echo: the identifier */
	__u8 protocol;
	__u8 pad[3];
};
SG_ASSERT_SIZE(struct sg_flow_key, 40);

/* X(ENUM, "name"): what a flow is, and so who began it */
#define SG_KINDS(X)                                                            \
	X(FORWARD, "forward")	    /* remote -> container */                  \
	X(MASQUERADE, "masquerade") /* container -> remote */                  \
	X(CONTROL, "control")	    /* remote -> host control port */          \
	X(HOST, "host")		    /* host -> remote or container */

enum sg_kind {
#define X(id, name) SG_KIND_##id,
	SG_KINDS(X)
#undef X
		SG_KIND_COUNT
};

/*
 * X(ENUM, "name"). Legal moves:
 *   TCP       SYN_SENT -> SYN_RECEIVED -> ESTABLISHED -> CLOSING; any -> RESET
 *   UDP, ICMP NEW -> ASSURED (the other end answered)
 * SYN_SENT, SYN_RECEIVED and NEW live in `half_open`, which is bounded and may
 * forget the oldest; the others live in `flows`, which never does.
 */
#define SG_STATES(X)                                                           \
	X(NEW, "new")                                                          \
	X(ASSURED, "assured")                                                  \
	X(SYN_SENT, "syn-sent")                                                \
	X(SYN_RECEIVED, "syn-received")                                        \
	X(ESTABLISHED, "established")                                          \
	X(CLOSING, "closing")                                                  \
	X(RESET, "reset")

enum sg_state {
#define X(id, name) SG_STATE_##id,
	SG_STATES(X)
#undef X
		SG_STATE_COUNT
};

enum sg_direction {
	SG_IN,	/* from the remote */
	SG_OUT, /* to the remote */
};

struct sg_traffic {
	__u64 packets;
	__u64 bytes;   /* from the IP header on; GSO: as one packet */
	__u64 last_ns; /* boot clock, of the newest packet */
};

#define SG_NO_RULE 0xffffffff

struct sg_flow {
	struct sg_addr gate_addr; /* what the remote sees as its peer */
	__be16 gate_port;
	__u8 kind;	  /* enum sg_kind */
	__u8 state;	  /* enum sg_state */
	__u32 ifindex;	  /* the interface that the remote is behind */
	__u32 generation; /* of the policy that last allowed it */
	__u32 rule;	  /* forwards: the rule; otherwise SG_NO_RULE */
	__u8 remote_mac[SG_MAC_BYTES]; /* neighbour; 0: not yet known */
	__u8 gate_mac[SG_MAC_BYTES];
	__u8 grants;	   /* SG_GRANT_BIT()s that must stay open */
	__u8 fins;	   /* 1 << enum sg_direction: who has sent a FIN */
	__u8 has_ethernet; /* of the interface, as in struct sg_iface */
	__u8 pad;
	__u64 created_ns;	      /* boot clock */
	struct sg_traffic traffic[2]; /* by enum sg_direction */
};
SG_ASSERT_SIZE(struct sg_flow, 104);

/* map `sweep`, a ring: one token for each entry of `flows`, which the datapath
 * goes round to find the expired. created_ns tells a flow from a successor. */
struct sg_sweep {
	struct sg_flow_key key;
	__u64 created_ns;
};
SG_ASSERT_SIZE(struct sg_sweep, 48);

/* map `mappings`: masquerade ports in use. One for a container port and
 * protocol, whatever the remote (RFC 4787 REQ-1) */
struct sg_mapping_key {
	__u8 protocol;
	__u8 pad;
	__be16 gate_port;
};
SG_ASSERT_SIZE(struct sg_mapping_key, 4);

struct sg_mapping {
	__be16 container_port;
	__u16 pad;
	__u32 flows;   /* entries of `flows` that use it */
	__u64 last_ns; /* boot clock, when a flow last began or ended on it */
};
SG_ASSERT_SIZE(struct sg_mapping, 16);

#endif
