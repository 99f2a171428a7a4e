// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line: exit statuses, one-line errors, and the rows of `check`,
 * as root and as nobody. The program is $SCOUTGATE, or beside the tests. */
#include <errno.h>
#include <grp.h>
#include <json-c/json.h>
#include <libgen.h>
#include <limits.h>
#include <sys/wait.h>

#include "cmd/verb.h"
#include "sys/cleanup.h"
#include "unit.h"

#define NOBODY 65534

static int program = -1; /* fd, so that nobody can run it wherever it is */
static char *dir;

static struct {
	char out[16384];
	char err[4096];
	int status;
} result;

static int open_program(void **state)
{
	char path[PATH_MAX + 32] = "";
	const char *named = getenv("SCOUTGATE");

	if (!named) {
		if (readlink("/proc/self/exe", path, PATH_MAX) < 0)
			return -1;
		named = strcat(dirname(path), "/../../scoutgate");
	}
	program = open(named, O_RDONLY);
	if (program < 0 || make_dir(state))
		return -1;
	dir = *state;
	return chmod(dir, 0755);
}

static void slurp(FILE *file, char *text, size_t bytes)
{
	rewind(file);
	text[fread(text, 1, bytes - 1, file)] = '\0';
	fclose(file);
}

/* NULL-terminated words behind the program's name. */
static void run(uid_t uid, const char *const words[])
{
	const char *argv[16] = {"scoutgate"};
	char *const environment[] = {NULL};
	FILE *out = tmpfile();
	FILE *err = tmpfile();
	int status;
	pid_t pid;

	for (size_t i = 0; words[i]; i++)
		argv[i + 1] = words[i];
	pid = fork();
	if (pid == 0) {
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		if (uid && geteuid() == 0 &&
		    (setgroups(0, NULL) || setgid(uid) || setuid(uid)))
			_exit(125);
		fexecve(program, (char *const *)argv, environment);
		_exit(126);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	result.status = WEXITSTATUS(status);
	slurp(out, result.out, sizeof(result.out));
	slurp(err, result.err, sizeof(result.err));
}

#define RUN(uid, ...) run(uid, (const char *const[]){__VA_ARGS__, NULL})

/* Nothing on standard output, one line on the other. */
static void assert_fails(int status, const char *part)
{
	char *end = strchr(result.err, '\n');

	assert_int_equal(result.status, status);
	assert_string_equal(result.out, "");
	assert_memory_equal(result.err, "scoutgate: ", 11);
	assert_non_null(end);
	assert_string_equal(end, "\n");
	if (!strstr(result.err, part))
		fail_msg("no \"%s\" in %s", part, result.err);
}

static void a_wrong_command_line_is_status_2(void **state)
{
	(void)state;
	run(0, (const char *const[]){NULL});
	assert_fails(EXIT_USAGE, "no verb given");
	RUN(0, "fly");
	assert_fails(EXIT_USAGE, "no verb \"fly\"");
	RUN(0, "check", "a", "b");
	assert_fails(EXIT_USAGE, "one file");
	RUN(0, "status", "now");
	assert_fails(EXIT_USAGE, "no arguments");
	RUN(0, "grant");
	assert_fails(EXIT_USAGE, "takes a name");
	RUN(0, "grant", "everything");
	assert_fails(EXIT_USAGE, "no grant \"everything\"");
	RUN(0, "grant", "lan-access", "--for", "ever");
	assert_fails(EXIT_USAGE, "no duration");
	RUN(0, "grant", "lan-access", "for", "1h");
	assert_fails(EXIT_USAGE, "--for");
	RUN(0, "revoke", "lan-access", "host-control");
	assert_fails(EXIT_USAGE, "takes a name");
	RUN(0, "--fly", "check");
	assert_int_equal(result.status, EXIT_USAGE);
	RUN(0, "-c");
	assert_int_equal(result.status, EXIT_USAGE);
}

static void help_is_no_failure_and_lists_the_verbs(void **state)
{
	static const char *const verbs[] = {
		"check",  "up",	    "down",  "reload", "grant",
		"revoke", "status", "flows", "drops",  "forwards"};

	(void)state;
	RUN(0, "--help");
	assert_int_equal(result.status, EXIT_OK);
	for (size_t i = 0; i < COUNT(verbs); i++)
		assert_non_null(strstr(result.out, verbs[i]));
	assert_string_equal(result.err, "");
}

static void no_gate_is_status_4_for_status_and_1_for_the_rest(void **state)
{
	static const char *const verbs[] = {"flows", "drops", "forwards"};
	char pins[128];

	(void)state;
	snprintf(pins, sizeof(pins), "%s/none", dir);
	RUN(0, "--pin-dir", pins, "status");
	assert_fails(EXIT_NOT_LOADED, "no gate here; run `scoutgate up`");
	RUN(0, "--pin-dir", pins, "status", "--json");
	assert_non_null(strstr(result.out, "\"health\":\"not loaded\""));
	result.out[0] = '\0'; /* a document, and the line of every error */
	assert_fails(EXIT_NOT_LOADED, "no gate here");
	RUN(0, "--pin-dir", pins, "grant", "lan-access");
	assert_fails(EXIT_FAILED, "no gate here");
	for (size_t i = 0; i < COUNT(verbs); i++) {
		RUN(0, "--pin-dir", pins, verbs[i]);
		assert_fails(EXIT_FAILED, "no gate here");
	}
}

static void check_says_file_and_line(void **state)
{
	static const char text[] = "# a\n\nforward \"a\" { ports = {\"0\"} }\n";
	const char *path = write_file(dir, "wrong", text, strlen(text));
	char want[512];

	(void)state;
	snprintf(want, sizeof(want), "scoutgate: %s:3: ports \"0\": ", path);
	for (uid_t uid = 0; uid <= NOBODY; uid += NOBODY) {
		RUN(uid, "check", path);
		assert_fails(EXIT_FAILED, want);
		RUN(uid, "-c", path, "check", "--json");
		assert_fails(EXIT_FAILED, want);
	}
	RUN(0, "check", path_in(dir, "none"));
	assert_fails(EXIT_FAILED, "No such file");
}

static const char sample[] =
	"forward \"ssh\" { ports = {\"22\"} }\n"
	"forward \"web\" { protocol = udp ports = {\"8080-8081\"} to = \"80\"\n"
	"  from = {\"10.1.0.0/24\", \"192.168.7.9\"} }\n"
	"host { control-port = 23 icmp-echo = {\"vpn\"} }\n"
	"egress { masquerade = {\"lan\"} }\n"
	"grants { host-control = on }\n";

/* FROM TO PROTOCOL PORTS ARRIVES-AT WHEN RULE; "-": not there */
static const char *const sample_rows[][7] = {
	{"vpn", "container", "tcp", "22", "10.0.3.2:22", "always", "ssh"},
	{"lan", "container", "tcp", "22", "10.0.3.2:22", "lan-access", "ssh"},
	{"vpn", "container", "udp", "8080-8081", "10.0.3.2:80-81", "always",
	 "web"},
	{"lan", "container", "udp", "8080-8081", "10.0.3.2:80-81", "lan-access",
	 "web"},
	{"vpn", "host", "tcp", "23", "-", "host-control", "-"},
	{"lan", "host", "tcp", "23", "-", "lan-access and host-control", "-"},
	{"vpn", "host", "icmp echo", "-", "-", "always", "-"},
	{"container", "host", "dhcp", "-", "-", "always", "-"},
	{"host", "anywhere", "tcp, udp, icmp echo", "-", "-", "always", "-"},
	{"container", "lan", "tcp, udp, icmp echo", "-",
	 "from the gate's address", "always", "egress"},
};

static void assert_row(struct json_object *row, const char *const want[7])
{
	static const char *const keys[] = {"from",  "to",	  "protocol",
					   "ports", "arrives_at", "when",
					   "rule"};

	for (size_t i = 0; i < COUNT(keys); i++) {
		struct json_object *value = NULL;

		json_object_object_get_ex(row, keys[i], &value);
		assert_string_equal(value ? json_object_get_string(value) : "-",
				    want[i]);
	}
}

static void check_prints_json_with_every_row(void **state)
{
	const char *path = write_file(dir, "right", sample, strlen(sample));

	(void)state;
	for (uid_t uid = 0; uid <= NOBODY; uid += NOBODY) {
		struct json_object *root;
		struct json_object *rows;
		struct json_object *from;

		RUN(uid, "check", "--json", path);
		assert_string_equal(result.err, "");
		assert_int_equal(result.status, EXIT_OK);
		root = json_tokener_parse(result.out);
		assert_non_null(root);
		rows = json_object_object_get(root, "policy");
		assert_int_equal(json_object_array_length(rows),
				 COUNT(sample_rows));
		for (size_t i = 0; i < COUNT(sample_rows); i++)
			assert_row(json_object_array_get_idx(rows, i),
				   sample_rows[i]);
		from = json_object_object_get(
			json_object_array_get_idx(rows, 2), "sources");
		assert_string_equal(
			json_object_to_json_string_ext(
				from, JSON_C_TO_STRING_PLAIN |
					      JSON_C_TO_STRING_NOSLASHESCAPE),
			"[\"10.1.0.0/24\",\"192.168.7.9/32\"]");
		assert_false(json_object_get_boolean(
			json_object_object_get(root, "lan-access")));
		assert_true(json_object_get_boolean(
			json_object_object_get(root, "host-control")));
		json_object_put(root);
	}
}

static void check_prints_a_table_for_people(void **state)
{
	const char *path = write_file(dir, "right", sample, strlen(sample));

	(void)state;
	RUN(NOBODY, "-c", path, "check");
	assert_int_equal(result.status, EXIT_OK);
	assert_memory_equal(result.out, "FROM ", 5);
	assert_non_null(strstr(
		result.out,
		"\nforward \"web\" only from 10.1.0.0/24, 192.168.7.9/32\n"
		"Everything else is dropped.\n"
		"IPv6: closed to and from the container.\n"
		"One source on a LAN may begin 100 flows a second.\n"
		"At first start: lan-access off, host-control on.\n"));
}

static void check_says_what_ipv6_has(void **state)
{
	static const char text[] = "container { address6 = \"fd00:3::2\" }\n"
				   "limits { new-per-source = 0 }\n";
	const char *path = write_file(dir, "ipv6", text, strlen(text));
	struct json_object *root;

	(void)state;
	RUN(NOBODY, "check", path);
	assert_non_null(strstr(result.out,
			       "\nIPv6: the same rules, to fd00:3::2.\n"
			       "At first start"));
	RUN(NOBODY, "check", "--json", path);
	root = json_tokener_parse(result.out);
	assert_string_equal(json_object_get_string(
				    json_object_object_get(root, "container6")),
			    "fd00:3::2");
	json_object_put(root);
}

static void case_89_an_empty_file_leaves_the_host_alone(void **state)
{
	const char *path = write_file(dir, "empty", "", 0);
	struct json_object *root;
	struct json_object *rows;

	(void)state;
	RUN(NOBODY, "check", "--json", path);
	assert_int_equal(result.status, EXIT_OK);
	root = json_tokener_parse(result.out);
	rows = json_object_object_get(root, "policy");
	assert_int_equal(json_object_array_length(rows), 2);
	assert_row(json_object_array_get_idx(rows, 0), sample_rows[7]);
	assert_row(json_object_array_get_idx(rows, 1), sample_rows[8]);
	json_object_put(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_command_line_is_status_2),
		cmocka_unit_test(help_is_no_failure_and_lists_the_verbs),
		cmocka_unit_test(
			no_gate_is_status_4_for_status_and_1_for_the_rest),
		cmocka_unit_test(check_says_file_and_line),
		cmocka_unit_test(check_prints_json_with_every_row),
		cmocka_unit_test(check_prints_a_table_for_people),
		cmocka_unit_test(check_says_what_ipv6_has),
		cmocka_unit_test(case_89_an_empty_file_leaves_the_host_alone),
	};

	return cmocka_run_group_tests(tests, open_program, remove_dir);
}
