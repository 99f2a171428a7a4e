// SPDX-License-Identifier: GPL-2.0-or-later
/* See boot_id.h. */
#include "sys/boot_id.h"

#include <errno.h>
#include <fcntl.h>

#include "sys/cleanup.h"

int boot_id_read(char ret_id[BOOT_ID_BYTES])
{
	_cleanup_(cleanup_close) int fd = -1;

	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (read(fd, ret_id, BOOT_ID_BYTES) != BOOT_ID_BYTES) /* with its LF */
		return -EIO;
	ret_id[BOOT_ID_BYTES - 1] = '\0';
	return 0;
}
