// SPDX-License-Identifier: GPL-2.0-or-later
/* See identity.h. */
#include "ledger/identity.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/file.h"

#define UNSET "4294967295" /* proc(5): loginuid and sessionid of none */

/* The first line of a file; "": there is none. */
static void read_word(const char *path, char *ret_text, size_t room)
{
	file_read_start(path, ret_text, room);
	ret_text[strcspn(ret_text, "\n")] = '\0';
}

static void add_audit(struct record *record, const char *key, const char *path)
{
	char text[32];

	read_word(path, text, sizeof(text));
	if (!text[0] || strcmp(text, UNSET) == 0)
		record_null(record, key);
	else
		record_number(record, key, (int64_t)strtoul(text, NULL, 10));
}

static void add_exe(struct record *record)
{
	char exe[PATH_MAX];
	ssize_t bytes = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[bytes > 0 ? bytes : 0] = '\0';
	record_text(record, "exe", bytes > 0 ? exe : NULL);
}

static void add_parent(struct record *record)
{
	char path[64];
	char name[64];
	char text[96];

	snprintf(path, sizeof(path), "/proc/%d/comm", getppid());
	read_word(path, name, sizeof(name));
	snprintf(text, sizeof(text), "%s (%d)", name, getppid());
	record_text(record, "parent", text);
}

void identity_add(struct record *record)
{
	struct record inner = {0};
	char tty[64];

	record_number(&inner, "pid", getpid());
	record_number(&inner, "uid", getuid());
	add_audit(&inner, "loginuid", "/proc/self/loginuid");
	add_audit(&inner, "session", "/proc/self/sessionid");
	record_text(&inner, "tty",
		    ttyname_r(STDIN_FILENO, tty, sizeof(tty)) == 0 ? tty
								   : NULL);
	add_exe(&inner);
	add_parent(&inner);
	record_object(record, "who", &inner);
}

void identity_add_claims(struct record *record)
{
	static const char *const names[] = {"SUDO_USER", "SUDO_UID",
					    "SUDO_COMMAND", "SSH_CONNECTION"};
	struct record inner = {0};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[256];

		if (!getenv(names[i]))
			continue;
		snprintf(text, sizeof(text), "%s", getenv(names[i]));
		record_text(&inner, names[i], text);
	}
	record_object(record, "claims", &inner);
}
