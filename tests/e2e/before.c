// SPDX-License-Identifier: GPL-2.0-or-later
/* Put a pinned program before all others on a TCX hook: before PROGRAM
 * INTERFACE ingress|egress LINK, where LINK is the path to pin the link at. */
#include <bpf/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* <linux/bpf.h> of 6.6, where the library's may be older */
#define TCX_INGRESS 46
#define TCX_EGRESS 47
#define BEFORE (1U << 3) /* BPF_F_BEFORE */

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = BEFORE);
	int program_fd;
	int type;
	int fd;

	if (argc != 5) {
		fputs("usage: before PROGRAM INTERFACE ingress|egress LINK\n",
		      stderr);
		return 2;
	}
	type = strcmp(argv[3], "egress") == 0 ? TCX_EGRESS : TCX_INGRESS;
	program_fd = bpf_obj_get(argv[1]);
	fd = program_fd < 0
		     ? program_fd
		     : bpf_link_create(program_fd, (int)if_nametoindex(argv[2]),
				       (enum bpf_attach_type)type, &opts);
	if (fd < 0 || bpf_obj_pin(fd, argv[4])) {
		perror("before");
		return 1;
	}
	return 0;
}
