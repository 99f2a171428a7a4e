// SPDX-License-Identifier: GPL-2.0-or-later
/* A ledger's files: they are written, ended in each way, gone on from, and
 * verified, whole and damaged. */
#include <dirent.h>
#include <errno.h>
#include <sys/wait.h>

#include "ledger/segment.h"
#include "ledger/spool.h"
#include "ledger/verify.h"
#include "ledger/walk.h"
#include "ledger/writer.h"
#include "sys/boot_id.h"
#include "sys/cleanup.h"
#include "unit.h"

#define DAMAGES 2000

/* Each test has a folder of its own in the group's. */
static const char *new_dir(void **state)
{
	static char dir[64];
	static int number;

	snprintf(dir, sizeof(dir), "%s/%d", (char *)*state, number++);
	assert_int_equal(mkdir(dir, 0700), 0);
	return dir;
}

static struct writer *open_writer(const char *dir, uint64_t most_bytes)
{
	struct record start = {0};
	struct writer *writer;
	struct fault fault;

	record_text(&start, "version", "of a test");
	writer = writer_open(dir, most_bytes, &fault);
	if (!writer || writer_begin(writer, &start, &fault))
		fail_msg("%s", fault.text);
	return writer;
}

static int append(struct writer *writer, int i)
{
	struct record record = {0};

	record_number(&record, "i", i);
	record_text(&record, "text", "100% of \"this\"\n");
	return writer_append(writer, "note", &record);
}

static void append_many(struct writer *writer, int count)
{
	for (int i = 0; i < count; i++)
		assert_int_equal(append(writer, i), 0);
}

static char *path_of(const char *dir, uint32_t number)
{
	static char path[PATH_MAX];

	assert_int_equal(segment_path(dir, number, path), 0);
	return path;
}

/* The bytes of a segment, to be freed. */
static char *read_segment(const char *dir, uint32_t number, size_t *ret_bytes)
{
	int fd = open(path_of(dir, number), O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *bytes;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	bytes = malloc((size_t)st.st_size + 1);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	bytes[st.st_size] = '\0';
	close(fd);
	*ret_bytes = (size_t)st.st_size;
	return bytes;
}

static void write_segment(const char *dir, uint32_t number, const char *bytes,
			  size_t count)
{
	char name[SEGMENT_NAME_BYTES];

	segment_name(number, name);
	write_file(dir, name, bytes, count);
}

static bool says(const struct verify *verify, const char *text)
{
	for (size_t i = 0; i < verify->said_count; i++)
		if (strcmp(verify->said[i], text) == 0)
			return true;
	return false;
}

static void verify_it(const char *path, struct verify *ret_verify)
{
	struct fault fault;

	if (verify_path(path, ret_verify, &fault))
		fail_msg("%s", fault.text);
	if (ret_verify->wrong.why)
		print_message("segment %u, record %llu: %s\n",
			      ret_verify->wrong.segment,
			      (unsigned long long)ret_verify->wrong.n,
			      ret_verify->wrong.why);
}

static void assert_verdict(const char *path, const char *verdict)
{
	_cleanup_(verify_release) struct verify verify = {0};

	verify_it(path, &verify);
	assert_string_equal(verify_verdict(&verify), verdict);
}

static void a_ledger_that_was_closed_is_whole(void **state)
{
	const char *dir = new_dir(state);
	struct writer *writer = open_writer(dir, 0);
	_cleanup_(verify_release) struct verify verify = {0};
	char target[64];
	ssize_t bytes;

	assert_int_equal(writer_segment(writer), 1);
	assert_int_equal(writer_previous(writer)->segment, 0);
	append_many(writer, 10);
	assert_int_equal(writer_checkpoint(writer), 0);
	assert_int_equal(writer_checkpoint(writer), 0); /* nothing is new */
	append_many(writer, 3);
	assert_null(writer_problem(writer));
	writer_close(&writer, "the test ends");
	assert_null(writer);
	verify_it(dir, &verify);
	assert_string_equal(verify_verdict(&verify), "whole");
	assert_int_equal(verify.segments, 1);
	assert_int_equal(verify.records, 1 + 10 + 1 + 3 + 1 + 1);
	assert_int_equal(verify.checkpoints, 2);
	assert_int_equal(verify.tail, 0);
	assert_int_equal(verify.said_count, 0);
	bytes = readlink(path_in(dir, SEGMENT_CURRENT), target, sizeof(target));
	assert_int_equal(bytes, 14);
	assert_memory_equal(target, "00000001.jsonl", 14);
	assert_verdict(path_of(dir, 1), "whole");
}

static void the_next_one_goes_on_from_a_stop(void **state)
{
	const char *dir = new_dir(state);
	struct writer *writer = open_writer(dir, 0);
	_cleanup_(verify_release) struct verify before = {0};
	_cleanup_(verify_release) struct verify verify = {0};
	_cleanup_(cleanup_free) char *text = NULL;
	char hex[DIGEST_BYTES];
	size_t bytes;

	append_many(writer, 4);
	writer_close(&writer, "");
	verify_it(dir, &before);
	text = read_segment(dir, 1, &bytes);
	digest_of(text, bytes, hex);
	writer = open_writer(dir, 0);
	assert_int_equal(writer_segment(writer), 2);
	assert_int_equal(writer_previous(writer)->segment, 1);
	assert_int_equal(writer_previous(writer)->records, before.records);
	assert_string_equal(writer_previous(writer)->sha256, hex);
	assert_string_equal(writer_previous(writer)->chain, before.chain);
	assert_string_equal(writer_previous(writer)->end, "stop");
	assert_int_equal(writer_previous(writer)->torn_bytes, 0);
	writer_close(&writer, "");
	verify_it(dir, &verify);
	assert_string_equal(verify_verdict(&verify), "whole");
	assert_int_equal(verify.segments, 2);
	assert_true(says(&verify, "restart, unvouched: segment 2"));
	assert_string_equal(verify.ledger, before.ledger);
}

/* As by kill -9: what was written is there, and nothing says stop. */
static void be_killed(const char *dir, int signed_count, int tail)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		struct writer *writer = open_writer(dir, 0);

		append_many(writer, signed_count);
		if (signed_count)
			writer_checkpoint(writer);
		append_many(writer, tail);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void after_a_kill_it_is_incomplete(void **state)
{
	const char *dir = new_dir(state);
	_cleanup_(verify_release) struct verify killed = {0};
	_cleanup_(verify_release) struct verify verify = {0};
	struct writer *writer;

	be_killed(dir, 5, 3);
	verify_it(dir, &killed);
	assert_string_equal(verify_verdict(&killed), "incomplete");
	assert_int_equal(killed.tail, 3);
	assert_true(says(&killed, "unsigned tail: 3 records"));
	writer = open_writer(dir, 0);
	assert_string_equal(writer_previous(writer)->end, "killed");
	assert_int_equal(writer_previous(writer)->records, 1 + 5 + 1 + 3);
	writer_close(&writer, "");
	verify_it(dir, &verify);
	assert_string_equal(verify_verdict(&verify), "incomplete");
	assert_int_equal(verify.tail, 0);
	assert_true(says(&verify, "killed: segment 1"));
	assert_false(says(&verify, "no checkpoint: segment 1"));
}

static void a_kill_before_a_checkpoint_is_said(void **state)
{
	const char *dir = new_dir(state);
	_cleanup_(verify_release) struct verify verify = {0};

	be_killed(dir, 0, 2);
	verify_it(dir, &verify);
	assert_string_equal(verify_verdict(&verify), "incomplete");
	assert_true(says(&verify, "no checkpoint: segment 1"));
	assert_true(says(&verify, "unsigned tail: 3 records"));
}

static void a_torn_tail_is_kept_beside(void **state)
{
	const char *dir = new_dir(state);
	_cleanup_(verify_release) struct verify torn = {0};
	_cleanup_(verify_release) struct verify verify = {0};
	_cleanup_(cleanup_free) char *text = NULL;
	char hex[DIGEST_BYTES];
	struct writer *writer;
	struct stat st;
	size_t bytes, tail = 0;

	be_killed(dir, 5, 3);
	text = read_segment(dir, 1, &bytes);
	bytes -= 20; /* of the last line */
	while (text[bytes - 1 - tail] != '\n')
		tail++;
	write_segment(dir, 1, text, bytes);
	verify_it(dir, &torn);
	assert_string_equal(verify_verdict(&torn), "incomplete");
	assert_true(says(&torn, "torn: segment 1"));
	assert_true(says(&torn, "unsigned tail: 2 records"));
	writer = open_writer(dir, 0);
	assert_string_equal(writer_previous(writer)->end, "torn");
	assert_int_equal(writer_previous(writer)->records, 1 + 5 + 1 + 2);
	assert_int_equal(writer_previous(writer)->torn_bytes, tail);
	digest_of(text + bytes - tail, tail, hex);
	assert_string_equal(writer_previous(writer)->torn_sha256, hex);
	digest_of(text, bytes, hex);
	assert_string_equal(writer_previous(writer)->sha256, hex);
	writer_close(&writer, "");
	assert_int_equal(stat(path_in(dir, "00000001.torn"), &st), 0);
	assert_int_equal(st.st_size, tail);
	assert_int_equal(stat(path_of(dir, 1), &st), 0);
	assert_int_equal(st.st_size, bytes); /* nothing of it was edited */
	verify_it(dir, &verify);
	assert_string_equal(verify_verdict(&verify), "incomplete");
	assert_true(says(&verify, "torn: segment 1"));
}

static int count_gaps(const struct walk_record *record, void *context)
{
	*(int *)context += walk_is(record, "gap");
	return 0;
}

static void a_full_place_has_a_gap(void **state)
{
	const char *dir = new_dir(state);
	struct writer *writer = open_writer(dir, 4096);
	struct fault fault;
	int written = 0, gaps = 0;

	while (written < 1000 && append(writer, written) == 0)
		written++;
	assert_in_range(written, 5, 100);
	assert_non_null(strstr(writer_problem(writer), "it is full"));
	assert_int_equal(append(writer, 0), -ENOSPC);
	assert_int_equal(writer_checkpoint(writer), 0);
	writer_tick(writer);
	assert_non_null(writer_problem(writer));
	writer_close(&writer, "");
	assert_int_equal(walk_path(dir, 0, count_gaps, &gaps, &fault), 0);
	assert_int_equal(gaps, 1);
	assert_verdict(dir, "whole"); /* the gap is said, and signed */
}

static void keeps_its_mark(const char *dir)
{
	char first[SEGMENT_ID_BYTES], again[SEGMENT_ID_BYTES];
	struct fault fault;

	assert_int_equal(segment_mark(dir, first, &fault), 0);
	assert_int_equal(segment_mark(dir, again, &fault), 0);
	assert_string_equal(first, again);
	assert_int_equal(segment_read_id(dir, again), 0);
	assert_string_equal(first, again);
}

static void a_folder_is_marked_once(void **state)
{
	const char *dir = new_dir(state);
	char id[SEGMENT_ID_BYTES];
	struct fault fault;

	assert_int_equal(segment_read_id(dir, id), -ENOENT);
	keeps_its_mark(dir);
	assert_int_equal(chmod(dir, 0770), 0);
	assert_int_equal(segment_mark(dir, id, &fault), -EPERM);
	assert_one_line(fault.text);
	assert_int_equal(chmod(dir, 0700), 0);
	write_file(dir, "ledger.id", "0123456789abcdeF\n", 17);
	assert_int_equal(segment_mark(dir, id, &fault), -EINVAL);
	write_file(dir, "ledger.id", "0123456789abcdef", 16);
	assert_int_equal(segment_mark(dir, id, &fault), -EINVAL);
}

static void segments_have_one_name(void **state)
{
	static const char *const wrong[] = {
		"",
		"1.jsonl",
		"0000001.jsonl",
		"000000001.jsonl",
		"00000000.jsonl",
		"00000001.jsonl.new",
		"00000001.torn",
		"ledger.jsonl",
		"+0000001.jsonl",
		" 0000001.jsonl",
		"0x000001.jsonl",
		"-0000001.jsonl",
	};

	(void)state;
	assert_int_equal(segment_number("00000001.jsonl"), 1);
	assert_int_equal(segment_number("12345678.jsonl"), 12345678);
	for (size_t i = 0; i < COUNT(wrong); i++)
		if (segment_number(wrong[i]))
			fail_msg("\"%s\"", wrong[i]);
}

/*
 * Damages
 */

/* Two segments, both of which end with a stop. */
static void write_ledger(const char *dir)
{
	for (int i = 0; i < 2; i++) {
		struct writer *writer = open_writer(dir, 0);

		append_many(writer, 6);
		writer_checkpoint(writer);
		append_many(writer, 6);
		writer_close(&writer, "");
	}
}

static void no_damaged_ledger_is_whole(void **state)
{
	char dir[64];
	char *texts[2];
	size_t bytes[2];
	char head[DIGEST_BYTES];
	struct fault fault;

	strcpy(dir, new_dir(state));
	write_ledger(dir);
	for (uint32_t i = 0; i < 2; i++)
		texts[i] = read_segment(dir, i + 1, &bytes[i]);
	{
		_cleanup_(verify_release) struct verify verify = {0};

		verify_it(dir, &verify);
		assert_string_equal(verify_verdict(&verify), "whole");
		strcpy(head, verify.chain);
	}
	srandom(1);
	for (int i = 0; i < DAMAGES; i++) {
		_cleanup_(verify_release) struct verify verify = {0};
		_cleanup_(verify_release) struct verify noted = {.head = head};
		uint32_t which = (uint32_t)random() % 2;
		char *text = texts[which];
		size_t at = (size_t)random() % bytes[which];
		char was = text[at];

		/* mostly one bit, or something that JSON knows */
		text[at] = i % 3 ? (char)(was ^ 1 << random() % 8)
				 : "\"\\%{}[],:-0\n \xc3"[random() % 14];
		if (text[at] == was)
			text[at] ^= 1;
		write_segment(dir, which + 1, text, bytes[which]);
		assert_int_equal(verify_path(dir, &verify, &fault), 0);
		assert_int_equal(verify_path(dir, &noted, &fault), 0);
		if (strcmp(verify_verdict(&verify), "whole") == 0)
			fail_msg("damage %d: byte %zu of segment %u, '%c' for "
				 "'%c', is whole",
				 i, at, which + 1, text[at], was);
		if (strcmp(verify_verdict(&noted), "broken") != 0)
			fail_msg("damage %d: byte %zu of segment %u: the head "
				 "is there",
				 i, at, which + 1);
		text[at] = was;
		write_segment(dir, which + 1, text, bytes[which]);
	}
	assert_verdict(dir, "whole"); /* the control */
	free(texts[0]);
	free(texts[1]);
}

/* A line that is longer than any of ours hides nothing behind it. */
static void a_long_line_is_no_torn_tail(void **state)
{
	char dir[64];
	char *text, *line;
	size_t bytes, long_bytes = RECORD_START_MAX + 100;

	strcpy(dir, new_dir(state));
	write_ledger(dir);
	text = read_segment(dir, 2, &bytes);
	line = malloc(bytes + long_bytes);
	memcpy(line, text, bytes);
	memset(line + bytes, 'x', long_bytes);
	write_segment(dir, 2, line, bytes + 100);
	assert_verdict(dir, "incomplete"); /* the control: torn */
	line[bytes + long_bytes - 1] = '\n';
	write_segment(dir, 2, line, bytes + long_bytes);
	assert_verdict(dir, "broken");
	free(line);
	free(text);
}

static void what_is_no_file_is_missing(void **state)
{
	_cleanup_(verify_release) struct verify verify = {0};
	char dir[64];

	strcpy(dir, new_dir(state));
	write_ledger(dir);
	assert_int_equal(unlink(path_of(dir, 2)), 0);
	assert_int_equal(mkfifo(path_of(dir, 2), 0600), 0);
	verify_it(dir, &verify);
	assert_string_equal(verify.wrong.why, "missing");
	assert_int_equal(verify.wrong.segment, 2);
}

/*
 * The deeds that commands leave
 */

static struct record left[8];
static char left_events[8][32];
static int left_count, left_refused;

static int take(const char *event, struct record *record, void *context)
{
	assert_ptr_equal(context, left);
	if (left_refused) {
		record_release(record);
		return -EIO;
	}
	snprintf(left_events[left_count], sizeof(left_events[0]), "%s", event);
	left[left_count++] = (struct record){0};
	{
		_cleanup_(cleanup_free) char *line =
			record_print(record, "", NULL);

		record_release(record);
		left[left_count - 1].text = strdup(line);
	}
	return 0;
}

static int take_all(const char *dir)
{
	for (int i = 0; i < left_count; i++)
		record_release(&left[i]);
	left_count = 0;
	return spool_take(dir, take, left);
}

static bool has(int i, const char *part)
{
	return strstr(left[i].text, part) != NULL;
}

static void leave(const char *dir, const char *event, const char *text)
{
	struct record record = {0};
	struct place place = {0};
	struct fault fault;

	snprintf(place.dir, sizeof(place.dir), "%s", dir);
	record_text(&record, "text", text);
	if (spool_leave(&place, event, &record, &fault))
		fail_msg("%s", fault.text);
}

static void what_commands_leave_is_taken_in_order(void **state)
{
	char dir[64];

	strcpy(dir, new_dir(state));
	assert_int_equal(take_all(dir), 0); /* there is no folder yet */
	leave(dir, "note", "first \"100%\"\n");
	leave(dir, "grant", "second");
	leave(dir, "note", "third");
	left_refused = 1; /* the ledger has no room */
	assert_int_equal(take_all(dir), 3);
	left_refused = 0;
	assert_int_equal(take_all(dir), 3);
	assert_int_equal(left_count, 3);
	assert_string_equal(left_events[0], "note");
	assert_true(has(0, "\"text\":\"first \\\"100%25\\\"%0A\""));
	assert_true(has(0, "\"late\":false"));
	assert_false(has(0, "\"event\""));
	assert_false(has(0, "at_boot_id"));
	assert_string_equal(left_events[1], "grant");
	assert_true(has(1, "second"));
	assert_true(has(2, "third"));
	assert_int_equal(take_all(dir), 0);
}

/* A file as spool_leave() makes it, of a boot and a time. */
static void leave_file(const char *dir, const char *name, const char *boot_id,
		       const char *at)
{
	char folder[80];
	char line[512];

	snprintf(folder, sizeof(folder), "%s/spool", dir);
	mkdir(folder, 0700);
	snprintf(line, sizeof(line),
		 "{\"at\":\"%s\",\"at_boot_id\":\"%s\",\"event\":\"note\"}", at,
		 boot_id);
	write_file(folder, name, line, strlen(line));
}

static void what_waited_is_late(void **state)
{
	char boot_id[BOOT_ID_BYTES];
	char dir[64];

	strcpy(dir, new_dir(state));
	assert_int_equal(boot_id_read(boot_id), 0);
	leave_file(dir, "00000000000000000001.1", boot_id, "0.000000001");
	leave_file(dir, "00000000000000000002.1", "another", "99999.000000000");
	leave_file(dir, "00000000000000000003.1.new", boot_id, "0.000000001");
	leave_file(dir, ".4", boot_id, "0.000000001");
	assert_int_equal(take_all(dir), 2);
	assert_int_equal(left_count, 2);
	assert_true(has(0, "\"late\":true"));
	assert_true(has(1, "\"late\":true"));
	/* by it the time is understood */
	assert_true(has(1, "\"at_boot_id\":\"another\""));
}

static void what_nobody_left_in_that_form_is_removed(void **state)
{
	char folder[80];
	char dir[64];

	strcpy(dir, new_dir(state));
	snprintf(folder, sizeof(folder), "%s/spool", dir);
	assert_int_equal(mkdir(folder, 0700), 0);
	write_file(folder, "1.1", "", 0);
	write_file(folder, "2.1", "{ }", 3);
	write_file(folder, "3.1", "{}", 2);
	write_file(folder, "4.1", "{\"event\":1}", 11);
	assert_int_equal(take_all(dir), 4);
	assert_int_equal(left_count, 0);
	assert_int_equal(take_all(dir), 0);
}

static void what_is_too_long_is_refused_at_once(void **state)
{
	struct record record = {0};
	struct place place = {0};
	struct fault fault;
	char dir[64];
	char *text = malloc(65536);

	strcpy(dir, new_dir(state));
	strcpy(place.dir, dir);
	memset(text, 'x', 65000);
	text[65000] = '\0';
	record_text(&record, "text", text);
	assert_int_equal(spool_leave(&place, "note", &record, &fault), -E2BIG);
	assert_one_line(fault.text);
	assert_int_equal(take_all(dir), 0);
	text[60000] = '\0';
	leave(dir, "note", text);
	assert_int_equal(take_all(dir), 1);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ledger_that_was_closed_is_whole),
		cmocka_unit_test(the_next_one_goes_on_from_a_stop),
		cmocka_unit_test(after_a_kill_it_is_incomplete),
		cmocka_unit_test(a_kill_before_a_checkpoint_is_said),
		cmocka_unit_test(a_torn_tail_is_kept_beside),
		cmocka_unit_test(a_full_place_has_a_gap),
		cmocka_unit_test(a_folder_is_marked_once),
		cmocka_unit_test(segments_have_one_name),
		cmocka_unit_test(no_damaged_ledger_is_whole),
		cmocka_unit_test(a_long_line_is_no_torn_tail),
		cmocka_unit_test(what_is_no_file_is_missing),
		cmocka_unit_test(what_commands_leave_is_taken_in_order),
		cmocka_unit_test(what_waited_is_late),
		cmocka_unit_test(what_nobody_left_in_that_form_is_removed),
		cmocka_unit_test(what_is_too_long_is_refused_at_once),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
