// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration as text: where lines are counted, what strings may hold,
 * and a file that was cut short (case 92). */
#include "sys/cleanup.h"
#include "unit.h"

#define SSH "forward \"ssh\" { ports = {\"22\"} }\n"

static void lines_are_counted_past_comments(void **state)
{
	static const struct {
		const char *text;
		int line;
	} rows[] = {
		{"bogus = 1\n", 1},
		{"\n\nbogus = 1\n", 3},
		{"# a\n# b\nbogus = 1\n", 3},
		{"#\n//\n/**/\nbogus = 1\n", 4},
		{"/* a\n * b\n */ bogus = 1\n", 3},
		{SSH "vpn { # a\n } // b\nbogus = 1\n", 4},
		{"vpn {\n# \"\nnetwork = \"10.1.0.1/24\"\n}\n", 3},
		{"vpn { interfaces = {\"a\", # b\n\"c/d\"} }\n", 2},
		{"vpn { interfaces = {\"#\", '//', \"/*\"} }\n", 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_refused(rows[i].text, rows[i].line, "");
}

static void strings_hold_what_is_written_in_them(void **state)
{
	struct policy policy;

	(void)state;
	parse_accepted("forward '# no' { ports = {\"22\"} } # yes\n", &policy);
	assert_string_equal(policy.forwards[0].name, "# no");
	policy_release(&policy);
	/* no policy is by the environment of whoever loads it */
	setenv("SCOUTGATE_UNIT", "22", 1);
	assert_refused("forward \"a\" { ports = {\"${SCOUTGATE_UNIT}\"} }\n", 1,
		       "");
	assert_refused("forward \"a\" { ports = {${SCOUTGATE_UNIT}} }\n", 1,
		       "");
}

static void case_86_strings_hold_no_control_characters(void **state)
{
	static const char *const names[] = {"a\\nb", "a\\x1b[2Jb", "a\\eb",
					    "a\\177b", "a\tb"};
	struct policy policy;
	struct fault fault;
	char text[128];

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(text, sizeof(text),
			 "forward \"%s\" { ports = {\"22\"} }\n", names[i]);
		assert_refused(text, 1, "");
	}
	/* at its first line, or its last */
	if (config_parse("forward \"a\nb\" { ports = {\"22\"} }\n", "FILE",
			 &policy, &fault) == 0)
		fail_msg("a name is two lines");
	assert_one_line(fault.text);
}

static void case_86_no_nul_hides_the_rest_of_a_string(void **state)
{
	(void)state;
	assert_refused("forward \"a\" { ports = {\"22\\x00 junk\"} }\n", 1, "");
	assert_refused("forward \"a\\0b\" { ports = {\"22\"} }\n", 1, "");
	assert_refused("vpn { interfaces = {\"tap0\\000/../x\"} }\n", 1, "");
}

static void an_empty_list_is_not_an_absent_one(void **state)
{
	static const char *const empty[] = {
		"{}",		"{ }", "{\n}", "{ # none\n }", "{ /* none */ }",
		"{\t// none\n}"};
	struct policy policy;
	struct fault fault;
	char text[128];

	(void)state;
	for (size_t i = 0; i < COUNT(empty); i++) {
		/* from nowhere is not from anywhere */
		snprintf(text, sizeof(text),
			 "forward \"a\" { ports = {\"22\"} from = %s }\n",
			 empty[i]);
		if (config_parse(text, "FILE", &policy, &fault) == 0)
			fail_msg("open to anyone: %s", text);
		/* no interfaces are not the default ones */
		snprintf(text, sizeof(text), "lan { interfaces = %s }\n",
			 empty[i]);
		if (config_parse(text, "FILE", &policy, &fault) == 0) {
			assert_int_equal(
				policy.roles[SG_ROLE_LAN].pattern_count, 0);
			policy_release(&policy);
		}
		snprintf(text, sizeof(text), "host { icmp-echo = %s }\n",
			 empty[i]);
		parse_accepted(text, &policy);
		assert_int_equal(policy.echo_roles, 0);
		policy_release(&policy);
	}
}

static void the_mark_of_the_end_is_not_for_files(void **state)
{
	(void)state;
	assert_refused("\"end of file\" = on\n", 1, "end of file");
	assert_refused("\"end of file\" = on\n" SSH "/* cut", 3, "close");
	assert_refused("forward \"end of file\" { }\n", 1, "no ports");
}

/* the lexer is a global of libconfuse's: it must begin anew each time */
static void a_refused_text_leaves_no_trace_in_the_next(void **state)
{
	static const char *const cut[] = {
		"/* a comment", "# a comment", "vpn { network = \"10.",
		"forward 'a",	"forward \"a", "vpn { interfaces = {\"a\",",
		"vpn {",	"\"\\777\"",   "x = \"\\",
	};
	struct policy policy;
	struct fault fault;

	(void)state;
	for (size_t i = 0; i < COUNT(cut); i++) {
		if (config_parse(cut[i], "FILE", &policy, &fault) == 0)
			policy_release(&policy);
		if (config_parse(SSH, "FILE", &policy, &fault))
			fail_msg("after <%s>: %s", cut[i], fault.text);
		assert_int_equal(policy.forward_count, 1);
		policy_release(&policy);
	}
}

static void a_file_that_ends_too_early_says_where(void **state)
{
	static const struct {
		const char *text;
		int line;
	} rows[] = {
		{SSH "vpn {", 2},
		{SSH "vpn {\n", 2},
		{SSH "vpn {\n  interfaces = {\"a\",", 3},
		{SSH "forward \"b\"", 2},
		{SSH "forward", 2},
		{SSH "forward \"b", 2},
		{SSH "forward \"b\" { ports = {\"24", 2},
		{SSH "forward \"b\" { ports =", 2},
		{SSH "/* more", 2},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_refused(rows[i].text, rows[i].line, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_counted_past_comments),
		cmocka_unit_test(strings_hold_what_is_written_in_them),
		cmocka_unit_test(case_86_strings_hold_no_control_characters),
		cmocka_unit_test(case_86_no_nul_hides_the_rest_of_a_string),
		cmocka_unit_test(an_empty_list_is_not_an_absent_one),
		cmocka_unit_test(the_mark_of_the_end_is_not_for_files),
		cmocka_unit_test(a_refused_text_leaves_no_trace_in_the_next),
		cmocka_unit_test(a_file_that_ends_too_early_says_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
