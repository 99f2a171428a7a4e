// SPDX-License-Identifier: GPL-2.0-or-later
/* See refusal.h. */
#include "sys/refusal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/cleanup.h"

/* libbpf: "prog 'NAME': -- BEGIN PROG LOAD LOG --", the log, and its end */
#define NAME_START "prog '"
#define LOG_START "-- BEGIN PROG LOAD LOG --\n"
#define LOG_END "-- END PROG LOAD LOG --"
/* the verifier's own last line, which has no reason */
#define TOTALS "processed "

#define NAME_BYTES 32
#define WORDS_BYTES 128

bool refusal_is_in(const char *warnings)
{
	return strstr(warnings, LOG_START) != NULL;
}

static void copy(char *ret_text, size_t bytes, const char *from, size_t length)
{
	snprintf(ret_text, bytes, "%.*s", (int)length, from);
}

/* Find the name that stands before the log. */
static void find_name(const char *warnings, const char *log,
		      char ret_name[NAME_BYTES])
{
	const char *name = NULL;

	for (const char *at = strstr(warnings, NAME_START); at && at < log;
	     at = strstr(at + 1, NAME_START))
		name = at + strlen(NAME_START);
	copy(ret_name, NAME_BYTES, name ? name : "?",
	     name ? strcspn(name, "'\n") : 1);
}

/* Find the last line of the log that says why. */
static void find_words(const char *log, char ret_words[WORDS_BYTES])
{
	const char *end = strstr(log, LOG_END);
	size_t length;

	ret_words[0] = '\0';
	for (const char *line = log; *line && (!end || line < end);
	     line += length + (line[length] != '\0')) {
		length = strcspn(line, "\n");
		if (length > 0 && (!end || line + length < end) &&
		    strncmp(line, TOTALS, strlen(TOTALS)) != 0)
			copy(ret_words, WORDS_BYTES, line, length);
	}
}

/* Write the log anew; a link that somebody left there is not followed. */
static bool supervisor_log(const char *warnings)
{
	_cleanup_(cleanup_close) int fd = -1;
	size_t bytes = strlen(warnings);

	if (mkdir(REFUSAL_FOLDER, 0700) && errno != EEXIST)
		return false;
	if (unlink(REFUSAL_LOG) && errno != ENOENT)
		return false;
	fd = open(REFUSAL_LOG, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd >= 0 && write(fd, warnings, bytes) == (ssize_t)bytes;
}

int refusal_explain(const char *warnings, int error, struct fault *ret_fault)
{
	const char *log = strstr(warnings, LOG_START) + strlen(LOG_START);
	char name[NAME_BYTES];
	char words[WORDS_BYTES];

	find_name(warnings, log, name);
	find_words(log, words);
	return fault_set(ret_fault, error,
			 "the kernel's verifier refuses program %s: %s (%s); "
			 "%s, please report it with the kernel's and clang's "
			 "version",
			 name, words, strerror(-error),
			 supervisor_log(warnings)
				 ? "the log is in " REFUSAL_LOG
				 : "its log could not be kept");
}
