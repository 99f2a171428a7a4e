// SPDX-License-Identifier: GPL-2.0-or-later
/* The digest of the network: each thing by which links and addresses are judged
 * changes it, so that `run` follows; nothing else does. */
#include <string.h>

#include "sys/digest.h"
#include "unit.h"

static const struct link eth0 = {
	.ifindex = 2,
	.name = "eth0",
	.mac = {2, 0, 0, 0, 0, 1},
	.mtu = 1500,
	.has_ethernet = true,
	.is_up = true,
	.has_carrier = true,
};

static const struct link_addr addr = {
	.ifindex = 2,
	.prefix = 120,
	.is_permanent = true,
	.is_usable = true,
};

static uint64_t of_link(const struct link *link)
{
	uint64_t digest = 1;

	digest_link(&digest, link);
	return digest;
}

static uint64_t of_addr(const struct link_addr *of)
{
	uint64_t digest = 1;

	digest_addr(&digest, of);
	return digest;
}

static void each_member_of_a_link_counts(void **state)
{
	const struct {
		size_t at;
		size_t bytes;
	} members[] = {
#define MEMBER(name) {offsetof(struct link, name), sizeof(eth0.name)}
		MEMBER(ifindex), MEMBER(name),		MEMBER(mac),
		MEMBER(mtu),	 MEMBER(has_ethernet),	MEMBER(is_veth),
		MEMBER(is_port), MEMBER(lower_ifindex), MEMBER(vlan_protocol),
		MEMBER(vlan_id), MEMBER(is_up),		MEMBER(has_carrier),
#undef MEMBER
	};

	(void)state;
	for (size_t i = 0; i < COUNT(members); i++) {
		struct link other = eth0;

		/* a bool stays one */
		((uint8_t *)&other)[members[i].at] ^= 1;
		assert_int_not_equal(of_link(&other), of_link(&eth0));
		other = eth0;
		((uint8_t *)&other)[members[i].at + members[i].bytes - 1] ^= 1;
		assert_int_not_equal(of_link(&other), of_link(&eth0));
	}
}

/* It is what the gate has made of the link, and not the kernel. */
static void a_former_role_does_not_count(void **state)
{
	struct link other = eth0;

	(void)state;
	other.had_role = 1;
	assert_int_equal(of_link(&other), of_link(&eth0));
}

static void each_member_of_an_address_counts(void **state)
{
	struct link_addr others[] = {addr, addr, addr, addr, addr};

	(void)state;
	others[0].ifindex = 3;
	others[1].addr.word[3] = 1;
	others[2].prefix = 121;
	others[3].is_permanent = false;
	others[4].is_usable = false;
	for (size_t i = 0; i < COUNT(others); i++)
		assert_int_not_equal(of_addr(&others[i]), of_addr(&addr));
}

/* Two that differ in different members are not taken for one another. */
static void permanent_is_not_usable(void **state)
{
	struct link_addr permanent = addr;
	struct link_addr usable = addr;

	(void)state;
	permanent.is_usable = false;
	usable.is_permanent = false;
	assert_int_not_equal(of_addr(&permanent), of_addr(&usable));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_member_of_a_link_counts),
		cmocka_unit_test(a_former_role_does_not_count),
		cmocka_unit_test(each_member_of_an_address_counts),
		cmocka_unit_test(permanent_is_not_usable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
