/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flows on their way from the datapath's rings into the ledger. Which are open
 * by the ledger is known here, so that one whose begin or end was lost is found
 * out by a look at the tables.
 */
#ifndef SG_USER_FLOW_LOG_H
#define SG_USER_FLOW_LOG_H

#include "ledger/attempts.h"
#include "ledger/flow_record.h"
#include "ledger/refusals.h"
#include "ledger/writer.h"
#include "sys/fault.h"

struct flow_log;

/* The number by which the kernel knows the ring of flows, of this boot. 0: it
 * does not say. */
uint32_t flow_log_ring(const struct pins *pins);

/* Attach to the rings of an instance. context, pins and refusals, which is
 * given the samples, are to live as long. NULL with *ret_fault. */
struct flow_log *flow_log_new(struct flow_context *context,
			      struct refusals *refusals,
			      struct fault *ret_fault);
void flow_log_free(struct flow_log **log);

/* An epoll fd, which is ready when a ring is a quarter full. */
int flow_log_fd(const struct flow_log *log);

/* A ledger before this start says: the flow is open (is_ring: by these rings),
 * and this event of the ring is on file. */
void flow_log_adopt(struct flow_log *log, const char *uid, bool is_ring);
void flow_log_adopt_end(struct flow_log *log, const char *uid);
void flow_log_adopt_seq(struct flow_log *log, uint32_t cpu, uint64_t seq);
void flow_log_adopt_lost(struct flow_log *log, const char *ring, uint64_t lost);
/* The rings are others from here on: they count anew. */
void flow_log_adopt_ring(struct flow_log *log);
/* The number of flows that are open by the ledger. */
uint64_t flow_log_open(const struct flow_log *log);

/* Write what the rings have. */
void flow_log_drain(struct flow_log *log, struct writer *writer);

/* Call this now and then while many flows are compared: it takes a while. */
void flow_log_breathe(struct flow_log *log, void (*breathe)(void *data),
		      void *data);

/* Compare with the tables: write updates of those that had packets for a
 * minute (is_last: since the last update), and what is there, or is not, though
 * the rings did not say so. */
void flow_log_compare(struct flow_log *log, struct writer *writer,
		      bool is_last);

/* Write the attempts since the last time. */
void flow_log_flush(struct flow_log *log, struct writer *writer);

#endif
