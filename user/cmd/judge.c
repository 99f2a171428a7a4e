// SPDX-License-Identifier: GPL-2.0-or-later
/* See judge.h. */
#include "cmd/judge.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "gate/cut.h"
#include "sg_iface.h"
#include "sys/clock.h"

int judge_begin(struct judge *ret_judge, const struct pins *pins)
{
	struct judge judge = {.pins = pins, .now_s = boot_s()};
	struct sg_active active;
	int r = pins_active(pins, &active);

	if (r)
		return r;
	judge.slot = active.slot;
	if (bpf_map_lookup_elem(pins->map_fds[PINS_policy], &judge.slot,
				&judge.policy))
		return -errno;
	for (uint32_t id = 0; id < SG_GRANT_COUNT; id++)
		judge.is_open[id] = cut_is_open(pins, id);
	*ret_judge = judge;
	return 0;
}

static bool is_source(const struct judge *judge, const struct sg_flow_key *key,
		      uint32_t rule)
{
	const struct sg_source_key source = {
		.prefix_bits = SG_SOURCE_BITS + 128,
		.slot = judge->slot,
		.rule = rule,
		.addr = key->remote,
	};
	uint32_t one;

	return bpf_map_lookup_elem(judge->pins->map_fds[PINS_sources], &source,
				   &one) == 0;
}

/* Return why no forward has the flow any more, or NULL: one has. */
static const char *forward_refuses(const struct judge *judge,
				   const struct sg_flow_key *key,
				   const struct sg_flow *flow)
{
	const struct sg_port_key port_key = {
		.slot = (uint8_t)judge->slot,
		.protocol = key->protocol,
		.port = flow->gate_port,
	};
	struct sg_port port;

	if (bpf_map_lookup_elem(judge->pins->map_fds[PINS_ports], &port_key,
				&port))
		return "no forward has its port";
	if (port.container_port.be != key->local_port.be)
		return "its port goes elsewhere now";
	return port.has_sources && !is_source(judge, key, port.rule)
		       ? "its source is in no list of the forward's"
		       : NULL;
}

static const char *is_cut_for(const struct judge *judge,
			      const struct sg_flow_key *key,
			      const struct sg_flow *flow)
{
	static const char *const closed[] = {
		[SG_GRANT_LAN_ACCESS] = "lan-access is closed",
		[SG_GRANT_HOST_CONTROL] = "host-control is closed",
	};
	struct sg_iface iface;

	for (uint32_t id = 0; id < SG_GRANT_COUNT; id++)
		if (flow->grants & SG_GRANT_BIT(id) && !judge->is_open[id])
			return closed[id];
	if (flow->kind == SG_KIND_CONTROL &&
	    ntohs(flow->gate_port.be) != judge->policy.control_port)
		return "host control has another port now";
	if (flow->kind != SG_KIND_FORWARD && flow->kind != SG_KIND_MASQUERADE)
		return NULL;
	if (memcmp(&key->local, &judge->policy.container, sizeof(key->local)) &&
	    memcmp(&key->local, &judge->policy.container6, sizeof(key->local)))
		return "the container has another address now";
	if (flow->kind == SG_KIND_FORWARD)
		return forward_refuses(judge, key, flow);
	if (!flow->gate_port.be && !judge->policy.egress_probes)
		return "egress is strict now"; /* of no ports */
	if (bpf_map_lookup_elem(judge->pins->map_fds[PINS_ifaces],
				&flow->ifindex, &iface))
		return NULL; /* it follows the route */
	return judge->policy.masquerade_roles & SG_ROLE_BIT(iface.role)
		       ? NULL
		       : "egress by its interface is closed";
}

struct judgement judge_flow(const struct judge *judge,
			    const struct sg_flow_key *key,
			    const struct sg_flow *flow)
{
	const char *why;

	switch (flow->state) {
	case SG_STATE_CLOSING:
		return (struct judgement){false, "closing", NULL};
	case SG_STATE_RESET:
		return (struct judgement){false, "reset", NULL};
	case SG_STATE_REFUSED:
		return (struct judgement){false, "refused", NULL};
	default:
		why = is_cut_for(judge, key, flow);
	}
	if (why)
		return (struct judgement){false, "will be cut", why};
	if (flow->state == SG_STATE_NEW || flow->state == SG_STATE_SYN_SENT)
		return (struct judgement){true, "no answer", NULL};
	return (struct judgement){true, "live", NULL};
}
