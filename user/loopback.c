// SPDX-License-Identifier: GPL-2.0-or-later
/* See loopback.h. */
#include "loopback.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cleanup.h"
#include "sg_iface.h"

/* In the order of the bits of sg_gate.loopback_set. */
static const char *const forwarding[] = {
	"/proc/sys/net/ipv4/conf/lo/forwarding",
	"/proc/sys/net/ipv6/conf/lo/forwarding",
};

#define FAMILIES (sizeof(forwarding) / sizeof(forwarding[0]))

static int write_forwarding(const char *path, char value)
{
	_cleanup_(cleanup_close) int fd = -1;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, &value, 1) != 1)
		return -errno;
	return 0;
}

/* '0', '1', or -errno */
static int read_forwarding(const char *path)
{
	_cleanup_(cleanup_close) int fd = -1;
	char value;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &value, 1) != 1)
		return -errno;
	return value;
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

static int set(const struct pins *pins, size_t family)
{
	int value = read_forwarding(forwarding[family]);
	struct sg_gate gate;
	int r;

	if (value == -ENOENT && family > 0)
		return 0; /* a kernel without IPv6 */
	if (value < 0 || value == '1')
		return value < 0 ? value : 0;
	r = read_gate(pins, &gate);
	if (r)
		return r;
	/* noted first: down puts back what may be set */
	gate.loopback_set |= 1U << family;
	r = write_gate(pins, &gate);
	return r ? r : write_forwarding(forwarding[family], '1');
}

int loopback_set(const struct pins *pins, struct fault *ret_fault)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		int r = set(pins, i);

		if (r)
			return fault_set(ret_fault, r,
					 "%s: %s; run as root, with /proc/sys "
					 "writable",
					 forwarding[i], strerror(-r));
	}
	return 0;
}

void loopback_restore(const struct pins *pins)
{
	struct sg_gate gate;

	if (read_gate(pins, &gate))
		return;
	for (size_t i = 0; i < FAMILIES; i++)
		if (gate.loopback_set & 1U << i)
			write_forwarding(forwarding[i], '0');
}
