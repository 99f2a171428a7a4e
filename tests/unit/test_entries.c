// SPDX-License-Identifier: GPL-2.0-or-later
/* The contents of the maps for a policy: every key and value, byte by byte. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "gate/entries.h"
#include "unit.h"

static struct policy policy;
static struct policy_entries entries;

static void make(const char *text, uint32_t slot)
{
	parse_accepted(text, &policy);
	assert_int_equal(entries_of_policy(&policy, slot, &entries), 0);
}

static int release(void **state)
{
	(void)state;
	entries_release_policy(&entries);
	policy_release(&policy);
	return 0;
}

static void an_empty_policy_has_no_ports(void **state)
{
	(void)state;
	make("", 0);
	assert_int_equal(entries.port_count, 0);
	assert_int_equal(entries.forward_count, 0);
	assert_int_equal(entries.source_count, 0);
	assert_int_equal(entries.policy.control_port, 0);
	assert_int_equal(entries.policy.echo_roles, 0);
	assert_int_equal(entries.policy.masquerade_roles, 0);
}

static void the_policy_is_taken_field_by_field(void **state)
{
	struct sg_policy want = {
		.container = addr_of("10.9.0.5"),
		.container6 = addr_of("fd00:9::5"),
		.egress_probes = 1,
		.new_per_source = 12,
		.control_port = 2323,
		.masquerade_low = 50000,
		.masquerade_high = 50099,
		.masquerade_roles = SG_ROLE_BIT(SG_ROLE_LAN),
		.echo_roles = SG_ROLE_BIT(SG_ROLE_VPN) |
			      SG_ROLE_BIT(SG_ROLE_CONTAINER),
		.icmp_timeout_s = 7,
		.timeout_s = {[SG_STATE_NEW] = 5,
			      [SG_STATE_ANSWERED] = 6,
			      [SG_STATE_ASSURED] = 6,
			      [SG_STATE_SYN_SENT] = 1,
			      [SG_STATE_SYN_RECEIVED] = 1,
			      [SG_STATE_REFUSED] = 4,
			      [SG_STATE_ESTABLISHED] = 2,
			      [SG_STATE_CLOSING] = 3,
			      [SG_STATE_RESET] = 4},
	};

	(void)state;
	make("container { address = \"10.9.0.5\" address6 = "
	     "\"fd00:9::5\" }\nlimits { new-per-source = 12 }\n"
	     "host { control-port = 2323 icmp-echo = {\"container\", "
	     "\"vpn\"} }\n"
	     "egress { masquerade = {\"lan\"} ports = \"50000-50099\" }\n"
	     "timeouts { tcp-half-open = \"1\" tcp-established = \"2\"\n"
	     "  tcp-closing = \"3\" tcp-reset = \"4\" udp-new = \"5\"\n"
	     "  udp-assured = \"6\" icmp = \"7\" }\n",
	     0);
	assert_memory_equal(&entries.policy, &want, sizeof(want));
}

static void a_port_is_in_network_byte_order(void **state)
{
	static const uint8_t key[] = {1, 17, 0x1f, 0x90};
	static const uint8_t port[] = {0x00, 0x50, 0, 0};
	struct sg_forward_key forward_key = {.slot = 1, .position = 0};

	(void)state;
	make("forward \"web\" { protocol = udp ports = {\"8080\"} "
	     "to = \"80\" }\n",
	     1);
	assert_int_equal(entries.port_count, 1);
	assert_memory_equal(&entries.port_keys[0], key, sizeof(key));
	assert_memory_equal(&entries.ports[0], port, sizeof(port));
	assert_int_equal(entries.ports[0].rule, 0);
	assert_int_equal(entries.forward_count, 1);
	assert_memory_equal(&entries.forward_keys[0], &forward_key,
			    sizeof(forward_key));
	assert_int_equal(entries.source_count, 0);
}

static void a_range_is_a_port_for_each_with_its_own_target(void **state)
{
	(void)state;
	make("forward \"a\" { ports = {\"2000-2009\"} to = \"80-89\" }\n"
	     "forward \"b\" { ports = {\"22\"} }\n",
	     0);
	assert_int_equal(entries.port_count, 11);
	for (int i = 0; i < 11; i++) {
		const struct sg_port_key *key = &entries.port_keys[i];
		const struct sg_port *port = &entries.ports[i];

		assert_int_equal(key->slot, 0);
		assert_int_equal(key->protocol, IPPROTO_TCP);
		assert_int_equal(ntohs(key->port.be), i < 10 ? 2000 + i : 22);
		assert_int_equal(ntohs(port->container_port.be),
				 i < 10 ? 80 + i : 22);
		assert_int_equal(port->rule, i < 10 ? 0 : 1);
		assert_int_equal(port->has_sources, 0);
		assert_int_equal(port->pad, 0);
	}
}

static void ports_reach_both_ends_of_their_space(void **state)
{
	(void)state;
	make("host { control-port = 0 }\n"
	     "egress { ports = \"40000\" }\n"
	     "forward \"low\" { ports = {\"1-39999\"} }\n"
	     "forward \"high\" { ports = {\"40001-65535\"} }\n",
	     0);
	assert_int_equal(entries.port_count, 65534);
	assert_int_equal(ntohs(entries.port_keys[0].port.be), 1);
	assert_int_equal(ntohs(entries.port_keys[65533].port.be), 65535);
	assert_int_equal(ntohs(entries.ports[65533].container_port.be), 65535);
}

static void each_port_and_no_other_is_marked(void **state)
{
	(void)state;
	make("forward \"a\" { ports = {\"1\", \"63-64\", \"60999\"} }\n"
	     "forward \"b\" { protocol = udp  ports = {\"63\"} }\n",
	     1);
	/* four of TCP, by which the container answers, too, and one of UDP */
	assert_int_equal(bits_of(entries.port_bits, SG_PORT_BITS_ROWS), 9);
	for (size_t i = 0; i < entries.port_count; i++) {
		const struct sg_port_key *key = &entries.port_keys[i];

		assert_true(has_bit(entries.port_bits,
				    (key->protocol == IPPROTO_UDP ? 65536 : 0) +
					    ntohs(key->port.be)));
	}
}

static void a_forward_is_kept_for_people(void **state)
{
	struct sg_forward want = {
		.name = "a-name-of-thirty-one-characters",
		.protocol = IPPROTO_TCP,
		.has_sources = 1,
		.first = 2000,
		.last = 2009,
		.to_first = 80,
	};

	(void)state;
	make("forward \"a-name-of-thirty-one-characters\" {\n"
	     "  ports = {\"2000-2009\"} to = \"80\" from = {\"10.1.0.1\"} "
	     "}\n",
	     1);
	assert_memory_equal(&entries.forwards[0], &want, sizeof(want));
}

static void sources_belong_to_their_rule_and_side(void **state)
{
	static const struct {
		uint32_t rule;
		const char *network;
	} want[] = {
		{1, "10.1.0.0/24"}, {1, "192.168.7.9"}, {2, "10.1.0.0/24"},
		{2, "192.168.7.9"}, {3, "0.0.0.0/0"},
	};

	(void)state;
	make("forward \"open\" { ports = {\"1\"} }\n"
	     "forward \"two\" { ports = {\"2\", \"4-5\"}\n"
	     "  from = {\"10.1.0.0/24\", \"192.168.7.9\"} }\n"
	     "forward \"all\" { ports = {\"3\"} from = {\"0.0.0.0/0\"} }\n",
	     1);
	assert_int_equal(entries.source_count, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++) {
		struct network network = network_of(want[i].network);
		struct sg_source_key key = {
			.prefix_bits = 64 + network.prefix,
			.slot = 1,
			.rule = want[i].rule,
			.addr = network.addr,
		};

		assert_memory_equal(&entries.source_keys[i], &key, sizeof(key));
	}
	assert_int_equal(entries.port_count, 5);
	for (size_t i = 0; i < entries.port_count; i++)
		assert_int_equal(entries.ports[i].has_sources,
				 entries.ports[i].rule > 0);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(entries.forward_keys[i].slot, 1);
		assert_int_equal(entries.forward_keys[i].position, i);
		assert_int_equal(entries.forwards[i].has_sources, i > 0);
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_policy_has_no_ports),
		TEST(the_policy_is_taken_field_by_field),
		TEST(a_port_is_in_network_byte_order),
		TEST(a_range_is_a_port_for_each_with_its_own_target),
		TEST(ports_reach_both_ends_of_their_space),
		TEST(each_port_and_no_other_is_marked),
		TEST(a_forward_is_kept_for_people),
		TEST(sources_belong_to_their_rule_and_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
