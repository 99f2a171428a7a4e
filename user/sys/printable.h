/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text for people and programs. The kernel lets an interface's name have any
 * byte but a few, and a terminal obeys control characters; JSON is UTF-8.
 */
#ifndef SG_USER_PRINTABLE_H
#define SG_USER_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

#define PRINTABLE_GROWTH 4 /* a byte may become "\xff" */

/* Return whether text is UTF-8 with no control characters, and with no `\x`,
 * which would read as a byte that is not there. */
bool printable_is(const char *text);

/* Write the text so that it is: each byte that cannot be shown as \xNN (two hex
 * digits), and the backslash of a `\x` as \x5c. It is cut to `bytes`, at the
 * end of a character. */
void printable_copy(const char *text, char *ret_text, size_t bytes);

#endif
