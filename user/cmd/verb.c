// SPDX-License-Identifier: GPL-2.0-or-later
/* The message of a command that failed. See verb.h. */
#include "cmd/verb.h"

#include <stdarg.h>
#include <stdio.h>

int verb_fail(const struct fault *fault)
{
	fprintf(stderr, "scoutgate: %s\n", fault->text);
	return EXIT_FAILED;
}

int verb_usage(const char *format, ...)
{
	va_list args;

	fputs("scoutgate: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("; see `scoutgate --help`\n", stderr);
	return EXIT_USAGE;
}
