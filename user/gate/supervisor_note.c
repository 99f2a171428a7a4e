// SPDX-License-Identifier: GPL-2.0-or-later
/* See supervisor_note.h. A note that cannot be written is none: nothing of the
 * gate goes by it. */
#include "gate/supervisor_note.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "sys/clock.h"

static void write_note(const struct pins *pins,
		       const struct sg_supervisor *supervisor)
{
	__u32 zero = 0;

	bpf_map_update_elem(pins->map_fds[PINS_supervisor], &zero, supervisor,
			    BPF_ANY);
}

void supervisor_note_begin(const struct pins *pins)
{
	const struct sg_supervisor supervisor = {
		.pid = (__u32)getpid(),
		.since_s = boot_s(),
		.looked_s = boot_s(),
	};

	write_note(pins, &supervisor);
}

void supervisor_note_look(const struct pins *pins, const char *problem)
{
	struct sg_supervisor supervisor;

	if (supervisor_note_read(pins, &supervisor))
		return;
	if (!supervisor.pid) /* forgotten meanwhile */
		supervisor.since_s = boot_s();
	supervisor.pid = (__u32)getpid();
	supervisor.looked_s = boot_s();
	snprintf(supervisor.problem, sizeof(supervisor.problem), "%s", problem);
	write_note(pins, &supervisor);
}

void supervisor_note_end(const struct pins *pins)
{
	const struct sg_supervisor nobody = {0};

	write_note(pins, &nobody);
}

int supervisor_note_read(const struct pins *pins,
			 struct sg_supervisor *ret_supervisor)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(pins->map_fds[PINS_supervisor], &zero,
				   ret_supervisor)
		       ? -errno
		       : 0;
}
