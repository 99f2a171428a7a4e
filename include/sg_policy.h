/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy: who may reach what. It has two slots; map `active` names the one
 * in force, so that a whole new policy takes effect with one index write.
 */
#ifndef SG_POLICY_H
#define SG_POLICY_H

#include "sg_flow.h"

#define SG_SLOTS 2
#define SG_NAME_BYTES 32 /* a forward's name with its NUL */

/* X(ENUM, "name"): what the owner can switch; the enum is map `grants`' key */
#define SG_GRANTS(X)                                                           \
	X(LAN_ACCESS, "lan-access")                                            \
	X(HOST_CONTROL, "host-control")

enum sg_grant_id {
#define X(id, name) SG_GRANT_##id,
	SG_GRANTS(X)
#undef X
		SG_GRANT_COUNT
};

#define SG_GRANT_BIT(id) (1U << (id))

/* Eight bytes, so that a switch is one store and never torn. */
struct sg_grant {
	__u32 open;	  /* 0 or 1 */
	__u32 deadline_s; /* closed from this boot-clock second on; 0: none */
};
SG_ASSERT_SIZE(struct sg_grant, 8);

/* Return whether a grant is open at a second of the boot clock. What is neither
 * 0 nor 1 is closed. */
static inline int sg_grant_is_open(const struct sg_grant *grant, __u32 now_s)
{
	return grant->open == 1 &&
	       (!grant->deadline_s || now_s < grant->deadline_s);
}

/* map `active`, key 0. Eight bytes, so that it is read and written whole. */
struct sg_active {
	__u32 slot;	  /* 0 or 1 */
	__u32 generation; /* of policy and interfaces together, and SG_CHANGING
			   */
};
SG_ASSERT_SIZE(struct sg_active, 8);

/* A bit of sg_active.generation: interfaces may not be what flows were judged
 * by, so each packet asks for its own. It stays if the loader is killed
 * meanwhile, and costs time alone. */
#define SG_CHANGING 1

/* map `policy`, key: slot */
struct sg_policy {
	__u32 number; /* of this policy; 0 is never in force */
	union sg_addr container;
	union sg_addr container6; /* all 0: it has none */
	__u16 control_port;	  /* host byte order, 0: no host control */
	__u16 masquerade_low;	  /* first and last port, host byte order */
	__u16 masquerade_high;
	__u8 masquerade_roles; /* SG_ROLE_BIT()s that egress may leave by */
	__u8 echo_roles;       /* SG_ROLE_BIT()s whose pings the host answers */
	__u32 egress_probes;   /* 1: the container may send TCP probes */
	__u32 new_per_source;  /* flows a second from one of lan; 0: any */
	/* of a flow with no packet: ICMP echo; TCP and UDP, by enum sg_state */
	__u32 icmp_timeout_s;
	__u32 timeout_s[SG_STATE_COUNT];
	__u32 record_required; /* SG_RECORD_ */
};
SG_ASSERT_SIZE(struct sg_policy, 96);

/* Some servers ask of a client that its port is below one of these: rsh, NFS.
 */
#define SG_PORT_SECURE 512
#define SG_PORT_RESERVED 1024

/* Return the first port of the range in which a container's port is
 * masqueraded, and the last of the range with such a first one: one below 512
 * stays below, one below 1024, too, as some servers ask for that. Host byte
 * order. */
static inline __u16 sg_masquerade_low(const struct sg_policy *policy,
				      __u8 protocol, __u16 port)
{
	/* IPPROTO_TCP and IPPROTO_UDP: an echo's number means nothing */
	if ((protocol != 6 && protocol != 17) || port >= SG_PORT_RESERVED)
		return policy->masquerade_low;
	return port < SG_PORT_SECURE ? 1 : SG_PORT_SECURE;
}

static inline __u16 sg_masquerade_high(const struct sg_policy *policy,
				       __u16 low)
{
	if (low < SG_PORT_SECURE)
		return SG_PORT_SECURE - 1;
	return low < SG_PORT_RESERVED ? SG_PORT_RESERVED - 1
				      : policy->masquerade_high;
}

/* Return how many seconds a flow lives with no packet. A query to a well-known
 * port is over with its answer (RFC 4787 REQ-5). */
static inline __u32 sg_flow_limit_s(const struct sg_flow_key *key,
				    const struct sg_flow *flow,
				    const struct sg_policy *policy)
{
	int is_in = sg_flow_initiator(flow) == SG_IN;
	const __u8 *port = (const __u8 *)(is_in ? &flow->gate_port.be
						: &key->remote_port.be);
	__u32 state = flow->state;

	if (key->protocol == 1 || key->protocol == 58) /* ICMP, ICMPv6 */
		return policy->icmp_timeout_s;
	/* by its high byte, as no ntohs() is common to both sides */
	if (state == SG_STATE_ANSWERED && port[0] < 1024 >> 8)
		state = SG_STATE_NEW;
	/* one register is checked and indexes, as older verifiers want it */
	__asm__ volatile("" : "+r"(state));
	return state < SG_STATE_COUNT ? policy->timeout_s[state] : 0;
}

/* Return whether a flow is over at a second of the boot clock, for want of a
 * packet. Signed: its newest may have come after that second. */
static inline int sg_flow_is_over(const struct sg_flow_key *key,
				  const struct sg_flow *flow,
				  const struct sg_policy *policy, __u32 now_s)
{
	return (__s32)(now_s - flow->last_s) >
	       (__s32)sg_flow_limit_s(key, flow, policy);
}

/* map `ports`: who owns a gate port */
struct sg_port_key {
	__u8 slot;
	__u8 protocol;	    /* IPPROTO_TCP or IPPROTO_UDP */
	union sg_be16 port; /* as the remote sends it */
};
SG_ASSERT_SIZE(struct sg_port_key, 4);

struct sg_port {
	union sg_be16 container_port;
	__u8 has_sources; /* 1: the source must be in map `sources` */
	__u8 pad;
	__u32 rule; /* key of maps `forwards` and `hits` */
};
SG_ASSERT_SIZE(struct sg_port, 8);

/* map `port_bits`: whether `ports` has a port, so that it need not be asked of
 * most: a slot's TCP ports, then its UDP ports; then those of the container's
 * by which it answers TCP forwards. Each is a table of so many bits. */
#define SG_PORT_BITS_EACH 65536
#define SG_PORT_BITS_TCP 0
#define SG_PORT_BITS_UDP 1
#define SG_PORT_BITS_ANSWERS 2
#define SG_PORT_BITS_ROWS (3 * SG_PORT_BITS_EACH / SG_ROW_BITS)

/* map `sources`: who may use a forward; longest prefix match on the address */
struct sg_source_key {
	__u32 prefix_bits; /* SG_SOURCE_BITS + prefix of the mapped address */
	__u32 slot;
	__u32 rule;
	union sg_addr addr;
};
SG_ASSERT_SIZE(struct sg_source_key, 28);
#define SG_SOURCE_BITS 64 /* of slot and rule, always matched whole */

/* map `forwards`: the rules for people; the datapath does not read them */
struct sg_forward_key {
	__u32 slot;
	__u32 position; /* in the configuration, from 0, no gaps */
};
SG_ASSERT_SIZE(struct sg_forward_key, 8);

struct sg_forward {
	char name[SG_NAME_BYTES];
	__u8 protocol;
	__u8 has_sources;
	__u16 first; /* gate ports, host byte order */
	__u16 last;
	__u16 to_first; /* container port that `first` goes to */
	__u32 rule;	/* key of map `hits`: the same as long as it says so */
};
SG_ASSERT_SIZE(struct sg_forward, SG_NAME_BYTES + 12);

/* map `config`: the text of the configuration that a slot was made of, for the
 * loader alone; rows from 0 on, the last one ends with a NUL */
#define SG_CONFIG_BYTES 4096

struct sg_config_key {
	__u32 slot;
	__u32 row;
};
SG_ASSERT_SIZE(struct sg_config_key, 8);

struct sg_config {
	char text[SG_CONFIG_BYTES];
};

/* map `supervisor`, key 0: what `run` says of itself; the datapath does not
 * read it
 */
#define SG_PROBLEM_BYTES 256

struct sg_supervisor {
	__u32 pid;	/* 0: there is none, or it ended as it was told to */
	__u32 since_s;	/* boot clock */
	__u32 looked_s; /* when it last found all in order, or put it right */
	char problem[SG_PROBLEM_BYTES]; /* what it cannot put right; "" */
};
SG_ASSERT_SIZE(struct sg_supervisor, 12 + SG_PROBLEM_BYTES);

/* map `hits`, key: rule */
struct sg_hits {
	__u64 admitted; /* flows */
	__u64 refused;	/* packets that would have opened one */
};
SG_ASSERT_SIZE(struct sg_hits, 16);

#endif
