// SPDX-License-Identifier: GPL-2.0-or-later
/* The output for people and programs: tables, JSON, ports and endpoints. */
#include <arpa/inet.h>
#include <locale.h>

#include "cmd/show.h"
#include "cmd/stream.h"
#include "sys/cleanup.h"
#include "sys/printable.h"
#include "unit.h"

static const struct table_column columns[] = {
	{"name", "NAME", TABLE_TEXT, 0},
	{"hits", "HITS", TABLE_NUMBER, 0},
	{"note", "NOTE", TABLE_TEXT, 0},
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
			   "services  12345  -\n");
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

/* Two columns of a terminal each; a byte that is no text is four. */
static void wide_and_odd_names_keep_the_columns(void **state)
{
	_cleanup_(show_release) struct json_object *rows =
		json_object_new_array();

	(void)state;
	add(rows, "\xe7\xb6\xb2", 5, "wide");
	add(rows, "\xc3\xa9th0", 6, "accent");
	add(rows, "a\xff", 7, "odd");
	assert_table(rows, "NAME   HITS  NOTE\n"
			   "\xe7\xb6\xb2        5  wide\n"
			   "\xc3\xa9th0      6  accent\n"
			   "a\\xff     7  odd\n");
}

static void set_row(struct stream *stream, const char *name, unsigned int hits)
{
	stream_set(stream, 0, "%s", name);
	stream_set(stream, 1, "%u", hits);
	assert_int_equal(stream_row(stream), 0);
}

/* The first piece decides; a longer cell later on widens its own piece. */
static void a_long_list_keeps_its_widths(void **state)
{
	struct stream *stream =
		stream_begin("rows", columns, COUNT(columns), SHOW_TABLE);
	const char *line;

	(void)state;
	assert_non_null(stream);
	start();
	set_row(stream, "the longest", 1);
	for (unsigned int i = 1; i < 2 * TABLE_PIECE_ROWS; i++)
		set_row(stream, "x", i);
	set_row(stream, "the longest of another piece", 1);
	assert_int_equal(stream_end(stream), 0);
	end();
	line = output.text;
	for (unsigned int i = 0; i <= 2 * TABLE_PIECE_ROWS; i++) {
		assert_int_equal(strcspn(line, "\n"),
				 i ? strlen("the longest     1  -")
				   : strlen("NAME         HITS  NOTE"));
		line = strchr(line, '\n') + 1;
	}
	assert_string_equal(line, "the longest of another piece     1  -\n");
	assert_null(strstr(strchr(output.text, '\n'), "NAME"));
}

/* A million rows of one list are never in memory at once, nor is the reader
 * kept waiting for the last one. */
static void a_piece_is_printed_when_it_is_full(void **state)
{
	struct stream *stream =
		stream_begin("rows", columns, COUNT(columns), SHOW_TABLE);

	(void)state;
	assert_non_null(stream);
	start();
	for (unsigned int i = 0; i < TABLE_PIECE_ROWS; i++)
		set_row(stream, "x", i);
	end();
	assert_non_null(strstr(output.text, "511"));
	start();
	assert_int_equal(stream_end(stream), 0);
	end();
	assert_string_equal(output.text, "");
}

static void a_list_as_json(void **state)
{
	static const struct {
		enum show_form form;
		const char *none;
		const char *two;
	} want[] = {
		{SHOW_JSON, "{\n  \"rows\":[\n  ]\n}\n",
		 "{\n  \"rows\":[\n    {\"name\":\"a\\\\xff\",\"hits\":1},\n"
		 "    {\"name\":\"\\\"b\",\"hits\":2}\n  ]\n}\n"},
		{SHOW_JSON_LINE, "{\"rows\":[]}\n",
		 "{\"rows\":[{\"name\":\"a\\\\xff\",\"hits\":1},"
		 "{\"name\":\"\\\"b\",\"hits\":2}]}\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(want); i++) {
		for (int rows = 0; rows <= 1; rows++) {
			struct stream *stream = stream_begin(
				"rows", columns, COUNT(columns), want[i].form);

			assert_non_null(stream);
			start();
			if (rows) {
				set_row(stream, "a\xff", 1);
				set_row(stream, "\"b", 2);
			}
			assert_int_equal(stream_end(stream), 0);
			end();
			assert_string_equal(output.text,
					    rows ? want[i].two : want[i].none);
		}
	}
}

static void text_becomes_printable(void **state)
{
	static const struct {
		const char *text;
		const char *printed;
	} cases[] = {
		{"", ""},
		{"eth0", "eth0"},
		{"\\ \\y", "\\ \\y"},
		{"\\x41", "\\x5cx41"}, /* or it would read as a byte */
		{"a\tb\x7f", "a\\x09b\\x7f"},
		{"\x1b[31m", "\\x1b[31m"},
		{"\xc3\xa9", "\xc3\xa9"},
		{"\xe7\xb6\xb2", "\xe7\xb6\xb2"},
		{"\xf0\x9f\x94\xa5", "\xf0\x9f\x94\xa5"},
		{"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
		{"\xc2\x9b", "\\xc2\\x9b"},		      /* CSI */
		{"\xc0\xaf", "\\xc0\\xaf"},		      /* too long */
		{"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},	      /* too long */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},	      /* a surrogate */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* too high */
		{"\xe7\xb6", "\\xe7\\xb6"},		      /* it ends */
		{"\xe7\xb6z", "\\xe7\\xb6z"},
		{"\xff\x80", "\\xff\\x80"},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		printable_copy(cases[i].text, text, sizeof(text));
		assert_string_equal(text, cases[i].printed);
		assert_true(printable_is(text) ==
			    (strstr(text, "\\x") == NULL));
		assert_true(printable_is(cases[i].text) ==
			    (strcmp(cases[i].text, text) == 0));
	}
	printable_copy("ab\xc3\xa9", text, 4); /* no half of a character */
	assert_string_equal(text, "ab");
	printable_copy("ab\xff", text, 6);
	assert_string_equal(text, "ab");
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
	static const enum show_form forms[] = {SHOW_JSON, SHOW_JSON_LINE};
	_cleanup_(show_release) struct json_object *root =
		json_object_new_object();

	(void)state;
	show_add_text(root, "text", "10.1.0.0/24 \"x\"\n\xff");
	show_add_number(root, "number", 1ULL << 40);
	show_add_flag(root, "flag", true);
	add(show_add_list(root, "rows"), "ssh", 5, NULL);
	for (size_t i = 0; i < COUNT(forms); i++) {
		_cleanup_(show_release) struct json_object *back = NULL;

		start();
		show_json(root, forms[i]);
		end();
		assert_non_null(strstr(output.text, "10.1.0.0/24"));
		assert_true((strchr(output.text, '\n')[1] == '\0') ==
			    (forms[i] == SHOW_JSON_LINE));
		back = json_tokener_parse(output.text);
		assert_non_null(back);
		assert_int_equal(json_object_equal(root, back), 1);
		assert_string_equal(
			json_object_get_string(
				json_object_object_get(back, "text")),
			"10.1.0.0/24 \"x\"\\x0a\\xff");
		assert_true(json_object_get_int64(json_object_object_get(
				    back, "number")) == 1LL << 40);
		assert_true(json_object_is_type(
			json_object_object_get(back, "flag"),
			json_type_boolean));
	}
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
		cmocka_unit_test(wide_and_odd_names_keep_the_columns),
		cmocka_unit_test(a_long_list_keeps_its_widths),
		cmocka_unit_test(a_piece_is_printed_when_it_is_full),
		cmocka_unit_test(a_list_as_json),
		cmocka_unit_test(text_becomes_printable),
		cmocka_unit_test(no_rows_are_said_to_be_none),
		cmocka_unit_test(json_is_read_back_as_it_was),
		cmocka_unit_test(ports_read_as_they_are_configured),
		cmocka_unit_test(
			endpoints_have_brackets_where_colons_would_mislead),
	};

	setlocale(LC_CTYPE, "C.UTF-8"); /* as main() has it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
