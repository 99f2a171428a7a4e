/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands. Each is a file of its own; main.c finds and calls them. */
#ifndef SG_USER_VERB_H
#define SG_USER_VERB_H

#include <stdbool.h>

#include "sys/fault.h"

/* exit statuses */
enum verb_exit {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_DEGRADED = 3,
	EXIT_NOT_LOADED = 4,
};

struct context {
	const char *config;
	const char *pin_dir;
	const char *state_dir;
	bool json;
	bool clsact;	      /* even where the kernel has TCX */
	const char *duration; /* of a grant, as the owner says it; or NULL */
	const char *until;    /* the same, by the clock on the wall */
	/* which flows, as they are said; NULL: all */
	const char *role;
	const char *state;
	const char *remote;
	const char *port;
	const char *rule;
	const char *sort; /* the order of flows; NULL: none */
	const char *top;  /* how many flows of the order; NULL: all */
	/* of the ledger; NULL: not said */
	const char *head; /* noted elsewhere */
	const char *key;
	const char *event;
	const char *since; /* dates, as records have them */
	const char *before;
	const char *html;   /* "": as HTML */
	const char *text;   /* "": as text */
	const char *reason; /* of a grant */
	const char *case_id;
	const char *watch; /* how often it is drawn; NULL: once */
};

/* Run a command; args: what stood behind its name, count of them. Prints, and
 * returns an exit status. */
int verb_check(const struct context *context, int count, char **args);
int verb_up(const struct context *context, int count, char **args);
int verb_run(const struct context *context, int count, char **args);
int verb_down(const struct context *context, int count, char **args);
int verb_reload(const struct context *context, int count, char **args);
int verb_grant(const struct context *context, int count, char **args);
int verb_ledger(const struct context *context, int count, char **args);
int verb_who(const struct context *context, int count, char **args);
int verb_peer(const struct context *context, int count, char **args);
int verb_revoke(const struct context *context, int count, char **args);
int verb_status(const struct context *context, int count, char **args);
int verb_flows(const struct context *context, int count, char **args);
int verb_forwards(const struct context *context, int count, char **args);
int verb_drops(const struct context *context, int count, char **args);

/* Print a fault as one line on standard error; returns EXIT_FAILED. */
int verb_fail(const struct fault *fault);
/* The same for a command line that cannot be meant; EXIT_USAGE. */
__attribute__((format(printf, 1, 2))) int verb_usage(const char *format, ...);

#endif
