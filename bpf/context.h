/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The needs of every stage beside the packet: the clock, and scratch memory.
 */
#ifndef SG_BPF_CONTEXT_H
#define SG_BPF_CONTEXT_H

#include "packet.h"

/*
 * The boot clock in seconds, as flows and grants have it. Reading it takes
 * longer than all the rest of a packet, so each CPU does it once in a while.
 */

#define NS_PER_S 1000000000ULL
#define CLOCK_JIFFIES 10 /* a tenth of a second at most, where HZ is 100 */

struct clock {
	__u64 jiffies; /* when it was read */
	__u32 now_s;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct clock);
} clock SEC(".maps");

stage __u32 clock_now_s(void)
{
	__u64 jiffies = bpf_jiffies64();
	struct clock *read;
	__u32 zero = 0;

	read = bpf_map_lookup_elem(&clock, &zero);
	if (!read)
		return bpf_ktime_get_boot_ns() / NS_PER_S;
	if (!read->now_s || jiffies - read->jiffies >= CLOCK_JIFFIES) {
		read->now_s = bpf_ktime_get_boot_ns() / NS_PER_S;
		read->jiffies = jiffies;
	}
	return read->now_s;
}

/* Return whether more than so many seconds have passed since. The difference is
 * signed, as another CPU may have read the clock a little later. */
stage bool clock_is_over(__u32 now_s, __u32 since_s, __u32 limit_s)
{
	return (__s32)(now_s - since_s) > (__s32)limit_s;
}

/*
 * Room for what is too large for the 512 bytes of stack that a whole chain of
 * functions shares: one for each CPU, of no meaning from packet to packet.
 */

#define SCRATCH_BYTES 2048 /* a power of two; a packet of any common MTU */

/* path.h: what the FIB has said */
struct path {
	union sg_addr next_hop;
	union sg_addr source;
	__u32 ifindex;
	__u16 mtu;
	bool is_resolved; /* the next hop's MAC is known */
};

/* snat.h: what is asked of a gate port */
struct masquerade_search {
	struct sg_flow_key inner; /* the flow as the container sees it */
	struct sg_flow_key outer; /* and as the remote does */
	__u32 now_s;
	__u32 until_s; /* it is kept that long without an open flow */
	__u32 slot;    /* of the policy */
	__u16 low;     /* the first port of the range, host byte order */
	__be16 container_port;
	bool v6;
};

/* ct_gc.h: a ring, before its lock is taken */
struct gc_ring_place {
	__u32 head;
	__u32 next; /* head, one further */
	__u32 count;
};

struct scratch {
	struct bpf_fib_lookup fib;
	struct path path;
	struct masquerade_search search;
	struct bpf_redir_neigh next; /* output.h: the next hop */
	struct {
		__be32 fragment_id;
		__u16 fragment_offset;
		__u8 protocol;
		bool has_more;
		bool has_fragment;
	} ipv6; /* parse_ipv6.h: what its extension headers say */
	struct sg_flow
		fresh; /* ct_new.h, ct_migrate.h: of a flow that begins */
	struct sg_flow
		promoted; /* ct_gc.h, ct_migrate.h: on its way to `flows` */
	struct sg_flow_key promoted_key;
	__u32 promote_refused; /* ct_gc.h: SG_OK, or why a flow stays half open
				*/
	struct sg_gc_token
		token;	   /* ct_gc.h: on its way to or from `gc_ring`, */
	__u32 token_index; /* its place when it was looked at, */
	struct gc_ring_place ring;    /* the ring as it was then, */
	struct sg_flow_key token_key; /* and the key of its flow */
	struct sg_frag_queue queued; /* frag_in.h: on its way to `frag_queue` */
	__u8 bytes[2 * SCRATCH_BYTES]; /* an offset and a length fit */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/* conntrack.h: a flow that ends. User space, which a packet may interrupt, has
 * its own. */
enum ending_by { ENDING_BY_PACKET, ENDING_BY_USER, ENDING_COUNT };

struct ending {
	struct sg_flow_key key;
	struct sg_flow_key shared; /* as the remote sees it */
	__u64 packets, bytes;	   /* of one whose event has no room */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ENDING_COUNT);
	__type(key, __u32); /* enum ending_by */
	__type(value, struct ending);
} endings SEC(".maps");

stage struct scratch *scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

#endif
