// SPDX-License-Identifier: GPL-2.0-or-later
/* A configuration that was cut short, at every byte of it: refused, or what
 * its whole sections mean, and nothing of a half one (case 92). */
#include "sys/cleanup.h"
#include "unit.h"

/* Sections end in a line of their own, so that "\n}\n" is where they do. */
static const char sample[] =
	"# who may reach what: { \" '\n"
	"vpn {\n  interfaces = {\"tap0\", \"wg*\"}  network = \"10.8.0.0/24\"\n"
	"}\n"
	"lan {\n  interfaces = {\"usb*\"}\n"
	"}\n"
	"/* the\n container */\n"
	"container {\n  interface = \"ve-x\" address = \"10.9.0.2\"\n"
	"}\n"
	"forward \"ssh\" {\n  protocol = tcp  ports = {\"22\"}\n"
	"}\n"
	"forward 'many' {\n  protocol = udp  ports = {\"2000-2009\", 53}\n"
	"  from = {\"10.8.0.0/24\", '10.8.1.1'} // two\n"
	"}\n"
	"forward \"web\" {\n  ports = {\"8080-8089\"} to = \"80-89\"\n"
	"}\n"
	"grants {\n  lan-access = on  host-control = yes\n"
	"}\n"
	"host {\n  control-port = 2323  icmp-echo = {\"vpn\", \"lan\"}\n"
	"}\n"
	"egress {\n  masquerade = {\"vpn\"}  ports = \"62000-62999\"\n"
	"}\n"
	"limits {\n  flows = 1024  half-open = 512\n"
	"}\n"
	"timeouts {\n  tcp-established = \"45d\"  udp-new = \"10s\"\n"
	"}\n";

static void describe_forwards(FILE *out, const struct policy *policy)
{
	char text[TEXT_ADDR_BYTES];

	for (size_t i = 0; i < policy->forward_count; i++) {
		const struct policy_forward *forward = &policy->forwards[i];

		fprintf(out, "%s %u %u-%u %u from", forward->name,
			forward->protocol, forward->ports.first,
			forward->ports.last, forward->to_first);
		for (size_t j = 0; j < forward->source_count; j++) {
			text_from_network(
				&policy->sources[forward->source_first + j],
				text, sizeof(text));
			fprintf(out, " %s", text);
		}
		fputc('\n', out);
	}
}

/* Everything that a policy says, for the caller to free. */
static char *describe(const struct policy *policy)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	char addr[3][TEXT_ADDR_BYTES];

	assert_non_null(out);
	for (size_t role = 0; role < SG_ROLE_COUNT; role++)
		for (size_t i = 0; i < policy->roles[role].pattern_count; i++)
			fprintf(out, "%zu %s\n", role,
				policy->roles[role].patterns[i]);
	text_from_addr(&policy->container, addr[0], sizeof(addr[0]));
	text_from_network(&policy->vpn_network, addr[1], sizeof(addr[1]));
	text_from_network(&policy->container_network, addr[2], sizeof(addr[2]));
	fprintf(out, "%s %s %s\n", addr[0], addr[1], addr[2]);
	describe_forwards(out, policy);
	fprintf(out, "grants %d %d host %u %x egress %x %u-%u limits %u %u\n",
		policy->grants[0], policy->grants[1], policy->control_port,
		policy->echo_roles, policy->masquerade_roles,
		policy->masquerade_ports.first, policy->masquerade_ports.last,
		policy->flows, policy->half_open);
#define X(field, key, seconds)                                                 \
	fprintf(out, "%s %u\n", key, policy->timeout_s.field);
	POLICY_TIMEOUTS(X)
#undef X
	fclose(out);
	return text;
}

/* Find where the last whole section ends in text. */
static size_t whole_bytes(const char *text)
{
	const char *end = text;
	const char *next = text;

	while ((next = strstr(next, "\n}")) != NULL)
		end = next += 2;
	return (size_t)(end - text);
}

/* The policy of the first bytes, or NULL if they are refused. */
static char *describe_cut(size_t bytes)
{
	_cleanup_(cleanup_free) char *text = strndup(sample, bytes);
	struct policy policy;
	struct fault fault;
	char *said;

	memset(&policy, UNTOUCHED, sizeof(policy));
	if (config_parse(text, "FILE", &policy, &fault)) {
		assert_untouched(&policy, sizeof(policy));
		assert_one_line(fault.text);
		assert_memory_equal(fault.text, "FILE:", 5);
		return NULL;
	}
	said = describe(&policy);
	policy_release(&policy);
	return said;
}

static void case_92_cut_at_every_byte_it_is_whole_or_refused(void **state)
{
	size_t accepted = 0;

	(void)state;
	for (size_t bytes = 0; bytes < sizeof(sample); bytes++) {
		_cleanup_(cleanup_free) char *text = strndup(sample, bytes);
		_cleanup_(cleanup_free) char *said = describe_cut(bytes);
		_cleanup_(cleanup_free) char *want = NULL;

		if (!said)
			continue;
		accepted++;
		want = describe_cut(whole_bytes(text));
		assert_non_null(want);
		if (strcmp(said, want) != 0)
			fail_msg("cut at %zu: %s is not %s", bytes, said, want);
	}
	/* whole sections, and comments between them, are not refused */
	assert_in_range(accepted, 12, sizeof(sample) / 2);
}

static void case_92_a_whole_section_is_never_refused(void **state)
{
	const char *end = sample;

	(void)state;
	while ((end = strstr(end, "\n}\n")) != NULL) {
		_cleanup_(cleanup_free) char *without = NULL;
		_cleanup_(cleanup_free) char *with = NULL;

		end += 2;
		without = describe_cut((size_t)(end - sample));
		with = describe_cut((size_t)(end - sample) + 1);
		assert_non_null(without);
		assert_non_null(with);
		assert_string_equal(without, with);
	}
}

static void case_92_the_whole_of_it_is_what_it_says(void **state)
{
	_cleanup_(cleanup_free) char *said = describe_cut(sizeof(sample) - 1);

	(void)state;
	assert_non_null(said);
	assert_non_null(strstr(said, "0 tap0\n0 wg*\n1 usb*\n2 ve-x\n"
				     "10.9.0.2 10.8.0.0/24 10.9.0.0/24\n"
				     "ssh 6 22-22 22 from\n"
				     "many 17 2000-2009 2000 from 10.8.0.0/24 "
				     "10.8.1.1/32\n"
				     "many 17 53-53 53 from 10.8.0.0/24 "
				     "10.8.1.1/32\n"
				     "web 6 8080-8089 80 from\n"
				     "grants 1 1 host 2323 3 egress 1 "
				     "62000-62999 limits 1024 512\n"));
	assert_non_null(strstr(said, "tcp-established 3888000\n"));
	assert_non_null(strstr(said, "udp-new 10\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			case_92_cut_at_every_byte_it_is_whole_or_refused),
		cmocka_unit_test(case_92_a_whole_section_is_never_refused),
		cmocka_unit_test(case_92_the_whole_of_it_is_what_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
