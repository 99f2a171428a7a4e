// SPDX-License-Identifier: GPL-2.0-or-later
/* See report.h. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "sys/report.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define TEXT_BYTES 1024

static const struct {
	const char *message_id;
	int priority;
} events[] = {
#define X(id, message_id, priority) [REPORT_##id] = {message_id, priority},
	REPORT_EVENTS(X)
#undef X
};

/* Return whether standard error is the journal's (systemd.exec(5)). */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device;
	unsigned long long inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	       st.st_ino == inode;
}

static int send(enum report_event event, const char *field, const char *text)
{
	const char *by = getenv("SUDO_USER");

	return sd_journal_send(
		"MESSAGE=%s", text, "MESSAGE_ID=%s", events[event].message_id,
		"PRIORITY=%d", events[event].priority,
		"SYSLOG_IDENTIFIER=scoutgate", "SG_BY=%s", by ? by : "", "%s",
		field ? field : "SG_NONE=", NULL);
}

void report(enum report_event event, const char *field, const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!is_journal() || send(event, field, text))
		fprintf(stderr, "scoutgate: %s\n", text);
}

void report_note(enum report_event event, const char *field, const char *format,
		 ...)
{
	char text[TEXT_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	send(event, field, text);
}
