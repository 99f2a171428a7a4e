// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration's grammar: what each text means, or where it is wrong. */
#include "cmocka_first.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#define SSH "forward \"ssh\" { ports = {\"22\"} }\n"

/* Refused with one line that begins with the place; nothing is changed. */
static void assert_refused(const char *text, int line, const char *what)
{
	struct policy before;
	struct policy policy;
	struct fault fault;
	char place[32];

	memset(&before, 0x5a, sizeof(before));
	memcpy(&policy, &before, sizeof(policy));
	print_message("# %.60s\n", text);
	assert_true(config_parse(text, "file", &policy, &fault) < 0);
	assert_memory_equal(&policy, &before, sizeof(policy));
	snprintf(place, sizeof(place), "file:%d: ", line);
	assert_memory_equal(fault.text, place, strlen(place));
	if (!strstr(fault.text, what))
		fail_msg("\"%s\" does not say \"%s\"", fault.text, what);
	assert_null(strchr(fault.text, '\n'));
}

static struct policy assert_accepted(const char *text)
{
	struct policy policy;
	struct fault fault;

	print_message("# %.60s\n", text);
	if (config_parse(text, "file", &policy, &fault))
		fail_msg("%s", fault.text);
	return policy;
}

static void assert_fine(const char *text)
{
	struct policy policy = assert_accepted(text);

	policy_release(&policy);
}

static void a_file_of_forwards_is_enough(void **state)
{
	struct policy policy = assert_accepted(SSH);

	(void)state;
	assert_int_equal(policy.forward_count, 1);
	assert_string_equal(policy.forwards[0].name, "ssh");
	assert_int_equal(policy.forwards[0].protocol, IPPROTO_TCP);
	assert_int_equal(policy.forwards[0].to_first, 22);
	assert_int_equal(policy_role_of(&policy, "tap0"), SG_ROLE_VPN);
	assert_int_equal(policy_role_of(&policy, "enp3s0"), SG_ROLE_LAN);
	assert_int_equal(policy_role_of(&policy, "ve-container"),
			 SG_ROLE_CONTAINER);
	assert_int_equal(policy_role_of(&policy, "tap1"), SG_ROLE_LAN);
	assert_int_equal(policy.control_port, 23);
	assert_int_equal(policy.masquerade_roles, 3);
	assert_false(policy.egress_strict);
	assert_int_equal(policy.echo_roles, 7);
	assert_int_equal(policy.flows, 65536);
	assert_int_equal(policy.timeout_s.tcp_established, 432000);
	assert_false(policy.grants[0] || policy.grants[1]);
	policy_release(&policy);
}

static void every_section_is_taken(void **state)
{
	struct policy policy = assert_accepted(
		"vpn { interfaces = {\"wg*\", \"tun0\"} network = "
		"\"10.8.0.0/16\" }\n"
		"lan { interfaces = {\"usb0\"} }\n"
		"container { interface = \"ve-x\" address = \"10.9.0.5\"\n"
		"            network = \"10.9.0.0/29\" }\n"
		"forward \"a\" { protocol = udp ports = {\"53\", \"60-70\"}\n"
		"              from = {\"10.8.0.0/16\", \"10.7.7.7\"} }\n"
		"forward \"b\" { ports = {\"8080-8089\"} to = \"80-89\" }\n"
		"grants { lan-access = on host-control = yes }\n"
		"host { control-port = 0 icmp-echo = {} }\n"
		"egress { masquerade = {\"lan\"} ports = \"50000-50099\" "
		"strict = on }\n"
		"limits { flows = 1024 half-open = 512 }\n"
		"timeouts { udp-new = \"1m\" icmp = \"5\" }\n");

	(void)state;
	assert_int_equal(policy_role_of(&policy, "wg7"), SG_ROLE_VPN);
	assert_int_equal(policy_role_of(&policy, "usb0"), SG_ROLE_LAN);
	assert_true(policy_role_of(&policy, "eth0") < 0);
	assert_int_equal(policy.forward_count, 3);
	assert_int_equal(policy.forwards[1].ports.first, 60);
	assert_int_equal(policy.forwards[1].source_first, 0);
	assert_int_equal(policy.forwards[1].source_count, 2);
	assert_int_equal(policy.sources[1].prefix, 128);
	assert_int_equal(policy.forwards[2].to_first, 80);
	assert_true(policy.grants[0] && policy.grants[1]);
	assert_int_equal(policy.control_port, 0);
	assert_int_equal(policy.echo_roles, 0);
	assert_int_equal(policy.masquerade_roles, SG_ROLE_BIT(SG_ROLE_LAN));
	assert_true(policy.egress_strict);
	assert_int_equal(policy.masquerade_ports.last, 50099);
	assert_int_equal(policy.flows, 1024);
	assert_int_equal(policy.half_open, 512);
	assert_int_equal(policy.timeout_s.udp_new, 60);
	assert_int_equal(policy.timeout_s.icmp, 5);
	assert_int_equal(policy.timeout_s.udp_assured, 180);
	policy_release(&policy);
}

static void case_81_overlapping_ranges(void **state)
{
	(void)state;
	assert_refused("forward \"a\" { ports = {\"20-30\"} }\n"
		       "forward \"b\" { ports = {\"30-40\"} }\n",
		       2, "overlap forward \"a\"");
	assert_refused("forward \"a\" { ports = {\"5\", \"1-9\"} }\n", 1,
		       "overlap");
	assert_refused(SSH "\n\nforward \"b\" { ports = {\"1-100\"} }\n", 4,
		       "overlap");
	assert_refused("forward \"a\" { ports = {\"20-30\"} }\n"
		       "host { control-port = 23 }\n",
		       1, "the host control port");
	assert_fine("forward \"a\" { ports = {\"24-30\"} }\n"
		    "forward \"b\" { ports = {\"31\"} }\n"
		    "forward \"c\" { protocol = udp ports = {\"20-31\"} }\n");
}

static void case_82_ports_that_are_none(void **state)
{
	static const char *const ports[] = {"0",   "65536", "-1",  "22x",
					    "9-1", "",	    " 22", "1-65536"};
	char text[128];

	(void)state;
	for (size_t i = 0; i < COUNT(ports); i++) {
		snprintf(
			text, sizeof(text),
			"# a comment\nforward \"a\" {\n  ports = {\"%s\"}\n}\n",
			ports[i]);
		assert_refused(text, 3, "not a port or range");
		snprintf(text, sizeof(text),
			 "forward \"a\" {\nports = {\"24\",\n\"%s\"} }\n",
			 ports[i]);
		assert_refused(text, 3, "not a port or range");
	}
	assert_refused("forward \"a\" { ports = {} }", 1,
		       "not a port or range");
	assert_refused("forward \"a\" { }", 1, "has no ports");
	assert_refused("host { control-port = 65536 }", 1, "from 0 to 65535");
	assert_refused("host { control-port = -1 }", 1, "from 0 to 65535");
	assert_refused("host { control-port = 2x }", 1, "from 0 to 65535");
}

static void case_83_unknown_keys(void **state)
{
	(void)state;
	assert_refused("colour = red\n", 1, "colour");
	assert_refused(SSH "firewall { }\n", 2, "firewall");
	assert_refused("forward \"a\" {\n ports = {\"24\"}\n port = 2\n}\n", 3,
		       "port");
	assert_refused("lan { network = \"10.0.0.0/8\" }\n", 1, "network");
	assert_refused("grants { everything = on }\n", 1, "everything");
	assert_refused("include(\"/etc/passwd\")\n", 1, "'('");
}

static void case_84_duplicates(void **state)
{
	(void)state;
	assert_refused(SSH SSH, 2, "duplicate title");
	assert_refused("forward \"a\" { ports = {\"24\"}\nports = {\"25\"} }\n",
		       2, "given twice");
	assert_refused("vpn { interfaces = {\"a\"} }\nvpn { }\n", 2,
		       "given twice");
	assert_refused("host { control-port = 1\ncontrol-port = 1 }\n", 2,
		       "given twice");
	assert_refused("host { icmp-echo = {\"vpn\"}\nicmp-echo += {\"lan\"} }",
		       2, "'+'");
	assert_refused("lan { interfaces = {\"tap0\"} }\n", 1, "both vpn and");
}

static void case_89_an_empty_file_denies_all(void **state)
{
	static const char *const texts[] = {"", "\n\n", "# nothing\n",
					    "/* nothing */"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct policy policy = assert_accepted(texts[i]);

		assert_int_equal(policy.forward_count, 0);
		assert_int_equal(policy.echo_roles, 0);
		assert_int_equal(policy.masquerade_roles, 0);
		assert_int_equal(policy.control_port, 0);
		policy_release(&policy);
	}
}

static void case_90_networks(void **state)
{
	(void)state;
	assert_refused(
		"forward \"a\" { ports = {\"24\"} from = {\"10.1.0.1/24\"} }",
		1, "not a network");
	assert_refused(
		"forward \"a\" { ports = {\"24\"}\nfrom = {\"10.1.0.0/33\"} }",
		2, "not a network");
	assert_refused(
		"forward \"a\" { ports = {\"24\"}\nfrom = {\"fd00::1/64\"} }",
		2, "not a network");
	assert_fine("forward \"a\" { ports = {\"24\"} from = "
		    "{\"10.1.0.0/24\", \"fd00:1::/64\"} }");
	assert_refused("vpn { network = \"fd00:1::/64\" }", 1,
		       "not an IPv4 network");
	assert_refused("container { address = \"fd00:3::2\" }", 1,
		       "not an IPv4 address");
	assert_refused("container { address = \"10.0.3\" }", 1,
		       "not an IPv4 address");
	assert_refused("\ncontainer { address = \"10.1.0.9\" }", 2, "overlap");
	assert_refused("container { network = \"10.0.4.0/24\" }", 1,
		       "is not in the container's network");
	assert_refused("vpn { network = \"10.0.0.0/8\" }", 1, "overlap");
	assert_fine("vpn { network = \"10.2.0.0/16\" }");
}

static void case_91_interface_names(void **state)
{
	(void)state;
	assert_refused("lan { interfaces = {\"sixteen-letters!\"} }", 1,
		       "not an interface name");
	assert_refused("lan { interfaces = {\"eth0\",\n\"a/b\"} }", 2,
		       "not an interface name");
	assert_refused("container { interface = \"\" }", 1,
		       "not an interface name");
	assert_fine("lan { interfaces = {\"fifteen-letters\"} }");
}

static void ipv6_addresses_of_the_container(void **state)
{
	static const char *const wrong[] = {
		"10.0.3.2",	   "::",      "::1",
		"ff02::1",	   "fe80::2", "fd00:3::/64",
		"::ffff:10.0.3.2",
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		snprintf(text, sizeof(text), "container {\naddress6 = \"%s\" }",
			 wrong[i]);
		assert_refused(text, 2, "not a unicast IPv6 address");
	}
	assert_fine("container { address6 = \"fd00:3::2\" }");
}

static void limits_and_clamps(void **state)
{
	(void)state;
	assert_fine("limits { new-per-source = \"0\" }");
	assert_fine("limits { new-per-source = \"1000000\" }");
	assert_refused("limits { new-per-source = \"1000001\" }", 1, "1000000");
	assert_refused("limits { new-per-source = \"-1\" }", 1, "number");
	assert_fine("vpn { mss-clamp = off }\nlan { mss-clamp = on }");
	assert_refused("vpn {\nmss-clamp = maybe }", 2, "");
	assert_refused("container { mss-clamp = on }", 1, "");
	assert_fine("vpn { xdp = off }\nlan { xdp = generic }");
	assert_refused("lan {\nxdp = fast }", 2, "neither native");
	assert_refused("vpn { xdp = off xdp = native }", 1, "twice");
	assert_refused("container { xdp = native }", 1, "");
}

static void other_values(void **state)
{
	(void)state;
	assert_refused("forward \"a\" { protocol = sctp ports = {\"24\"} }", 1,
		       "neither tcp nor udp");
	assert_refused("forward \"\" { ports = {\"24\"} }", 1, "name of 1 to");
	assert_refused("forward \"a\" { ports = {\"24\", \"25\"} to = \"9\" }",
		       1, "goes with one range");
	assert_refused("forward \"a\" { ports = {\"24-25\"} to = \"1-9\" }", 1,
		       "not as long");
	assert_refused("forward \"a\" { ports = {\"24-30\"} to = \"65535\" }",
		       1, "past port 65535");
	assert_refused("forward \"a\" { ports = \"24\" }", 1, "as a list");
	assert_refused("host { icmp-echo = {\"wan\"} }", 1, "not a role");
	assert_refused("egress { masquerade = {\"container\"} }", 1,
		       "not an uplink");
	assert_refused("egress { ports = \"80-90\" }", 1, "from 1024 on");
	assert_refused("limits { flows = 1000 }", 1, "power of two");
	assert_refused("limits { flows = 8 }", 1, "a number from 16");
	assert_refused("limits { half-open = 0 }", 1, "a number from 16");
	assert_refused("timeouts { icmp = \"5 weeks\" }", 1, "not a duration");
	assert_refused("grants { lan-access = perhaps }", 1, "boolean");
}

static const char sample[] =
	"vpn { interfaces = {\"tap0\"} }\n"
	"forward \"ssh\" { protocol = tcp  ports = {\"22\"} }\n"
	"/* more\n of them */\n"
	"forward \"services\" {\n  ports = {\"2000-2009\"}\n}\n"
	"grants { lan-access = off }\n"
	"host { control-port = 23  icmp-echo = {\"vpn\", \"lan\"} }\n";

/* A file that is cut anywhere is refused or says what its whole sections do. */
static void case_92_cut_short_at_every_byte(void **state)
{
	static const char *const whole[] = {"ssh", "services"};
	char *text = strdup(sample);

	(void)state;
	for (size_t bytes = sizeof(sample) - 1; bytes > 0; bytes--) {
		struct policy policy;
		struct fault fault;
		size_t braces[2] = {0};

		text[bytes] = '\0';
		if (config_parse(text, "file", &policy, &fault))
			continue;
		for (const char *c = text; *c; c++) {
			braces[0] += *c == '{';
			braces[1] += *c == '}';
		}
		assert_int_equal(braces[0], braces[1]);
		for (size_t i = 0; i < policy.forward_count; i++)
			assert_string_equal(policy.forwards[i].name, whole[i]);
		assert_int_equal(policy.forward_count,
				 (strstr(text, "\"22\"} }") != NULL) +
					 (strstr(text, "2009\"}\n}") != NULL));
		policy_release(&policy);
	}
	free(text);
}

static void many_forwards(void **state)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	struct policy policy;

	(void)state;
	for (int i = 0; i < 5000; i++)
		fprintf(out, "forward \"f%d\" { ports = {\"%d\"} }\n", i,
			1000 + 2 * i);
	fclose(out);
	policy = assert_accepted(text);
	assert_int_equal(policy.forward_count, 5000);
	policy_release(&policy);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_forwards_is_enough),
		cmocka_unit_test(every_section_is_taken),
		cmocka_unit_test(case_81_overlapping_ranges),
		cmocka_unit_test(case_82_ports_that_are_none),
		cmocka_unit_test(case_83_unknown_keys),
		cmocka_unit_test(case_84_duplicates),
		cmocka_unit_test(case_89_an_empty_file_denies_all),
		cmocka_unit_test(case_90_networks),
		cmocka_unit_test(case_91_interface_names),
		cmocka_unit_test(ipv6_addresses_of_the_container),
		cmocka_unit_test(limits_and_clamps),
		cmocka_unit_test(other_values),
		cmocka_unit_test(case_92_cut_short_at_every_byte),
		cmocka_unit_test(many_forwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
