/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a configuration file that decides who may reach what. */
#ifndef SG_USER_FILE_H
#define SG_USER_FILE_H

#include "sys/fault.h"

/*
 * The whole text of a file, for the caller to free. It must be a regular file
 * of root's or the caller's, by links of theirs alone, not writable by others,
 * at most 1 MiB, and the same when read to the end as when opened. A byte order
 * mark is skipped, CRLF becomes LF, a missing last newline is added; a NUL or
 * another control character is refused. Returns 0 or -errno with *ret_fault.
 */
int file_read_config(const char *path, char **ret_text,
		     struct fault *ret_fault);

#endif
