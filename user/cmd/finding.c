// SPDX-License-Identifier: GPL-2.0-or-later
/* See finding.h. */
#include "cmd/finding.h"

#include <stdarg.h>
#include <stdio.h>

#include "cmd/show.h"

void finding_add(struct json_object *findings, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	show_add_text(show_add_row(findings), "problem", text);
}
