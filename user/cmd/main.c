// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate's command line: a verb and its arguments, and options, which may
 * stand anywhere. */
#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/verb.h"
#include "sys/text.h"
#include "version.h"

#define DEFAULT_CONFIG "/etc/scoutgate.conf"
#define DEFAULT_PIN_DIR "/sys/fs/bpf/scoutgate"
#define DEFAULT_STATE_DIR "/var/lib/scoutgate"

struct verb {
	const char *name;
	int (*run)(const struct context *context, int count, char **args);
	const char *args; /* as the usage has them */
	const char *help;
};

static const struct verb verbs[] = {
	{"check", verb_check, "[FILE]",
	 "validate a configuration, show what it means; no root"},
	{"up", verb_up, "",
	 "load, attach to the interfaces that are there, pin; again: update"},
	{"run", verb_run, "",
	 "up, and kept so: follows links, repairs; HUP reloads, TERM leaves "
	 "it"},
	{"reload", verb_reload, "",
	 "put the configuration in force, whole or not at all"},
	{"down", verb_down, "", "detach and unpin"},
	{"grant", verb_grant, "NAME",
	 "open lan-access or host-control, for good, --for 1h30m or --until "
	 "18:00"},
	{"revoke", verb_revoke, "NAME", "close it, and cut what it admitted"},
	{"status", verb_status, "",
	 "what is open, who is connected, health (exit 0 healthy or waiting, 3 "
	 "degraded, 4 not loaded)"},
	{"flows", verb_flows, "",
	 "the live flows, with packets and bytes each way; --state all: those "
	 "that end, too"},
	{"forwards", verb_forwards, "", "rules, with hits"},
	{"drops", verb_drops, "", "what was dropped, by interface and reason"},
	{"who", verb_who, "[DIR]",
	 "who came in, when, and how much, now and before, by the ledger"},
	{"peer", verb_peer, "ADDRESS NAME",
	 "name an address in the ledger; for a VPN's hooks"},
	{"ledger", verb_ledger,
	 "head|verify|show|report [PATH] | init|export DIR | anchor FILE | "
	 "note TEXT | purge --before DATE",
	 "the record: note its head, prove it, read it, take it along"},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

#define ARGS_MAX 8

enum {
	KEY_PIN_DIR = 256,
	KEY_STATE_DIR,
	KEY_JSON,
	KEY_CLSACT,
	KEY_FOR,
	KEY_UNTIL,
	KEY_ROLE,
	KEY_STATE,
	KEY_REMOTE,
	KEY_PORT,
	KEY_RULE,
	KEY_SORT,
	KEY_TOP,
	KEY_WATCH,
	KEY_HEAD,
	KEY_KEY,
	KEY_EVENT,
	KEY_SINCE,
	KEY_BEFORE,
	KEY_HTML,
	KEY_TEXT,
	KEY_REASON,
	KEY_CASE,
	KEY_HELP,
};

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
	{"until", KEY_UNTIL, "HH:MM", 0,
	 "of a grant: the next time that it is 18:00 here", 0},
	{"role", KEY_ROLE, "ROLE", 0,
	 "flows that vpn, lan, container or host has begun", 0},
	{"state", KEY_STATE, "STATE", 0,
	 "flows that are live (the default of the table), all (of JSON), or in "
	 "a state as established",
	 0},
	{"remote", KEY_REMOTE, "ADDRESS", 0,
	 "flows with that address, or one of that network; records with that "
	 "address",
	 0},
	{"reason", KEY_REASON, "TEXT", 0, "of a grant: why, for the ledger", 0},
	{"case", KEY_CASE, "ID", 0, "of a grant: of which case, for the ledger",
	 0},
	{"head", KEY_HEAD, "DIGITS", 0,
	 "of ledger verify: what `ledger head` said, or its first 32 digits",
	 0},
	{"key", KEY_KEY, "TEXT", 0,
	 "of ledger verify: the first record's key, as it was noted", 0},
	{"event", KEY_EVENT, "NAME", 0,
	 "records of that event; flow: of flow.begin and the others", 0},
	{"since", KEY_SINCE, "DATE", 0,
	 "records from then on: 2026-11-30 or 2026-11-30T18:00 (UTC)", 0},
	{"before", KEY_BEFORE, "DATE", 0, "records before then", 0},
	{"html", KEY_HTML, NULL, 0, "of ledger report: as one file of HTML", 0},
	{"text", KEY_TEXT, NULL, 0, "of ledger report: as text, the default",
	 0},
	{"port", KEY_PORT, "PORT", 0, "flows with that port at either end", 0},
	{"rule", KEY_RULE, "NAME", 0, "flows of that forward", 0},
	{"sort", KEY_SORT, "KEY[,KEY]", 0,
	 "order flows by bytes, in-bytes, out-bytes, packets, age, idle, state "
	 "(from new to closed), remote or local, the least first; -KEY: the "
	 "greatest first. It needs memory: 75 MB for a million flows",
	 0},
	{"top", KEY_TOP, "COUNT", 0,
	 "with --sort: the first COUNT flows alone; it needs memory for these",
	 0},
	{"watch", KEY_WATCH, "DURATION", OPTION_ARG_OPTIONAL,
	 "print it again every 2s, or every DURATION, until it is "
	 "interrupted; on a terminal in the same place, elsewhere each after "
	 "an empty line; with --json a document is a line",
	 0},
	{"help", KEY_HELP, NULL, 0, "this, or of the verb alone", -1},
	{"version", 'V', NULL, 0, "the program's version", -1},
	{NULL, 'h', NULL, OPTION_HIDDEN, NULL, 0},
	{"usage", KEY_HELP, NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0},
	{0},
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

/* Those that mean something to some verbs alone: each is a text of the context.
 */
static const struct {
	int key;
	const char *option;
	const char *verbs; /* as a person reads them */
	size_t at;	   /* of struct context: a const char * */
} owned[] = {
#define OF(key, option, verbs, field)                                          \
	{                                                                      \
		key, option, verbs, offsetof(struct context, field)            \
	}
	OF(KEY_FOR, "--for", "grant", duration),
	OF(KEY_UNTIL, "--until", "grant", until),
	OF(KEY_ROLE, "--role", "flows", role),
	OF(KEY_STATE, "--state", "flows", state),
	OF(KEY_REMOTE, "--remote", "flows, who and ledger", remote),
	OF(KEY_REASON, "--reason", "grant and revoke", reason),
	OF(KEY_CASE, "--case", "grant and revoke", case_id),
	OF(KEY_HEAD, "--head", "ledger", head),
	OF(KEY_KEY, "--key", "ledger", key),
	OF(KEY_EVENT, "--event", "ledger", event),
	OF(KEY_SINCE, "--since", "who and ledger", since),
	OF(KEY_BEFORE, "--before", "who and ledger", before),
	OF(KEY_HTML, "--html", "ledger", html),
	OF(KEY_TEXT, "--text", "ledger", text),
	OF(KEY_PORT, "--port", "flows", port),
	OF(KEY_RULE, "--rule", "flows", rule),
	OF(KEY_SORT, "--sort", "flows", sort),
	OF(KEY_TOP, "--top", "flows", top),
	OF(KEY_WATCH, "--watch", "status, flows, forwards and drops", watch),
#undef OF
};

#define OWNED_COUNT (sizeof(owned) / sizeof(owned[0]))

struct command_line {
	struct context context;
	const char *verb;     /* NULL: there is none */
	char *args[ARGS_MAX]; /* of the verb */
	int count;
	bool wants_help;
	bool wants_version;
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

/* Return where the text of one of `owned` is; NULL there: it was not given. */
static const char **owned_text(struct command_line *line, size_t i)
{
	return (const char **)((char *)&line->context + owned[i].at);
}

/* Return whether the option is one verb's alone; then it is noted. */
static bool take_owned(struct command_line *line, int key, const char *arg)
{
	for (size_t i = 0; i < OWNED_COUNT; i++) {
		if (owned[i].key != key)
			continue;
		*owned_text(line, i) = arg ? arg : "";
		return true;
	}
	return false;
}

/* Return the word behind --watch, if that is a number's. */
static char *watch_duration(struct argp_state *state)
{
	static char usual[] = "2s";
	const char *next = state->argv[state->next];

	if (state->next >= state->argc || !isdigit((unsigned char)next[0]))
		return usual;
	return state->argv[state->next++];
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct command_line *line = state->input;

	if (key == KEY_WATCH && !arg)
		arg = watch_duration(state);
	if (take_owned(line, key, arg))
		return 0;
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
	case 'V':
		line->wants_version = true;
		return 0;
	case KEY_HELP:
	case 'h':
		line->wants_help = true;
		return 0;
	case ARGP_KEY_ARG:
		return on_argument(line, arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Return whether one of the words of a list is this. */
static bool has_word(const char *list, const char *word)
{
	size_t bytes = strlen(word);

	while (*list) {
		size_t length = strcspn(list, ", ");

		if (length == bytes && strncmp(list, word, bytes) == 0)
			return true;
		list += length;
		list += strspn(list, ", ");
	}
	return false;
}

static bool is_of_verb(int key, const char *verb)
{
	for (size_t i = 0; i < OWNED_COUNT; i++)
		if (owned[i].key == key)
			return verb && has_word(owned[i].verbs, verb);
	return true;
}

static char *verb_list(int key, const char *text, void *input)
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
		fprintf(out, "  %s%s%s\n      %s\n", verbs[i].name,
			verbs[i].args[0] ? " " : "", verbs[i].args,
			verbs[i].help);
	fputs("\n`scoutgate VERB --help` has the options of one.\n", out);
	fclose(out);
	return list;
}

/* Of one verb, with its own options; NULL: of all. */
static void print_help(const struct verb *verb)
{
	struct argp_option shown[OPTION_COUNT] = {{0}};
	struct argp argp = {
		.options = shown,
		.args_doc = verb ? verb->args : "VERB [ARGUMENT...]",
		.doc = verb ? verb->help : " ",
		.help_filter = verb ? NULL : verb_list,
	};
	char name[64];
	size_t count = 0;

	for (size_t i = 0; i + 1 < OPTION_COUNT; i++)
		if (is_of_verb(options[i].key, verb ? verb->name : NULL))
			shown[count++] = options[i];
	snprintf(name, sizeof(name), "scoutgate%s%s", verb ? " " : "",
		 verb ? verb->name : "");
	argp_help(&argp, stdout, ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK, name);
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

static int say_unknown(const char *word)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (text_is_near(word, verbs[i].name))
			return verb_usage("no verb \"%s\"; is it \"%s\"?", word,
					  verbs[i].name);
	return verb_usage("no verb \"%s\"", word);
}

/* Say what may have been meant by an option's name. */
static int say_unknown_option(const char *name, size_t bytes)
{
	char word[64];

	snprintf(word, sizeof(word), "%.*s", (int)bytes, name);
	for (size_t i = 0; i + 1 < OPTION_COUNT; i++)
		if (options[i].name && text_is_near(word, options[i].name))
			return verb_usage("no option \"--%s\"; is it \"--%s\"?",
					  word, options[i].name);
	return verb_usage("no option \"--%s\"", word);
}

/* Return the option that a word, without its dashes, names or begins to name.
 */
static const struct argp_option *find_option(const char *word, size_t bytes)
{
	for (size_t i = 0; i + 1 < OPTION_COUNT; i++)
		if (options[i].name &&
		    strncmp(options[i].name, word, bytes) == 0)
			return &options[i];
	return NULL;
}

/* Return whether the next word is an option's argument, by what stands behind
 * the option's name in its own word. */
static bool takes_next(const struct argp_option *option, const char *rest)
{
	return option && option->arg &&
	       !(option->flags & OPTION_ARG_OPTIONAL) && !*rest;
}

/* Return whether the next word is an argument of the last option of a word of
 * short ones. */
static bool short_takes_next(const char *word)
{
	for (; *word; word++)
		for (size_t i = 0; i + 1 < OPTION_COUNT; i++)
			if (options[i].key == *word && options[i].arg)
				return takes_next(&options[i], word + 1);
	return false;
}

/* Name the nearest option, which getopt does not. Returns EXIT_OK: all are
 * known. */
static int check_options(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const struct argp_option *option;
		const char *word;
		size_t bytes;

		if (strncmp(argv[i], "--", 2) != 0) {
			if (argv[i][0] == '-' && short_takes_next(argv[i] + 1))
				i++;
			continue;
		}
		word = argv[i] + 2;
		bytes = strcspn(word, "=");
		option = find_option(word, bytes);
		if (!option)
			return say_unknown_option(word, bytes);
		if (takes_next(option, word + bytes))
			i++;
	}
	return EXIT_OK;
}

static int run_verb(struct command_line *line)
{
	const struct verb *verb = NULL;

	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i].name, line->verb) == 0)
			verb = &verbs[i];
	if (!verb)
		return say_unknown(line->verb);
	if (line->wants_help) {
		print_help(verb);
		return said(EXIT_OK);
	}
	for (size_t i = 0; i < OWNED_COUNT; i++)
		if (*owned_text(line, i) &&
		    !has_word(owned[i].verbs, verb->name))
			return verb_usage("%s is of %s alone", owned[i].option,
					  owned[i].verbs);
	return said(verb->run(&line->context, line->count, line->args));
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = on_option,
		.args_doc = "VERB [ARGUMENT...]",
	};
	struct command_line line = {
		.context = {.config = DEFAULT_CONFIG,
			    .pin_dir = DEFAULT_PIN_DIR,
			    .state_dir = DEFAULT_STATE_DIR},
	};
	error_t error;

	argp_err_exit_status = EXIT_USAGE;
	setlocale(LC_CTYPE, "C.UTF-8"); /* tables have names of any script */
	if (check_options(argc, argv))
		return EXIT_USAGE;
	error = argp_parse(&argp, argc, argv, ARGP_NO_HELP, NULL, &line);
	if (error)
		return error == EINVAL ? verb_usage("too many arguments")
				       : EXIT_USAGE;
	if (line.wants_version) {
		puts("scoutgate " SCOUTGATE_VERSION);
		return said(EXIT_OK);
	}
	if (line.verb && strcmp(line.verb, "help") == 0) {
		line.verb = line.count && strcmp(line.args[0], "help") != 0
				    ? line.args[0]
				    : NULL;
		line.wants_help = true;
	}
	if (!line.verb && line.wants_help) {
		print_help(NULL);
		return said(EXIT_OK);
	}
	return line.verb ? run_verb(&line) : verb_usage("no verb given");
}
