/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a packet was dropped: exactly one named reason for each. This list is the
 * enum, the name that people read and the sentence that explains it.
 */
#ifndef SG_REASON_H
#define SG_REASON_H

#include "sg_types.h"

/* X(ENUM, "name", "what the packet was, or what is closed") */
#define SG_REASONS(X)                                                          \
	X(NOT_GOVERNED, "not-governed",                                        \
	  "no role or policy for this interface")                              \
	X(FRAME_SHORT, "frame-short", "frame ends before its headers do")      \
	X(IP_HEADER, "ip-header", "IP version, header or total length wrong")  \
	X(IP_CHECKSUM, "ip-checksum", "IPv4 header checksum wrong")            \
	X(IP_OPTION, "ip-option", "source route or malformed IPv4 option")     \
	X(L4_HEADER, "l4-header", "TCP, UDP or ICMP header cut or wrong")      \
	X(TCP_FLAGS, "tcp-flags", "TCP flags that no stack sends")             \
	X(PORT_ZERO, "port-zero", "TCP or UDP port 0")                         \
	X(FRAGMENT, "fragment", "IPv4 fragment")                               \
	X(VLAN, "vlan", "VLAN-tagged frame")                                   \
	X(ETHERTYPE, "ethertype", "non-IP frame from the container")           \
	X(PROTOCOL, "protocol", "protocol other than TCP, UDP and ICMP")       \
	X(IPV6, "ipv6", "IPv6 beyond what the link needs to live")             \
	X(ICMP_TYPE, "icmp-type", "ICMP other than echo, or of no known flow") \
	X(SPOOFED, "spoofed", "source address impossible on this interface")   \
	X(NOT_UNICAST, "not-unicast",                                          \
	  "multicast, broadcast or another's frame")                           \
	X(NOT_GATE, "not-gate", "destination is not this interface's address") \
	X(CLOSED_PORT, "closed-port",                                          \
	  "no forward or host service on the port")                            \
	X(CLOSED_ECHO, "closed-echo", "ICMP echo is not open to this role")    \
	X(GRANT_CLOSED, "grant-closed", "the owner has not granted this")      \
	X(SOURCE_REFUSED, "source-refused",                                    \
	  "source not in the forward's from")                                  \
	X(NO_FLOW, "no-flow", "belongs to no conversation and opens none")     \
	X(FLOW_CLASH, "flow-clash", "tuple in use by another conversation")    \
	X(POLICY_CHANGED, "policy-changed",                                    \
	  "no longer allowed after a reload")                                  \
	X(TABLE_FULL, "table-full", "flow table full")                         \
	X(PORTS_EXHAUSTED, "ports-exhausted", "no masquerade port free")       \
	X(HOST_CLOSED, "host-closed", "container to the host itself")          \
	X(EGRESS_CLOSED, "egress-closed", "container to a role not in egress") \
	X(NO_ROUTE, "no-route", "no route or gate address for the way out")    \
	X(NO_CONTAINER, "no-container", "container interface is not there")    \
	X(TTL, "ttl", "time to live ends here")                                \
	X(TRANSIT, "transit", "forwarded by the kernel past the gate")         \
	X(REWRITE, "rewrite", "packet could not be rewritten")

enum sg_reason {
	SG_OK,
#define X(id, name, text) SG_DROP_##id,
	SG_REASONS(X)
#undef X
		SG_REASON_COUNT
};

/* key of map `drops`; the value counts packets */
struct sg_drop_key {
	__u32 ifindex;
	enum sg_reason reason;
};
SG_ASSERT_SIZE(struct sg_drop_key, 8);

#endif
