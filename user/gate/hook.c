// SPDX-License-Identifier: GPL-2.0-or-later
/* See hook.h. */
#include "gate/hook.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "gate/pins.h"
#include "sys/cleanup.h"
#include "sys/filters.h"

/* <linux/bpf.h> of 6.6, where the library's may be older */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_EGRESS ((enum bpf_attach_type)47)
#define TCX_FIRST (1U << 3) /* BPF_F_BEFORE, relative to nothing */

#define TCX_PROGRAMS_MAX 64 /* BPF_MPROG_MAX */

/* The filter that is ours, on a hook where others may have theirs. */
#define FILTER_PRIORITY 1
#define FILTER_HANDLE 0x5c07

/* Return the interface's name, until the next call. */
static const char *name_of(const struct hook *hook)
{
	static char name[IF_NAMESIZE];

	if (!if_indextoname(hook->ifindex, name))
		snprintf(name, sizeof(name), "#%u", hook->ifindex);
	return name;
}

static enum bpf_attach_type tcx_type(enum hook_side side)
{
	return side == HOOK_INGRESS ? TCX_INGRESS : TCX_EGRESS;
}

static int pin_path(const struct hook *hook, char ret_path[PINS_PATH_BYTES])
{
	char name[32];

	snprintf(name, sizeof(name), "%u_%s", hook->ifindex,
		 hook->side == HOOK_INGRESS ? "in" : "out");
	return pins_path(hook->pin_dir, "links", name, ret_path);
}

static struct bpf_tc_hook filter_hook(const struct hook *hook)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = (int)hook->ifindex,
		.attach_point = hook->side == HOOK_INGRESS ? BPF_TC_INGRESS
							   : BPF_TC_EGRESS,
	};
}

static struct bpf_tc_opts filter_opts(void)
{
	return (struct bpf_tc_opts){
		.sz = sizeof(struct bpf_tc_opts),
		.handle = FILTER_HANDLE,
		.priority = FILTER_PRIORITY,
	};
}

const char *hook_mode_name(enum hook_mode mode)
{
	return mode == HOOK_TCX ? "tcx" : "clsact";
}

/* The link that is pinned for the hook, or -errno. */
static int open_link(const struct hook *hook, struct bpf_link_info *ret_info)
{
	_cleanup_(cleanup_close) int fd = -1;
	__u32 bytes = sizeof(*ret_info);
	char path[PINS_PATH_BYTES];

	if (pin_path(hook, path))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	memset(ret_info, 0, sizeof(*ret_info));
	if (bpf_obj_get_info_by_fd(fd, ret_info, &bytes))
		return -errno;
	return cleanup_steal_fd(&fd);
}

/* struct bpf_link_info's tcx.ifindex, which older headers lack: the first
 * member of the union; 0 when the interface has gone. */
static bool is_alive(const struct bpf_link_info *info)
{
	return info->xdp.ifindex != 0;
}

static uint32_t preceded_by_filter(const struct hook *hook)
{
	uint32_t parent = TC_H_MAKE(TC_H_CLSACT, hook->side == HOOK_INGRESS
							 ? TC_H_MIN_INGRESS
							 : TC_H_MIN_EGRESS);
	struct filter first;

	if (filters_first(hook->ifindex, parent, &first) ||
	    (first.priority == FILTER_PRIORITY &&
	     first.handle == FILTER_HANDLE))
		return 0;
	return first.program_id ? first.program_id : HOOK_NOT_BPF;
}

static uint32_t preceded_by_program(const struct hook *hook,
				    uint32_t program_id)
{
	__u32 ids[TCX_PROGRAMS_MAX] = {0};
	__u32 count = TCX_PROGRAMS_MAX;

	/* the kernel reads the interface's index where a target's fd stands */
	if (bpf_prog_query((int)hook->ifindex, tcx_type(hook->side), 0, NULL,
			   ids, &count) ||
	    count == 0 || ids[0] == program_id)
		return 0;
	return ids[0];
}

uint32_t hook_preceded_by(const struct hook *hook, enum hook_mode mode,
			  uint32_t program_id)
{
	return mode == HOOK_TCX ? preceded_by_program(hook, program_id)
				: preceded_by_filter(hook);
}

static int create_link(const struct hook *hook, int program_fd)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = TCX_FIRST);
	int fd = bpf_link_create(program_fd, (int)hook->ifindex,
				 tcx_type(hook->side), &opts);

	return fd < 0 ? -errno : fd;
}

/* Load a program that drops everything. */
static int load_barrier(void)
{
	const struct bpf_insn drop[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 2}, /* SHOT */
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "sg_barrier", "GPL", drop,
			     sizeof(drop) / sizeof(drop[0]), NULL);
}

/* Put a program that is on the hook first: the kernel lets it be there once, so
 * it leaves its place. Meanwhile nothing passes. */
static int move_first(const struct hook *hook, int program_fd, int former_fd)
{
	_cleanup_(cleanup_close) int barrier = load_barrier();
	_cleanup_(cleanup_close) int held = -1;

	if (barrier < 0)
		return -errno;
	held = create_link(hook, barrier); /* detached when it is closed */
	if (held < 0)
		return held;
	if (bpf_link_detach(former_fd))
		return -errno;
	return create_link(hook, program_fd);
}

/* Attach before all that is there. */
static int create_first(const struct hook *hook, int program_fd, int former_fd)
{
	int fd = create_link(hook, program_fd);

	return fd == -EEXIST && former_fd >= 0
		       ? move_first(hook, program_fd, former_fd)
		       : fd;
}

/* Pin a new link in place of the former one (-1: none), which it ends. */
static int replace_link(const struct hook *hook, int program_fd, int former_fd,
			const char *path, struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int fd =
		create_first(hook, program_fd, former_fd);

	if (fd < 0)
		return fault_set(ret_fault, fd,
				 "%s: attaching with tcx failed: %s",
				 name_of(hook), strerror(-fd));
	if (former_fd >= 0)
		bpf_link_detach(former_fd); /* it may have gone */
	unlink(path);
	if (bpf_obj_pin(fd, path))
		return fault_set(ret_fault, errno, "%s: pinning failed: %s",
				 path, strerror(errno));
	return 0;
}

static int attach_tcx(const struct hook *hook, int program_fd,
		      struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int fd = -1;
	struct bpf_link_info info;
	char path[PINS_PATH_BYTES];

	if (pin_path(hook, path))
		return fault_set(ret_fault, ENAMETOOLONG, "%s: too long",
				 hook->pin_dir);
	fd = open_link(hook, &info);
	if (fd < 0 || !is_alive(&info) ||
	    preceded_by_program(hook, info.prog_id))
		return replace_link(hook, program_fd, fd, path, ret_fault);
	if (bpf_link_update(fd, program_fd, NULL))
		return fault_set(ret_fault, errno, "%s: update failed: %s",
				 path, strerror(errno));
	return 0;
}

static int quiet(enum libbpf_print_level level, const char *format,
		 va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* Return whether our filter is there, and which program it runs. */
static bool has_filter(const struct hook *hook, uint32_t *ret_program_id)
{
	struct bpf_tc_hook at = filter_hook(hook);
	struct bpf_tc_opts opts = filter_opts();
	libbpf_print_fn_t print = libbpf_set_print(quiet);
	int r = bpf_tc_query(&at, &opts);

	libbpf_set_print(print);
	if (!r && ret_program_id)
		*ret_program_id = opts.prog_id;
	return r == 0;
}

static int detach_clsact(const struct hook *hook)
{
	struct bpf_tc_hook at = filter_hook(hook);
	struct bpf_tc_opts opts = filter_opts();

	return has_filter(hook, NULL) ? bpf_tc_detach(&at, &opts) : 0;
}

static int attach_clsact(const struct hook *hook, int program_fd,
			 struct fault *ret_fault)
{
	struct bpf_tc_hook both = filter_hook(hook);
	struct bpf_tc_hook at = filter_hook(hook);
	struct bpf_tc_opts opts = filter_opts();
	libbpf_print_fn_t print;
	int r;

	both.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	print = libbpf_set_print(quiet); /* it warns where clsact is there */
	r = bpf_tc_hook_create(&both);
	libbpf_set_print(print);
	if (r && r != -EEXIST)
		return fault_set(ret_fault, r,
				 "%s: making a clsact qdisc failed: "
				 "%s; the kernel needs sch_ingress",
				 name_of(hook), strerror(-r));
	if (preceded_by_filter(hook)) /* a new one goes before those there */
		detach_clsact(hook);
	opts.prog_fd = program_fd;
	opts.flags = BPF_TC_F_REPLACE;
	r = bpf_tc_attach(&at, &opts);
	if (r == -ENOENT)
		return fault_set(ret_fault, r,
				 "%s: attaching with clsact failed: "
				 "%s; the kernel needs cls_bpf",
				 name_of(hook), strerror(-r));
	if (r)
		return fault_set(ret_fault, r,
				 "%s: attaching with clsact failed: "
				 "%s; a foreign filter of priority %d must go",
				 name_of(hook), strerror(-r), FILTER_PRIORITY);
	return 0;
}

static int detach_tcx(const struct hook *hook)
{
	_cleanup_(cleanup_close) int fd = -1;
	struct bpf_link_info info;
	char path[PINS_PATH_BYTES];

	fd = open_link(hook, &info);
	if (fd < 0)
		return 0;
	if (is_alive(&info) && bpf_link_detach(fd))
		return -errno;
	if (pin_path(hook, path) == 0)
		unlink(path);
	return 0;
}

static int explain_detach(const struct hook *hook, int error,
			  struct fault *ret_fault)
{
	return error ? fault_set(ret_fault, error, "%s: detaching failed: %s",
				 name_of(hook), strerror(-error))
		     : 0;
}

int hook_attach(const struct hook *hook, enum hook_mode mode, int program_fd,
		struct fault *ret_fault)
{
	int r = mode == HOOK_TCX ? attach_tcx(hook, program_fd, ret_fault)
				 : attach_clsact(hook, program_fd, ret_fault);

	if (r)
		return r;
	/* ours by the other way would see every packet a second time */
	r = mode == HOOK_TCX ? detach_clsact(hook) : detach_tcx(hook);
	return explain_detach(hook, r, ret_fault);
}

int hook_detach(const struct hook *hook, struct fault *ret_fault)
{
	int r = detach_tcx(hook);

	if (!r)
		r = detach_clsact(hook);
	return explain_detach(hook, r, ret_fault);
}

int hook_query(const struct hook *hook, enum hook_mode *ret_mode,
	       uint32_t *ret_program_id)
{
	_cleanup_(cleanup_close) int fd = -1;
	struct bpf_link_info info;

	fd = open_link(hook, &info);
	if (fd >= 0 && is_alive(&info)) {
		*ret_mode = HOOK_TCX;
		*ret_program_id = info.prog_id;
		return 0;
	}
	if (!has_filter(hook, ret_program_id))
		return -ENOENT;
	*ret_mode = HOOK_CLSACT;
	return 0;
}

static bool is_of_ours(uint32_t id)
{
	_cleanup_(cleanup_close) int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {0};
	__u32 bytes = sizeof(info);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &bytes) == 0 &&
	       strncmp(info.name, "sg_", 3) == 0;
}

bool hook_has_tcx_of_ours(uint32_t ifindex)
{
	__u32 ids[TCX_PROGRAMS_MAX] = {0};
	__u32 count = TCX_PROGRAMS_MAX;

	if (bpf_prog_query((int)ifindex, TCX_INGRESS, 0, NULL, ids, &count))
		return false; /* a kernel without */
	for (__u32 i = 0; i < count; i++)
		if (is_of_ours(ids[i]))
			return true;
	return false;
}
