// SPDX-License-Identifier: GPL-2.0-or-later
/* See early.h. */
#include "gate/early.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gate/pins.h"
#include "sys/cleanup.h"

static int pin_path(const char *pin_dir, uint32_t ifindex,
		    char ret_path[PINS_PATH_BYTES])
{
	char name[32];

	snprintf(name, sizeof(name), "%u_early", ifindex);
	return pins_path(pin_dir, "links", name, ret_path);
}

/* The link that is pinned at the path, if it is on an interface; or -errno. */
static int open_link(const char *path, struct bpf_link_info *ret_info)
{
	_cleanup_(cleanup_close) int fd = bpf_obj_get(path);
	__u32 bytes = sizeof(*ret_info);

	if (fd < 0)
		return -errno;
	memset(ret_info, 0, sizeof(*ret_info));
	if (bpf_obj_get_info_by_fd(fd, ret_info, &bytes))
		return -errno;
	return ret_info->xdp.ifindex ? cleanup_steal_fd(&fd) : -ENODEV;
}

enum early_state early_query(const char *pin_dir, uint32_t ifindex,
			     uint32_t *ret_program_id)
{
	_cleanup_(cleanup_close) int fd = -1;
	LIBBPF_OPTS(bpf_xdp_query_opts, there);
	struct bpf_link_info info = {0};
	char path[PINS_PATH_BYTES];

	if (bpf_xdp_query((int)ifindex, 0, &there))
		return EARLY_IS_ABSENT;
	if (pin_path(pin_dir, ifindex, path) == 0)
		fd = open_link(path, &info);
	if (fd < 0)
		return there.attach_mode == XDP_ATTACHED_NONE
			       ? EARLY_IS_ABSENT
			       : EARLY_IS_FOREIGN;
	*ret_program_id = info.prog_id;
	return there.skb_prog_id == info.prog_id ? EARLY_IS_GENERIC
						 : EARLY_IS_NATIVE;
}

static int create(uint32_t ifindex, enum early_mode mode, int program_fd,
		  const char *path)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = mode == EARLY_NATIVE ? XDP_FLAGS_DRV_MODE
						  : XDP_FLAGS_SKB_MODE);
	_cleanup_(cleanup_close) int fd =
		bpf_link_create(program_fd, (int)ifindex, BPF_XDP, &opts);

	return fd < 0 || bpf_obj_pin(fd, path) ? -errno : 0;
}

int early_set(const char *pin_dir, uint32_t ifindex, enum early_mode mode,
	      int program_fd)
{
	enum early_state wanted =
		mode == EARLY_NATIVE ? EARLY_IS_NATIVE : EARLY_IS_GENERIC;
	_cleanup_(cleanup_close) int fd = -1;
	struct bpf_link_info info;
	char path[PINS_PATH_BYTES];
	uint32_t id;

	if (pin_path(pin_dir, ifindex, path))
		return -ENAMETOOLONG;
	fd = open_link(path, &info);
	if (fd == -ENOENT && mode == EARLY_OFF)
		return 0;
	if (fd >= 0 && mode != EARLY_OFF &&
	    early_query(pin_dir, ifindex, &id) == wanted)
		return bpf_link_update(fd, program_fd, NULL) ? -errno : 0;
	if (fd >= 0 && bpf_link_detach(fd))
		return -errno;
	unlink(path);
	return mode == EARLY_OFF ? 0 : create(ifindex, mode, program_fd, path);
}
