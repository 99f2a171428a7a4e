/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's part of the record: what happens to an instance, into its
 * ledger. It keeps trying: while there is no ledger to be written, it says why.
 */
#ifndef SG_USER_RECORDER_H
#define SG_USER_RECORDER_H

#include "config/policy.h"
#include "gate/cut.h"
#include "gate/pins.h"
#include "sys/fault.h"
#include "sys/links.h"

struct recorder;

/* pins and policy are looked at again with each call; they are to live as long.
 * NULL: out of memory. */
struct recorder *recorder_new(const struct pins *pins,
			      const struct policy *policy);
/* why: of the ledger's last record. */
void recorder_close(struct recorder **recorder, const char *why);

/* An epoll fd, ready when there is much to be written, by recorder_drain(). -1:
 * there is none; another one may come with each recorder_tick(). */
int recorder_fd(const struct recorder *recorder);
void recorder_drain(struct recorder *recorder);
/* A number that is another each time the rings are opened, whatever fd they
 * get. */
uint64_t recorder_attached(const struct recorder *recorder);

/* Leave the ledger and the rings to another daemon, until recorder_tick(). */
void recorder_rest(struct recorder *recorder);

/* To be called four times a second or so. */
void recorder_tick(struct recorder *recorder);

/* Tell it of another policy, of the links, of grants. */
void recorder_policy(struct recorder *recorder, uint32_t number);
void recorder_links(struct recorder *recorder, const struct links *links);
void recorder_grants(struct recorder *recorder,
		     const struct cut_change *change);

/* The problem, and a way out of it; NULL: there is none. */
const char *recorder_problem(const struct recorder *recorder);

#endif
