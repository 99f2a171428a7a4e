/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that the kernel's verifier refuses: read what libbpf warned of,
 * which holds the verifier's log, and say it in one line.
 */
#ifndef SG_USER_REFUSAL_H
#define SG_USER_REFUSAL_H

#include <stdbool.h>

#include "sys/fault.h"

#define REFUSAL_FOLDER "/run/scoutgate"
#define REFUSAL_LOG REFUSAL_FOLDER "/verifier.log"

/* Return whether the warnings are of a program that was not loaded, and have
 * the verifier's log. */
bool refusal_is_in(const char *warnings);

/* Keep the warnings in REFUSAL_LOG (mode 0600) and set *ret_fault: the
 * program's name, the verifier's last words, and where the log is. Returns
 * error, which is -errno. */
int refusal_explain(const char *warnings, int error, struct fault *ret_fault);

#endif
