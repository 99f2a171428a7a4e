// SPDX-License-Identifier: GPL-2.0-or-later
/* See keeper_note.h. A note that cannot be written is none: nothing of the gate
 * goes by it. */
#include "keeper_note.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"

static void write_note(const struct pins *pins, const struct sg_keeper *keeper)
{
	__u32 zero = 0;

	bpf_map_update_elem(pins->map_fds[PINS_keeper], &zero, keeper, BPF_ANY);
}

void keeper_note_begin(const struct pins *pins)
{
	const struct sg_keeper keeper = {
		.pid = (__u32)getpid(),
		.since_s = boot_s(),
		.looked_s = boot_s(),
	};

	write_note(pins, &keeper);
}

void keeper_note_look(const struct pins *pins, const char *trouble)
{
	struct sg_keeper keeper;

	if (keeper_note_read(pins, &keeper))
		return;
	if (!keeper.pid) /* forgotten meanwhile */
		keeper.since_s = boot_s();
	keeper.pid = (__u32)getpid();
	keeper.looked_s = boot_s();
	snprintf(keeper.trouble, sizeof(keeper.trouble), "%s", trouble);
	write_note(pins, &keeper);
}

void keeper_note_end(const struct pins *pins)
{
	const struct sg_keeper nobody = {0};

	write_note(pins, &nobody);
}

int keeper_note_read(const struct pins *pins, struct sg_keeper *ret_keeper)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(pins->map_fds[PINS_keeper], &zero,
				   ret_keeper)
		       ? -errno
		       : 0;
}
