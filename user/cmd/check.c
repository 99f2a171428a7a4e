// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate check: what a configuration means, as a table. No root. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "cmd/show.h"
#include "cmd/verb.h"
#include "config/config.h"
#include "config/names.h"
#include "sys/cleanup.h"

static const struct table_column columns[] = {
	{"from", "FROM", TABLE_TEXT, 0},
	{"to", "TO", TABLE_TEXT, 0},
	{"protocol", "PROTOCOL", TABLE_TEXT, 0},
	{"ports", "PORTS", TABLE_TEXT, 0},
	{"arrives_at", "ARRIVES AT", TABLE_TEXT, 0},
	{"when", "WHEN", TABLE_TEXT, 0},
	{"rule", "RULE", TABLE_TEXT, 0},
};

static struct json_object *add_row(struct json_object *rows, const char *from,
				   const char *to, const char *protocol,
				   const char *when)
{
	struct json_object *row = show_add_row(rows);

	show_add_text(row, "from", from);
	show_add_text(row, "to", to);
	show_add_text(row, "protocol", protocol);
	show_add_text(row, "when", when);
	return row;
}

static void add_forward(struct json_object *rows, const struct policy *policy,
			const struct policy_forward *forward, int role)
{
	uint16_t length = forward->ports.last - forward->ports.first;
	struct json_object *row;
	struct json_object *from;
	char text[TEXT_ADDR_BYTES * 2];
	char ports[16];
	char addr[TEXT_ADDR_BYTES];

	row = add_row(rows, name_of_role((unsigned int)role), "container",
		      name_of_protocol(forward->protocol),
		      role == SG_ROLE_LAN ? "lan-access" : "always");
	show_add_text(row, "rule", forward->name);
	show_ports(forward->ports.first, forward->ports.last, ports,
		   sizeof(ports));
	show_add_text(row, "ports", ports);
	show_ports(forward->to_first, forward->to_first + length, ports,
		   sizeof(ports));
	text_from_addr(&policy->container, addr, sizeof(addr));
	snprintf(text, sizeof(text), "%s:%s", addr, ports);
	show_add_text(row, "arrives_at", text);
	if (!forward->source_count)
		return;
	from = show_add_list(row, "sources");
	for (size_t i = 0; i < forward->source_count; i++) {
		text_from_network(&policy->sources[forward->source_first + i],
				  text, sizeof(text));
		json_object_array_add(from, json_object_new_string(text));
	}
}

static void add_host(struct json_object *rows, const struct policy *policy)
{
	char port[16];

	snprintf(port, sizeof(port), "%u", policy->control_port);
	if (policy->control_port) {
		show_add_text(
			add_row(rows, "vpn", "host", "tcp", "host-control"),
			"ports", port);
		show_add_text(add_row(rows, "lan", "host", "tcp",
				      "lan-access and host-control"),
			      "ports", port);
	}
	for (unsigned int role = 0; role < SG_ROLE_COUNT; role++)
		if (policy->echo_roles & SG_ROLE_BIT(role))
			add_row(rows, name_of_role(role), "host", "icmp echo",
				"always");
	add_row(rows, "container", "host", "dhcp", "always");
	add_row(rows, "host", "anywhere", "tcp, udp, icmp echo", "always");
}

static void add_egress(struct json_object *rows, const struct policy *policy)
{
	char ports[16];

	show_ports(policy->masquerade_ports.first,
		   policy->masquerade_ports.last, ports, sizeof(ports));
	for (unsigned int role = 0; role < SG_ROLE_CONTAINER; role++) {
		struct json_object *row;

		if (!(policy->masquerade_roles & SG_ROLE_BIT(role)))
			continue;
		row = add_row(rows, "container", name_of_role(role),
			      "tcp, udp, icmp echo", "always");
		show_add_text(row, "arrives_at", "from the gate's address");
		show_add_text(row, "rule", "egress");
	}
}

static void print_sources(const struct policy *policy)
{
	char text[TEXT_ADDR_BYTES];

	for (size_t i = 0; i < policy->forward_count; i++) {
		const struct policy_forward *forward = &policy->forwards[i];

		if (forward->source_count)
			printf("forward \"%s\" only from", forward->name);
		for (size_t j = 0; j < forward->source_count; j++) {
			text_from_network(
				&policy->sources[forward->source_first + j],
				text, sizeof(text));
			printf("%s %s", j ? "," : "", text);
		}
		if (forward->source_count)
			putchar('\n');
	}
}

static bool has_ipv6(const struct policy *policy)
{
	static const union sg_addr none;

	return memcmp(&policy->container6, &none, sizeof(none)) != 0;
}

static void print_ipv6(const struct policy *policy)
{
	char text[TEXT_ADDR_BYTES];

	text_from_addr(&policy->container6, text, sizeof(text));
	if (has_ipv6(policy))
		printf("IPv6: the same rules, to %s.\n", text);
	else
		puts("IPv6: closed to and from the container.");
}

static void print_text(struct json_object *rows, const struct policy *policy)
{
	show_table(rows, columns, sizeof(columns) / sizeof(columns[0]));
	print_sources(policy);
	puts("Everything else is dropped.");
	print_ipv6(policy);
	if (policy->new_per_source)
		printf("One source on a LAN may begin %u flows a second.\n",
		       policy->new_per_source);
	printf("At first start: lan-access %s, host-control %s.\n",
	       policy->grants[SG_GRANT_LAN_ACCESS] ? "on" : "off",
	       policy->grants[SG_GRANT_HOST_CONTROL] ? "on" : "off");
	if (policy->persists_grants)
		puts("At later starts: as they were left.");
}

static void add_rest(struct json_object *root, const struct policy *policy)
{
	char text[TEXT_ADDR_BYTES];

	text_from_addr(&policy->container6, text, sizeof(text));
	if (has_ipv6(policy))
		show_add_text(root, "container6", text);
	show_add_number(root, "new_per_source", policy->new_per_source);
	for (unsigned int i = 0; i < SG_GRANT_COUNT; i++)
		show_add_flag(root, name_of_grant(i), policy->grants[i]);
	show_add_flag(root, "persist", policy->persists_grants);
}

int verb_check(const struct context *context, int count, char **args)
{
	_cleanup_(policy_release) struct policy policy = {0};
	_cleanup_(show_release) struct json_object *root = NULL;
	const char *path = count ? args[0] : context->config;
	struct json_object *rows;
	struct fault fault;

	if (count > 1)
		return verb_usage("check takes one file");
	if (config_load(path, &policy, &fault))
		return verb_fail(&fault);
	root = json_object_new_object();
	rows = show_add_list(root, "policy");
	for (size_t i = 0; i < policy.forward_count; i++) {
		add_forward(rows, &policy, &policy.forwards[i], SG_ROLE_VPN);
		add_forward(rows, &policy, &policy.forwards[i], SG_ROLE_LAN);
	}
	add_host(rows, &policy);
	add_egress(rows, &policy);
	add_rest(root, &policy);
	if (context->json)
		show_json(root, SHOW_JSON);
	else
		print_text(rows, &policy);
	return EXIT_OK;
}
