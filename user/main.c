// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate's command line: global options, then a verb. */
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
	 "NAME [--for 30m]  open lan-access or host-control"},
	{"revoke", verb_revoke, "NAME  close it, and cut what it admitted"},
	{"status", verb_status,
	 "interfaces, hooks, grants, health (0 healthy, 3 degraded, 4 not "
	 "loaded)"},
	{"flows", verb_flows, "conversations, with packets and bytes each way"},
	{"forwards", verb_forwards, "rules, with hits"},
	{"drops", verb_drops, "what was dropped, by interface and reason"},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

enum { KEY_PIN_DIR = 256, KEY_STATE_DIR, KEY_JSON, KEY_CLSACT };

static const struct argp_option options[] = {
	{"config", 'c', "FILE", 0, "configuration (" DEFAULT_CONFIG ")", 0},
	{"pin-dir", KEY_PIN_DIR, "DIR", 0, "the instance (" DEFAULT_PIN_DIR ")",
	 0},
	{"state-dir", KEY_STATE_DIR, "DIR", 0,
	 "what is to be known at the next boot (" DEFAULT_STATE_DIR ")", 0},
	{"json", KEY_JSON, NULL, 0, "print JSON", 0},
	{"clsact", KEY_CLSACT, NULL, 0,
	 "attach with clsact filters even where the kernel has TCX", 0},
	{0},
};

struct command_line {
	struct context context;
	int args_at; /* of the first word that is no option: the verb */
};

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct command_line *line = state->input;

	switch (key) {
	case 'c':
		line->context.config = arg;
		return 0;
	case KEY_PIN_DIR:
		line->context.pin_dir = arg;
		return 0;
	case KEY_STATE_DIR:
		line->context.state_dir = arg;
		return 0;
	case KEY_JSON:
		line->context.json = true;
		return 0;
	case KEY_CLSACT:
		line->context.clsact = true;
		return 0;
	case ARGP_KEY_ARG:
		line->args_at = state->next - 1;
		state->next = state->argc; /* the rest is the verb's */
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* --json is a global option that people write behind the verb, too. */
static int take_json(struct context *context, int count, char **args)
{
	int kept = 0;

	for (int i = 0; i < count; i++) {
		if (strcmp(args[i], "--json") == 0)
			context->json = true;
		else
			args[kept++] = args[i];
	}
	return kept;
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
	char **args;
	int count;

	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &line))
		return EXIT_USAGE;
	if (!line.args_at)
		return verb_usage("no verb given");
	args = argv + line.args_at;
	count = take_json(&line.context, argc - line.args_at - 1, args + 1);
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i].name, args[0]) == 0)
			return said(
				verbs[i].run(&line.context, count, args + 1));
	return verb_usage("no verb \"%s\"", args[0]);
}
