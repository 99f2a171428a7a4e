/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a packet that goes no further: count it under its reason, and
 * record a sample.
 */
#ifndef SG_BPF_DROP_H
#define SG_BPF_DROP_H

#include "context.h"
#include "counters_maps.h"
#include "event.h"
#include "ifaces_maps.h"
#include "packet.h"

stage void count_add(__u32 ifindex, __u32 reason)
{
	struct sg_drop_key key = {.ifindex = ifindex, .reason = reason};
	__u64 *count = bpf_map_lookup_elem(&drops, &key);
	__u64 zero = 0;

	if (!count) {
		bpf_map_update_elem(&drops, &key, &zero, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&drops, &key);
	}
	if (count)
		(*count)++;
}

/*
 * The sample: so many a second of each CPU, so that a flood costs no more.
 */

#define REFUSALS_PER_S 32

struct refusal_rate {
	__u32 second;  /* of the boot clock */
	__u32 sampled; /* in it */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct refusal_rate);
} refusal_rate SEC(".maps");

standalone int refusal_is_due(void)
{
	struct refusal_rate *rate;
	__u32 now_s = clock_now_s();
	__u32 zero = 0;

	rate = bpf_map_lookup_elem(&refusal_rate, &zero);
	if (!rate)
		return false;
	if (rate->second != now_s) {
		rate->second = now_s;
		rate->sampled = 0;
	}
	if (rate->sampled >= REFUSALS_PER_S)
		return false;
	rate->sampled++;
	return true;
}

/* Return room for a sample, whose head is zeros; NULL: none is due, or it is
 * lost. */
stage struct sg_refusal *refusal_begin(__u32 ifindex, __u32 reason)
{
	struct sg_refusal *refusal;

	if (!refusal_is_due())
		return NULL;
	refusal = bpf_ringbuf_reserve(&refusals, sizeof(*refusal), 0);
	if (!refusal) {
		event_lost(SG_EVENTS_REFUSALS, 0, 0);
		return NULL;
	}
	__builtin_memset(refusal, 0, sizeof(*refusal));
	refusal->at_ns = bpf_ktime_get_boot_ns();
	refusal->cpu = bpf_get_smp_processor_id();
	refusal->ifindex = ifindex;
	refusal->reason = reason;
	refusal->has_ethernet = true;
	return refusal;
}

stage void refusal_submit(struct sg_refusal *refusal)
{
	refusal->seq = event_number(SG_EVENTS_REFUSALS);
	bpf_ringbuf_submit(refusal, event_wakeup(SG_EVENTS_REFUSALS));
}

/* Sample a packet that has an skb. */
stage void refusal_of_skb(struct __sk_buff *skb, __u32 reason)
{
	__u32 ifindex = skb->ifindex;
	__u32 bytes = skb->len;
	struct sg_refusal *refusal = refusal_begin(ifindex, reason);
	const struct sg_iface *iface;

	if (!refusal)
		return;
	iface = bpf_map_lookup_elem(&ifaces, &ifindex);
	if (iface)
		refusal->has_ethernet = iface->has_ethernet;
	refusal->bytes = bytes;
	if (bytes > SG_REFUSAL_HEAD_BYTES)
		bytes = SG_REFUSAL_HEAD_BYTES;
	bpf_skb_load_bytes(skb, 0, refusal->head,
			   reach_length(bytes, SG_REFUSAL_HEAD_BYTES));
	refusal_submit(refusal);
}

static __noinline int count_drop(struct __sk_buff *skb, __u32 reason)
{
	count_add(skb->ifindex, reason);
	refusal_of_skb(skb, reason);
	return TC_ACT_SHOT;
}

/* The same before there is an skb. */
static __noinline int count_early(struct xdp_md *ctx, __u32 reason)
{
	const __u8 *data = (void *)(long)ctx->data;
	const __u8 *end = (void *)(long)ctx->data_end;
	struct sg_refusal *refusal;

	count_add(ctx->ingress_ifindex, reason);
	refusal = refusal_begin(ctx->ingress_ifindex, reason);
	if (!refusal)
		return XDP_DROP;
	refusal->bytes = end - data;
#pragma unroll
	for (int i = 0; i < SG_REFUSAL_HEAD_BYTES; i++) {
		if (data + i + 1 > end)
			break;
		refusal->head[i] = data[i];
	}
	refusal_submit(refusal);
	return XDP_DROP;
}

#endif
