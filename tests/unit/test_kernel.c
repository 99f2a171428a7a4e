// SPDX-License-Identifier: GPL-2.0-or-later
/* The loader's questions to a kernel, and what `status` says of the answers: of
 * kernels that lack one thing or another, or take no program. They are played
 * here, as the library's system calls come by this program's syscall(). */
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "cmd/fallbacks.h"
#include "cmd/show.h"
#include "sys/kernel.h"
#include "unit.h"

#define EXCHANGE 0xf1	    /* BPF_CMPXCHG */
#define FIB_SOURCE 16	    /* BPF_FIB_LOOKUP_SRC */
#define TCX_INGRESS_TYPE 46 /* BPF_TCX_INGRESS */

static struct {
	bool takes_programs;
	bool has[KERNEL_FEATURE_COUNT];
} played;

static bool is_lookup; /* the program that was loaded last */

static bool has_insn(const union bpf_attr *attr, __u8 code, __s32 imm)
{
	const struct bpf_insn *insn =
		(const struct bpf_insn *)(uintptr_t)attr->insns;

	for (__u32 i = 0; i < attr->insn_cnt; i++)
		if (insn[i].code == code && insn[i].imm == imm)
			return true;
	return false;
}

static long refuse(int error)
{
	errno = error;
	return -1;
}

static long load(const union bpf_attr *attr)
{
	bool exchanges = has_insn(attr, BPF_STX | BPF_XADD | BPF_W, EXCHANGE);

	if (!played.takes_programs)
		return refuse(EPERM);
	is_lookup = has_insn(attr, BPF_JMP | BPF_CALL, BPF_FUNC_fib_lookup) &&
		    has_insn(attr, BPF_ALU64 | BPF_MOV | BPF_K, FIB_SOURCE);
	if (exchanges && !played.has[KERNEL_EXCHANGE])
		return refuse(EINVAL);
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

long syscall(long number, ...)
{
	union bpf_attr *attr;
	va_list args;
	int command;

	va_start(args, number);
	command = va_arg(args, int);
	attr = va_arg(args, union bpf_attr *);
	va_end(args);
	if (number != __NR_bpf)
		return refuse(ENOSYS);
	switch (command) {
	case BPF_PROG_LOAD:
		return load(attr);
	case BPF_LINK_CREATE:
		assert_int_equal(attr->link_create.attach_type,
				 TCX_INGRESS_TYPE);
		return refuse(played.has[KERNEL_TCX] ? ENODEV : EINVAL);
	case BPF_PROG_TEST_RUN:
		assert_true(is_lookup);
		attr->test.retval =
			(__u32) -
			(played.has[KERNEL_FIB_SOURCE] ? EAFNOSUPPORT : EINVAL);
		return 0;
	default:
		return refuse(EINVAL);
	}
}

/* Play a kernel that has all but one: the features that programs are asked by.
 */
static void play_without(enum kernel_feature feature)
{
	played.takes_programs = true;
	for (int i = 0; i < KERNEL_FEATURE_COUNT; i++)
		played.has[i] = i != (int)feature;
}

static const enum kernel_feature by_programs[] = {KERNEL_EXCHANGE, KERNEL_TCX,
						  KERNEL_FIB_SOURCE};
#define BY_PROGRAMS (sizeof(by_programs) / sizeof(by_programs[0]))

static const char *instead_of(const char *missing)
{
	static char said[256];
	struct json_object *rows = json_object_new_array();

	said[0] = '\0';
	fallbacks_add(rows);
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (strcmp(json_object_get_string(
				   json_object_object_get(row, "missing")),
			   missing) == 0)
			snprintf(said, sizeof(said), "%s",
				 json_object_get_string(json_object_object_get(
					 row, "instead")));
	}
	json_object_put(rows);
	return said;
}

static void what_one_kernel_lacks_is_known_and_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < BY_PROGRAMS; i++) {
		play_without(by_programs[i]);
		for (size_t j = 0; j < BY_PROGRAMS; j++) {
			enum kernel_feature feature = by_programs[j];
			const struct kernel_words *words =
				kernel_words(feature);

			assert_int_equal(kernel_ask(feature),
					 i == j ? KERNEL_LACKS : KERNEL_HAS);
			assert_string_equal(instead_of(words->name),
					    i == j ? words->instead : "");
		}
	}
}

static void no_answer_is_not_taken_for_one(void **state)
{
	(void)state;
	play_without(KERNEL_FEATURE_COUNT);
	played.takes_programs = false;
	for (size_t i = 0; i < BY_PROGRAMS; i++) {
		const char *said =
			instead_of(kernel_words(by_programs[i])->name);

		assert_int_equal(kernel_ask(by_programs[i]), KERNEL_UNKNOWN);
		assert_int_equal(strncmp(said, "not known", 9), 0);
		assert_false(kernel_has(by_programs[i]));
	}
	played.takes_programs = true; /* it is asked again */
	for (size_t i = 0; i < BY_PROGRAMS; i++)
		assert_true(kernel_has(by_programs[i]));
	play_without(KERNEL_TCX); /* and then no more */
	assert_true(kernel_has(KERNEL_TCX));
}

static void each_is_told_in_a_line_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < KERNEL_FEATURE_COUNT; i++) {
		const struct kernel_words *words =
			kernel_words((enum kernel_feature)i);

		assert_one_line(words->name);
		assert_one_line(words->since);
		assert_one_line(words->instead);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
				words->name,
				kernel_words((enum kernel_feature)j)->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_one_kernel_lacks_is_known_and_said),
		cmocka_unit_test(no_answer_is_not_taken_for_one),
		cmocka_unit_test(each_is_told_in_a_line_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
