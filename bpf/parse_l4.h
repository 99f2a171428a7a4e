/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP, UDP and ICMP headers (RFC 9293, 768, 792, 4443), and what a fragment
 * must be so that the ports in the first are all the ports there are.
 */
#ifndef SG_BPF_PARSE_L4_H
#define SG_BPF_PARSE_L4_H

#include "packet.h"
#include "parse_ipv6.h"
#include "verifier.h"

/* IANA's numbers that BTF does not carry */
#define IPPROTO_OSPF 89
#define IPPROTO_VRRP 112
#define IPPROTO_MH 135
#define IPPROTO_HIP 139
#define IPPROTO_SHIM6 140

/* The sets of flags that a stack sends, ECN bits and PSH apart. */
stage bool parse_flags_are_sane(__u8 flags)
{
	switch (flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK | TCP_URG)) {
	case TCP_SYN:
	case TCP_SYN | TCP_URG:
	case TCP_SYN | TCP_ACK:
	case TCP_RST:
	case TCP_RST | TCP_ACK:
	case TCP_FIN | TCP_ACK:
	case TCP_FIN | TCP_ACK | TCP_URG:
	case TCP_ACK:
	case TCP_ACK | TCP_URG:
		return true;
	default:
		return false;
	}
}

/* The headers below are read in place, by skb and XDP alike: `end` is the end
 * of what can be read. */
stage int parse_tcp(const struct tcphdr *tcp, const void *end,
		    struct packet *pkt, __u32 payload_bytes)
{
	if ((const void *)(tcp + 1) > end)
		return SG_DROP_L4_HEADER;
	if (tcp->doff < 5 || tcp->doff * 4U > payload_bytes)
		return SG_DROP_L4_HEADER;
	pkt->sport = tcp->source;
	pkt->dport = tcp->dest;
	pkt->tcp.offset = pkt->l4_offset; /* HEADER_AT_MASK at most */
	pkt->tcp.flags = ((const __u8 *)tcp)[13];
	if (!parse_flags_are_sane(pkt->tcp.flags) && !pkt->may_probe)
		return SG_DROP_TCP_FLAGS;
	pkt->tcp.window = bpf_ntohs(tcp->window);
	pkt->tcp.seq = bpf_ntohl(tcp->seq);
	pkt->tcp.ack = bpf_ntohl(tcp->ack_seq);
	pkt->tcp.seq_end = pkt->tcp.seq + payload_bytes - tcp->doff * 4U +
			   !!(pkt->tcp.flags & TCP_SYN) +
			   !!(pkt->tcp.flags & TCP_FIN);
	return SG_OK;
}

stage int parse_udp(const struct udphdr *udp, const void *end,
		    struct packet *pkt, __u32 payload_bytes)
{
	__u32 udp_bytes;

	if ((const void *)(udp + 1) > end)
		return SG_DROP_L4_HEADER;
	udp_bytes = bpf_ntohs(udp->len);
	if (udp_bytes < sizeof(*udp) ||
	    (udp_bytes > payload_bytes && !pkt->has_more))
		return SG_DROP_L4_HEADER;
	pkt->sport = udp->source;
	pkt->dport = udp->dest;
	return SG_OK;
}

/* Echo and its reply go on to the flow table; the others are left to those
 * stages that know them. */
stage int parse_icmp(const struct icmphdr *icmp, const void *end,
		     struct packet *pkt)
{
	if ((const void *)(icmp + 1) > end)
		return SG_DROP_L4_HEADER;
	pkt->icmp_type = icmp->type;
	if (icmp->type ==
	    (is_v6(pkt) ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST))
		pkt->sport = icmp->un.echo.id;
	else if (icmp->type ==
		 (is_v6(pkt) ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY))
		pkt->dport = icmp->un.echo.id;
	else
		return SG_DROP_ICMP_TYPE;
	return icmp->code ? SG_DROP_ICMP_TYPE : SG_OK;
}

/* RFC 791, 1858, 8200 4.5 */
stage int parse_fragment(const struct packet *pkt, __u32 payload_bytes)
{
	if (pkt->fragment_offset + payload_bytes > IP_BYTES_MAX ||
	    (pkt->has_more && (payload_bytes % 8 || !payload_bytes)))
		return SG_DROP_FRAGMENT_BAD;
	return SG_OK;
}

/* Return the least length of the header here, or 0: it is not one of ours. */
stage __u32 parse_header_bytes(const struct packet *pkt)
{
	if (pkt->protocol == IPPROTO_TCP)
		return sizeof(struct tcphdr);
	if (pkt->protocol == IPPROTO_UDP)
		return sizeof(struct udphdr);
	if (pkt->protocol == (is_v6(pkt) ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return ICMP_HEADER_BYTES;
	return 0;
}

/* Return whether NAT of addresses alone would break what a protocol carries, or
 * hide what that is: sums over them (RFC 3828 3.1, 4302 3.3.3, 4340 9.1, 7401
 * 5.1.1, and the IPv6 ones by 8200 8.1), and what may stand before the
 * transport's header (RFC 7045). 0 and 255 are no protocol's. */
stage bool parse_needs_more(const struct packet *pkt)
{
	switch (pkt->protocol) {
	case 0:
	case IPPROTO_DCCP:
	case IPPROTO_AH:
	case IPPROTO_UDPLITE:
	case IPPROTO_HIP:
	case IPPROTO_RAW:
		return true;
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_DSTOPTS:
	case IPPROTO_OSPF:
	case IPPROTO_PIM:
	case IPPROTO_VRRP:
	case IPPROTO_MH:
	case IPPROTO_SHIM6:
		return is_v6(pkt);
	default:
		return false;
	}
}

/* Return whether NAT can carry what parse_l4() refuses for its protocol, by its
 * addresses alone; a fragment, too. */
stage bool parse_is_portless(const struct packet *pkt, int reason)
{
	return reason == SG_DROP_PROTOCOL && is_portless(pkt->protocol) &&
	       !parse_needs_more(pkt);
}

/* The header at `l4`, of what is not a later fragment. */
stage int parse_header(const void *l4, const void *end, struct packet *pkt,
		       __u32 payload_bytes)
{
	int reason;

	if (pkt->protocol == IPPROTO_TCP)
		reason = parse_tcp(l4, end, pkt, payload_bytes);
	else if (pkt->protocol == IPPROTO_UDP)
		reason = parse_udp(l4, end, pkt, payload_bytes);
	else
		return parse_icmp(l4, end, pkt);
	return reason || (pkt->sport && pkt->dport) ? reason
						    : SG_DROP_PORT_ZERO;
}

static __noinline int parse_l4(struct __sk_buff *skb, struct packet *pkt)
{
	__u32 payload_bytes;
	__u32 header_bytes;
	int reason = SG_OK;

	if (!pkt)
		return SG_DROP_L4_HEADER;
	payload_bytes = pkt->bytes - (pkt->l4_offset - pkt->l3_offset);
	header_bytes = parse_header_bytes(pkt);
	if (pkt->is_fragment)
		reason = parse_fragment(pkt, payload_bytes);
	if (reason)
		return reason;
	if (!header_bytes)
		return SG_DROP_PROTOCOL;
	if (is_later(pkt))
		return SG_OK;
	if (payload_bytes < header_bytes ||
	    !reach(skb, pkt->l4_offset, header_bytes))
		return pkt->has_more ? SG_DROP_FRAGMENT_BAD : SG_DROP_L4_HEADER;
	reason = parse_header(reach_at(skb, pkt->l4_offset),
			      (void *)(long)skb->data_end, pkt, payload_bytes);
	return pkt->has_more && reason == SG_DROP_L4_HEADER
		       ? SG_DROP_FRAGMENT_BAD
		       : reason;
}

#endif
