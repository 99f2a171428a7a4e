// SPDX-License-Identifier: GPL-2.0-or-later
/* Small texts to values; beside what is taken stands what is not. */
#include <errno.h>

#include "unit.h"

static void ports_are_one_or_a_range(void **state)
{
	static const struct {
		const char *text;
		struct port_range range;
	} right[] = {
		{"1", {1, 1}},
		{"22", {22, 22}},
		{"65535", {65535, 65535}},
		{"2000-2009", {2000, 2009}},
		{"22-22", {22, 22}},
		{"1-65535", {1, 65535}},
	};
	struct port_range range;

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++) {
		assert_int_equal(text_parse_ports(right[i].text, &range), 0);
		assert_int_equal(range.first, right[i].range.first);
		assert_int_equal(range.last, right[i].range.last);
	}
}

static void case_82_other_ports_are_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"0",
		"0-1",
		"1-0",
		"65536",
		"1-65536",
		"-1",
		"+1",
		" 1",
		"1 ",
		"22x",
		"x22",
		"22-",
		"-22",
		"22--23",
		"23-22",
		"22-23-24",
		"22 -23",
		"22- 23",
		"22-x",
		"0x16",
		"22,23",
		"22.0",
		"1e3",
		"ssh",
		"22\n",
		"4294967318",
		"18446744073709551638",
		"99999999999999999999999",
	};
	struct port_range range;

	(void)state;
	memset(&range, UNTOUCHED, sizeof(range));
	for (size_t i = 0; i < COUNT(wrong); i++) {
		if (text_parse_ports(wrong[i], &range) != -EINVAL)
			fail_msg("\"%s\" is a port range", wrong[i]);
		assert_untouched(&range, sizeof(range));
	}
}

static void durations_are_seconds_or_have_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint32_t seconds;
	} right[] = {
		{"1h30m", 5400},
		{"1d1s", 86401},
		{"1", 1},
		{"45", 45},
		{"45s", 45},
		{"30m", 1800},
		{"2h", 7200},
		{"5d", 432000},
		{"3650d", 315360000},
		{"87600h", 315360000},
		{"315360000", 315360000},
	};
	static const char *const wrong[] = {
		"",	 "0",	       "0s",
		"0d",	 "-1",	       "+1",
		" 1",	 "1 ",	       "1 m",
		"m",	 "1w",	       "1M",
		"1ms",	 "30s1m",      "1.5h",
		"3651d", "87601h",     "315360001",
		"1h30",	 "1h1h",       "3650d1s",
		"1h ",	 "1dd",	       "1e2",
		"0x10",	 "4294967297", "213503982334602d",
	};
	uint32_t seconds;

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++) {
		assert_int_equal(text_parse_duration(right[i].text, &seconds),
				 0);
		assert_int_equal(seconds, right[i].seconds);
	}
	memset(&seconds, UNTOUCHED, sizeof(seconds));
	for (size_t i = 0; i < COUNT(wrong); i++) {
		if (text_parse_duration(wrong[i], &seconds) != -EINVAL)
			fail_msg("\"%s\" is a duration", wrong[i]);
		assert_untouched(&seconds, sizeof(seconds));
	}
}

/* Of 2026-03-29 00:59:30, in Berlin: a day of 23 hours begins. */
static void the_next_time_of_a_clock(void **state)
{
	static const char *const wrong[] = {"",	     "24:00", "12:60",	"1:00",
					    "12:0",  "12.00", "12:000", "-1:00",
					    "ab:cd", "12:00 "};
	static const struct {
		const char *text;
		uint32_t seconds;
	} right[] = {
		{"01:00", 30},
		{"00:59", 23 * 3600 - 30},
		{"03:00", 30 + 3600}, /* there is no 02:00 to wait through */
		{"23:59", 30 + 22 * 3600 - 60},
	};
	const time_t now = 1774742370;
	uint32_t seconds;

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	for (size_t i = 0; i < COUNT(right); i++) {
		assert_int_equal(text_parse_clock(right[i].text, now, &seconds),
				 0);
		assert_int_equal(seconds, right[i].seconds);
	}
	for (size_t i = 0; i < COUNT(wrong); i++)
		if (text_parse_clock(wrong[i], now, &seconds) == 0)
			fail_msg("\"%s\" is a time of day", wrong[i]);
}

static void case_91_interface_names_fit_the_kernel(void **state)
{
	static const char *const right[] = {
		"a",   "tap0",	 "ve-container",    "eth*",
		"*",   "eth0.7", "123456789012345", "12345678901234*",
		"...",
	};
	static const char *const wrong[] = {
		"",
		"1234567890123456",
		"123456789012345*",
		".",
		"..",
		"a/b",
		"a\"b",
		"/",
		"a:1",
		"a b",
		"a\tb",
		"a\n",
		"*a",
		"a*b",
		"a**",
		"**",
		"\x7f",
		"\xc3\xa9th0",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++)
		if (!text_is_interface(right[i]))
			fail_msg("\"%s\" is refused", right[i]);
	for (size_t i = 0; i < COUNT(wrong); i++)
		if (text_is_interface(wrong[i]))
			fail_msg("\"%s\" is an interface", wrong[i]);
}

static void patterns_match_by_their_start(void **state)
{
	(void)state;
	assert_true(text_interface_matches("tap0", "tap0"));
	assert_false(text_interface_matches("tap0", "tap01"));
	assert_false(text_interface_matches("tap0", "tap"));
	assert_true(text_interface_matches("eth*", "eth0"));
	assert_true(text_interface_matches("eth*", "eth"));
	assert_false(text_interface_matches("eth*", "et"));
	assert_false(text_interface_matches("eth*", "veth0"));
	assert_true(text_interface_matches("*", "lo"));
	assert_false(text_interface_matches("", "lo"));
}

static void a_word_may_be_meant_for_a_name(void **state)
{
	static const struct {
		const char *word;
		bool is_near;
	} cases[] = {
		{"packets", true},   {"p", true},	{"pack", true},
		{"packet", true},    {"pakets", true},	{"pocketz", false},
		{"packettss", true}, {"puckets", true}, {"", false},
		{"bytes", false},    {"kets", false},	{"Packets", true},
		{"pxxxxts", false},  {"pkts", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (text_is_near(cases[i].word, "packets") != cases[i].is_near)
			fail_msg("\"%s\"", cases[i].word);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_one_or_a_range),
		cmocka_unit_test(case_82_other_ports_are_refused),
		cmocka_unit_test(durations_are_seconds_or_have_a_unit),
		cmocka_unit_test(the_next_time_of_a_clock),
		cmocka_unit_test(case_91_interface_names_fit_the_kernel),
		cmocka_unit_test(patterns_match_by_their_start),
		cmocka_unit_test(a_word_may_be_meant_for_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
