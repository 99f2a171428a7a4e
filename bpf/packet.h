/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the stages hand on: one packet, as far as it has been understood.
 */
#ifndef SG_BPF_PACKET_H
#define SG_BPF_PACKET_H

#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "sg_flow.h"
#include "sg_policy.h"
#include "sg_reason.h"

/* <linux/pkt_cls.h>, <linux/if_ether.h>, <linux/if_packet.h>, <linux/tcp.h>,
 * <linux/icmp.h>: macros, which BTF does not carry */
#define TC_ACT_UNSPEC (-1) /* go on to the next program, then the stack */
#define TC_ACT_SHOT 2
#define ETH_HLEN 14
#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_IPV6 0x86dd
#define PACKET_HOST 0
#define AF_INET 2
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20
#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO_REQUEST 8

#define NULL ((void *)0)

#define stage static __always_inline

struct packet {
	struct sg_iface *iface;	  /* that the packet is on */
	struct sg_policy *policy; /* in force when it arrived */
	__u64 now_ns;		  /* boot clock */
	struct sg_addr src;
	struct sg_addr dst;
	__u32 side; /* of the policy */
	__u32 ifindex;
	__u32 bytes; /* from the IP header on */
	__u16 l3_at; /* offsets from the start of the data */
	__u16 l4_at;
	__u16 ether_type;
	__be16 sport; /* ICMP echo: the identifier on the asker's side, */
	__be16 dport; /* 0 on the other */
	__u8 protocol;
	__u8 ttl;
	__u8 tcp_flags;
	__u8 icmp_type;
};

stage struct sg_addr addr_from_v4(__be32 v4)
{
	return (struct sg_addr){
		{0, 0, bpf_htonl(SG_ADDR_V4_MARK), v4},
	};
}

stage bool addr_equal(const struct sg_addr *a, const struct sg_addr *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1] &&
	       a->word[2] == b->word[2] && a->word[3] == b->word[3];
}

stage bool mac_is_set(const __u8 mac[SG_MAC_BYTES])
{
	return mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5];
}

stage bool mac_equal(const __u8 a[SG_MAC_BYTES], const __u8 b[SG_MAC_BYTES])
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] &&
	       a[4] == b[4] && a[5] == b[5];
}

stage bool is_syn(const struct packet *pkt)
{
	return (pkt->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

#endif
