// SPDX-License-Identifier: GPL-2.0-or-later
/* See instance.h. */
#include "instance.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cleanup.h"
#include "dataplane.h"
#include "maps.h"
#include "pins.h"
#include "sync.h"

/* Forwarding of the loopback interface alone: nothing is ever received there
 * to be forwarded, but the FIB helper answers only for an interface that has
 * it. ip_forward, and so every other interface, stays as it is. */
#define LOOPBACK_FORWARDING "/proc/sys/net/ipv4/conf/lo/forwarding"

static int write_loopback(char value)
{
	_cleanup_(cleanup_close) int fd = -1;

	fd = open(LOOPBACK_FORWARDING, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, &value, 1) != 1)
		return -errno;
	return 0;
}

static int read_gate(const struct pins *pins, struct sg_gate *ret_gate)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(pins->map_fds[PINS_gate], &zero, ret_gate)
		       ? -errno
		       : 0;
}

static int write_gate(const struct pins *pins, const struct sg_gate *gate)
{
	__u32 zero = 0;

	return bpf_map_update_elem(pins->map_fds[PINS_gate], &zero, gate,
				   BPF_ANY)
		       ? -errno
		       : 0;
}

static int set_loopback(const struct pins *pins, struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int fd = -1;
	struct sg_gate gate;
	char value = '0';
	int r = read_gate(pins, &gate);

	fd = open(LOOPBACK_FORWARDING, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &value, 1) != 1)
		r = -errno;
	if (r || value == '1')
		return r ? fault_set(ret_fault, r, LOOPBACK_FORWARDING ": %s",
				     strerror(-r))
			 : 0;
	r = write_loopback('1');
	if (!r) {
		gate.loopback_set = 1;
		r = write_gate(pins, &gate);
	}
	return r ? fault_set(ret_fault, r, LOOPBACK_FORWARDING ": %s",
			     strerror(-r))
		 : 0;
}

static int attach_link(const char *pin_dir, enum hook_mode mode,
		       const int *program_fds, const struct link *link,
		       int role, struct fault *ret_fault)
{
	struct hook hook = {.pin_dir = pin_dir, .ifindex = link->ifindex};
	int in = program_fds[role == SG_ROLE_CONTAINER
				     ? DATAPLANE_sg_container_in
				     : DATAPLANE_sg_uplink_in];
	int r;

	hook.side = HOOK_INGRESS;
	r = hook_attach(&hook, mode, in, ret_fault);
	if (r)
		return r;
	hook.side = HOOK_EGRESS;
	return hook_attach(&hook, mode, program_fds[DATAPLANE_sg_host_out],
			   ret_fault);
}

static int detach_index(const char *pin_dir, uint32_t ifindex,
			struct fault *ret_fault)
{
	struct hook hook = {.pin_dir = pin_dir, .ifindex = ifindex};
	int r;

	hook.side = HOOK_INGRESS;
	r = hook_detach(&hook, ret_fault);
	if (r)
		return r;
	hook.side = HOOK_EGRESS;
	return hook_detach(&hook, ret_fault);
}

static const struct link *link_by_index(const struct links *links,
					uint32_t ifindex)
{
	for (size_t i = 0; i < links->count; i++)
		if (links->items[i].ifindex == ifindex)
			return &links->items[i];
	return NULL;
}

/* Interfaces that the gate governed and the policy (NULL: any) does not. */
static int detach_others(const struct pins *pins, const struct policy *policy,
			 const struct links *links, struct fault *ret_fault)
{
	_cleanup_(cleanup_free) uint32_t *keys = NULL;
	_cleanup_(cleanup_free) struct sg_iface *ifaces = NULL;
	size_t count;
	int r = maps_read(pins->map_fds[PINS_ifaces], sizeof(*keys),
			  sizeof(*ifaces), (void **)&keys, (void **)&ifaces,
			  &count);

	if (r)
		return fault_set(ret_fault, r, "%s/ifaces: %s", pins->dir,
				 strerror(-r));
	for (size_t i = 0; i < count && !r; i++) {
		const struct link *link = link_by_index(links, keys[i]);

		if (policy && link && policy_role_of(policy, link->name) >= 0)
			continue;
		r = detach_index(pins->dir, keys[i], ret_fault);
	}
	return r;
}

/* Interfaces first, closed under the old policy or none; the policy last, as
 * the one write that puts all of it in force. */
static int apply(const struct pins *pins, enum hook_mode mode,
		 const int *program_fds, const struct policy *policy,
		 struct fault *ret_fault)
{
	_cleanup_(links_release) struct links links = {0};
	int r = links_read(&links, ret_fault);

	if (!r)
		r = detach_others(pins, policy, &links, ret_fault);
	if (!r)
		r = sync_links(pins, policy, &links, ret_fault);
	for (size_t i = 0; i < links.count && !r; i++) {
		int role = policy_role_of(policy, links.items[i].name);

		if (role >= 0)
			r = attach_link(pins->dir, mode, program_fds,
					&links.items[i], role, ret_fault);
	}
	if (!r)
		r = set_loopback(pins, ret_fault);
	return r ? r : sync_policy(pins, policy, ret_fault);
}

static enum hook_mode choose_mode(bool clsact, const int *program_fds)
{
	return clsact ? HOOK_CLSACT
		      : hook_probe(program_fds[DATAPLANE_sg_host_out]);
}

static int bring_up(const char *pin_dir, bool clsact, bool is_new,
		    const struct policy *policy, struct fault *ret_fault)
{
	_cleanup_(dataplane_unload) struct dataplane dataplane = {0};
	_cleanup_(pins_close) struct pins pins = {.dir = pin_dir};
	const struct sg_gate gate = {.layout = SG_LAYOUT};
	int zero = 0;
	int r;

	memset(pins.map_fds, -1, sizeof(pins.map_fds));
	if (!is_new) { /* a layout that we do not know must not be loaded on */
		r = pins_open(pin_dir, &pins, ret_fault);
		pins_close(&pins);
		if (r)
			return r;
	}
	r = dataplane_load(pin_dir, policy, &dataplane, ret_fault);
	if (r)
		return r;
	if (is_new && bpf_map_update_elem(dataplane_map(&dataplane, "gate"),
					  &zero, &gate, BPF_ANY))
		return fault_set(ret_fault, errno, "%s/gate: %s", pin_dir,
				 strerror(errno));
	r = pins_open(pin_dir, &pins, ret_fault);
	if (!r && is_new)
		r = sync_grants(&pins, policy, ret_fault);
	if (!r)
		r = dataplane_pin_programs(&dataplane, pin_dir, ret_fault);
	return r ? r
		 : apply(&pins, choose_mode(clsact, dataplane.program_fds),
			 dataplane.program_fds, policy, ret_fault);
}

/* Whatever of a gate is there, of whatever layout. */
static int take_down(const char *pin_dir, struct fault *ret_fault)
{
	_cleanup_(links_release) struct links links = {0};
	_cleanup_(pins_close) struct pins pins = {.dir = pin_dir};
	struct sg_gate gate = {0};
	struct fault ignored;
	int r = links_read(&links, ret_fault);

	for (size_t i = 0; i < links.count && !r; i++)
		r = detach_index(pin_dir, links.items[i].ifindex, ret_fault);
	if (r)
		return r;
	if (pins_open(pin_dir, &pins, &ignored) == 0 &&
	    read_gate(&pins, &gate) == 0 && gate.loopback_set)
		write_loopback('0');
	return pins_remove(pin_dir, ret_fault);
}

int instance_up(const char *pin_dir, bool clsact, const struct policy *policy,
		struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int lock = -1;
	struct fault ignored;
	bool is_new;
	int r = pins_prepare(pin_dir, ret_fault);

	if (r)
		return r;
	lock = pins_lock(pin_dir, ret_fault);
	if (lock < 0)
		return lock;
	is_new = !pins_exist(pin_dir);
	r = bring_up(pin_dir, clsact, is_new, policy, ret_fault);
	if (r && is_new)
		take_down(pin_dir, &ignored);
	return r;
}

static int open_programs(const char *pin_dir, int *ret_fds,
			 struct fault *ret_fault)
{
	char path[PINS_PATH_BYTES];

	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++) {
		if (pins_path(pin_dir, "programs",
			      dataplane_program_name((enum dataplane_program)i),
			      path))
			return fault_set(ret_fault, ENAMETOOLONG,
					 "%s: too long", pin_dir);
		ret_fds[i] = bpf_obj_get(path);
		if (ret_fds[i] < 0)
			return fault_set(ret_fault, errno,
					 "%s: %s; run `scoutgate up`", path,
					 strerror(errno));
	}
	return 0;
}

/* The sizes of maps are fixed when they are made. */
static int check_sizes(const struct pins *pins, const struct policy *policy,
		       struct fault *ret_fault)
{
	const struct port_range *ports = &policy->masquerade_ports;
	const struct {
		enum pins_map map;
		uint32_t wanted;
	} sizes[] = {
		{PINS_flows, policy->flows},
		{PINS_half_open, policy->half_open},
		{PINS_mappings, 3U * (ports->last - ports->first + 1U)},
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bpf_map_info info = {0};
		__u32 bytes = sizeof(info);

		if (bpf_obj_get_info_by_fd(pins->map_fds[sizes[i].map], &info,
					   &bytes))
			return fault_set(ret_fault, errno, "%s: %s", pins->dir,
					 strerror(errno));
		if (info.max_entries != sizes[i].wanted)
			return fault_set(
				ret_fault, EINVAL,
				"limits or masquerade ports differ from the "
				"running gate's (%s: %u, wanted %u); run "
				"`scoutgate down`, then `up`",
				pins_map_name(sizes[i].map), info.max_entries,
				sizes[i].wanted);
	}
	return 0;
}

int instance_reload(const char *pin_dir, bool clsact,
		    const struct policy *policy, struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int lock = -1;
	_cleanup_(pins_close) struct pins pins = {.dir = pin_dir};
	int fds[DATAPLANE_PROGRAM_COUNT] = {-1, -1, -1};
	int r;

	memset(pins.map_fds, -1, sizeof(pins.map_fds));
	lock = pins_lock(pin_dir, ret_fault);
	if (lock < 0)
		return lock;
	r = pins_open(pin_dir, &pins, ret_fault);
	if (!r)
		r = check_sizes(&pins, policy, ret_fault);
	if (!r)
		r = open_programs(pin_dir, fds, ret_fault);
	if (!r)
		r = apply(&pins, choose_mode(clsact, fds), fds, policy,
			  ret_fault);
	for (int i = 0; i < DATAPLANE_PROGRAM_COUNT; i++)
		cleanup_close(&fds[i]);
	return r;
}

int instance_down(const char *pin_dir, struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int lock = -1;

	if (access(pin_dir, F_OK) && errno == ENOENT)
		return 0;
	lock = pins_lock(pin_dir, ret_fault);
	return lock < 0 ? lock : take_down(pin_dir, ret_fault);
}
