/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flows that are older than the gate. The host's own TCP connections go
 * on: it holds the socket, and does not listen on the port, so it began them.
 * Nobody else can show that, and begins anew.
 */
#ifndef SG_BPF_ADOPT_H
#define SG_BPF_ADOPT_H

#include "socket.h"

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
	key.local_port = pkt->sport;
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
