// SPDX-License-Identifier: GPL-2.0-or-later
/* The order of flows: what the command line may ask for, and what comes of it.
 */
#include <arpa/inet.h>
#include <errno.h>

#include "cmd/flow_sort.h"
#include "unit.h"

static void orders_are_one_or_two_keys(void **state)
{
	static const struct {
		const char *sort;
		const char *top;
		size_t keys;
	} right[] = {
		{NULL, NULL, 0},
		{"bytes", NULL, 1},
		{"-bytes", "1", 1},
		{"in-bytes,-out-bytes", NULL, 2},
		{"-packets,remote", "4294967295", 2},
		{"age", NULL, 1},
		{"-idle", NULL, 1},
		{"state,local", NULL, 2},
		{"bytes,bytes", NULL, 2},
	};
	static const struct {
		const char *sort;
		const char *top;
		const char *said;
	} wrong[] = {
		{"bites", NULL,
		 "--sort: no key \"bites\"; is it \"bytes\"? There are bytes, "
		 "in-bytes, out-bytes, packets, age, idle, state, remote, "
		 "local"},
		{"colour", NULL, "--sort: no key \"colour\"; there are bytes"},
		{"", NULL, "no key \"\"; there are"},
		{"-", NULL, "no key \"\"; there are"},
		{"--bytes", NULL, "no key \"-bytes\"; "},
		{"+bytes", NULL, "no key \"+bytes\"; is it \"bytes\"?"},
		{"bytes,", NULL, "no key \"\""},
		{",bytes", NULL, "no key \"\""},
		{"bytes, age", NULL, "no key \" age\"; is it \"age\"?"},
		{"Bytes", NULL, "is it \"bytes\"?"},
		{"bytes,age,idle", NULL, "at most 2 keys"},
		{"a-key-that-is-longer-than-any-of-them-is", NULL, "no key"},
		{NULL, "5", "--top needs an order, as --sort -bytes"},
		{"bytes", "0", "--top 0: 1 or more"},
		{"bytes", "-1", "--top -1"},
		{"bytes", "ten", "--top ten"},
		{"bytes", "", "--top : 1 or more"},
		{"bytes", "4294967296", "--top 4294967296"},
	};
	struct flow_sort sort;
	struct fault fault;

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++) {
		const struct context context = {.sort = right[i].sort,
						.top = right[i].top};

		assert_int_equal(flow_sort_parse(&context, &sort, &fault), 0);
		assert_int_equal(sort.key_count, right[i].keys);
		assert_int_equal(sort.top,
				 right[i].top ? strtoul(right[i].top, NULL, 10)
					      : 0);
	}
	memset(&sort, UNTOUCHED, sizeof(sort));
	for (size_t i = 0; i < COUNT(wrong); i++) {
		const struct context context = {.sort = wrong[i].sort,
						.top = wrong[i].top};

		assert_int_equal(flow_sort_parse(&context, &sort, &fault),
				 -EINVAL);
		assert_one_line(fault.text);
		if (!strstr(fault.text, wrong[i].said))
			fail_msg("%s: %s", wrong[i].said, fault.text);
		assert_untouched(&sort, sizeof(sort));
	}
}

/* Flow i has as many bytes and packets, an age and so on as the tables say. */
struct sample {
	const char *remote;
	uint16_t remote_port;
	uint16_t local_port;
	uint64_t in;
	uint64_t out;
	uint32_t created_s;
	uint32_t last_s;
	enum sg_state state;
};

static const struct sample samples[] = {
	{"10.0.0.9", 500, 22, 1ULL << 40, 1, 50, 90, SG_STATE_ESTABLISHED},
	{"10.0.0.10", 80, 2000, 5, 1ULL << 41, 90, 95, SG_STATE_NEW},
	{"10.0.0.9", 1024, 23, 5, 5, 10, 99, SG_STATE_CLOSING},
	{"fd00::1", 1, 256, 0, 0, 60, 61, SG_STATE_ESTABLISHED},
};

static void make(const struct sample *sample, struct sg_flow_key *ret_key,
		 struct sg_flow *ret_flow)
{
	*ret_key = (struct sg_flow_key){
		.remote = addr_of(sample->remote),
		.local = addr_of("10.0.3.2"),
		.remote_port.be = htons(sample->remote_port),
		.local_port.be = htons(sample->local_port),
		.protocol = IPPROTO_TCP,
	};
	*ret_flow = (struct sg_flow){
		.traffic = {{1, sample->in}, {sample->state, sample->out}},
		.created_s = sample->created_s,
		.last_s = sample->last_s,
		.state = sample->state,
	};
}

/* want: the samples by number, in order. */
static void assert_order(const char *keys, const char *top, const char *want)
{
	const struct context context = {.sort = keys, .top = top};
	struct flow_sort sort;
	struct sg_flow_key key;
	struct sg_flow flow;
	struct fault fault;
	char got[COUNT(samples) + 1] = "";

	assert_int_equal(flow_sort_parse(&context, &sort, &fault), 0);
	for (size_t i = 0; i < COUNT(samples); i++) {
		make(&samples[i], &key, &flow);
		assert_int_equal(flow_sort_add(&sort, &key, &flow, (uint8_t)i),
				 0);
	}
	flow_sort_finish(&sort);
	for (size_t i = 0; i < sort.count; i++)
		got[i] = (char)('0' + sort.items[i].key.id[0]);
	flow_sort_release(&sort);
	if (strcmp(got, want) != 0)
		fail_msg("%s: %s, not %s", keys, got, want);
}

static void flows_come_in_the_order_of_the_keys(void **state)
{
	(void)state;
	assert_order("bytes", NULL, "3201");
	assert_order("-bytes", NULL, "1023");
	assert_order("in-bytes,remote", NULL, "3210");
	assert_order("-in-bytes,-remote", NULL, "0123");
	assert_order("out-bytes", NULL, "3021");
	assert_order("packets", NULL, "1032");
	assert_order("age", NULL, "1302");
	assert_order("idle", NULL, "2103");
	assert_order("state,bytes", NULL, "1302");
	assert_order("remote", NULL, "0213"); /* 500 before 1024 */
	assert_order("local", NULL, "0231");
	assert_order("-local", NULL, "1320");
}

static void the_top_is_the_first_of_the_order(void **state)
{
	(void)state;
	assert_order("-bytes", "1", "1");
	assert_order("-bytes", "2", "10");
	assert_order("-bytes", "4", "1023");
	assert_order("-bytes", "5", "1023");
}

/* A flow that cannot be among the top is forgotten at once: room for 100,000
 * flows is never needed. */
static void the_top_of_many_needs_little_room(void **state)
{
	const struct context context = {.sort = "-bytes", .top = "3"};
	struct flow_sort sort;
	struct sg_flow_key key;
	struct sg_flow flow;
	struct fault fault;

	(void)state;
	assert_int_equal(flow_sort_parse(&context, &sort, &fault), 0);
	make(&samples[0], &key, &flow);
	for (uint32_t i = 0; i < 100000; i++) {
		key.remote.word[3] = htonl(i);
		/* each number below 100,003, a prime, once */
		flow.traffic[SG_IN].bytes = i * 7919ULL % 100003;
		assert_int_equal(flow_sort_add(&sort, &key, &flow, 0), 0);
	}
	flow_sort_finish(&sort);
	assert_int_equal(sort.count, 3);
	assert_true(sort.room < 10000);
	for (size_t i = 1; i < sort.count; i++)
		assert_true(sort.items[i - 1].values[0] >
			    sort.items[i].values[0]);
	assert_true(sort.items[2].values[0] > 99990);
	flow_sort_release(&sort);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_are_one_or_two_keys),
		cmocka_unit_test(flows_come_in_the_order_of_the_keys),
		cmocka_unit_test(the_top_is_the_first_of_the_order),
		cmocka_unit_test(the_top_of_many_needs_little_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
