// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate's command line: a verb and its arguments, and options, which may
 * stand anywhere. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verb.h"

#define DEFAULT_CONFIG "/etc/scoutgate.conf"
#define DEFAULT_PIN_DIR "/sys/fs/bpf/scoutgate"
#define DEFAULT_STATE_DIR "/var/lib/scoutgate"

static const struct {
	const char *name;
	int (*run)(const struct context *context, int count, char **args);
	const char *help;
} verbs[] = {
	{"check", verb_check,
	 "[FILE]  validate a configuration, show what it means; no root"},
	{"up", verb_up,
	 "load, attach to the interfaces that are there, pin; again: update"},
	{"run", verb_run,
	 "up, and kept so: follows links, repairs; HUP reloads, TERM leaves "
	 "it"},
	{"reload", verb_reload,
	 "put the configuration in force, whole or not at all"},
	{"down", verb_down, "detach and unpin"},
	{"grant", verb_grant,
	 "NAME [--for 1h30m]  open lan-access or host-control"},
	{"revoke", verb_revoke, "NAME  close it, and cut what it admitted"},
	{"status", verb_status,
	 "what is open, who is connected, health (0 healthy, 3 degraded, 4 not "
	 "loaded)"},
	{"flows", verb_flows, "conversations, with packets and bytes each way"},
	{"forwards", verb_forwards, "rules, with hits"},
	{"drops", verb_drops, "what was dropped, by interface and reason"},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

#define ARGS_MAX 8

const char *argp_program_version = "scoutgate " SCOUTGATE_VERSION;

enum { KEY_PIN_DIR = 256, KEY_STATE_DIR, KEY_JSON, KEY_CLSACT, KEY_FOR };

static const struct argp_option options[] = {
	{"config", 'c', "FILE", 0, "configuration (" DEFAULT_CONFIG ")", 0},
	{"pin-dir", KEY_PIN_DIR, "DIR", 0, "the instance (" DEFAULT_PIN_DIR ")",
	 0},
	{"state-dir", KEY_STATE_DIR, "DIR", 0,
	 "what is to be known at the next boot (" DEFAULT_STATE_DIR ")", 0},
	{"json", KEY_JSON, NULL, 0, "print JSON", 0},
	{"clsact", KEY_CLSACT, NULL, 0,
	 "attach with clsact filters even where the kernel has TCX", 0},
	{"for", KEY_FOR, "DURATION", 0, "of a grant: 30s, 30m, 1h30m, 2d", 0},
	{NULL, 'h', NULL, OPTION_HIDDEN, NULL, 0},
	{0},
};

struct command_line {
	struct context context;
	const char *verb;     /* NULL: there is none */
	char *args[ARGS_MAX]; /* of the verb */
	int count;
};

static error_t on_argument(struct command_line *line, char *arg)
{
	if (!line->verb)
		line->verb = arg;
	else if (line->count == ARGS_MAX)
		return EINVAL;
	else
		line->args[line->count++] = arg;
	return 0;
}

/* Spell a path in one way: no doubled, trailing, or "." parts. In place. */
static void normalise(char *path)
{
	char *to = path;

	for (const char *from = path; *from; from++) {
		bool begins = to > path && to[-1] == '/';

		if (begins && from[0] == '/')
			continue;
		if (begins && from[0] == '.' && (from[1] == '/' || !from[1]))
			continue;
		*to++ = *from;
	}
	while (to > path + 1 && to[-1] == '/')
		to--;
	*to = '\0';
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct command_line *line = state->input;

	switch (key) {
	case 'c':
		line->context.config = arg;
		return 0;
	case KEY_PIN_DIR:
		normalise(arg);
		line->context.pin_dir = arg;
		return 0;
	case KEY_STATE_DIR:
		normalise(arg);
		line->context.state_dir = arg;
		return 0;
	case KEY_JSON:
		line->context.json = true;
		return 0;
	case KEY_CLSACT:
		line->context.clsact = true;
		return 0;
	case KEY_FOR:
		line->context.duration = arg;
		return 0;
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return 0;
	case ARGP_KEY_ARG:
		return on_argument(line, arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static char *help_filter(int key, const char *text, void *input)
{
	char *list = NULL;
	size_t bytes;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_PRE_DOC)
		return (char *)text;
	out = open_memstream(&list, &bytes);
	if (!out)
		return NULL;
	fputs("The network gate of a forensic live system.\n\n", out);
	for (size_t i = 0; i < VERB_COUNT; i++)
		fprintf(out, "  %-9s %s\n", verbs[i].name, verbs[i].help);
	fclose(out);
	return list;
}

/* Return a verb's status, or that what it said is lost. */
static int said(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "scoutgate: standard output: writing failed: %s\n",
		strerror(errno));
	return EXIT_FAILED;
}

/* Return the verb that begins as the word does, or has a letter or two that are
 * not its; NULL: none is meant. */
static const char *nearest_verb(const char *word)
{
	size_t bytes = strlen(word);

	for (size_t i = 0; i < VERB_COUNT; i++) {
		const char *name = verbs[i].name;
		size_t end = strlen(name);
		size_t head = 0;
		size_t tail = 0;

		while (head < end && word[head] == name[head])
			head++;
		while (tail < end - head && tail < bytes - head &&
		       word[bytes - 1 - tail] == name[end - 1 - tail])
			tail++;
		if (bytes && (head == bytes ||
			      (head + tail + 2 >= end &&
			       head + tail + 2 >= bytes && head + tail >= 2)))
			return name;
	}
	return NULL;
}

static int run_verb(struct command_line *line)
{
	const char *nearest;

	if (line->context.duration && strcmp(line->verb, "grant") != 0)
		return verb_usage("--for is of grant alone");
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i].name, line->verb) == 0)
			return said(verbs[i].run(&line->context, line->count,
						 line->args));
	nearest = nearest_verb(line->verb);
	return nearest ? verb_usage("no verb \"%s\"; is it \"%s\"?", line->verb,
				    nearest)
		       : verb_usage("no verb \"%s\"", line->verb);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = on_option,
		.args_doc = "VERB [ARGUMENT...]",
		.doc = " ",
		.help_filter = help_filter,
	};
	struct command_line line = {
		.context = {.config = DEFAULT_CONFIG,
			    .pin_dir = DEFAULT_PIN_DIR,
			    .state_dir = DEFAULT_STATE_DIR},
	};
	error_t error;

	argp_err_exit_status = EXIT_USAGE;
	error = argp_parse(&argp, argc, argv, 0, NULL, &line);
	if (error)
		return error == EINVAL ? verb_usage("too many arguments")
				       : EXIT_USAGE;
	if (!line.verb)
		return verb_usage("no verb given");
	if (strcmp(line.verb, "help") == 0) {
		argp_help(&argp, stdout,
			  ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK, "scoutgate");
		return said(EXIT_OK);
	}
	return run_verb(&line);
}
