// SPDX-License-Identifier: GPL-2.0-or-later
/* Addresses and networks: their texts, and what is in what. */
#include <arpa/inet.h>
#include <errno.h>

#include "unit.h"

static void addresses_are_mapped_and_in_network_order(void **state)
{
	static const uint8_t mapped[16] = {0, 0, 0,    0,    0,	 0, 0, 0,
					   0, 0, 0xff, 0xff, 10, 1, 0, 2};
	union sg_addr addr = addr_of("10.1.0.2");
	union sg_addr v6 = addr;

	(void)state;
	assert_memory_equal(&addr, mapped, sizeof(mapped));
	assert_true(text_addr_is_v4(&addr));
	assert_false(text_parse_addr("fd00::2", &v6));
	assert_false(text_addr_is_v4(&v6));
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
		"fd00::2::",
		"fd00::2%eth0",
		"::ffff:10.1.0.2",
		"host",
	};
	union sg_addr addr;

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
		{"fd00:3::/64", "fd00:3::", 64, "fd00:3::/64"},
		{"fd00:3::2", "fd00:3::2", 128, "fd00:3::2/128"},
		{"::/0", "::", 0, "::/0"},
	};
	char text[TEXT_ADDR_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++) {
		struct network network = network_of(right[i].text);
		union sg_addr addr = addr_of(right[i].addr);

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
		"fd00::/129",
		"fd00::1/64",
		"::ffff:10.1.0.0/120",
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

static void addresses_are_written_as_people_write_them(void **state)
{
	union sg_addr v4 = addr_of("10.1.0.2");
	union sg_addr v6 = {.word = {htonl(0xfd000000), 0, 0, htonl(2)}};
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
	union sg_addr ones;

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
		cmocka_unit_test(addresses_are_mapped_and_in_network_order),
		cmocka_unit_test(other_addresses_are_refused),
		cmocka_unit_test(networks_have_no_host_bits),
		cmocka_unit_test(case_90_other_networks_are_refused),
		cmocka_unit_test(addresses_are_written_as_people_write_them),
		cmocka_unit_test(a_network_keeps_its_prefix_alone),
		cmocka_unit_test(networks_overlap_when_one_is_in_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
