// SPDX-License-Identifier: GPL-2.0-or-later
/* See twin.h. */
#include "twin.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gate/maps.h"

static unsigned long dropped;

static void read_counters(enum place at, struct twin_counters *ret_counters)
{
	int hits = gate_test.pins.map_fds[PINS_hits];

	memset(ret_counters, 0, sizeof(*ret_counters));
	for (int reason = 0; reason < SG_REASON_COUNT; reason++)
		ret_counters->drops[reason] =
			drops_of(at, (enum sg_reason)reason);
	for (uint32_t rule = 0; rule < TWIN_RULES; rule++)
		maps_sum(hits, &rule, 2, ret_counters->hits[rule]);
}

/* Read what has been added to the counters since. */
static void read_more(enum place at, const struct twin_counters *before,
		      struct twin_counters *ret_more)
{
	read_counters(at, ret_more);
	for (int reason = 0; reason < SG_REASON_COUNT; reason++)
		ret_more->drops[reason] -= before->drops[reason];
	for (uint32_t rule = 0; rule < TWIN_RULES; rule++)
		for (int i = 0; i < 2; i++)
			ret_more->hits[rule][i] -= before->hits[rule][i];
}

/* Take so much off counters that are one value a CPU, wherever it was added. */
static void take_back(int fd, const void *key, size_t count,
		      const uint64_t *more)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values = calloc((size_t)cpus * count, sizeof(*values));

	if (!values || bpf_map_lookup_elem(fd, key, values))
		fail_msg("counters: %s", strerror(errno));
	for (size_t i = 0; i < count; i++)
		for (int cpu = 0; cpu < cpus; cpu++)
			if (more[i] && values[(size_t)cpu * count + i]) {
				values[(size_t)cpu * count + i] -= more[i];
				break;
			}
	assert_int_equal(bpf_map_update_elem(fd, key, values, BPF_ANY), 0);
	free(values);
}

static int run_early(const struct frame *frame, enum place at)
{
	struct xdp_md context = {
		.data_end = (__u32)frame->bytes,
		.ingress_ifindex = gate_test.ifindex[at],
	};
	struct frame out;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data,
		    .data_size_in = (__u32)frame->bytes, .data_out = out.data,
		    .data_size_out = FRAME_BYTES, .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = 1);
	int fd = gate_test.program_fds[DATAPLANE_sg_uplink_early];

	if (bpf_prog_test_run_opts(fd, &opts))
		return -errno;
	if (opts.data_size_out != frame->bytes ||
	    memcmp(out.data, frame->data, frame->bytes) != 0)
		fail_msg("sg_uplink_early has changed the frame");
	return (int)opts.retval;
}

bool twin_is_possible(void)
{
	struct frame frame = {.bytes = 64};

	return run_early(&frame, TAP0) >= 0;
}

static void take_all_back(enum place at, const struct twin_counters *more)
{
	for (int reason = 0; reason < SG_REASON_COUNT; reason++) {
		struct sg_drop_key key = {gate_test.ifindex[at],
					  (enum sg_reason)reason};

		if (more->drops[reason])
			take_back(gate_test.pins.map_fds[PINS_drops], &key, 1,
				  &more->drops[reason]);
	}
	for (uint32_t rule = 0; rule < TWIN_RULES; rule++)
		if (more->hits[rule][0] || more->hits[rule][1])
			take_back(gate_test.pins.map_fds[PINS_hits], &rule, 2,
				  more->hits[rule]);
}

void twin_before(struct twin *twin, const struct frame *frame, enum place at)
{
	static const struct twin_counters nothing;
	int verdict;

	assert_true(gate_test.policy.forward_count <= TWIN_RULES / 2);
	read_counters(at, &twin->before);
	verdict = run_early(frame, at);
	if (verdict < 0)
		fail_msg("sg_uplink_early: %s", strerror(-verdict));
	twin->dropped = verdict == XDP_DROP;
	dropped += twin->dropped;
	read_more(at, &twin->before, &twin->more);
	if (!twin->dropped)
		assert_memory_equal(&twin->more, &nothing, sizeof(nothing));
	take_all_back(at, &twin->more);
}

void twin_after(const struct twin *twin, enum place at, int action)
{
	struct twin_counters more;

	if (!twin->dropped)
		return;
	assert_int_equal(action, ACTION_DROP);
	read_more(at, &twin->before, &more);
	for (int reason = 0; reason < SG_REASON_COUNT; reason++)
		if (more.drops[reason] != twin->more.drops[reason])
			fail_msg("reason %d: %d by sg_uplink_early, %d by "
				 "sg_uplink_in",
				 reason, (int)twin->more.drops[reason],
				 (int)more.drops[reason]);
	assert_memory_equal(more.hits, twin->more.hits, sizeof(more.hits));
}

unsigned long twin_drops(void)
{
	return dropped;
}
