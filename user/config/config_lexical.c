// SPDX-License-Identifier: GPL-2.0-or-later
/* See config_lexical.h. */
#include "config/config_lexical.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/cleanup.h"

#define LIST '[' /* for the brace behind "=" */

struct scan {
	const char *at; /* of the text */
	FILE *out;
	const char *name;
	int line;
	char last;     /* character that meant something */
	int last_line; /* and where it was */
	int depth;     /* open braces */
	struct fault *fault;
};

/* One character on, copied as it is or as a blank. */
static void step(struct scan *scan, bool is_blank)
{
	scan->line += *scan->at == '\n';
	fputc(is_blank && *scan->at != '\n' ? ' ' : *scan->at, scan->out);
	scan->at++;
}

static int scan_comment(struct scan *scan, const char *end)
{
	int line = scan->line;

	while (*scan->at && strncmp(scan->at, end, strlen(end)) != 0)
		step(scan, true);
	if (!*scan->at && *end != '\n')
		return fault_set(scan->fault, EINVAL,
				 "%s:%d: comment is not closed", scan->name,
				 line);
	for (; *end && *scan->at; end++)
		step(scan, true);
	return 0;
}

static int scan_string(struct scan *scan)
{
	char quote = *scan->at;

	step(scan, false);
	while (*scan->at != quote) {
		if ((unsigned char)*scan->at < ' ')
			return fault_set(
				scan->fault, EINVAL,
				"%s:%d: string is not closed on its line",
				scan->name, scan->line);
		if (strchr("\\$", *scan->at))
			return fault_set(scan->fault, EINVAL,
					 "%s:%d: '%c' has no place in a string",
					 scan->name, scan->line, *scan->at);
		step(scan, false);
	}
	step(scan, false);
	return 0;
}

static int scan_other(struct scan *scan)
{
	unsigned char c = (unsigned char)*scan->at;

	if (!isalnum(c) && !isspace(c) && !strchr("_-.={},", c))
		return fault_set(scan->fault, EINVAL,
				 "%s:%d: '%c' has no place outside of a string",
				 scan->name, scan->line, isprint(c) ? c : '?');
	if (c == '}' && scan->last == LIST) /* with nothing in it */
		fputs("\"\"", scan->out);
	scan->depth += (c == '{') - (c == '}');
	if (!isspace(c)) {
		scan->last = c == '{' && scan->last == '=' ? LIST : (char)c;
		scan->last_line = scan->line;
	}
	step(scan, false);
	return 0;
}

static int scan_next(struct scan *scan)
{
	if (*scan->at == '#' || strncmp(scan->at, "//", 2) == 0)
		return scan_comment(scan, "\n");
	if (strncmp(scan->at, "/*", 2) == 0)
		return scan_comment(scan, "*/");
	if (*scan->at != '"' && *scan->at != '\'')
		return scan_other(scan);
	scan->last = *scan->at;
	scan->last_line = scan->line;
	return scan_string(scan);
}

int lexical_prepare(const char *text, const char *name, char **ret_text,
		    struct fault *ret_fault)
{
	_cleanup_(cleanup_free) char *ready = NULL;
	struct scan scan = {
		.at = text,
		.name = name,
		.line = 1,
		.fault = ret_fault,
	};
	size_t bytes;
	int r = 0;

	scan.out = open_memstream(&ready, &bytes);
	if (!scan.out)
		return fault_set(ret_fault, ENOMEM, "out of memory");
	while (*scan.at && !r)
		r = scan_next(&scan);
	if (!r && scan.depth > 0)
		r = fault_set(ret_fault, EINVAL,
			      "%s:%d: the file ends inside a section or list; "
			      "close it",
			      name, scan.last_line);
	if (fclose(scan.out) && !r)
		r = fault_set(ret_fault, ENOMEM, "out of memory");
	if (r)
		return r;
	*ret_text = ready;
	ready = NULL;
	return 0;
}
