/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fragments follow their first, which alone has ports (RFC 1858, 3128, 5722).
 * Those that come before it are held, few and briefly; when it comes, all are
 * received once more in the right order.
 */
#ifndef SG_BPF_FRAG_IN_H
#define SG_BPF_FRAG_IN_H

#include "context.h"
#include "flows_maps.h"
#include "packet.h"
#include "verifier.h"

#define FRAGMENT_TIMEOUT_S 30 /* as Linux, ipfrag_time */
#define FRAG_QUEUE_TIMEOUT_S 5

stage void fragment_key(struct sg_fragment_key *key, const struct packet *pkt)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->src = pkt->src;
	key->dst = pkt->dst;
	key->id = pkt->fragment_id;
	key->ifindex = pkt->ifindex;
	key->protocol = pkt->protocol;
}

stage __u16 fragment_bytes(const struct packet *pkt)
{
	return pkt->bytes - (pkt->l4_offset - pkt->l3_offset);
}

/* Keep a fragment for when its first comes. Returns the reason to drop it
 * until then. */
static __noinline int fragment_hold(struct __sk_buff *skb,
				    const struct packet *pkt,
				    struct sg_fragment_key *key)
{
	struct scratch *scratch = scratch_get();
	__u32 bytes;

	if (!pkt || !key || !scratch)
		return SG_DROP_FRAGMENT;
	bytes = pkt->l3_offset + pkt->bytes;
	if (bytes > SG_FRAG_QUEUE_BYTES)
		return SG_DROP_FRAGMENT;
	scratch->queued.bytes = bytes;
	scratch->queued.last_s = pkt->now_s;
	if (bpf_skb_load_bytes(skb, 0, scratch->queued.frame,
			       reach_length(bytes, SG_FRAG_QUEUE_BYTES)))
		return SG_DROP_FRAGMENT;
	for (int slot = 0; slot < SG_FRAG_QUEUE_SLOTS; slot++) {
		key->slot = slot;
		if (bpf_map_update_elem(&frag_queue, key, &scratch->queued,
					BPF_NOEXIST) == 0)
			return SG_DROP_FRAGMENT_HELD;
	}
	return SG_DROP_FRAGMENT;
}

/* The frame in a slot, if there is one, takes the skb's place, and is received
 * once more. */
stage void fragment_replay(struct __sk_buff *skb, const struct packet *pkt,
			   struct sg_fragment_key *key)
{
	struct sg_frag_queue *frame = bpf_map_lookup_elem(&frag_queue, key);
	__u32 bytes;

	if (!frame)
		return;
	bytes = reach_length(frame->bytes, SG_FRAG_QUEUE_BYTES);
	if (!clock_is_over(pkt->now_s, frame->last_s, FRAG_QUEUE_TIMEOUT_S) &&
	    !bpf_skb_change_tail(skb, bytes, 0) &&
	    !bpf_skb_store_bytes(skb, 0, frame->frame, bytes,
				 BPF_F_RECOMPUTE_CSUM))
		bpf_clone_redirect(skb, pkt->ifindex, BPF_F_INGRESS);
	bpf_map_delete_elem(&frag_queue, key);
}

/* A first fragment that others wait for: it is received again, then they are,
 * behind it. AGAIN, or SG_OK: nobody waits. */
static __noinline int fragment_release(struct __sk_buff *skb,
				       const struct packet *pkt,
				       struct sg_fragment_key *key)
{
	if (!pkt || !key || !bpf_map_lookup_elem(&frag_queue, key))
		return SG_OK;
	if (bpf_clone_redirect(skb, pkt->ifindex, BPF_F_INGRESS))
		return SG_OK;
	for (int slot = 0; slot < SG_FRAG_QUEUE_SLOTS; slot++) {
		key->slot = slot;
		fragment_replay(skb, pkt, key);
	}
	return AGAIN;
}

/* Find the entry of the first fragment, if it was let through lately. */
stage struct sg_fragment *fragment_find(const struct sg_fragment_key *key,
					const struct packet *pkt)
{
	struct sg_fragment *first = bpf_map_lookup_elem(&fragments, key);

	return first && !clock_is_over(pkt->now_s, first->last_s,
				       FRAGMENT_TIMEOUT_S)
		       ? first
		       : NULL;
}

/* Return whether no fragment of this place was counted, and note it: one that
 * comes twice completes no packet. Small ones may share a place; theirs then
 * ends with its time. */
stage bool fragment_is_new(const struct packet *pkt, struct sg_fragment *first)
{
	__u64 place = 1ULL << (pkt->fragment_offset / SG_FRAGMENT_PLACE & 63);

	if (first->places & place)
		return false;
	first->places |= place;
	return true;
}

/* A later one, behind its first: it has the first's ports, and TCP's numbers go
 * on. When all of the packet has come, its number may be another packet's
 * (RFC 6864 4.1). */
stage int fragment_follow(struct packet *pkt, struct sg_fragment *first,
			  const struct sg_fragment_key *key)
{
	__u32 bytes = fragment_bytes(pkt);
	int verdict = first->has_flow ? SG_OK : TO_HOST;

	if (pkt->fragment_offset < first->bytes)
		return SG_DROP_FRAGMENT_BAD;
	pkt->sport = first->sport.be;
	pkt->dport = first->dport.be;
	if (first->has_seq) { /* otherwise they stay 0 */
		pkt->tcp.seq = first->seq + pkt->fragment_offset;
		pkt->tcp.seq_end = pkt->tcp.seq + bytes;
	}
	if (!pkt->has_more)
		first->all = pkt->fragment_offset + bytes;
	if (fragment_is_new(pkt, first))
		__sync_fetch_and_add(&first->come, bytes);
	if (first->all && first->come >= first->all)
		bpf_map_delete_elem(&fragments, key);
	return verdict;
}

/* Give a later fragment the ports of its first. A first is a packet of its own,
 * whatever was under its number: if it is let through, it takes the place of
 * the one before. Returns SG_OK, TO_HOST, AGAIN or the reason to drop. */
static __noinline int fragment_join(struct __sk_buff *skb, struct packet *pkt)
{
	struct sg_fragment *first;
	struct sg_fragment_key key;

	if (!pkt)
		return SG_DROP_FRAGMENT;
	if (is_portless(pkt->protocol)) /* each goes by its addresses */
		return SG_OK;
	fragment_key(&key, pkt);
	if (!is_later(pkt))
		return fragment_release(skb, pkt, &key);
	first = fragment_find(&key, pkt);
	return first ? fragment_follow(pkt, first, &key)
		     : fragment_hold(skb, pkt, &key);
}

/* The first was let through: the others may follow. TCP's numbers go on if
 * those of the first were checked. */
static __noinline int fragment_remember(const struct packet *pkt, bool has_flow,
					bool has_seq)
{
	struct sg_fragment first = {};
	struct sg_fragment_key key;

	if (!pkt)
		return 0;
	fragment_key(&key, pkt);
	first.sport.be = pkt->sport;
	first.dport.be = pkt->dport;
	first.bytes = fragment_bytes(pkt);
	first.come = first.bytes;
	first.seq = pkt->tcp.seq_end - first.bytes;
	first.has_flow = has_flow;
	first.has_seq = has_seq;
	first.last_s = pkt->now_s;
	return bpf_map_update_elem(&fragments, &key, &first, BPF_ANY);
}

#endif
