/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reasons to drop a packet: exactly one named reason for each. This list is
 * the enum, the name that people read and the sentence that explains it.
 */
#ifndef SG_REASON_H
#define SG_REASON_H

#include "sg_types.h"

/* X(ENUM, "name", "what the packet was, or what is closed"). A new one is also
 * in scoutgate(8), DROP REASONS; in tell_kind() (reject.h) if the sender is
 * told; and changes SG_LAYOUT. */
#define SG_REASONS(X)                                                          \
	X(NOT_GOVERNED, "not-governed",                                        \
	  "no role or policy for this interface")                              \
	X(FRAME_SHORT, "frame-short", "frame ends before its headers do")      \
	X(IP_HEADER, "ip-header", "IP version, header or total length wrong")  \
	X(IP_CHECKSUM, "ip-checksum", "IPv4 header checksum wrong")            \
	X(IP_OPTION, "ip-option",                                              \
	  "source route, or malformed option or extension header")             \
	X(L4_HEADER, "l4-header", "TCP, UDP or ICMP header cut or wrong")      \
	X(TCP_FLAGS, "tcp-flags", "TCP flags that no stack sends")             \
	X(PORT_ZERO, "port-zero", "TCP or UDP port 0")                         \
	X(FRAGMENT, "fragment", "fragment with no first that was let through") \
	X(FRAGMENT_HELD, "fragment-held",                                      \
	  "fragment ahead of its first; sent on if that comes")                \
	X(FRAGMENT_BAD, "fragment-bad",                                        \
	  "fragment tiny, overlapping or beyond 65535 bytes")                  \
	X(VLAN, "vlan", "VLAN-tagged frame")                                   \
	X(ETHERTYPE, "ethertype", "non-IP frame from the container")           \
	X(PROTOCOL, "protocol", "protocol other than TCP, UDP and ICMP")       \
	X(ARP, "arp", "ARP about an address that is not this interface's")     \
	X(IPV6, "ipv6", "IPv6 for a container that has no IPv6 address")       \
	X(LINK_LOCAL, "link-local", "IPv6 link message from beyond the link")  \
	X(ICMP_TYPE, "icmp-type", "ICMP other than echo and errors")           \
	X(ICMP_ERROR, "icmp-error", "ICMP error about no packet of a flow")    \
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
	X(NO_FLOW, "no-flow", "belongs to no flow and opens none")             \
	X(TCP_WINDOW, "tcp-window", "TCP numbers that the peer cannot mean")   \
	X(FLOW_CLASH, "flow-clash", "tuple in use by another flow")            \
	X(POLICY_CHANGED, "policy-changed",                                    \
	  "no longer allowed after a reload")                                  \
	X(TABLE_FULL, "table-full", "flow table full")                         \
	X(SOURCE_LIMIT, "source-limit", "too many new flows from one source")  \
	X(PORTS_EXHAUSTED, "ports-exhausted", "no masquerade port free")       \
	X(NO_RECORD, "no-record",                                              \
	  "no record could be kept of the flow, and it is required")           \
	X(HOST_CLOSED, "host-closed", "container to the host itself")          \
	X(EGRESS_CLOSED, "egress-closed", "container to a role not in egress") \
	X(NO_ROUTE, "no-route", "no route or gate address for the way out")    \
	X(ROUTE_UNREACHABLE, "route-unreachable",                              \
	  "a route of the host says unreachable")                              \
	X(ROUTE_PROHIBIT, "route-prohibit",                                    \
	  "a route or rule of the host says prohibit")                         \
	X(ROUTE_BLACKHOLE, "route-blackhole",                                  \
	  "a route or rule of the host says blackhole")                        \
	X(NEIGHBOUR, "neighbour",                                              \
	  "the next hop does not answer ARP or neighbour discovery")           \
	X(NO_CONTAINER, "no-container", "the container, or its link, is down") \
	X(TTL, "ttl", "time to live ends here")                                \
	X(TOO_BIG, "too-big", "does not fit the way out; the sender is told")  \
	X(TRANSIT, "transit", "forwarded by the kernel past the gate")         \
	X(REWRITE, "rewrite", "packet could not be rewritten")

enum sg_reason {
	SG_OK,
#define X(id, name, text) SG_DROP_##id,
	SG_REASONS(X)
#undef X
		SG_REASON_COUNT
};

#define SG_GONE_IFINDEX 0 /* links that are not there any more, together */

/* key of map `drops`; the value counts packets */
struct sg_drop_key {
	__u32 ifindex;
	enum sg_reason reason;
};
SG_ASSERT_SIZE(struct sg_drop_key, 8);

#endif
