// SPDX-License-Identifier: GPL-2.0-or-later
/* Somebody else's programs: tc's counts what it sees, and both let it go on. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} foreign_seen SEC(".maps");

SEC("tc")
int foreign(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u64 *seen = bpf_map_lookup_elem(&foreign_seen, &zero);

	if (seen)
		__sync_fetch_and_add(seen, 1);
	return -1; /* TC_ACT_UNSPEC */
}

/* Lets all pass, and what comes behind it sees nothing. */
SEC("tc")
int foreign_pass(struct __sk_buff *skb)
{
	return 0; /* TC_ACT_OK */
}

SEC("xdp")
int foreign_early(struct xdp_md *ctx)
{
	return XDP_PASS;
}
