// SPDX-License-Identifier: GPL-2.0-or-later
/* Print the programs on the TCX hooks of this network namespace, which bpftool
 * before 7.4 does not list: "INTERFACE tcx-ingress PROGRAM id N", a line each.
 * A kernel without TCX (before 6.6) has none. */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <unistd.h>

/* <linux/bpf.h> of 6.6, where the library's may be older */
#define TCX_INGRESS 46
#define TCX_EGRESS 47
#define PROGRAMS_MAX 64 /* BPF_MPROG_MAX */

static int print_program(const char *interface, int type, __u32 id)
{
	struct bpf_prog_info info = {0};
	__u32 bytes = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);
	int r = fd < 0 ? -1 : bpf_obj_get_info_by_fd(fd, &info, &bytes);

	if (fd >= 0)
		close(fd);
	if (r)
		return errno == ENOENT ? 0 : -1; /* it has just gone */
	printf("%s %s %s id %u\n", interface,
	       type == TCX_INGRESS ? "tcx-ingress" : "tcx-egress", info.name,
	       id);
	return 0;
}

static int print_hook(const struct if_nameindex *interface, int type)
{
	__u32 ids[PROGRAMS_MAX];
	__u32 count = PROGRAMS_MAX;
	int r = 0;

	if (bpf_prog_query((int)interface->if_index, (enum bpf_attach_type)type,
			   0, NULL, ids, &count))
		return errno == EINVAL || errno == ENODEV ? 0 : -1;
	for (__u32 i = 0; i < count && !r; i++)
		r = print_program(interface->if_name, type, ids[i]);
	return r;
}

int main(void)
{
	struct if_nameindex *interfaces = if_nameindex();
	int r = interfaces ? 0 : -1;

	for (struct if_nameindex *at = interfaces; !r && at->if_index; at++) {
		r = print_hook(at, TCX_INGRESS);
		if (!r)
			r = print_hook(at, TCX_EGRESS);
	}
	if (r)
		perror("attached");
	if_freenameindex(interfaces);
	return r ? 1 : 0;
}
