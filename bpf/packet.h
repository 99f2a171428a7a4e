/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet that the stages hand on, as far as it has been understood.
 */
#ifndef SG_BPF_PACKET_H
#define SG_BPF_PACKET_H

#include "sg_flow.h"
#include "sg_policy.h"
#include "sg_reason.h"
#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* <linux/pkt_cls.h>, <linux/if_ether.h>, <linux/if_packet.h>, <linux/tcp.h>,
 * <linux/icmp.h>: macros, which BTF does not carry */
#define TC_ACT_UNSPEC (-1) /* go on to the next program, then the stack */
#define TC_ACT_SHOT 2
#define ETH_HLEN 14
#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_IPV6 0x86dd
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8
#define PACKET_HOST 0
#define IP_BYTES_MAX 65535
#define AF_INET 2
#define AF_INET6 10
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20
#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO_REQUEST 8
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY 129
#define ICMP_HEADER_BYTES 8
#define IPPROTO_ICMPV6 58
#define DHCP_SERVER 67
#define DHCP_CLIENT 68
#define DHCP6_SERVER 547
#define DHCP6_CLIENT 546

/* what a stage may say beside SG_OK and the reasons to drop */
#define TO_HOST (-1) /* to the host's stack */
#define AGAIN (-2)   /* nowhere: it is received once more, in its turn */

#define NULL ((void *)0)

#define stage static __always_inline
/* Verified once, for any arguments, and not at each call: so it takes numbers,
 * and the context if it uses it, but no pointer (5.10 knows no other kind). */
#define standalone __attribute__((noinline))
/* The same, with pointers to memory that holds no pointers itself, where the
 * kernel takes them, as keys of maps too (6.2, as the view). */
#ifdef SG_KERNEL_VIEW
#define standalone_memory standalone
#else
#define standalone_memory static __noinline
#endif

/* The contents of a TCP header (RFC 9293 3.3.1). */
struct tcp_segment {
	__u8 flags;
	__u8 offset;   /* offset of the header from the start of the data */
	__u16 window;  /* not scaled */
	__u32 seq;     /* the first number, */
	__u32 seq_end; /* the one behind the last, SYN and FIN included */
	__u32 ack;
};

/* The order is for the verifier: a small number that starts eight bytes of the
 * stack it tells apart, and what it tells apart it follows apart. With
 * `generation` elsewhere it looks at three times as many instructions, with
 * `icmp_type` elsewhere old kernels look at a fifth more. */
struct packet {
	struct sg_iface *iface;	  /* that the packet is on */
	struct sg_policy *policy; /* in force when it arrived */
	union sg_addr src;
	union sg_addr dst;
	__u32 now_s; /* boot clock */
	__u32 slot;  /* of the policy */
	__u32 ifindex;
	__u32 bytes;	 /* from the IP header on */
	__u16 l3_offset; /* offsets from the start of the data */
	__u16 l4_offset;
	__u16 ether_type; /* ETH_P_IP or ETH_P_IPV6 from parse_network() on */
	__be16 sport;	  /* ICMP echo: the identifier on the asker's side, */
	__be16 dport;	  /* 0 on the other */
	__u8 protocol;
	__u8 ttl; /* IPv6: hop limit */
	union {
		struct tcp_segment tcp;
		struct {
			__u8 no_flags; /* ICMP has none */
			__u8 icmp_type;
		};
	};
	__be32 fragment_id;
	__u16 fragment_offset; /* bytes before this one's data */
	bool is_fragment;
	bool has_more;	/* fragments behind it */
	__u8 may_probe; /* the container's: its TCP may begin with any flags */
	bool dont_fragment;
	__u32 generation;  /* of what is in force, the interfaces included; */
	__u32 is_changing; /* which may be others by now */
};

stage bool is_v6(const struct packet *pkt)
{
	return pkt->ether_type == ETH_P_IPV6;
}

/* A fragment other than the first: it has no ports of its own. */
stage bool is_later(const struct packet *pkt)
{
	return pkt->fragment_offset;
}

stage bool is_first(const struct packet *pkt)
{
	return pkt->has_more && !pkt->fragment_offset;
}

stage bool is_icmp(__u8 protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

/* Of a protocol with neither ports nor an echo's number: a flow is then all
 * that two addresses send by it. */
stage bool is_portless(__u8 protocol)
{
	return protocol != IPPROTO_TCP && protocol != IPPROTO_UDP &&
	       !is_icmp(protocol);
}

/* The container's address of the packet's family. */
stage union sg_addr *container_addr(const struct packet *pkt)
{
	return is_v6(pkt) ? &pkt->policy->container6 : &pkt->policy->container;
}

stage union sg_addr addr_from_v4(__be32 v4)
{
	return (union sg_addr){
		.word = {0, 0, bpf_htonl(SG_ADDR_V4_MARK), v4},
	};
}

stage bool addr_is_set(const union sg_addr *addr)
{
	return addr->word[0] | addr->word[1] | addr->word[2] | addr->word[3];
}

/* fe80::/10 */
stage bool addr_is_link_local(const union sg_addr *addr)
{
	return (addr->word[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

stage bool addr_equal(const union sg_addr *a, const union sg_addr *b)
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

stage bool is_echo_request(const struct packet *pkt)
{
	return pkt->icmp_type ==
	       (is_v6(pkt) ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST);
}

stage bool is_syn(const struct tcp_segment *segment)
{
	return (segment->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

#endif
