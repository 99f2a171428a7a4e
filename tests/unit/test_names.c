// SPDX-License-Identifier: GPL-2.0-or-later
/* Every value of the ABI's enums has a word, and no two have the same. */
#include <errno.h>
#include <netinet/in.h>

#include "config/names.h"
#include "sg_reason.h"
#include "unit.h"

typedef const char *(*name_of)(unsigned int value);

static void assert_distinct(name_of name, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		assert_non_null(name(i));
		assert_true(name(i)[0]);
		assert_string_not_equal(name(i), "?");
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(name(i), name(j));
	}
	assert_string_equal(name(count), "?");
	assert_string_equal(name(UINT32_MAX), "?");
}

static void every_value_has_a_name_of_its_own(void **state)
{
	(void)state;
	assert_distinct(name_of_role, SG_ROLE_COUNT);
	assert_distinct(name_of_grant, SG_GRANT_COUNT);
	assert_distinct(name_of_kind, SG_KIND_COUNT);
	assert_distinct(name_of_state, SG_STATE_COUNT);
	assert_distinct(name_of_reason, SG_REASON_COUNT);
	assert_distinct(text_of_reason, SG_REASON_COUNT);
}

static void names_are_those_that_are_documented(void **state)
{
	(void)state;
	assert_string_equal(name_of_role(SG_ROLE_VPN), "vpn");
	assert_string_equal(name_of_role(SG_ROLE_LAN), "lan");
	assert_string_equal(name_of_role(SG_ROLE_CONTAINER), "container");
	assert_string_equal(name_of_grant(0), "lan-access");
	assert_string_equal(name_of_grant(1), "host-control");
	assert_string_equal(name_of_kind(SG_KIND_MASQUERADE), "masquerade");
	assert_string_equal(name_of_state(SG_STATE_SYN_SENT), "syn-sent");
	assert_string_equal(name_of_reason(SG_OK), "ok");
	assert_string_equal(name_of_reason(SG_DROP_CLOSED_PORT), "closed-port");
	assert_string_equal(text_of_reason(SG_DROP_TTL),
			    "time to live ends here");
}

static void protocols_have_the_names_of_the_configuration(void **state)
{
	(void)state;
	assert_string_equal(name_of_protocol(IPPROTO_TCP), "tcp");
	assert_string_equal(name_of_protocol(IPPROTO_UDP), "udp");
	assert_string_equal(name_of_protocol(IPPROTO_ICMP), "icmp");
	assert_string_equal(name_of_protocol(IPPROTO_SCTP), "132");
	assert_string_equal(name_of_protocol(0), "0");
}

static void names_lead_back_to_their_values(void **state)
{
	static const char *const wrong[] = {"",	    "?",	  "VPN", "vpn ",
					    "lan-", "lan_access", "host"};

	(void)state;
	for (unsigned int role = 0; role < SG_ROLE_COUNT; role++)
		assert_int_equal(role_by_name(name_of_role(role)), role);
	for (unsigned int grant = 0; grant < SG_GRANT_COUNT; grant++)
		assert_int_equal(grant_by_name(name_of_grant(grant)), grant);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_int_equal(role_by_name(wrong[i]), -ENOENT);
		assert_int_equal(grant_by_name(wrong[i]), -ENOENT);
	}
	assert_int_equal(role_by_name("lan-access"), -ENOENT);
	assert_int_equal(grant_by_name("lan"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_has_a_name_of_its_own),
		cmocka_unit_test(names_are_those_that_are_documented),
		cmocka_unit_test(protocols_have_the_names_of_the_configuration),
		cmocka_unit_test(names_lead_back_to_their_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
