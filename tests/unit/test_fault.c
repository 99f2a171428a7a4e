// SPDX-License-Identifier: GPL-2.0-or-later
/* A fault's return value and its one line. */
#include <errno.h>

#include "unit.h"

static void it_returns_a_negative_errno_for_either_sign(void **state)
{
	struct fault fault;

	(void)state;
	assert_int_equal(fault_set(&fault, ENOENT, "a"), -ENOENT);
	assert_int_equal(fault_set(&fault, -ENOENT, "b"), -ENOENT);
	assert_string_equal(fault.text, "b");
	fault_set(&fault, EINVAL, "%s:%d", "c", 7);
	assert_string_equal(fault.text, "c:7");
}

static void a_long_message_is_cut_and_ends(void **state)
{
	struct {
		struct fault fault;
		uint8_t behind[16];
	} both;
	char longer[2000];

	(void)state;
	memset(&both, UNTOUCHED, sizeof(both));
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	fault_set(&both.fault, EINVAL, "%s", longer);
	assert_int_equal(strlen(both.fault.text), sizeof(both.fault.text) - 1);
	assert_untouched(both.behind, sizeof(both.behind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_returns_a_negative_errno_for_either_sign),
		cmocka_unit_test(a_long_message_is_cut_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
