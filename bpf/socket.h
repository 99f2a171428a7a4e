/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's own sockets, as the kernel finds them for a packet.
 */
#ifndef SG_BPF_SOCKET_H
#define SG_BPF_SOCKET_H

#include "packet.h"

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
		if (addr_is_link_local(&key->remote)) /* see flow.h */
			tuple.ipv6.saddr[1] = 0;
		tuple.ipv6.sport = key->remote_port;
		tuple.ipv6.dport = key->local_port;
	} else {
		tuple.ipv4.saddr = key->remote.word[3];
		tuple.ipv4.daddr = key->local.word[3];
		tuple.ipv4.sport = key->remote_port;
		tuple.ipv4.dport = key->local_port;
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

#endif
