// SPDX-License-Identifier: GPL-2.0-or-later
/* See end.h. */
#include "gate/end.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "gate/dataplane.h"

int end_open(const char *pin_dir, int *ret_fd)
{
	char path[PINS_PATH_BYTES];
	int r = pins_path(pin_dir, "programs",
			  dataplane_program_name(DATAPLANE_sg_end), path);
	int fd;

	if (r)
		return r;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int end_flow(int end_fd, const struct sg_flow_key *key,
	     const struct sg_flow *flow, enum sg_end_reason reason)
{
	struct sg_end data = {
		.key = *key, .reason = reason, .last_s = flow->last_s};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &data,
		    .data_size_in = sizeof(data), .repeat = 1);

	memcpy(data.id, flow->id, sizeof(data.id));
	if (bpf_prog_test_run_opts(end_fd, &opts))
		return -errno;
	return opts.retval ? -ENOENT : 0;
}
