/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread that forces files to the disk, while their writer goes on. */
#ifndef SG_USER_FLUSH_H
#define SG_USER_FLUSH_H

#include <stdint.h>

struct flush;

/* NULL: out of memory, or of threads. */
struct flush *flush_new(void);
/* Wait for what was asked, two seconds at the most, and end. */
void flush_end(struct flush **flush);

/* Force what fd has to the disk, soon; fd stays the caller's. Another ask may
 * take its place. */
void flush_ask(struct flush *flush, int fd);
/* The same for a file of which nothing more is asked: this is not left out. */
void flush_ask_last(struct flush *flush, int fd);

/* The error of one that failed, once, or 0. After one the kernel may have
 * dropped what it could not write: nothing of that file is to be asked again.
 */
int flush_error(struct flush *flush);
/* The time since which the disk has not answered; 0: nothing is asked of it. */
uint64_t flush_busy_ns(struct flush *flush);

#endif
