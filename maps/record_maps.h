/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record family. The datapath writes it; `run` reads the rings into the
 * ledger. They are apart, so that no flood of attempts crowds out a flow.
 */
#ifndef SG_MAPS_RECORD_H
#define SG_MAPS_RECORD_H

#include "sg_event.h"

#include <bpf/bpf_helpers.h>

#define FLOW_EVENTS_BYTES (4 << 20)
#define ATTEMPT_EVENTS_BYTES (1 << 20)
#define REFUSALS_BYTES (256 << 10)

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, FLOW_EVENTS_BYTES);
} flow_events SEC(".maps"); /* struct sg_event */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, ATTEMPT_EVENTS_BYTES);
} attempt_events SEC(".maps"); /* struct sg_event */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, REFUSALS_BYTES);
} refusals SEC(".maps"); /* struct sg_refusal */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SG_EVENTS_COUNT);
	__type(key, __u32); /* enum sg_event_ring */
	__type(value, struct sg_event_count);
} event_counts SEC(".maps");

/* Written by `run`, again and again. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_record_lease);
} record_lease SEC(".maps");

#endif
