/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of flows: an event for each that begins and each that ends, in the
 * ring buffers that the daemon reads. None is lost without a count.
 */
#ifndef SG_BPF_EVENT_H
#define SG_BPF_EVENT_H

#include "record_maps.h"
#include "verifier.h"

/* Return whether the daemon keeps the record now, as far as it has promised. */
standalone int event_is_recorded(__u32 required, __u32 now_s)
{
	const struct sg_record_lease *lease;
	__u32 zero = 0;

	lease = bpf_map_lookup_elem(&record_lease, &zero);
	if (!lease)
		return false;
	if (required & SG_RECORD_REQUIRED &&
	    (!lease->until_s || now_s > lease->until_s))
		return false;
	return !(required & SG_RECORD_WHEN_FULL && lease->is_full);
}

/* Return the number of the next event of this CPU's. It is taken whether or not
 * the ring has room for the event, so that a reader sees the gap. Programs that
 * user space runs may be interrupted here by a packet. */
stage __u64 event_number_in(struct sg_event_count *count)
{
	__u64 seen = *(volatile __u64 *)&count->attempted;
	__u64 found;

	for (int i = 0; i < ATOMIC_TRIES; i++) {
		found = __sync_val_compare_and_swap(&count->attempted, seen,
						    seen + 1);
		if (found == seen)
			break;
		seen = found;
	}
	return seen + 1;
}

standalone __u64 event_number(__u32 ring)
{
	struct sg_event_count *count =
		bpf_map_lookup_elem(&event_counts, &ring);

	return count ? event_number_in(count) : 0;
}

/* Count an event for which the ring has no room; of an end, with what the flow
 * has counted. */
standalone int event_lost(__u32 ring, __u64 packets, __u64 bytes)
{
	struct sg_event_count *count =
		bpf_map_lookup_elem(&event_counts, &ring);
	__u64 now_ns = bpf_ktime_get_boot_ns();

	if (!count)
		return 0;
	event_number_in(count);
	__sync_fetch_and_add(&count->lost, 1);
	__sync_fetch_and_add(&count->lost_packets, packets);
	__sync_fetch_and_add(&count->lost_bytes, bytes);
	if (!count->first_lost_ns)
		count->first_lost_ns = now_ns;
	count->last_lost_ns = now_ns;
	return 0;
}

stage void event_fill(struct sg_event *event, const struct sg_flow_key *key,
		      const struct sg_flow *flow, enum sg_event_type type,
		      __u32 reason)
{
	event->at_ns = bpf_ktime_get_boot_ns();
	event->cpu = bpf_get_smp_processor_id();
	event->type = type;
	event->reason = reason;
	__builtin_memset(event->pad, 0, sizeof(event->pad));
	event->key = *key;
	event->flow = *flow;
}

#define WAKEUP_BYTES 4096 /* several events of several CPUs */

/* Return how to submit to a ring. The reader comes by himself, but is woken
 * when a quarter of it is full. */
standalone __u64 event_wakeup(__u32 ring)
{
	__u32 bytes = FLOW_EVENTS_BYTES;
	__u64 unread;

	if (ring == SG_EVENTS_ATTEMPTS) {
		bytes = ATTEMPT_EVENTS_BYTES;
		unread = bpf_ringbuf_query(&attempt_events, BPF_RB_AVAIL_DATA);
	} else if (ring == SG_EVENTS_REFUSALS) {
		bytes = REFUSALS_BYTES;
		unread = bpf_ringbuf_query(&refusals, BPF_RB_AVAIL_DATA);
	} else {
		unread = bpf_ringbuf_query(&flow_events, BPF_RB_AVAIL_DATA);
	}
	/* as it crosses that line: each wake-up costs more than an event */
	return unread < bytes / 4 || unread > bytes / 4 + WAKEUP_BYTES
		       ? BPF_RB_NO_WAKEUP
		       : BPF_RB_FORCE_WAKEUP;
}

/* Number an event that has happened, and hand it to the reader. */
stage void event_submit(struct sg_event *event, __u32 ring)
{
	event->seq = event_number(ring);
	bpf_ringbuf_submit(event, event_wakeup(ring));
}

stage struct sg_event *event_reserve(bool is_attempt)
{
	return is_attempt ? bpf_ringbuf_reserve(&attempt_events,
						sizeof(struct sg_event), 0)
			  : bpf_ringbuf_reserve(&flow_events,
						sizeof(struct sg_event), 0);
}

stage void event_recount(struct sg_event *event, const struct sg_flow *flow)
{
	for (int i = 0; i < 2; i++)
		event->flow.traffic[i] = flow->traffic[i];
}

#endif
