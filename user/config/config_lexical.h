/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text made ready for libconfuse, for config.c alone. */
#ifndef SG_USER_CONFIG_LEXICAL_H
#define SG_USER_CONFIG_LEXICAL_H

#include "sys/fault.h"

/*
 * libconfuse miscounts lines at comments, skips characters that it does not
 * know, expands ${VARIABLE}s and backslashes in strings, does not check an
 * empty list, and takes the end of the file for the end of every open section.
 * So: comments become blanks, an empty list becomes a list of one empty string,
 * and everything else of those is refused, as "NAME:LINE: what". Returns 0 and
 * a text for the caller to free, or -errno.
 */
int lexical_prepare(const char *text, const char *name, char **ret_text,
		    struct fault *ret_fault);

#endif
