// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ends that a gate is measured between: an end that takes every packet, a
 * redirect that does nothing else (in, to the peer; out, to the neighbour), and
 * programs that do as little as can be done.
 */
#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define TC_ACT_SHOT 2
#define ETH_P_IP 0x0800
#define AF_INET 2

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32); /* ifindex */
} target SEC(".maps");

SEC("tc")
int sink(struct __sk_buff *skb)
{
	return TC_ACT_SHOT;
}

SEC("tc")
int to_container(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u32 *ifindex = bpf_map_lookup_elem(&target, &zero);

	return ifindex ? bpf_redirect_peer(*ifindex, 0) : TC_ACT_SHOT;
}

SEC("tc")
int to_uplink(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u32 *ifindex = bpf_map_lookup_elem(&target, &zero);
	struct bpf_redir_neigh next = {.nh_family = AF_INET};
	struct ethhdr *eth = (void *)(long)skb->data;
	struct iphdr *ip = (void *)(eth + 1);

	if (!ifindex || (void *)(ip + 1) > (void *)(long)skb->data_end)
		return TC_ACT_SHOT;
	next.ipv4_nh = ip->daddr; /* it is on the link */
	return bpf_redirect_neigh(*ifindex, &next, sizeof(next), 0);
}

SEC("xdp")
int early_drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

/* The yardstick of a program's own time. */
SEC("tc")
int parse_and_drop(struct __sk_buff *skb)
{
	struct ethhdr *eth = (void *)(long)skb->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > (void *)(long)skb->data_end ||
	    eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_TCP)
		return TC_ACT_SHOT + 1;
	return tcp->dest ? TC_ACT_SHOT : TC_ACT_SHOT + 1;
}
