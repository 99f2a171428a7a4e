// SPDX-License-Identifier: GPL-2.0-or-later
/* See entries.h. */
#include "gate/entries.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sg_event.h"

#define HOST_BITS 128 /* the prefix length of one address */
#define V4_PREFIX 96  /* of all IPv4 addresses, mapped */
#define WIDEST_ROUTE 8

static void set_bit(struct sg_row *rows, uint32_t at)
{
	rows[at / SG_ROW_BITS].bits |= 1ULL << at % SG_ROW_BITS;
}

static void set_timeouts(const struct policy *policy, struct sg_policy *entry)
{
	const uint32_t by_state[] = {
		[SG_STATE_NEW] = policy->timeout_s.udp_new,
		[SG_STATE_ANSWERED] = policy->timeout_s.udp_assured,
		[SG_STATE_ASSURED] = policy->timeout_s.udp_assured,
		[SG_STATE_SYN_SENT] = policy->timeout_s.tcp_half_open,
		[SG_STATE_SYN_RECEIVED] = policy->timeout_s.tcp_half_open,
		[SG_STATE_REFUSED] = policy->timeout_s.tcp_reset,
		[SG_STATE_ESTABLISHED] = policy->timeout_s.tcp_established,
		[SG_STATE_CLOSING] = policy->timeout_s.tcp_closing,
		[SG_STATE_RESET] = policy->timeout_s.tcp_reset,
	};
	_Static_assert(sizeof(by_state) == sizeof(entry->timeout_s),
		       "every state has a timeout");

	memcpy(entry->timeout_s, by_state, sizeof(by_state));
	entry->icmp_timeout_s = policy->timeout_s.icmp;
}

static void mark_port(struct policy_entries *entries, uint32_t table,
		      uint32_t port)
{
	set_bit(entries->port_bits, table * SG_PORT_BITS_EACH + port);
}

static void add_ports(const struct policy_forward *forward, uint32_t slot,
		      uint32_t rule, struct policy_entries *entries)
{
	for (uint32_t port = forward->ports.first; port <= forward->ports.last;
	     port++) {
		size_t at = entries->port_count++;
		uint32_t to = forward->to_first + port - forward->ports.first;

		entries->port_keys[at] = (struct sg_port_key){
			.slot = (uint8_t)slot,
			.protocol = forward->protocol,
			.port.be = htons((uint16_t)port),
		};
		entries->ports[at] = (struct sg_port){
			.container_port.be = htons((uint16_t)to),
			.has_sources = forward->source_count > 0,
			.rule = rule,
		};
		if (forward->protocol == IPPROTO_UDP) {
			mark_port(entries, SG_PORT_BITS_UDP, port);
			continue;
		}
		mark_port(entries, SG_PORT_BITS_TCP, port);
		mark_port(entries, SG_PORT_BITS_ANSWERS, to);
	}
}

static void add_forward(const struct policy *policy,
			const struct policy_forward *forward, uint32_t slot,
			struct policy_entries *entries)
{
	uint32_t rule = (uint32_t)entries->forward_count++; /* see rules.h */
	struct sg_forward *entry = &entries->forwards[rule];

	entries->forward_keys[rule] = (struct sg_forward_key){
		.slot = slot,
		.position = rule,
	};
	*entry = (struct sg_forward){
		.protocol = forward->protocol,
		.has_sources = forward->source_count > 0,
		.first = forward->ports.first,
		.last = forward->ports.last,
		.to_first = forward->to_first,
		.rule = rule,
	};
	memcpy(entry->name, forward->name, sizeof(entry->name));
	add_ports(forward, slot, rule, entries);
	for (size_t i = 0; i < forward->source_count; i++) {
		const struct network *source =
			&policy->sources[forward->source_first + i];

		entries->source_keys[entries->source_count++] =
			(struct sg_source_key){
				.prefix_bits = SG_SOURCE_BITS + source->prefix,
				.slot = slot,
				.rule = rule,
				.addr = source->addr,
			};
	}
}

int entries_of_policy(const struct policy *policy, uint32_t slot,
		      struct policy_entries *ret_entries)
{
	struct policy_entries entries = {0};
	size_t ports = 0;
	size_t sources = 0;

	for (size_t i = 0; i < policy->forward_count; i++) {
		const struct policy_forward *forward = &policy->forwards[i];

		ports += forward->ports.last - forward->ports.first + 1U;
		sources += forward->source_count;
	}
	entries.port_keys = calloc(ports + 1, sizeof(*entries.port_keys));
	entries.ports = calloc(ports + 1, sizeof(*entries.ports));
	entries.forward_keys = calloc(policy->forward_count + 1,
				      sizeof(*entries.forward_keys));
	entries.forwards =
		calloc(policy->forward_count + 1, sizeof(*entries.forwards));
	entries.source_keys = calloc(sources + 1, sizeof(*entries.source_keys));
	if (!entries.port_keys || !entries.ports || !entries.forward_keys ||
	    !entries.forwards || !entries.source_keys) {
		entries_release_policy(&entries);
		return -ENOMEM;
	}
	entries.policy = (struct sg_policy){
		.container = policy->container,
		.container6 = policy->container6,
		.control_port = policy->control_port,
		.masquerade_low = policy->masquerade_ports.first,
		.masquerade_high = policy->masquerade_ports.last,
		.masquerade_roles = policy->masquerade_roles,
		.echo_roles = policy->echo_roles,
		.egress_probes = !policy->egress_strict,
		.new_per_source = policy->new_per_source,
		.record_required =
			(policy->record_required ? SG_RECORD_REQUIRED : 0) |
			(policy->ledger_refuses ? SG_RECORD_WHEN_FULL : 0),
	};
	set_timeouts(policy, &entries.policy);
	for (size_t i = 0; i < policy->forward_count; i++)
		add_forward(policy, &policy->forwards[i], slot, &entries);
	*ret_entries = entries;
	return 0;
}

void entries_release_policy(struct policy_entries *entries)
{
	free(entries->port_keys);
	free(entries->ports);
	free(entries->forward_keys);
	free(entries->forwards);
	free(entries->source_keys);
	memset(entries, 0, sizeof(*entries));
}

static void add_iface(const struct policy *policy, const struct link *link,
		      int role, struct link_entries *entries)
{
	size_t at = entries->iface_count++;
	struct sg_iface *iface = &entries->ifaces[at];

	entries->iface_keys[at] = link->ifindex;
	iface->role = (enum sg_role)role;
	iface->has_ethernet = link->has_ethernet;
	iface->clamps_mss = policy->clamps_mss[role];
	iface->mtu = link->mtu;
	memcpy(iface->mac, link->mac, sizeof(iface->mac));
	memcpy(iface->name, link->name, sizeof(iface->name));
	iface->router4 = link->router4;
	iface->router6 = link->router6;
	if (role != SG_ROLE_CONTAINER)
		return;
	entries->container_ifindex = link->ifindex;
	entries->container_mtu = link->mtu;
	entries->container_is_down = !link->has_carrier;
	memcpy(entries->veth_mac, link->mac, sizeof(entries->veth_mac));
}

/* The first 16 bits of all addresses of a network. */
static void add_subnet_bits(const struct network *network,
			    struct sg_row *starts)
{
	bool is_v4 = text_addr_is_v4(&network->addr);
	uint32_t prefix = network->prefix - (is_v4 ? V4_PREFIX : 0);
	uint32_t first = ntohl(network->addr.word[is_v4 ? 3 : 0]) >> 16;
	uint32_t last = prefix < 16 ? first | 0xffff >> prefix : first;

	for (uint32_t at = first; at <= last; at++)
		set_bit(starts, is_v4 ? at : 65536 + at);
}

/* Note what somebody says of a network; see merge_claims(). */
static void add_subnet(const struct network *network,
		       const struct sg_subnet *subnet, enum subnet_rank rank,
		       struct link_entries *entries)
{
	entries->claims[entries->claim_count++] = (struct subnet_claim){
		.key = {.prefix_bits = network->prefix, .addr = network->addr},
		.subnet = *subnet,
		.rank = rank,
	};
	add_subnet_bits(network, entries->subnet_bits);
}

static int compare_claims(const void *a, const void *b)
{
	const struct subnet_claim *left = a;
	const struct subnet_claim *right = b;
	int r = memcmp(&left->key, &right->key, sizeof(left->key));

	return r ? r : (int)left->rank - (int)right->rank;
}

/* Take a further claim to a network into account: the first stays, several of
 * one rank share it, and a link that comes is of the network that was named. */
static void merge_claim(const struct subnet_claim *claim,
			enum subnet_rank first, struct sg_subnet *subnet)
{
	if (!subnet->roles)
		return;
	if (claim->rank == first) {
		subnet->roles |= claim->subnet.roles;
		if (subnet->ifindex != claim->subnet.ifindex)
			subnet->ifindex = 0;
	} else if (first == SUBNET_NAMED && !subnet->ifindex &&
		   subnet->roles == claim->subnet.roles) {
		subnet->ifindex = claim->subnet.ifindex;
		subnet->own = claim->subnet.own;
	}
}

/* Make map entries of what was claimed, one for each network, in the order of
 * who has a say: the configuration, what is configured on links, what they have
 * learned. */
static void merge_claims(struct link_entries *entries)
{
	enum subnet_rank first = SUBNET_NAMED;
	size_t at = 0;

	qsort(entries->claims, entries->claim_count, sizeof(*entries->claims),
	      compare_claims);
	for (size_t i = 0; i < entries->claim_count; i++) {
		const struct subnet_claim *claim = &entries->claims[i];

		if (at && memcmp(&entries->subnet_keys[at - 1], &claim->key,
				 sizeof(claim->key)) == 0) {
			merge_claim(claim, first, &entries->subnets[at - 1]);
			continue;
		}
		first = claim->rank;
		entries->subnet_keys[at] = claim->key;
		entries->subnets[at++] = claim->subnet;
	}
	entries->subnet_count = at;
}

static void add_named(const struct network *network, int role,
		      struct link_entries *entries)
{
	const struct sg_subnet subnet = {.roles = SG_ROLE_BIT(role)};

	add_subnet(network, &subnet, SUBNET_NAMED, entries);
}

/* Add what no packet may come from: an address of the host's on a link, or of
 * none. */
static void add_no_source(const union sg_addr *addr, uint32_t ifindex,
			  struct link_entries *entries)
{
	const struct network host = {.addr = *addr, .prefix = HOST_BITS};
	const struct sg_subnet nobody = {.ifindex = ifindex};

	add_subnet(&host, &nobody, SUBNET_NAMED, entries);
}

static void add_addr_key(const struct link_addr *addr, uint32_t ifindex,
			 struct link_entries *entries)
{
	size_t at = entries->addr_count++;

	entries->addr_keys[at] = (struct sg_gate_addr_key){
		.ifindex = ifindex,
		.addr = addr->addr,
	};
	entries->addrs[at] = addr->prefix;
}

static void add_broadcast_addr(const union sg_addr *addr,
			       struct link_entries *entries)
{
	struct link_addr host = {.addr = *addr, .prefix = SG_BROADCAST};

	add_addr_key(&host, SG_ANY_IFINDEX, entries);
	add_no_source(addr, 0, entries);
}

/* RFC 1122 3.2.1.3, RFC 919: all ones, and of old all zeros. */
static void add_broadcast(const struct link_addr *addr,
			  struct link_entries *entries)
{
	struct network network = text_network_of(&addr->addr, addr->prefix);

	if (!text_addr_is_v4(&addr->addr) || addr->prefix > 126)
		return;
	add_broadcast_addr(&network.addr, entries);
	network.addr.word[3] |= htonl((1ULL << (HOST_BITS - addr->prefix)) - 1);
	add_broadcast_addr(&network.addr, entries);
}

/* Take the first of a family, which is the kernel's own choice, too; a
 * link-local one until another comes. */
static void add_own_addr(const struct link_addr *addr,
			 struct link_entries *entries)
{
	static const union sg_addr none;
	union sg_addr *own;
	size_t at = 0;

	if (!addr->is_usable)
		return;

	while (entries->iface_keys[at] != addr->ifindex)
		at++;
	own = text_addr_is_v4(&addr->addr) ? &entries->ifaces[at].v4
					   : &entries->ifaces[at].v6;
	if (memcmp(own, &none, sizeof(none)) == 0 ||
	    (text_addr_is_link_local(own) &&
	     !text_addr_is_link_local(&addr->addr)))
		*own = addr->addr;
}

/* On a link that has a role. */
static void add_gate_addr(const struct link_addr *addr, int role,
			  struct link_entries *entries)
{
	struct network network = text_network_of(&addr->addr, addr->prefix);
	const struct sg_subnet subnet = {
		.ifindex = addr->ifindex,
		.roles = SG_ROLE_BIT(role),
		.own = addr->addr,
	};

	add_addr_key(addr, addr->ifindex, entries);
	add_own_addr(addr, entries);
	if (text_addr_is_link_local(
		    &addr->addr)) /* fe80::/64 is on every link */
		return;
	if (addr->prefix < HOST_BITS)
		add_subnet(&network, &subnet,
			   addr->is_permanent ? SUBNET_CONFIGURED
					      : SUBNET_LEARNED,
			   entries);
}

int entries_role(const struct policy *policy, const struct link *link)
{
	size_t rank = 0;
	int role = policy_assignment(policy, link->name, &rank);

	if (link->is_port)
		return -ENOENT;
	if (rank <= POLICY_RANK_ANY && link->had_role)
		return (int)link->had_role - 1;
	return role == POLICY_EXEMPT ? -ENOENT : role;
}

bool entries_is_exempt(const struct policy *policy, const struct link *link)
{
	return policy_assignment(policy, link->name, NULL) == POLICY_EXEMPT;
}

static void add_exempt(const struct link *link, struct link_entries *entries)
{
	size_t at = entries->exempt_count++;

	entries->exempt_keys[at] = link->ifindex;
	memcpy(entries->exempt[at].name, link->name, sizeof(link->name));
}

/* Let a VLAN device have its frames, if it is governed or exempt itself and an
 * uplink of this network namespace carries it. */
static void add_vlan(const struct policy *policy, const struct links *links,
		     const struct link *link, struct link_entries *entries)
{
	const struct link *lower = links_find(links, link->lower_ifindex);
	int role = lower ? entries_role(policy, lower) : -ENOENT;
	size_t at = entries->vlan_count;

	if (!link->vlan_protocol || link->is_lower_elsewhere || role < 0 ||
	    role == SG_ROLE_CONTAINER)
		return;
	entries->vlan_keys[at] = (struct sg_vlan_key){
		.ifindex = lower->ifindex,
		.protocol = link->vlan_protocol,
		.id = link->vlan_id,
	};
	entries->vlans[at] = link->ifindex;
	entries->vlan_count++;
}

static int role_of(const struct policy *policy, const struct links *links,
		   uint32_t ifindex)
{
	const struct link *link = links_find(links, ifindex);

	return link ? entries_role(policy, link) : -ENOENT;
}

/* Add the networks of routes, but for those that are on every link, and those
 * that are as wide as a default route (0.0.0.0/1, 2000::/3). */
static void add_routes(const struct policy *policy, const struct links *links,
		       struct link_entries *entries)
{
	for (size_t i = 0; i < links->route_count; i++) {
		const struct link_route *route = &links->routes[i];
		int role = role_of(policy, links, route->ifindex);
		const struct network network = {route->addr, route->prefix};
		const struct sg_subnet subnet = {
			.ifindex = route->ifindex,
			.roles = SG_ROLE_BIT(role < 0 ? 0 : role),
		};

		uint32_t base = text_addr_is_v4(&route->addr) ? V4_PREFIX : 0;

		if (role >= 0 && route->prefix >= base + WIDEST_ROUTE &&
		    !text_addr_is_link_local(&route->addr) &&
		    ntohl(route->addr.word[0]) >> 24 != 0xff)
			add_subnet(&network, &subnet, SUBNET_LEARNED, entries);
	}
}

/* Make room for all that can come of these links. 0 or -ENOMEM. */
static int allocate(const struct links *links, struct link_entries *entries)
{
	size_t count = links->count + 1;
	size_t addrs = 4 * (links->addr_count + links->route_count + 1);

	entries->iface_keys = calloc(count, sizeof(*entries->iface_keys));
	entries->ifaces = calloc(count, sizeof(*entries->ifaces));
	entries->exempt_keys = calloc(count, sizeof(*entries->exempt_keys));
	entries->exempt = calloc(count, sizeof(*entries->exempt));
	entries->vlan_keys = calloc(count, sizeof(*entries->vlan_keys));
	entries->vlans = calloc(count, sizeof(*entries->vlans));
	entries->addr_keys = calloc(addrs, sizeof(*entries->addr_keys));
	entries->addrs = calloc(addrs, sizeof(*entries->addrs));
	entries->subnet_keys = calloc(addrs, sizeof(*entries->subnet_keys));
	entries->subnets = calloc(addrs, sizeof(*entries->subnets));
	entries->claims = calloc(addrs, sizeof(*entries->claims));
	return entries->iface_keys && entries->ifaces && entries->exempt_keys &&
			       entries->exempt && entries->vlan_keys &&
			       entries->vlans && entries->addr_keys &&
			       entries->addrs && entries->subnet_keys &&
			       entries->subnets && entries->claims
		       ? 0
		       : -ENOMEM;
}

static void add_link(const struct policy *policy, const struct links *links,
		     const struct link *link, struct link_entries *entries)
{
	int role = entries_role(policy, link);

	if (role >= 0)
		add_iface(policy, link, role, entries);
	else if (entries_is_exempt(policy, link))
		add_exempt(link, entries);
	else
		return;
	add_vlan(policy, links, link, entries);
}

static void add_addr(const struct policy *policy, const struct links *links,
		     const struct link_addr *addr, struct link_entries *entries)
{
	int role = role_of(policy, links, addr->ifindex);

	add_addr_key(addr, SG_ANY_IFINDEX, entries);
	if (!text_addr_is_link_local(&addr->addr))
		add_no_source(&addr->addr, addr->ifindex, entries);
	add_broadcast(addr, entries);
	if (role >= 0)
		add_gate_addr(addr, role, entries);
}

int entries_of_links(const struct policy *policy, const struct links *links,
		     struct link_entries *ret_entries)
{
	struct link_entries entries = {0};
	int r = allocate(links, &entries);

	if (r) {
		entries_release_links(&entries);
		return r;
	}
	/* known before their links are there; a link's own network counts */
	add_named(&policy->vpn_network, SG_ROLE_VPN, &entries);
	add_named(&policy->container_network, SG_ROLE_CONTAINER, &entries);
	for (size_t i = 0; i < links->count; i++)
		add_link(policy, links, &links->items[i], &entries);
	for (size_t i = 0; i < links->addr_count; i++)
		add_addr(policy, links, &links->addrs[i], &entries);
	entries.has_suppress = links->unfollowed & LINKS_RULE_SUPPRESS;
	add_routes(policy, links, &entries);
	merge_claims(&entries);
	*ret_entries = entries;
	return 0;
}

void entries_release_links(struct link_entries *entries)
{
	free(entries->iface_keys);
	free(entries->exempt_keys);
	free(entries->exempt);
	free(entries->vlan_keys);
	free(entries->vlans);
	free(entries->ifaces);
	free(entries->addr_keys);
	free(entries->addrs);
	free(entries->subnet_keys);
	free(entries->subnets);
	free(entries->claims);
	memset(entries, 0, sizeof(*entries));
}
