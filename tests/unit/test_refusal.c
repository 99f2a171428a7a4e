// SPDX-License-Identifier: GPL-2.0-or-later
/* The message for a program that the verifier refuses. The warnings are libbpf
 * 1.1's, as it gave them for a program of clang 15. */
#include <errno.h>

#include "sys/refusal.h"
#include "unit.h"

#define BEFORE                                                                 \
	"libbpf: prog 'sg_host_out': BPF program load failed: Permission "     \
	"denied\n"
#define LOG                                                                    \
	"libbpf: prog 'sg_host_out': -- BEGIN PROG LOAD LOG --\n"              \
	"; if (!port && !mapping)\n"                                           \
	"421: (4f) r1 |= r0\n"                                                 \
	"R1 pointer |= pointer prohibited\n"                                   \
	"processed 3021 insns (limit 1000000) max_states_per_insn 4\n"         \
	"-- END PROG LOAD LOG --\n"
#define AFTER "libbpf: prog 'sg_host_out': failed to load: -13\n"

static void assert_said(const char *warnings, const char *start)
{
	struct fault fault;

	assert_true(refusal_is_in(warnings));
	assert_int_equal(refusal_explain(warnings, -EACCES, &fault), -EACCES);
	if (strncmp(fault.text, start, strlen(start)) != 0)
		fail_msg("\"%s\" does not start with \"%s\"", fault.text,
			 start);
	assert_null(strchr(fault.text, '\n'));
}

static void the_program_and_the_reason_are_named(void **state)
{
	(void)state;
	assert_said(BEFORE LOG AFTER,
		    "the kernel's verifier refuses program sg_host_out: "
		    "R1 pointer |= pointer prohibited (Permission denied); ");
}

static void a_log_that_is_cut_is_no_harm(void **state)
{
	char text[] = BEFORE LOG AFTER;

	(void)state;
	for (size_t length = strlen(text); length-- > 0;) {
		text[length] = '\0';
		if (refusal_is_in(text))
			assert_said(text, "the kernel's verifier refuses "
					  "program sg_host_out: ");
	}
}

static void other_warnings_are_none_of_it(void **state)
{
	(void)state;
	assert_false(refusal_is_in(""));
	assert_false(refusal_is_in(BEFORE AFTER));
	assert_false(refusal_is_in("libbpf: couldn't reuse pinned map\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_program_and_the_reason_are_named),
		cmocka_unit_test(a_log_that_is_cut_is_no_harm),
		cmocka_unit_test(other_warnings_are_none_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
