/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's own sockets, and its connections that are older than the gate.
 */
#ifndef SG_BPF_SK_H
#define SG_BPF_SK_H

#include "packet.h"

/*
 * The host's own sockets, as the kernel finds them for a packet.
 */

/* The socket of a flow, by its key as the host sees it; to be released,
 * or NULL. */
stage struct bpf_sock *socket_find(struct __sk_buff *skb,
				   const struct sg_flow_key *key, bool v6)
{
	struct bpf_sock_tuple tuple = {};
	__u32 bytes = sizeof(tuple.ipv4);

	if (v6) {
		bytes = sizeof(tuple.ipv6);
		__builtin_memcpy(tuple.ipv6.saddr, &key->remote,
				 sizeof(key->remote));
		__builtin_memcpy(tuple.ipv6.daddr, &key->local,
				 sizeof(key->local));
		if (addr_is_link_local(&key->remote)) /* see conntrack.h */
			tuple.ipv6.saddr[1] = 0;
		tuple.ipv6.sport = key->remote_port.be;
		tuple.ipv6.dport = key->local_port.be;
	} else {
		tuple.ipv4.saddr = key->remote.word[3];
		tuple.ipv4.daddr = key->local.word[3];
		tuple.ipv4.sport = key->remote_port.be;
		tuple.ipv4.dport = key->local_port.be;
	}
	if (key->protocol == IPPROTO_TCP)
		return bpf_skc_lookup_tcp(skb, &tuple, bytes,
					  BPF_F_CURRENT_NETNS, 0);
	if (key->protocol == IPPROTO_UDP)
		return bpf_sk_lookup_udp(skb, &tuple, bytes,
					 BPF_F_CURRENT_NETNS, 0);
	return NULL;
}

/* Return whether a socket would take a packet from the key's remote. */
standalone_memory int socket_would_take(struct __sk_buff *skb,
					const struct sg_flow_key *key, bool v6)
{
	struct bpf_sock *socket;

	if (!key)
		return 0;
	socket = socket_find(skb, key, v6);
	if (!socket)
		return 0;
	bpf_sk_release(socket);
	return 1;
}

/*
 * Flows that are older than the gate. The host's own TCP connections go
 * on: it holds the socket, and does not listen on the port, so it began them.
 * Nobody else can show that, and begins anew.
 */

#define SOCKET_ESTABLISHED 1 /* <net/tcp_states.h> */
#define SOCKET_SYN_RECEIVED 3
#define SOCKET_TIME_WAIT 6

/* Return whether the host listens where the packet comes from. */
static __noinline int adopt_has_listener(struct __sk_buff *skb,
					 const struct packet *pkt)
{
	struct sg_flow_key key = {.protocol = IPPROTO_TCP};

	if (!pkt)
		return 1;
	key.local = pkt->src; /* from nobody: only a listener takes that */
	key.local_port.be = pkt->sport;
	if (!is_v6(pkt))
		key.remote = addr_from_v4(0);
	return socket_would_take(skb, &key, is_v6(pkt));
}

/* Return whether the host sends this packet in the middle of a TCP connection
 * that it began. */
stage bool adopt_is_the_hosts(struct __sk_buff *skb, const struct packet *pkt)
{
	struct bpf_sock *socket = skb->sk;
	__u32 state;

	if (pkt->protocol != IPPROTO_TCP ||
	    pkt->tcp.flags & (TCP_SYN | TCP_RST) || !socket)
		return false;
	socket = bpf_sk_fullsock(socket);
	if (!socket)
		return false;
	state = socket->state;
	if (state < SOCKET_ESTABLISHED || state == SOCKET_SYN_RECEIVED ||
	    state >= SOCKET_TIME_WAIT)
		return false;
	return !adopt_has_listener(skb, pkt);
}

#endif
