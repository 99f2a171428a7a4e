/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Features of the running kernel that the gate can use: asked of the kernel,
 * not guessed from its version, as distributions take features back and leave
 * features out.
 */
#ifndef SG_USER_KERNEL_H
#define SG_USER_KERNEL_H

#include <linux/bpf.h>
#include <stdbool.h>

#ifndef BPF_ATOMIC /* <linux/bpf.h> of before 5.12 */
#define BPF_ATOMIC BPF_XADD
#endif
#ifndef BPF_CMPXCHG
#define BPF_CMPXCHG 0xf1
#endif

enum kernel_feature {
	KERNEL_EXCHANGE,
	KERNEL_PACKET_VIEW,
	KERNEL_TCX,
	KERNEL_FIB_SOURCE,
	KERNEL_FEATURE_COUNT
};

enum kernel_answer {
	KERNEL_UNKNOWN, /* as it takes no program at all now */
	KERNEL_LACKS,
	KERNEL_HAS,
};

/* Words about a feature, for a person. */
struct kernel_words {
	const char *name;
	const char *since;   /* the first Linux that has it */
	const char *instead; /* what the gate does where it is missing */
};

const struct kernel_words *kernel_words(enum kernel_feature feature);

/* Ask the kernel. Needs the right to load a program. */
enum kernel_answer kernel_ask(enum kernel_feature feature);

/* Return whether the kernel has it. One that has been asked is asked no more,
 * unless it gave no answer. Not for several threads. */
bool kernel_has(enum kernel_feature feature);

#endif
