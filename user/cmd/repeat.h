/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that print what is so, once or (--watch) again and again. */
#ifndef SG_USER_REPEAT_H
#define SG_USER_REPEAT_H

#include "cmd/show.h"
#include "cmd/verb.h"

/* Print it once; returns an exit status. */
typedef int repeat_draw(const struct context *context, const void *what);

/* Return how the command line wants it printed. */
enum show_form repeat_form(const struct context *context);

/*
 * Draw once, or until SIGINT or SIGTERM comes, which ends it as EXIT_OK, or
 * until there is nothing to draw (EXIT_FAILED, EXIT_NOT_LOADED). What is being
 * drawn when the signal comes is completed, if somebody reads it. A terminal is
 * cleared before each; elsewhere an empty line comes before each, and JSON is a
 * document on each line. Returns an exit status.
 */
int repeat_run(const struct context *context, repeat_draw *draw,
	       const void *what);

#endif
