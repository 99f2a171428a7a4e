// SPDX-License-Identifier: GPL-2.0-or-later
/* What people and programs read: tables, JSON, ports and endpoints. */
#include <arpa/inet.h>

#include "cleanup.h"
#include "show.h"
#include "unit.h"

static const struct show_column columns[] = {
	{"name", "NAME"},
	{"hits", "HITS"},
	{"note", "NOTE"},
};

/* Standard output goes to a file from start to end; its text is then there. */
static struct {
	int saved;
	FILE *file;
	char text[65536];
} output;

static void start(void)
{
	fflush(stdout);
	output.file = tmpfile();
	assert_non_null(output.file);
	output.saved = dup(STDOUT_FILENO);
	dup2(fileno(output.file), STDOUT_FILENO);
}

static void end(void)
{
	size_t bytes;

	fflush(stdout);
	dup2(output.saved, STDOUT_FILENO);
	close(output.saved);
	rewind(output.file);
	bytes = fread(output.text, 1, sizeof(output.text) - 1, output.file);
	output.text[bytes] = '\0';
	fclose(output.file);
}

static void add(struct json_object *rows, const char *name, int64_t hits,
		const char *note)
{
	struct json_object *row = show_add_row(rows);

	show_add_text(row, "name", name);
	if (hits >= 0)
		show_add_number(row, "hits", (uint64_t)hits);
	if (note)
		show_add_text(row, "note", note);
}

static void assert_table(struct json_object *rows, const char *want)
{
	start();
	show_table(rows, columns, COUNT(columns));
	end();
	assert_string_equal(output.text, want);
}

static void text_is_left_and_numbers_are_right(void **state)
{
	_cleanup_(show_release) struct json_object *rows =
		json_object_new_array();

	(void)state;
	add(rows, "ssh", 5, "a b");
	add(rows, "services", 12345, "");
	assert_table(rows, "NAME       HITS  NOTE\n"
			   "ssh           5  a b\n"
			   "services  12345  \n");
}

static void what_is_absent_is_a_dash(void **state)
{
	_cleanup_(show_release) struct json_object *rows =
		json_object_new_array();

	(void)state;
	add(rows, "ssh", 5, NULL);
	add(rows, "x", -1, "note");
	assert_table(rows, "NAME  HITS  NOTE\n"
			   "ssh      5  -\n"
			   "x        -  note\n");
}

static void a_number_is_right_wherever_the_first_one_stands(void **state)
{
	_cleanup_(show_release) struct json_object *rows =
		json_object_new_array();

	(void)state;
	add(rows, "x", -1, "note");
	add(rows, "ssh", 5, NULL);
	assert_table(rows, "NAME  HITS  NOTE\n"
			   "x        -  note\n"
			   "ssh      5  -\n");
}

static void no_rows_are_said_to_be_none(void **state)
{
	_cleanup_(show_release) struct json_object *rows =
		json_object_new_array();

	(void)state;
	assert_table(rows, "(none)\n");
}

static void json_is_read_back_as_it_was(void **state)
{
	_cleanup_(show_release) struct json_object *root =
		json_object_new_object();
	_cleanup_(show_release) struct json_object *back = NULL;

	(void)state;
	show_add_text(root, "text", "10.1.0.0/24 \"x\"\n");
	show_add_number(root, "number", 1ULL << 40);
	show_add_flag(root, "flag", true);
	add(show_add_list(root, "rows"), "ssh", 5, NULL);
	start();
	show_json(root);
	end();
	assert_non_null(strstr(output.text, "10.1.0.0/24"));
	back = json_tokener_parse(output.text);
	assert_non_null(back);
	assert_int_equal(json_object_equal(root, back), 1);
	assert_true(json_object_get_int64(json_object_object_get(
			    back, "number")) == 1LL << 40);
	assert_true(json_object_is_type(json_object_object_get(back, "flag"),
					json_type_boolean));
}

static void ports_read_as_they_are_configured(void **state)
{
	char text[16];

	(void)state;
	show_ports(22, 22, text, sizeof(text));
	assert_string_equal(text, "22");
	show_ports(10000, 65535, text, sizeof(text));
	assert_string_equal(text, "10000-65535");
}

static void endpoints_have_brackets_where_colons_would_mislead(void **state)
{
	union sg_addr v4 = addr_of("10.0.3.2");
	union sg_addr v6 = {.word = {htonl(0xfd000000), 0, 0, htonl(2)}};
	char text[TEXT_ADDR_BYTES];

	(void)state;
	show_endpoint(&v4, 65535, text, sizeof(text));
	assert_string_equal(text, "10.0.3.2:65535");
	show_endpoint(&v6, 22, text, sizeof(text));
	assert_string_equal(text, "[fd00::2]:22");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_left_and_numbers_are_right),
		cmocka_unit_test(what_is_absent_is_a_dash),
		cmocka_unit_test(
			a_number_is_right_wherever_the_first_one_stands),
		cmocka_unit_test(no_rows_are_said_to_be_none),
		cmocka_unit_test(json_is_read_back_as_it_was),
		cmocka_unit_test(ports_read_as_they_are_configured),
		cmocka_unit_test(
			endpoints_have_brackets_where_colons_would_mislead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
