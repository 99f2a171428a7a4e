// SPDX-License-Identifier: GPL-2.0-or-later
/* See kernel.h. */
#include "sys/kernel.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <unistd.h>

#include "sys/cleanup.h"

/* of newer <linux/bpf.h> */
#define TCX_INGRESS ((enum bpf_attach_type)46) /* 6.6 */
#define FIB_LOOKUP_SRC (1 << 4)		       /* 6.7 */

#define NO_INTERFACE 0x7fffffff
#define FRAME_BYTES 64 /* what a test run takes for a packet */

#define REGISTERS(dst, src) .dst_reg = (dst), .src_reg = (src)
#define COUNT_OF(items) (sizeof(items) / sizeof((items)[0]))

/* Load a program for tc. Returns a descriptor, or -errno. */
static int load(const struct bpf_insn *insns, size_t count)
{
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, NULL, "GPL", insns,
			       count, NULL);

	return fd < 0 ? -errno : fd;
}

/* Load one that every kernel takes: if not, no answer means anything. */
static int load_least(void)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, REGISTERS(0, 0)},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return load(insns, COUNT_OF(insns));
}

/* Load one that does nothing but an exchange. */
static enum kernel_answer ask_exchange(void)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, REGISTERS(0, 0)},
		{.code = BPF_STX | BPF_MEM | BPF_DW,
		 REGISTERS(10, 0),
		 .off = -8},
		{.code = BPF_STX | BPF_ATOMIC | BPF_W,
		 REGISTERS(10, 0),
		 .off = -8,
		 .imm = BPF_CMPXCHG},
		{.code = BPF_JMP | BPF_EXIT},
	};
	_cleanup_(cleanup_close) int fd = load(insns, COUNT_OF(insns));
	_cleanup_(cleanup_close) int least = fd < 0 ? load_least() : -1;

	if (fd >= 0)
		return KERNEL_HAS;
	return least < 0 ? KERNEL_UNKNOWN : KERNEL_LACKS;
}

/* Ask whether a program is shown the kernel's own view of a packet, which takes
 * the kernel's types to know. */
static enum kernel_answer ask_packet_view(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool has = btf && btf__find_by_name_kind(btf, "bpf_cast_to_kern_ctx",
						 BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return has ? KERNEL_HAS : KERNEL_LACKS;
}

/* A kernel that knows TCX finds that there is no such interface; one that does
 * not finds the attach type wrong. */
static enum kernel_answer ask_tcx(void)
{
	_cleanup_(cleanup_close) int program = load_least();
	_cleanup_(cleanup_close) int link = -1;

	if (program < 0)
		return KERNEL_UNKNOWN;
	link = bpf_link_create(program, NO_INTERFACE, TCX_INGRESS, NULL);
	return link < 0 && errno == ENODEV ? KERNEL_HAS : KERNEL_LACKS;
}

/* Run one that looks a route up, of no family: a kernel that knows the flag
 * finds the family wrong, and otherwise the flag. */
static enum kernel_answer ask_fib_source(void)
{
	const struct bpf_insn insns[] = {
#define ZERO_AT(offset)                                                        \
	{.code = BPF_ST | BPF_MEM | BPF_DW, REGISTERS(10, 0), .off = (offset)}
		ZERO_AT(-64),
		ZERO_AT(-56),
		ZERO_AT(-48),
		ZERO_AT(-40),
		ZERO_AT(-32),
		ZERO_AT(-24),
		ZERO_AT(-16),
		ZERO_AT(-8),
#undef ZERO_AT
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, REGISTERS(2, 10)},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K,
		 REGISTERS(2, 0),
		 .imm = -(int)sizeof(struct bpf_fib_lookup)},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K,
		 REGISTERS(3, 0),
		 .imm = sizeof(struct bpf_fib_lookup)},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K,
		 REGISTERS(4, 0),
		 .imm = FIB_LOOKUP_SRC},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_fib_lookup},
		{.code = BPF_JMP | BPF_EXIT},
	};
	_cleanup_(cleanup_close) int fd = load(insns, COUNT_OF(insns));
	const char frame[FRAME_BYTES] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame,
		    .data_size_in = sizeof(frame));

	_Static_assert(sizeof(struct bpf_fib_lookup) == 64, "zeroed above");
	if (fd < 0 || bpf_prog_test_run_opts(fd, &run))
		return KERNEL_UNKNOWN;
	return (int)run.retval == -EINVAL ? KERNEL_LACKS : KERNEL_HAS;
}

static const struct {
	struct kernel_words words;
	enum kernel_answer (*ask)(void);
} features[] = {
	[KERNEL_EXCHANGE] = {{"compare-and-exchange", "5.12",
			      "plain writes: two CPUs that carry one "
			      "connection may lose a packet, which is sent "
			      "again"},
			     ask_exchange},
	[KERNEL_PACKET_VIEW] = {{"packet view", "6.2",
				 "whether a checksum is still to be made is "
				 "found by trying, which costs time, and once "
				 "a packet of the container's"},
				ask_packet_view},
	[KERNEL_TCX] = {{"TCX", "6.6",
			 "clsact filters attach the programs, which takes the "
			 "modules sch_ingress and cls_bpf"},
			ask_tcx},
	[KERNEL_FIB_SOURCE] = {{"source address of a route", "6.7",
				"masquerade takes the address that the link "
				"has in the next hop's network, not the "
				"route's src"},
			       ask_fib_source},
};
_Static_assert(COUNT_OF(features) == KERNEL_FEATURE_COUNT, "one for each");

const struct kernel_words *kernel_words(enum kernel_feature feature)
{
	return &features[feature].words;
}

enum kernel_answer kernel_ask(enum kernel_feature feature)
{
	return features[feature].ask();
}

bool kernel_has(enum kernel_feature feature)
{
	static enum kernel_answer known[KERNEL_FEATURE_COUNT];

	if (known[feature] == KERNEL_UNKNOWN)
		known[feature] = kernel_ask(feature);
	return known[feature] == KERNEL_HAS;
}
