// SPDX-License-Identifier: GPL-2.0-or-later
/* See flow_record.h. */
#include "ledger/flow_record.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "config/names.h"
#include "ledger/digest.h"
#include "sys/clock.h"
#include "sys/text.h"

void flow_uid(const struct flow_context *context, const struct sg_flow_key *key,
	      const struct sg_flow *flow, char ret_uid[FLOW_UID_BYTES])
{
	struct {
		char boot_id[BOOT_ID_BYTES - 1];
		uint64_t begun_ns;
		struct sg_flow_key key;
	} __attribute__((packed))
	whole = {.begun_ns = flow->begun_ns, .key = *key};
	char hex[DIGEST_BYTES];

	memcpy(whole.boot_id, context->boot_id, sizeof(whole.boot_id));
	digest_of(&whole, sizeof(whole), hex);
	memcpy(ret_uid, hex, FLOW_UID_BYTES - 1);
	ret_uid[FLOW_UID_BYTES - 1] = '\0';
}

const char *flow_rule(const struct flow_context *context,
		      const struct sg_flow *flow)
{
	if (flow->kind == SG_KIND_FORWARD)
		return rule_names_find(&context->rules, flow->rule);
	return flow->kind == SG_KIND_CONTROL	  ? "host-control"
	       : flow->kind == SG_KIND_MASQUERADE ? "egress"
						  : NULL;
}

const char *flow_link(struct flow_context *context, uint32_t ifindex)
{
	if (context->link_ifindex != ifindex)
		pins_interface_name(context->pins, ifindex, context->link_name);
	context->link_ifindex = ifindex;
	return context->link_name;
}

/* One end, as one side sees it. */
struct end {
	const union sg_addr *addr;
	uint16_t port; /* network byte order */
};

static void add_end(struct record *record, const char *host_key,
		    const char *port_key, const struct end *end)
{
	char text[TEXT_ADDR_BYTES];

	text_from_addr(end->addr, text, sizeof(text));
	record_text(record, host_key, text);
	record_number(record, port_key, ntohs(end->port));
}

/* As who began it sent, and (nat) as it went on. */
static void add_ends(struct record *record, const struct sg_flow_key *key,
		     const struct sg_flow *flow)
{
	union sg_addr remote_addr = key->remote;
	const struct end remote = {&remote_addr, key->remote_port.be};
	const struct end inner = {&key->local, key->local_port.be};
	const struct end gate = {&flow->gate_addr, flow->gate_port.be};
	bool is_in = sg_flow_initiator(flow) == SG_IN;

	/* of its link, which the key has within it: sg_flow.h */
	if (text_addr_is_link_local(&remote_addr))
		remote_addr.word[1] = 0;
	add_end(record, "id.orig_h", "id.orig_p", is_in ? &remote : &inner);
	add_end(record, "id.resp_h", "id.resp_p", is_in ? &gate : &remote);
	add_end(record, "nat.orig_h", "nat.orig_p", is_in ? &remote : &gate);
	add_end(record, "nat.resp_h", "nat.resp_p", is_in ? &inner : &remote);
}

static void add_counts(struct record *record, const struct sg_flow *flow)
{
	enum sg_direction origin = sg_flow_initiator(flow);
	const struct sg_traffic *orig = &flow->traffic[origin];
	const struct sg_traffic *resp = &flow->traffic[!origin];

	record_number(record, "orig_pkts", (int64_t)orig->packets);
	record_number(record, "orig_ip_bytes", (int64_t)orig->bytes);
	record_number(record, "resp_pkts", (int64_t)resp->packets);
	record_number(record, "resp_ip_bytes", (int64_t)resp->bytes);
}

/* Of S, F and R those that an end has sent. */
static void add_flags(struct record *record, const char *key,
		      const struct sg_flow *flow, enum sg_direction direction)
{
	bool is_answer = direction != sg_flow_initiator(flow);
	bool has_syn = !(flow->flags & (SG_FLOW_ADOPTED | SG_FLOW_PROBE)) &&
		       (!is_answer || flow->state != SG_STATE_SYN_SENT);
	char text[4] = "";

	if (has_syn && flow->state != SG_STATE_REFUSED)
		strcat(text, "S");
	if (flow->flags & SG_FLOW_FIN(direction))
		strcat(text, "F");
	if (flow->flags & SG_FLOW_RST(direction))
		strcat(text, "R");
	record_text(record, key, text);
}

/* [{"epoch":2,"name":"lan-access"}]: which opening of each let it in */
static void add_grants(struct record *record,
		       const struct flow_context *context,
		       const struct sg_flow *flow)
{
	char text[256] = "[";
	size_t used = 1;

	for (unsigned int id = 0; id < SG_GRANT_COUNT; id++)
		if (flow->grants & SG_GRANT_BIT(id))
			used += (size_t)snprintf(
				text + used, sizeof(text) - used,
				"%s{\"epoch\":%llu,\"name\":\"%s\"}",
				used > 1 ? "," : "",
				(unsigned long long)context->epochs[id],
				name_of_grant(id));
	snprintf(text + used, sizeof(text) - used, "]");
	record_value(record, "grants", text);
}

/* By the boot clock, and by the owner's, as it goes now. */
static void add_time(struct record *record, const char *key, const char *ts_key,
		     uint64_t at_ns)
{
	uint64_t now_ns = boot_ns();
	char date[RECORD_TIME_BYTES];

	record_time(record, key, at_ns);
	record_date_text(real_ns() - (now_ns > at_ns ? now_ns - at_ns : 0),
			 date);
	record_text(record, ts_key, date);
}

/* It is known to the second, and not before the begin. */
static uint64_t last_ns(const struct sg_flow *flow)
{
	uint64_t ns = (uint64_t)flow->last_s * NS_PER_S;

	return ns > flow->begun_ns ? ns : flow->begun_ns;
}

void flow_add(struct record *record, struct flow_context *context,
	      const struct sg_flow_key *key, const struct sg_flow *flow)
{
	char uid[FLOW_UID_BYTES];

	flow_uid(context, key, flow, uid);
	record_text(record, "uid", uid);
	record_text(record, "proto", name_of_protocol(key->protocol));
	add_ends(record, key, flow);
	add_counts(record, flow);
	if (key->protocol == IPPROTO_TCP) {
		add_flags(record, "orig_flags", flow, sg_flow_initiator(flow));
		add_flags(record, "resp_flags", flow, !sg_flow_initiator(flow));
	}
	add_time(record, "start", "start_ts", flow->begun_ns);
	add_time(record, "last", "last_ts", last_ns(flow));
	record_text(record, "kind", name_of_kind(flow->kind));
	record_text(record, "state", name_of_state(flow->state));
	record_text(record, "link", flow_link(context, flow->ifindex));
	record_text(record, "rule", flow_rule(context, flow));
	record_number(record, "policy", context->policy_number);
	add_grants(record, context, flow);
	record_text(record, "peer", peers_find(&context->peers, &key->remote));
}

/* IPFIX information element 136 */
static int64_t ipfix_reason(enum sg_end_reason reason)
{
	switch (reason) {
	case SG_END_TIMEOUT:
		return 1; /* idle timeout */
	case SG_END_CLOSED:
	case SG_END_RESET:
		return 3; /* end of flow detected */
	case SG_END_TABLE:
	case SG_END_EVICTED:
		return 5; /* lack of resources */
	default:
		return 4; /* forced end */
	}
}

void flow_add_end(struct record *record, enum sg_end_reason reason)
{
	static const char *const names[] = {
#define X(id, name) [SG_END_##id] = name,
		SG_ENDS(X)
#undef X
	};

	record_text(record, "reason",
		    reason < SG_END_COUNT ? names[reason] : "lost");
	record_number(record, "flow_end_reason", ipfix_reason(reason));
	record_flag(record, "final", true);
}
