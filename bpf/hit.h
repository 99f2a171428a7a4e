/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The common case, in a hurry: a plain packet of a flow that both ends have
 * joined, under the policy that the flow has met. One lookup finds it. Whatever
 * is not exactly that takes the whole journey, which would do with one of these
 * just what is done here.
 */
#ifndef SG_BPF_HIT_H
#define SG_BPF_HIT_H

#include "begin.h"
#include "deliver.h"
#include "grant.h"
#include "parse_ipv4.h"
#include "track.h"

#define MISS (-3)
#define HIT_IP_START 0x45 /* version 4, no options */

stage bool hit_parse_tcp(struct __sk_buff *skb, struct packet *pkt,
			 const struct iphdr *ip, __u32 *ret_header_bytes)
{
	const struct tcphdr *tcp = (void *)(ip + 1);
	__u32 payload_bytes = pkt->bytes - sizeof(*ip);
	__u32 header_bytes;

	if ((void *)(tcp + 1) > (void *)(long)skb->data_end)
		return false;
	header_bytes = tcp->doff * 4;
	pkt->tcp_flags = ((const __u8 *)tcp)[13];
	if (header_bytes < sizeof(*tcp) || header_bytes > payload_bytes ||
	    (pkt->tcp_flags &
	     (TCP_SYN | TCP_FIN | TCP_RST | TCP_URG | TCP_ACK)) != TCP_ACK)
		return false;
	pkt->sport = tcp->source;
	pkt->dport = tcp->dest;
	pkt->window = bpf_ntohs(tcp->window);
	pkt->seq = bpf_ntohl(tcp->seq);
	pkt->ack = bpf_ntohl(tcp->ack_seq);
	pkt->seq_end = pkt->seq + payload_bytes - header_bytes;
	*ret_header_bytes = header_bytes;
	return true;
}

stage bool hit_parse_udp(struct __sk_buff *skb, struct packet *pkt,
			 const struct iphdr *ip, __u32 *ret_header_bytes)
{
	const struct udphdr *udp = (void *)(ip + 1);
	__u32 udp_bytes;

	if ((void *)(udp + 1) > (void *)(long)skb->data_end)
		return false;
	udp_bytes = bpf_ntohs(udp->len);
	if (udp_bytes < sizeof(*udp) || udp_bytes > pkt->bytes - sizeof(*ip))
		return false;
	pkt->sport = udp->source;
	pkt->dport = udp->dest;
	*ret_header_bytes = sizeof(*udp);
	return true;
}

/* Of the stages of parse.h, what a plain IPv4 packet needs. *ret_wire_bytes:
 * its largest on the wire, as it may be segmented. */
stage bool hit_parse(struct __sk_buff *skb, struct packet *pkt,
		     __u32 *ret_wire_bytes)
{
	const struct ethhdr *eth = (void *)(long)skb->data;
	const struct iphdr *ip = (void *)(eth + 1);
	__u32 header_bytes;
	bool plain;

	if ((void *)(ip + 1) > (void *)(long)skb->data_end ||
	    eth->h_proto != bpf_htons(ETH_P_IP) ||
	    skb->protocol != bpf_htons(ETH_P_IP) ||
	    skb->pkt_type != PACKET_HOST || skb->vlan_present ||
	    *(const __u8 *)ip != HIT_IP_START || ip->ttl <= 1 ||
	    ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_OFFSET_MASK) ||
	    !parse_sum_is_right(parse_sum(ip)))
		return false;
	pkt->bytes = bpf_ntohs(ip->tot_len);
	if (pkt->bytes < sizeof(*ip) + sizeof(struct udphdr) ||
	    pkt->bytes > skb->len - ETH_HLEN)
		return false;
	pkt->protocol = ip->protocol;
	if (pkt->protocol == IPPROTO_TCP)
		plain = hit_parse_tcp(skb, pkt, ip, &header_bytes);
	else
		plain = pkt->protocol == IPPROTO_UDP &&
			hit_parse_udp(skb, pkt, ip, &header_bytes);
	if (!plain)
		return false;
	pkt->ether_type = ETH_P_IP;
	pkt->l3_at = ETH_HLEN;
	pkt->l4_at = ETH_HLEN + sizeof(*ip);
	pkt->src = addr_from_v4(ip->saddr);
	pkt->dst = addr_from_v4(ip->daddr);
	pkt->ttl = ip->ttl;
	*ret_wire_bytes = skb->gso_size
				  ? sizeof(*ip) + header_bytes + skb->gso_size
				  : pkt->bytes;
	return true;
}

/* Whether the flow goes on as it is: nothing to decide, no state to change. */
stage bool hit_goes_on(const struct sg_flow *flow, const struct packet *pkt,
		       enum sg_direction direction)
{
	if (flow->generation != pkt->policy->generation ||
	    (flow->kind != SG_KIND_FORWARD &&
	     flow->kind != SG_KIND_MASQUERADE) ||
	    (direction == SG_IN && !flow_is_of(flow, pkt)) ||
	    flow_is_expired(flow, pkt->protocol, pkt->policy, pkt->now_s) ||
	    (flow->grants && !grants_are_open(flow->grants, pkt->now_s)))
		return false;
	return pkt->protocol == IPPROTO_TCP
		       ? flow->state == SG_STATE_ESTABLISHED &&
				 window_accepts(flow, pkt, direction)
		       : flow->state == SG_STATE_ASSURED;
}

/* Whether it came from, and goes to, the neighbours that are known. */
stage bool hit_is_neighbours(struct __sk_buff *skb, const struct sg_flow *flow,
			     const struct sg_gate *at,
			     enum sg_direction direction)
{
	const struct ethhdr *eth = (void *)(long)skb->data;

	if ((void *)(eth + 1) > (void *)(long)skb->data_end ||
	    !(flow->flags & SG_FLOW_ETHERNET))
		return false;
	return direction == SG_IN
		       ? mac_equal(eth->h_source, flow->remote_mac)
		       : mac_equal(eth->h_source, at->container_mac) &&
				 mac_is_set(flow->remote_mac);
}

/* Rewritten and sent on. A reason to drop, or SG_OK with *ret_action. */
stage int hit_deliver(struct __sk_buff *skb, const struct packet *pkt,
		      const struct sg_flow_key *key, const struct sg_flow *flow,
		      const struct sg_gate *at, enum sg_direction direction,
		      int *ret_action)
{
	struct rewrite to = {
		.addr = direction == SG_IN ? key->local : flow->gate_addr,
		.port = direction == SG_IN ? key->local_port : flow->gate_port,
		.destination = direction == SG_IN,
	};
	const struct sg_addr *old = direction == SG_IN ? &pkt->dst : &pkt->src;
	__be16 old_port = direction == SG_IN ? pkt->dport : pkt->sport;
	__u32 ifindex = flow->ifindex;
	int reason = rewrite_l4(skb, pkt, &to, old, old_port);

	if (!reason)
		reason = rewrite_ipv4(skb, pkt, &to, old->word[3]);
	if (reason)
		return reason;
	if (direction == SG_IN)
		reason = send_frame(skb, ETH_P_IP, true, at->container_mac,
				    at->veth_mac);
	else
		reason = send_frame(skb, ETH_P_IP, true, flow->remote_mac,
				    flow->gate_mac);
	*ret_action = direction == SG_IN
			      ? bpf_redirect_peer(at->container_ifindex, 0)
			      : bpf_redirect(ifindex, 0);
	return reason;
}

stage int hit(struct __sk_buff *skb, enum sg_direction direction,
	      int *ret_action)
{
	const struct sg_gate *at = send_gate();
	struct packet pkt;
	struct sg_flow_key key;
	struct sg_flow *flow;
	__u32 wire_bytes;

	if (!at || !at->container_ifindex || begin(skb, &pkt) ||
	    !hit_parse(skb, &pkt, &wire_bytes))
		return MISS;
	if (direction == SG_IN) /* where the forward changes no port */
		flow_key_in(&key, &pkt, &pkt.policy->container, pkt.dport);
	else
		flow_key_out(&key, &pkt);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow || !hit_goes_on(flow, &pkt, direction) ||
	    !hit_is_neighbours(skb, flow, at, direction) ||
	    wire_bytes > (direction == SG_IN ? at->container_mtu : flow->mtu))
		return MISS;
	if (pkt.protocol == IPPROTO_TCP)
		window_update(flow, &pkt, direction);
	track_seen(flow, &pkt, direction);
	return hit_deliver(skb, &pkt, &key, flow, at, direction, ret_action);
}

/* A packet from an uplink, or the container. MISS: not a hit; nothing has been
 * done. Otherwise as deliver_in(). Functions of their own, so that the verifier
 * is through with one before it begins with the journey. */
static __noinline int hit_in(struct __sk_buff *skb, int *ret_action)
{
	return ret_action ? hit(skb, SG_IN, ret_action) : MISS;
}

static __noinline int hit_out(struct __sk_buff *skb, int *ret_action)
{
	return ret_action ? hit(skb, SG_OUT, ret_action) : MISS;
}

#endif
