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
	union sg_addr remote; /* link-local: word[1] is the ifindex, in network
				  byte order (RFC 4007: it is of a link) */
	union sg_addr local;  /* the container's, or the host's own */
	/* ICMP echo: the identifier is the port of who asks, and the other's is
	 * 0 */
	union sg_be16 remote_port;
	union sg_be16 local_port;
	__u8 protocol;
	__u8 id[3]; /* 0; in a token of `gc_ring`: the flow's id */
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
} SG_BYTE;

/*
 * X(ENUM, "name"). Legal moves:
 *   TCP       SYN_SENT -> SYN_RECEIVED (a SYN answers) -> ESTABLISHED (the one
 *             that began has spoken again) -> CLOSING (both have sent a FIN);
 *             SYN_SENT, SYN_RECEIVED -> REFUSED (a reset); SYN_RECEIVED ->
 *             SYN_SENT (a SYN with another number); REFUSED -> SYN_RECEIVED
 *             (a SYN answers after all); ESTABLISHED, CLOSING -> RESET
 *   UDP, ICMP NEW -> ANSWERED (the other end) -> ASSURED (the one that began
 *             has spoken again, or answers go on)
 *   A probe (SG_FLOW_PROBE) is SYN_SENT until a reset answers: REFUSED.
 * NEW, ANSWERED, SYN_SENT, SYN_RECEIVED and REFUSED live in `half_open`, which
 * is bounded and may forget the oldest; the others live in `flows`, which ends
 * none before its time but CLOSING and RESET, where a share is full. A SYN ends
 * what is REFUSED, CLOSING or RESET, and begins anew. The order is that of a
 * life: an open flow never goes back in it.
 */
#define SG_STATES(X)                                                           \
	X(NEW, "new")                                                          \
	X(ANSWERED, "answered")                                                \
	X(ASSURED, "assured")                                                  \
	X(SYN_SENT, "syn-sent")                                                \
	X(SYN_RECEIVED, "syn-received")                                        \
	X(REFUSED, "refused")                                                  \
	X(ESTABLISHED, "established")                                          \
	X(CLOSING, "closing")                                                  \
	X(RESET, "reset")

enum sg_state {
#define X(id, name) SG_STATE_##id,
	SG_STATES(X)
#undef X
		SG_STATE_COUNT
} SG_BYTE;

/* The owners of flows: by who began a flow, and from where. Each has a part of
 * the flow tables to itself, so that none can use up what another needs. */
#define SG_SHARES(X)                                                           \
	X(VPN, "vpn")                                                          \
	X(LAN, "lan")                                                          \
	X(CONTAINER, "container")                                              \
	X(HOST, "host")

enum sg_share {
#define X(id, name) SG_SHARE_##id,
	SG_SHARES(X)
#undef X
		SG_SHARE_COUNT
} SG_BYTE;

enum sg_direction {
	SG_IN,	/* from the remote */
	SG_OUT, /* to the remote */
};

struct sg_traffic {
	__u64 packets;
	__u64 bytes; /* from the IP header on; GSO: as its segments on a wire */
};

/* The numbers of one end of a TCP flow, as far as the gate has seen it
 * (RFC 9293 3.3.1, in sequence numbers of the wire, host byte order). */
struct sg_tcp_end {
	__u32 sent;  /* SND.MAX: behind the highest number that it used */
	__u32 acked; /* RCV.NXT: the highest number that it acknowledged */
};

#define SG_SCALE_MAX 14 /* RFC 7323 2.3 */

/* bits of sg_flow.flags */
#define SG_FLOW_FIN(direction) (1U << (direction)) /* this end sent a FIN */
#define SG_FLOW_FINS 3
#define SG_FLOW_ETHERNET 4 /* the interface's frames have Ethernet headers */
#define SG_FLOW_ADOPTED 8  /* begun before the gate: numbers not known */
#define SG_FLOW_SCALED(direction) (16U << (direction)) /* offered a scale */
#define SG_FLOW_BY_MAC                                                         \
	64 /* no route: next_hop starts with a neighbour's MAC                 \
	    */
#define SG_FLOW_NO_PATH                                                        \
	128 /* the path is to be found before the next packet                  \
	     * goes out */
#define SG_FLOW_PROBE                                                          \
	256 /* the container's, of TCP, and begun by something else than a     \
	     * SYN; it never carries a connection */
#define SG_FLOW_PROBE_HELD                                                     \
	512 /* something else than a reset answered, and was held back */
#define SG_FLOW_ANSWERED 1024 /* half open, with a token among the answered */
#define SG_FLOW_ROAMS 2048    /* its remote has come by another link */

#define SG_FLOW_RST(direction) (4096U << (direction)) /* this end reset it */

#define SG_NO_RULE 0xffffffff

struct sg_flow {
	union sg_addr gate_addr; /* what the remote sees as its peer */
	union sg_addr next_hop;	 /* where packets to the remote go: on the
				     link, of either family; all 0: unknown */
	union sg_be16 gate_port;
	enum sg_kind kind;
	enum sg_state state;
	__u32 ifindex;	  /* the interface that the remote is behind */
	__u32 generation; /* of map `active` when it was last allowed */
	__u32 rule;	  /* forwards: the rule; otherwise SG_NO_RULE */
	__u32 flags;	  /* SG_FLOW_ */
	__u16 window[2];  /* by enum sg_direction: the largest that this end
			     offered, in units of its scale, rounded up */
	__u16 mtu;	  /* of the path, bytes from the IP header on */
	__u8 grants;	  /* SG_GRANT_BIT()s that must stay open */
	__u8 scales;	  /* window scales: low nibble SG_IN's, high SG_OUT's */
	/* times of the boot clock */
	__u32 created_s;
	__u32 last_s;	    /* of the newest packet */
	__u32 path_s;	    /* when the path was last found */
	__u32 unresolved_s; /* since when the next hop answers no ARP or ND;
			       0: it does */
	struct sg_tcp_end tcp[2]; /* by enum sg_direction */
	__u32 other_end; /* TCP, behind the number of a SYN that may count: half
			    open, of an earlier SYN of the answering end; open,
			    of one that would begin anew. 0: none */
	__u64 begun_ns;	 /* boot clock: with the key it names the flow */
	struct sg_traffic traffic[2]; /* by enum sg_direction */
	enum sg_share share;
	__u8 holds_port; /* 1: counted in sg_snat_port.flows */
	__u8 id[3];	 /* random; tells a flow from a successor */
	__u8 pad[3];
};
SG_ASSERT_SIZE(struct sg_flow, 144);
_Static_assert(__builtin_offsetof(struct sg_flow, window) % 4 == 0,
	       "both windows are one word, which several CPUs raise at once");

/* Return the direction in which the one that began sends. */
static inline enum sg_direction sg_flow_initiator(const struct sg_flow *flow)
{
	return flow->kind == SG_KIND_FORWARD || flow->kind == SG_KIND_CONTROL
		       ? SG_IN
		       : SG_OUT;
}

/* map `gc_ring`: rings of tokens, one for each share of each enum sg_table.
 * Each entry of a table has a token, by which the datapath finds the expired,
 * and in `half_open` the oldest. Its id tells a flow from a successor. A
 * half-open flow that is answered gets another token, among the answered, and
 * the first means nothing any more. */
struct sg_gc_token {
	struct sg_flow_key key;
};
SG_ASSERT_SIZE(struct sg_gc_token, 40);

enum sg_table {
	SG_TABLE_FLOWS,
	SG_TABLE_HALF_OPEN, /* not answered yet */
	SG_TABLE_ANSWERED,  /* half open, too */
	SG_TABLE_COUNT
};

/* map `gc_hand`, key: SG_RING(). The ring holds `count` tokens from position
 * `head` on. */
struct sg_gc_hand {
	struct bpf_spin_lock lock;
	__u32 head;
	__u32 count;
	__u32 forgotten;   /* half-open flows that had to make room */
	__u32 forgotten_s; /* when the last one had to, boot clock */
};
SG_ASSERT_SIZE(struct sg_gc_hand, 20);

#define SG_RINGS (SG_TABLE_COUNT * SG_SHARE_COUNT)
#define SG_RING(table, share) ((table)*SG_SHARE_COUNT + (share))

/* Return how many tokens a ring has room for, with tables of so many entries.
 * Of `flows`: an eighth each for the VPN and the host, three for the others. Of
 * `half_open`: the same for each share, half of it for the answered. */
static inline __u32 sg_ring_size(__u32 ring, __u32 flows, __u32 half_open)
{
	if (ring >= SG_SHARE_COUNT)
		return half_open / (2 * SG_SHARE_COUNT);
	return ring == SG_SHARE_VPN || ring == SG_SHARE_HOST ? flows / 8
							     : flows / 8 * 3;
}

/* Return where in `gc_ring` a ring begins. */
static inline __u32 sg_ring_first(__u32 ring, __u32 flows, __u32 half_open)
{
	if (ring >= SG_SHARE_COUNT)
		return flows + (ring - SG_SHARE_COUNT) *
				       (half_open / (2 * SG_SHARE_COUNT));
	if (ring == SG_SHARE_VPN)
		return 0;
	return ring == SG_SHARE_LAN	    ? flows / 8
	       : ring == SG_SHARE_CONTAINER ? flows / 8 * 4
					    : flows / 8 * 7;
}

/* map `port_seen`: which ports a flow was ever begun on, by whose inner
 * end it is. A byte each: two CPUs may set two at once, and kernels before 5.12
 * know no atomic OR. */
#define SG_PORT_SEEN_PORTS 64
#define SG_PORT_SEEN_ROWS (2 * 65536 / SG_PORT_SEEN_PORTS)

struct sg_port_seen {
	__u8 containers[SG_PORT_SEEN_PORTS]; /* 1: one was */
	__u8 hosts[SG_PORT_SEEN_PORTS];
};
SG_ASSERT_SIZE(struct sg_port_seen, 128);

/* The packet that program sg_move is given: a flow of a gate before, whose maps
 * these take the place of. It comes twice: so that it is known when the
 * programs change, and after, with all that it has become until then. */
struct sg_move {
	__u8 frame[16]; /* zeros: no headers that the kernel would look at */
	struct sg_flow_key key;
	struct sg_flow flow;
	__u32 is_last;
	__u32 pad;
};
SG_ASSERT_SIZE(struct sg_move, 208);

/* map `snat_ports`: masquerade ports in use. One for a container port and
 * protocol, whatever the remote (RFC 4787 REQ-1) */
struct sg_snat_port_key {
	__u8 protocol;
	__u8 pad;
	union sg_be16 gate_port;
};
SG_ASSERT_SIZE(struct sg_snat_port_key, 4);

struct sg_snat_port {
	struct bpf_spin_lock lock; /* while it changes its container port */
	union sg_be16 container_port;
	__u8 is_shared; /* others of the container's ports have it, too: see
			   map `shared_ports` */
	__u8 pad;
	__u32 flows;   /* open flows that use it */
	__u32 until_s; /* boot clock: it is kept that long for the others */
};
SG_ASSERT_SIZE(struct sg_snat_port, 16);

/* Return whether nothing uses a masquerade port any more. Signed: another CPU
 * may have read the clock a little later. */
static inline int sg_snat_port_is_over(const struct sg_snat_port *snat_port,
				       __u32 now_s)
{
	return !snat_port->flows && (__s32)(now_s - snat_port->until_s) > 0;
}

/* map `shared_ports`, by the flow's key as the remote sees it, which has the
 * gate's address and port: the container's port that this remote talks to by a
 * gate port which stands for another port of the container's. An entry means
 * nothing without the flow. */
struct sg_shared_port {
	union sg_be16 container_port;
	__u16 pad;
};
SG_ASSERT_SIZE(struct sg_shared_port, 4);

/* map `fragments`: IP fragments of one packet, by RFC 791 and 8200 4.5 */
struct sg_fragment_key {
	union sg_addr src; /* as on the interface */
	union sg_addr dst;
	__be32 id;
	__u32 ifindex;
	__u8 protocol;
	__u8 slot; /* 0; map `frag_queue`: which of those of one packet */
	__u16 pad;
};
SG_ASSERT_SIZE(struct sg_fragment_key, 44);

/* The entry of a first fragment. The others go by it until all have come. */
struct sg_fragment {
	union sg_be16 sport; /* ICMP echo: as in struct sg_flow_key */
	union sg_be16 dport;
	__u16 bytes;   /* of its data; the others begin behind it */
	__u8 has_flow; /* 0: for the host, with no flow (echo) */
	__u8 has_seq;  /* TCP, and its numbers were found to be right */
	__u32 last_s;  /* boot clock */
	__u32 come;    /* bytes of data that have come, */
	__u32 all;     /* and of the whole packet; 0: not known yet */
	__u32 seq;     /* TCP: the number of a byte, less its place in the IP
			  packet's data */
	__u64 places;  /* a bit for each SG_FRAGMENT_PLACE bytes of data: one
			  that begins there was counted */
};
SG_ASSERT_SIZE(struct sg_fragment, 32);
#define SG_FRAGMENT_PLACE 512

/* map `frag_queue`: a frame that came before its packet's first fragment */
#define SG_FRAG_QUEUE_SLOTS 4
#define SG_FRAG_QUEUE_BYTES 2048 /* a power of two */

struct sg_frag_queue {
	__u32 last_s; /* boot clock */
	__u32 bytes;
	__u8 frame[SG_FRAG_QUEUE_BYTES];
};
SG_ASSERT_SIZE(struct sg_frag_queue, SG_FRAG_QUEUE_BYTES + 8);

/* map `new_flow_rate`: who begins flows from lan */
struct sg_new_flow_rate_key {
	union sg_addr addr;	/* behind a router, in IPv6: of a /64 */
	__u8 mac[SG_MAC_BYTES]; /* that its packets come by: who forges an
				   address has another. 0: no Ethernet */
	__u8 pad[2];
};
SG_ASSERT_SIZE(struct sg_new_flow_rate_key, 24);

struct sg_new_flow_rate {
	__u32 second; /* of the boot clock */
	__u32 flows;  /* begun in it */
};
SG_ASSERT_SIZE(struct sg_new_flow_rate, 8);

#endif
