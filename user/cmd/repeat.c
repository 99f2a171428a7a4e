// SPDX-License-Identifier: GPL-2.0-or-later
/* See repeat.h. */
#include "cmd/repeat.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sys/text.h"

#define GRACE_S 2 /* for what is being printed when the end comes */

static volatile sig_atomic_t is_ended;
static int nowhere = -1; /* /dev/null */

static void end(int number)
{
	(void)number;
	is_ended = 1;
	alarm(GRACE_S);
}

/* Nobody may be reading: a write that waits goes on to where all is taken. */
static void cut(int number)
{
	(void)number;
	dup2(nowhere, STDOUT_FILENO);
}

enum show_form repeat_form(const struct context *context)
{
	if (!context->json)
		return SHOW_TABLE;
	return context->watch ? SHOW_JSON_LINE : SHOW_JSON;
}

/* Go to the first line of a terminal and erase the screen (ECMA-48 8.3). */
static void begin(const struct context *context)
{
	const char *kind = getenv("TERM");

	if (context->json)
		return;
	if (isatty(STDOUT_FILENO) && kind && strcmp(kind, "dumb") != 0)
		fputs("\033[H\033[2J", stdout);
	else
		putchar('\n');
}

/* Wait for the time to pass, or for a signal that ends it: `signals` come here
 * alone, so that none is missed. */
static void wait_for(uint32_t seconds, const sigset_t *signals)
{
	const struct timespec time = {.tv_sec = seconds};
	sigset_t before;

	sigprocmask(SIG_BLOCK, signals, &before);
	if (!is_ended && sigtimedwait(signals, NULL, &time) > 0)
		is_ended = 1;
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static int hear(const sigset_t *signals)
{
	const struct sigaction on_end = {.sa_handler = end,
					 .sa_flags = SA_RESTART};
	const struct sigaction on_alarm = {.sa_handler = cut,
					   .sa_flags = SA_RESTART};

	nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (nowhere < 0)
		return -errno;
	sigaction(SIGALRM, &on_alarm, NULL);
	sigaction(SIGINT, &on_end, NULL);
	sigaction(SIGTERM, &on_end, NULL);
	sigprocmask(SIG_UNBLOCK, signals, NULL);
	return 0;
}

int repeat_run(const struct context *context, repeat_draw *draw,
	       const void *what)
{
	sigset_t signals;
	uint32_t seconds;
	struct fault fault;
	int status;
	int r;

	if (!context->watch)
		return draw(context, what);
	if (text_parse_duration(context->watch, &seconds) ||
	    !strpbrk(context->watch, "smhd"))
		return verb_usage("--watch %s: a duration; as 2s, 1m",
				  context->watch);
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	r = hear(&signals);
	if (r) {
		fault_set(&fault, r, "/dev/null: %s", strerror(-r));
		return verb_fail(&fault);
	}
	/* what is cleared is drawn again at once, not line by line */
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	do {
		begin(context);
		status = draw(context, what);
		if (fflush(stdout) || ferror(stdout))
			return status; /* main() says so */
		if (status == EXIT_FAILED || status == EXIT_NOT_LOADED)
			break;
		wait_for(seconds, &signals);
	} while (!is_ended);
	return is_ended ? EXIT_OK : status;
}
