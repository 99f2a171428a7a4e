/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread that forces a file to the disk, while its writer goes on. */
#ifndef SG_USER_FLUSH_H
#define SG_USER_FLUSH_H

#include <stdbool.h>

struct flush;

/* NULL: out of memory, or of threads. */
struct flush *flush_new(void);
/* Wait for what was asked, and end. */
void flush_end(struct flush **flush);

/* Force what fd has to the disk, soon; fd stays the caller's. */
void flush_ask(struct flush *flush, int fd);
/* The error of one that failed, once, or 0. After one the kernel may have
 * dropped what it could not write: nothing of that file is to be asked again.
 */
int flush_error(struct flush *flush);

#endif
