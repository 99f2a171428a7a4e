// SPDX-License-Identifier: GPL-2.0-or-later
/* See fault.h. */
#include "sys/fault.h"

#include <stdarg.h>
#include <stdio.h>

int fault_set(struct fault *ret_fault, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_fault->text, sizeof(ret_fault->text), format, args);
	va_end(args);
	return error < 0 ? error : -error;
}
