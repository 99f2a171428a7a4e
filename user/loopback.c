// SPDX-License-Identifier: GPL-2.0-or-later
/* See loopback.h. */
#include "loopback.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cleanup.h"
#include "sg_iface.h"

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

static int set(const struct pins *pins)
{
	_cleanup_(cleanup_close) int fd = -1;
	struct sg_gate gate;
	char value = '0';
	int r = read_gate(pins, &gate);

	if (r)
		return r;
	fd = open(LOOPBACK_FORWARDING, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &value, 1) != 1)
		return -errno;
	if (value == '1')
		return 0;
	gate.loopback_set = 1; /* noted first: down puts back what may be set */
	r = write_gate(pins, &gate);
	return r ? r : write_loopback('1');
}

int loopback_set(const struct pins *pins, struct fault *ret_fault)
{
	int r = set(pins);

	return r ? fault_set(ret_fault, r,
			     LOOPBACK_FORWARDING ": %s; run as root, with "
						 "/proc/sys writable",
			     strerror(-r))
		 : 0;
}

void loopback_restore(const struct pins *pins)
{
	struct sg_gate gate;

	if (read_gate(pins, &gate) == 0 && gate.loopback_set)
		write_loopback('0');
}
