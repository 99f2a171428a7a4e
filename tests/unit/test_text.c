// SPDX-License-Identifier: GPL-2.0-or-later
/* Small texts to values and back; beside what is taken stands what is not. */
#include <arpa/inet.h>
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

static void addresses_are_mapped_and_in_network_order(void **state)
{
	static const uint8_t mapped[16] = {0, 0, 0,    0,    0,	 0, 0, 0,
					   0, 0, 0xff, 0xff, 10, 1, 0, 2};
	struct sg_addr addr = addr_of("10.1.0.2");
	struct sg_addr v6 = addr;

	(void)state;
	assert_memory_equal(&addr, mapped, sizeof(mapped));
	assert_true(text_addr_is_v4(&addr));
	addr = text_addr_from_v4(inet_addr("10.1.0.2"));
	assert_memory_equal(&addr, mapped, sizeof(mapped));
	for (int word = 0; word < 3; word++) {
		v6 = addr;
		v6.word[word] ^= htonl(1);
		assert_false(text_addr_is_v4(&v6));
	}
}

static void other_addresses_are_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"10.1.0",
		"10.1.0.256",
		"10.1.0.2.3",
		"10.1.0.-1",
		"10.1.0.2 ",
		" 10.1.0.2",
		"010.1.0.2",
		"0xa.1.0.2",
		"167837698",
		"10.1.0.2/24",
		"fd00::2",
		"::ffff:10.1.0.2",
		"host",
	};
	struct sg_addr addr;

	(void)state;
	memset(&addr, UNTOUCHED, sizeof(addr));
	for (size_t i = 0; i < COUNT(wrong); i++) {
		if (text_parse_addr(wrong[i], &addr) != -EINVAL)
			fail_msg("\"%s\" is an address", wrong[i]);
		assert_untouched(&addr, sizeof(addr));
	}
}

static void networks_have_no_host_bits(void **state)
{
	static const struct {
		const char *text;
		const char *addr;
		uint32_t prefix;
		const char *back;
	} right[] = {
		{"10.1.0.0/24", "10.1.0.0", 120, "10.1.0.0/24"},
		{"10.1.0.2", "10.1.0.2", 128, "10.1.0.2/32"},
		{"10.1.0.2/32", "10.1.0.2", 128, "10.1.0.2/32"},
		{"10.1.0.2/31", "10.1.0.2", 127, "10.1.0.2/31"},
		{"0.0.0.0/0", "0.0.0.0", 96, "0.0.0.0/0"},
		{"128.0.0.0/1", "128.0.0.0", 97, "128.0.0.0/1"},
	};
	char text[TEXT_ADDR_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++) {
		struct network network = network_of(right[i].text);
		struct sg_addr addr = addr_of(right[i].addr);

		assert_memory_equal(&network.addr, &addr, sizeof(addr));
		assert_int_equal(network.prefix, right[i].prefix);
		text_from_network(&network, text, sizeof(text));
		assert_string_equal(text, right[i].back);
	}
}

static void case_90_other_networks_are_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"/24",
		"10.1.0.0/",
		"10.1.0.0/33",
		"10.1.0.0/-1",
		"10.1.0.0/24x",
		"10.1.0.0/24/8",
		"10.1.0.0 /24",
		"10.1.0.0/ 24",
		"10.1.0.1/24",
		"10.1.0.3/31",
		"10.1.0.1/0",
		"128.0.0.0/0",
		"10.1.0/24",
		"10.1.0.0/255.255.255.0",
		"fd00::/64",
		"10.1.0.0/+24",
		"10.1.0.0/4294967320",
		"10.1.0.0-10.1.0.255",
		"1111111111111111111111111111111111111111111111111111111111111"
		"1111111111111/8",
	};
	struct network network;

	(void)state;
	memset(&network, UNTOUCHED, sizeof(network));
	for (size_t i = 0; i < COUNT(wrong); i++) {
		if (text_parse_network(wrong[i], &network) != -EINVAL)
			fail_msg("\"%s\" is a network", wrong[i]);
		assert_untouched(&network, sizeof(network));
	}
}

static void durations_are_seconds_or_have_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint32_t seconds;
	} right[] = {
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
		"",
		"0",
		"0s",
		"0d",
		"-1",
		"+1",
		" 1",
		"1 ",
		"1 m",
		"m",
		"1w",
		"1M",
		"1ms",
		"1m30s",
		"1.5h",
		"3651d",
		"87601h",
		"315360001",
		"1dd",
		"1e2",
		"0x10",
		"4294967297",
		"213503982334602d",
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

static void addresses_are_written_as_people_write_them(void **state)
{
	struct sg_addr v4 = addr_of("10.1.0.2");
	struct sg_addr v6 = {{htonl(0xfd000000), 0, 0, htonl(2)}};
	struct network network = text_network_of(&v6, 64);
	char text[TEXT_ADDR_BYTES];

	(void)state;
	text_from_addr(&v4, text, sizeof(text));
	assert_string_equal(text, "10.1.0.2");
	text_from_addr(&v6, text, sizeof(text));
	assert_string_equal(text, "fd00::2");
	text_from_network(&network, text, sizeof(text));
	assert_string_equal(text, "fd00::/64");
	text_from_addr(&v4, text, 8); /* does not fit */
	assert_string_equal(text, "?");
}

static void a_network_keeps_its_prefix_alone(void **state)
{
	static const uint32_t prefixes[] = {0,	1,  31, 32,  33,  63, 64,
					    95, 96, 97, 120, 127, 128};
	struct sg_addr ones;

	(void)state;
	memset(&ones, 0xff, sizeof(ones));
	for (size_t i = 0; i < COUNT(prefixes); i++) {
		struct network network = text_network_of(&ones, prefixes[i]);
		const uint8_t *byte = (const uint8_t *)&network.addr;

		assert_int_equal(network.prefix, prefixes[i]);
		for (uint32_t bit = 0; bit < 128; bit++)
			assert_int_equal(byte[bit / 8] >> (7 - bit % 8) & 1,
					 bit < prefixes[i]);
	}
}

static void networks_overlap_when_one_is_in_the_other(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		bool overlap;
	} pairs[] = {
		{"10.1.0.0/24", "10.1.0.0/24", true},
		{"10.1.0.0/24", "10.1.0.128/25", true},
		{"10.1.0.0/24", "10.1.0.7", true},
		{"10.1.0.0/24", "10.0.0.0/8", true},
		{"10.1.0.0/24", "0.0.0.0/0", true},
		{"10.1.0.0/24", "10.1.1.0/24", false},
		{"10.1.0.0/25", "10.1.0.128/25", false},
		{"10.1.0.1", "10.1.0.0", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct network a = network_of(pairs[i].a);
		struct network b = network_of(pairs[i].b);

		assert_int_equal(text_networks_overlap(&a, &b),
				 pairs[i].overlap);
		assert_int_equal(text_networks_overlap(&b, &a),
				 pairs[i].overlap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_one_or_a_range),
		cmocka_unit_test(case_82_other_ports_are_refused),
		cmocka_unit_test(addresses_are_mapped_and_in_network_order),
		cmocka_unit_test(other_addresses_are_refused),
		cmocka_unit_test(networks_have_no_host_bits),
		cmocka_unit_test(case_90_other_networks_are_refused),
		cmocka_unit_test(durations_are_seconds_or_have_a_unit),
		cmocka_unit_test(case_91_interface_names_fit_the_kernel),
		cmocka_unit_test(patterns_match_by_their_start),
		cmocka_unit_test(addresses_are_written_as_people_write_them),
		cmocka_unit_test(a_network_keeps_its_prefix_alone),
		cmocka_unit_test(networks_overlap_when_one_is_in_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
