// SPDX-License-Identifier: GPL-2.0-or-later
/* The counters of a forward: flows that it has admitted, packets that would
 * have opened one, and nothing else. */
#include <netinet/in.h>

#include "gate/maps.h"
#include "probes.h"
#include "sys/clock.h"

static uint64_t hits_now[2]; /* of the only rule */

static void read_hits(uint64_t ret_hits[2])
{
	uint32_t rule = 0;

	assert_int_equal(
		maps_sum(gate_test.pins.map_fds[PINS_hits], &rule, 2, ret_hits),
		0);
}

static void counts(uint64_t admitted, uint64_t refused)
{
	uint64_t before[2] = {hits_now[0], hits_now[1]};

	read_hits(hits_now);
	assert_int_equal(hits_now[0], before[0] + admitted);
	assert_int_equal(hits_now[1], before[1] + refused);
}

static void each_refusal_is_counted_or_not(void **state)
{
	const struct spec vpn = vpn_tcp;
	struct spec spec = vpn;

	(void)state;
	harness_restart("forward \"ssh\" { ports = {\"22\"} from = {"
			"\"10.1.0.0/28\", \"192.168.7.0/24\"} }\n"
			"limits { flows = 64  half-open = 128 "
			"new-per-source = \"1\" }");
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	lan_gets_short();
	harness_grant(SG_GRANT_LAN_ACCESS, 0, 0);
	read_hits(hits_now);
	spec = between("192.168.7.9", "192.168.7.2", 40000, 22, IPPROTO_TCP,
		       SYN);
	assert_spec_dropped(&spec, ETH0, SG_DROP_GRANT_CLOSED);
	counts(0, 1);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, 0);
	assert_delivered(&spec, ETH0);
	counts(1, 0);
	assert_delivered(&spec, ETH0); /* once more */
	counts(0, 0);
	spec.sport++;
	assert_spec_dropped(&spec, ETH0, SG_DROP_SOURCE_LIMIT);
	counts(0, 1);
	spec.flags = ACK;
	assert_refused(&spec, ETH0, SG_DROP_NO_FLOW);
	counts(0, 0);
	spec = vpn;
	spec.src = "10.1.0.16";
	assert_spec_dropped(&spec, TAP0, SG_DROP_SOURCE_REFUSED);
	counts(0, 1);
	spec.src = "192.168.7.9";
	spec.sport = 41000;
	assert_spec_dropped(&spec, TAP0, SG_DROP_SPOOFED);
	counts(0, 0);
	spec.src = "fd00:1::1";
	spec.dst = "fd00:1::2";
	assert_spec_dropped(&spec, TAP0, SG_DROP_IPV6);
	counts(0, 1);
	spec = vpn;
	spec.dport = 4000;
	assert_spec_dropped(&spec, TAP0, SG_DROP_CLOSED_PORT);
	counts(0, 0);
}

/* scoutgate(8): closed from that second of the boot clock on. */
static void a_deadline_is_the_first_second_that_is_closed(void **state)
{
	struct spec spec = between("192.168.7.9", "192.168.7.2", 40000, 22,
				   IPPROTO_TCP, SYN);

	(void)state;
	wait_for_mid_second();
	harness_grant(SG_GRANT_LAN_ACCESS, 1, boot_s());
	assert_spec_dropped(&spec, ETH0, SG_DROP_GRANT_CLOSED);
	harness_grant(SG_GRANT_LAN_ACCESS, 1, boot_s() + 1);
	assert_delivered(&spec, ETH0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_refusal_is_counted_or_not),
		TEST(a_deadline_is_the_first_second_that_is_closed),
	};

	return cmocka_run_group_tests(tests, harness_setup_group, NULL);
}
