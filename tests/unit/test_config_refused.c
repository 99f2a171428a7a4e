// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines that the grammar must not let pass, each beside the neighbour that it
 * does. test_config.c has what each section means. */
#include "unit.h"

#define FORWARD(settings) "forward \"a\" { " settings " }\n"

/* One line of text in a list: taken in `accepted`, refused in `refused`. */
struct neighbours {
	const char *accepted;
	const char *refused;
	int line;
	const char *part;
};

static void assert_neighbours(const struct neighbours *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].accepted)
			assert_accepted(rows[i].accepted);
		assert_refused(rows[i].refused, rows[i].line, rows[i].part);
	}
}

static void case_81_overlapping_ranges_name_both(void **state)
{
	static const struct neighbours rows[] = {
		{FORWARD("ports = {\"22\", \"23-24\"} }\nhost { "
			 "control-port=0"),
		 FORWARD("ports = {\"22\", \"22-24\"}"), 1,
		 "overlap forward \"a\" (line 1)"},
		{FORWARD("ports = {\"22\"}") "forward \"b\" { protocol = udp "
					     "ports = {\"22\"} }\n",
		 FORWARD("ports = {\"22\"}") "\nforward \"b\" { "
					     "ports = {\"22\"} }\n",
		 3, "overlap forward \"a\" (line 1)"},
		{FORWARD("ports = {\"24\"}"), "\n" FORWARD("ports = {\"23\"}"),
		 2, "control port"},
		{FORWARD("ports = {\"22\"}"), FORWARD("ports = {\"22-23\"}"), 1,
		 "host control port"},
	};

	(void)state;
	assert_neighbours(rows, COUNT(rows));
}

static void case_82_ports_that_are_not(void **state)
{
	static const struct neighbours rows[] = {
		{FORWARD("ports = {22}"), FORWARD("ports = {22x}"), 1, "22x"},
		{FORWARD("ports = {\"65535\"} }\negress { ports = \"1024\""),
		 FORWARD("ports = {\"65536\"}"), 1, "\"65536\""},
		{FORWARD("ports = {\"24-24\"}"), FORWARD("ports = {\"24-22\"}"),
		 1, "\"24-22\""},
		{FORWARD("ports = {\"1\"}"), FORWARD("ports = {\"0\"}"), 1,
		 "\"0\""},
		{FORWARD("ports = {\"1\"}"), FORWARD("ports = {\"-1\"}"), 1,
		 "\"-1\""},
		{FORWARD("ports = {1, 2}"), FORWARD("ports = {1 2}"), 1, "'2'"},
		{"host { control-port = 65535 }\negress { ports = \"1024\" }",
		 "host { control-port = 65536 }\n", 1, "65536"},
		{"egress { ports = \"1024-1024\" }\n",
		 "egress { ports = \"1023-1024\" }\n", 1, "1023-1024"},
		{FORWARD("ports = {\"60001-60009\"} to = \"65527\""),
		 FORWARD("ports = {\"60001-60009\"} to = \"65528\""), 1,
		 "past port 65535"},
		{FORWARD("ports = {\"1-3\"} to = \"7-9\""),
		 FORWARD("ports = {\"1-3\"} to = \"7-8\""), 1, "as long as"},
		{FORWARD("ports = {\"1\", \"3\"}"),
		 FORWARD("ports = {\"1\", \"3\"} to = \"7\""), 1, "one range"},
		{NULL, FORWARD("protocol = tcp"), 1, "no ports"},
		{NULL, FORWARD("ports = {}"), 1, "ports"},
	};

	(void)state;
	assert_neighbours(rows, COUNT(rows));
}

/* libconfuse's lexer skips characters that are in none of its tokens */
static void case_82_no_character_is_skipped(void **state)
{
	static const struct neighbours rows[] = {
		{NULL, FORWARD("ports = {22*}"), 1, ""},
		{NULL, FORWARD("ports = {22+}"), 1, ""},
		{NULL, FORWARD("ports = {*22}"), 1, ""},
		{"lan { interfaces = {\"usb*\"} }\n",
		 "lan { interfaces = {usb*} }\n", 1, ""},
		{NULL, "host { control-port = 22* }\n", 1, ""},
		{NULL, "\n" FORWARD("ports = {\"22\"}") "*\n", 3, ""},
	};

	(void)state;
	assert_neighbours(rows, COUNT(rows));
}

static void case_82_numbers_are_decimal(void **state)
{
	static const char *const texts[] = {
		"host { control-port = 023 }\n",
		"host { control-port = 0x17 }\n",
		"host { control-port = \"023\" }\n",
	};
	struct policy policy;
	struct fault fault;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (config_parse(texts[i], "FILE", &policy, &fault))
			continue; /* as good */
		assert_int_equal(policy.control_port, 23);
		policy_release(&policy);
	}
}

static void case_83_unknown_keys_and_sections(void **state)
{
	static const struct neighbours rows[] = {
		{"vpn { }\n", "Vpn { }\n", 1, "Vpn"},
		{NULL, "\nvpn = 5\n", 2, "vpn"},
		{NULL, "forwards \"a\" { ports = {\"22\"} }\n", 1, "forwards"},
		{NULL, FORWARD("ports = {\"22\"}\ncolor = red"), 2, "color"},
		{NULL, "lan { network = \"10.5.0.0/24\" }\n", 1, "network"},
		{NULL, "timeouts { tcp = \"5\" }\n", 1, "tcp"},
		{NULL, "grants { all = on }\n", 1, "all"},
		{NULL, "include(\"/etc/passwd\")\n", 1, ""},
		{NULL, "forward { ports = {\"22\"} }\n", 1, "title"},
		{NULL, FORWARD("ports = {\"22\"} }"), 1, "brace"},
	};

	(void)state;
	assert_neighbours(rows, COUNT(rows));
}

static void case_84_duplicates_of_every_kind(void **state)
{
	static const char *const sections[] = {
		"vpn",	"lan",	  "container", "grants",
		"host", "egress", "limits",    "timeouts",
	};
	static const struct neighbours rows[] = {
		{FORWARD("ports = {\"22\"}") "forward \"A\" {ports = {\"24\"}}",
		 FORWARD("ports = {\"22\"}") FORWARD("ports = {\"24\"}"), 2,
		 "'a'"},
		{NULL, FORWARD("ports = {\"22\"}\nports = {\"24\"}"), 2,
		 "ports"},
		{NULL, FORWARD("ports = {\"22\"}\nports += {\"24\"}"), 2, ""},
		{NULL, FORWARD("protocol = udp\nprotocol = udp ports={\"22\"}"),
		 2, "protocol"},
		{NULL, "limits { flows = 16\nflows = 16 }\n", 2, "flows"},
		{NULL, "grants { lan-access = on\nlan-access = off }\n", 2,
		 "lan-access"},
		{NULL, "timeouts { icmp = \"1\"\nicmp = \"1\" }\n", 2, "icmp"},
	};
	char text[64];

	(void)state;
	assert_neighbours(rows, COUNT(rows));
	for (size_t i = 0; i < COUNT(sections); i++) {
		snprintf(text, sizeof(text), "%s { }\n%s { }\n", sections[i],
			 sections[i]);
		assert_refused(text, 2, sections[i]);
	}
}

static void case_84_an_empty_list_replaces_no_other(void **state)
{
	static const struct neighbours rows[] = {
		{"host { icmp-echo = {} }\n",
		 "host { icmp-echo = {\"vpn\"}\nicmp-echo = {} }\n", 2,
		 "icmp-echo"},
		{FORWARD("ports = {\"22\"} from = {\"10.1.0.0/24\"}"),
		 FORWARD("ports = {\"22\"} from = {\"10.1.0.0/24\"}\n"
			 "from = {}"),
		 2, "from"},
	};

	(void)state;
	assert_neighbours(rows, COUNT(rows));
}

static void case_84_no_list_replaces_an_empty_one(void **state)
{
	(void)state;
	assert_refused("egress { masquerade = {}\nmasquerade = {\"lan\"} }\n",
		       2, "masquerade");
	assert_refused("host { icmp-echo = {}\nicmp-echo = {\"lan\"} }\n", 2,
		       "icmp-echo");
}

static void case_90_networks_and_their_lines(void **state)
{
	static const struct neighbours rows[] = {
		{"vpn { network = \"10.0.2.0/24\" }\n",
		 "vpn { network = \"10.0.3.0/24\" }\n", 1, "overlap"},
		{"container { address = \"10.1.1.9\" }\n",
		 "\ncontainer { address = \"10.1.0.9\" }\n", 2, "overlap"},
		{"container { address = \"10.7.0.2\" network = "
		 "\"10.7.0.0/16\" }\n",
		 "\ncontainer { address = \"10.8.0.2\" network = "
		 "\"10.7.0.0/16\" }\n",
		 2, "is not in"},
		{FORWARD("ports = {\"22\"} from = {\"10.0.0.0/8\"}"),
		 FORWARD("ports = {\"22\"}\nfrom = {\"10.0.0.1/8\"}"), 2,
		 "10.0.0.1/8"},
		{NULL, "\n\nvpn { network = \"10.0.3.0/24\" }\n", 3, "overlap"},
		{NULL, "\n\nvpn { interfaces = {\"*\"} }\n", 3, "*"},
		{NULL, "\n\nlan { interfaces = {\"tap0\"} }\n", 3, "tap0"},
	};

	(void)state;
	assert_neighbours(rows, COUNT(rows));
}

static void case_91_interface_names_and_their_lines(void **state)
{
	static const struct neighbours rows[] = {
		{"vpn { interfaces = {\"123456789012345\"} }\n",
		 "vpn { interfaces = {\n\"1234567890123456\"} }\n", 2,
		 "1234567890123456"},
		{"container { interface = \"ve-x\" }\n",
		 "container {\ninterface = \"ve/x\" }\n", 2, "ve/x"},
		{"lan { interfaces = {\"usb*\"} }\n",
		 "lan { interfaces = {\"usb*0\"} }\n", 1, "usb*0"},
	};

	(void)state;
	assert_neighbours(rows, COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_81_overlapping_ranges_name_both),
		cmocka_unit_test(case_82_ports_that_are_not),
		cmocka_unit_test(case_82_no_character_is_skipped),
		cmocka_unit_test(case_82_numbers_are_decimal),
		cmocka_unit_test(case_83_unknown_keys_and_sections),
		cmocka_unit_test(case_84_duplicates_of_every_kind),
		cmocka_unit_test(case_84_an_empty_list_replaces_no_other),
		cmocka_unit_test(case_84_no_list_replaces_an_empty_one),
		cmocka_unit_test(case_90_networks_and_their_lines),
		cmocka_unit_test(case_91_interface_names_and_their_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
