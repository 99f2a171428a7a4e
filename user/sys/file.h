/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a configuration file that decides who may reach what. */
#ifndef SG_USER_FILE_H
#define SG_USER_FILE_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include "sys/fault.h"

/* "DIR/NAME". 0, or -ENAMETOOLONG. */
int file_path(const char *dir, const char *name, char ret_path[PATH_MAX]);

/* The whole text or none of it, also when the power goes: the file, by the name
 * beside it first, and then its name in the folder. 0 or -errno. */
int file_write_whole(const char *dir, const char *path, const char *beside,
		     const char *text);

/* As much of a file as there is room for, with a NUL behind it. The number of
 * bytes, or -errno, and the text is "". */
ssize_t file_read_start(const char *path, char *ret_text, size_t room);

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
