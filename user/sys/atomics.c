// SPDX-License-Identifier: GPL-2.0-or-later
/* See atomics.h. */
#include "sys/atomics.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <linux/bpf.h>
#include <stdbool.h>

#include "sys/kernel.h"

static bool is_exchange(const struct bpf_insn *insn)
{
	return BPF_CLASS(insn->code) == BPF_STX &&
	       BPF_MODE(insn->code) == BPF_ATOMIC && insn->imm == BPF_CMPXCHG;
}

/* A store leaves r0 as it was, so that the program takes it for an exchange
 * that has succeeded. */
static void make_store(struct bpf_insn *insn)
{
	insn->code = BPF_STX | BPF_SIZE(insn->code) | BPF_MEM;
	insn->imm = 0;
}

static void replace_in(Elf_Data *code)
{
	struct bpf_insn *insn = code->d_buf;

	for (size_t i = 0; i < code->d_size / sizeof(*insn); i++)
		if (is_exchange(&insn[i]))
			make_store(&insn[i]);
}

/* The second half of a 64-bit constant has no code, and is no exchange. */
static int replace_all(Elf *elf)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	Elf_Data *code;

	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &header))
			return -EINVAL;
		if (!(header.sh_flags & SHF_EXECINSTR))
			continue;
		/* in place, as the object is in memory */
		code = elf_rawdata(section, NULL);
		if (!code)
			return -EINVAL;
		replace_in(code);
	}
	return 0;
}

int atomics_fit(void *object, size_t bytes)
{
	Elf *elf;
	int r;

	if (kernel_has(KERNEL_EXCHANGE))
		return 0;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -EINVAL;
	elf = elf_memory(object, bytes);
	if (!elf)
		return -EINVAL;
	r = replace_all(elf);
	elf_end(elf);
	return r;
}
