/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The events of the record: the begin and the end of each flow, and a sample of
 * the packets that are refused, as ring buffers hand them to the ledger; and
 * the counts by which it knows what was lost.
 */
#ifndef SG_EVENT_H
#define SG_EVENT_H

#include "sg_flow.h"

/* X(ENUM, "name"): the end of a flow. Of a half-open one sg_flow.state says how
 * far it got. */
#define SG_ENDS(X)                                                             \
	X(NONE, "none")	      /* it begins */                                  \
	X(CLOSED, "closed")   /* TCP: both ends have sent a FIN */             \
	X(RESET, "reset")     /* TCP: a reset, or a SYN that was refused */    \
	X(TIMEOUT, "timeout") /* no packet for so long */                      \
	X(GRANT, "grant")     /* its grant was closed */                       \
	X(POLICY, "policy")   /* the policy in force does not allow it */      \
	X(PATH, "path")	      /* its path leads elsewhere, or its address      \
				 of the gate's is gone */                      \
	X(LINK, "link")	      /* its link is not there any more */             \
	X(TABLE, "table")     /* there was no place for it in the table */     \
	X(EVICTED, "evicted") /* it made room for another flow */              \
	X(DOWN, "down")	      /* the gate was taken down */

enum sg_end_reason {
#define X(id, name) SG_END_##id,
	SG_ENDS(X)
#undef X
		SG_END_COUNT
} SG_BYTE;

enum sg_event_type {
	SG_EVENT_BEGIN, /* the flow is open: both ends have joined it */
	SG_EVENT_END,
} SG_BYTE;

/* The rings, and the key of map `event_counts`. */
enum sg_event_ring {
	SG_EVENTS_FLOWS,    /* map `flow_events`: of flows that are open */
	SG_EVENTS_ATTEMPTS, /* map `attempt_events`: ends of half-open ones */
	SG_EVENTS_REFUSALS, /* map `refusals` */
	SG_EVENTS_COUNT
};

/* maps `flow_events` and `attempt_events` */
struct sg_event {
	__u64 seq;   /* per CPU and ring, from 1: one that is missing was lost,
			and is counted in `event_counts` */
	__u64 at_ns; /* boot clock */
	__u32 cpu;
	enum sg_event_type type;
	enum sg_end_reason reason;
	__u8 pad[2];
	struct sg_flow_key key;
	struct sg_flow flow; /* as it was then */
};
SG_ASSERT_SIZE(struct sg_event, 208);

#define SG_REFUSAL_HEAD_BYTES 64

/* map `refusals`: a sample of the packets that were dropped */
struct sg_refusal {
	__u64 seq;   /* as sg_event.seq */
	__u64 at_ns; /* boot clock */
	__u32 cpu;
	__u32 ifindex;
	__u32 reason;	   /* enum sg_reason */
	__u32 bytes;	   /* of the whole frame */
	__u8 has_ethernet; /* 0: the head begins with the IP header */
	__u8 pad[7];
	__u8 head[SG_REFUSAL_HEAD_BYTES]; /* of the frame, zeros behind it */
};
SG_ASSERT_SIZE(struct sg_refusal, 104);

/* map `event_counts`, key: enum sg_event_ring; of each CPU */
struct sg_event_count {
	__u64 attempted; /* events; the last one's seq */
	__u64 lost;	 /* of these, for want of room in the ring */
	/* of the flows whose end was lost, both directions */
	__u64 lost_packets;
	__u64 lost_bytes;
	__u64 first_lost_ns; /* boot clock */
	__u64 last_lost_ns;
};
SG_ASSERT_SIZE(struct sg_event_count, 48);

/* map `record_lease`, key 0: the daemon keeps the record until then, at the
 * least. It is asked for where the policy requires a record. */
struct sg_record_lease {
	__u32 until_s; /* boot clock; 0: it does not */
	__u32 is_full; /* 1: it cannot, which its daemon says, or said */
};
SG_ASSERT_SIZE(struct sg_record_lease, 8);

/* bits of sg_policy.record_required */
#define SG_RECORD_REQUIRED 1  /* no flow begins without a lease */
#define SG_RECORD_WHEN_FULL 2 /* nor when the ledger is full */

/* The packet that program sg_end is given: a flow to end. It returns 0, or 1:
 * the flow is not there any more. */
struct sg_end {
	__u8 frame[16]; /* zeros: no headers that the kernel would look at */
	struct sg_flow_key key;
	__u8 id[3]; /* sg_flow.id: a successor of the flow lives on */
	enum sg_end_reason reason;
	__u32 last_s; /* sg_flow.last_s: of one that is over by its state, a
			 newer packet has kept it */
};
SG_ASSERT_SIZE(struct sg_end, 64);

/* Return why a flow ends that is over, or is closed and makes room. */
static inline enum sg_end_reason sg_end_by_state(const struct sg_flow *flow)
{
	if (flow->state == SG_STATE_CLOSING)
		return SG_END_CLOSED;
	return flow->state == SG_STATE_RESET || flow->state == SG_STATE_REFUSED
		       ? SG_END_RESET
		       : SG_END_TIMEOUT;
}

#endif
