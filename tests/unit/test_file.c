// SPDX-License-Identifier: GPL-2.0-or-later
/* The files that are read, and what becomes of their bytes. */
#include <errno.h>
#include <sys/syscall.h>

#include "sys/cleanup.h"
#include "sys/file.h"
#include "unit.h"

#define MIB (1024 * 1024)

/* The change to a file while it is read: once, before the first read(). */
static void (*meanwhile)(const char *path);
static const char *meanwhile_path;

ssize_t read(int fd, void *bytes, size_t count)
{
	void (*now)(const char *path) = meanwhile;

	meanwhile = NULL;
	if (now)
		now(meanwhile_path);
	return syscall(SYS_read, fd, bytes, count);
}

static void assert_text(const char *path, const char *want)
{
	_cleanup_(cleanup_free) char *text = NULL;
	struct fault fault;

	if (file_read_config(path, &text, &fault))
		fail_msg("%s", fault.text);
	assert_string_equal(text, want);
}

/* Refused with "PATH" and what; the output is not touched. */
static void assert_not_read(const char *path, int error, const char *what)
{
	char *text = (char *)"untouched";
	struct fault fault = {""};

	assert_int_equal(file_read_config(path, &text, &fault), -error);
	assert_string_equal(text, "untouched");
	assert_memory_equal(fault.text, path, strlen(path));
	assert_string_equal(fault.text + strlen(path), what);
	assert_one_line(fault.text);
}

static void case_85_newlines_and_marks_are_made_one_form(void **state)
{
	static const struct {
		const char *bytes;
		const char *text;
	} rows[] = {
		{"a\nb\n", "a\nb\n"},
		{"a\nb", "a\nb\n"},
		{"a\r\nb\r\n", "a\nb\n"},
		{"a\r\nb", "a\nb\n"},
		{"\xef\xbb\xbf"
		 "a\n",
		 "a\n"},
		{"\xef\xbb\xbf", ""},
		{"", ""},
		{"\n", "\n"},
		{"\ta\n", "\ta\n"},
		{"# \xc3\xa9\n", "# \xc3\xa9\n"},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_text(write_file(*state, "c", rows[i].bytes,
				       strlen(rows[i].bytes)),
			    rows[i].text);
}

static void case_86_control_characters_are_refused_at_their_line(void **state)
{
	static const struct {
		const char *bytes;
		size_t count;
		const char *what;
	} rows[] = {
		{"\0", 1, ":1: control character 0x00; the file must be text"},
		{"a\n\0b", 4,
		 ":2: control character 0x00; the file must be text"},
		{"a\n\n\x7f"
		 "ELF",
		 7, ":3: control character 0x7f; the file must be text"},
		{"a\r\nb\rc\n", 7,
		 ":2: control character 0x0d; the file must be text"},
		{"a\r", 2, ":1: control character 0x0d; the file must be text"},
		{"\x1b[2J\n", 5,
		 ":1: control character 0x1b; the file must be text"},
		{"\xef\xbb\xbf\n\f\n", 6,
		 ":2: control character 0x0c; the file must be text"},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_not_read(
			write_file(*state, "c", rows[i].bytes, rows[i].count),
			EINVAL, rows[i].what);
}

static void case_87_long_lines_are_refused_at_their_line(void **state)
{
	_cleanup_(cleanup_free) char *bytes = malloc(MIB);

	memset(bytes, '#', MIB);
	bytes[0] = '\n';
	bytes[4097] = '\0';
	assert_text(write_file(*state, "c", bytes, 4097), strcat(bytes, "\n"));
	bytes[4097] = bytes[4098] = '#';
	assert_not_read(write_file(*state, "c", bytes, 4098), EINVAL,
			":2: line longer than 4096 bytes; break it");
	assert_not_read(write_file(*state, "c", bytes, 1000000), EINVAL,
			":2: line longer than 4096 bytes; break it");
}

static void case_87_a_mebibyte_is_the_most(void **state)
{
	_cleanup_(cleanup_free) char *bytes = calloc(1, MIB + 2);

	memset(bytes, '\n', MIB);
	assert_text(write_file(*state, "c", bytes, MIB), bytes);
	assert_not_read(write_file(*state, "c", bytes, MIB + 1), EFBIG,
			": larger than 1048576 bytes; make it smaller");
}

/* One that leads to a sound file, by root's links alone, is as good as the
 * file.
 */
static void case_88_a_link_to_a_sound_file_is_taken(void **state)
{
	const char *dir = *state;
	_cleanup_(cleanup_free) char *file =
		strdup(write_file(dir, "sound", "\n", 1));

	assert_int_equal(symlink("sound", path_in(dir, "near")), 0);
	assert_text(path_in(dir, "near"), "\n");
	assert_int_equal(symlink(file, path_in(dir, "far")), 0);
	assert_text(path_in(dir, "far"), "\n");
	assert_int_equal(symlink("far", path_in(dir, "chain")), 0);
	assert_text(path_in(dir, "chain"), "\n");
	assert_int_equal(symlink("loop", path_in(dir, "loop")), 0);
	assert_not_read(
		path_in(dir, "loop"), ELOOP,
		": symbolic links that lead nowhere; name the file itself");
	assert_int_equal(symlink("gone", path_in(dir, "dangling")), 0);
	assert_not_read(path_in(dir, "dangling"), ENOENT,
			": No such file or directory");
	assert_int_equal(chmod(file, 0666), 0);
	assert_not_read(path_in(dir, "near"), EPERM,
			": others may write it; chmod go-w it");
	if (geteuid())
		skip();
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(lchown(path_in(dir, "near"), 65534, 65534), 0);
	assert_not_read(path_in(dir, "near"), EPERM,
			": a symbolic link of uid 65534; name the file itself");
}

static void case_88_only_a_file_is_read(void **state)
{
	const char *dir = *state;

	assert_int_equal(mkfifo(path_in(dir, "fifo"), 0600), 0);
	assert_not_read(path_in(dir, "fifo"), EINVAL,
			": not a regular file; give one");
	assert_not_read(dir, EINVAL, ": not a regular file; give one");
	assert_not_read("/dev/zero", EINVAL, ": not a regular file; give one");
	assert_not_read(path_in(dir, "nothing"), ENOENT,
			": No such file or directory");
}

static void case_88_nobody_else_may_write_it(void **state)
{
	static const mode_t refused[] = {0664, 0646, 0666, 0620, 0602};
	const char *path = write_file(*state, "c", "\n", 1);

	for (size_t i = 0; i < COUNT(refused); i++) {
		assert_int_equal(chmod(path, refused[i]), 0);
		assert_not_read(path, EPERM,
				": others may write it; chmod go-w it");
	}
	assert_int_equal(chmod(path, 0644), 0);
	assert_text(path, "\n");
	if (geteuid() != 0)
		return; /* who cannot give it away */
	assert_int_equal(chown(path, 12345, 0), 0);
	assert_not_read(path, EPERM,
			": belongs to uid 12345; chown it to root");
}

static void shorten(const char *path)
{
	assert_int_equal(truncate(path, 5), 0);
}

static void write_at(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags);

	usleep(20000); /* a tick, for the time to be another */
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void rewrite(const char *path)
{
	write_at(path, 0, "HALF");
}

static void set_time_back(const char *path, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void lengthen(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	write_at(path, O_APPEND, "more\n");
	set_time_back(path, &st);
}

static void rewrite_with_the_old_time(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	rewrite(path);
	set_time_back(path, &st);
}

static void replace(const char *path)
{
	char other[256];

	snprintf(other, sizeof(other), "%s.new", path);
	assert_int_equal(rename(other, path), 0);
}

static void case_92_a_file_that_changes_is_not_half_read(void **state)
{
	static void (*const changes[])(const char *path) = {shorten, lengthen,
							    rewrite};

	for (size_t i = 0; i < COUNT(changes); i++) {
		meanwhile_path = write_file(*state, "c", "first\nlast\n", 11);
		meanwhile = changes[i];
		assert_not_read(meanwhile_path, EAGAIN,
				": changed while it was read; try again");
		assert_null(meanwhile);
	}
}

static void case_92_no_time_set_back_hides_a_change(void **state)
{
	meanwhile_path = write_file(*state, "c", "first\nlast\n", 11);
	meanwhile = rewrite_with_the_old_time;
	assert_not_read(meanwhile_path, EAGAIN,
			": changed while it was read; try again");
}

/* The old one whole, or neither: the rename has changed the old one's ctime */
static void case_92_a_file_that_is_replaced_is_no_mixture(void **state)
{
	_cleanup_(cleanup_free) char *text = NULL;
	struct fault fault;
	int r;

	write_file(*state, "c.new", "new\n", 4);
	meanwhile_path = write_file(*state, "c", "first\nlast\n", 11);
	meanwhile = replace;
	r = file_read_config(meanwhile_path, &text, &fault);
	if (r == 0)
		assert_string_equal(text, "first\nlast\n");
	else
		assert_int_equal(r, -EAGAIN);
	assert_text(meanwhile_path, "new\n");
}

static void a_file_is_loaded_with_its_name_in_the_message(void **state)
{
	const char *path = write_file(*state, "c", "\nvpn { x = 1 }\n", 15);
	struct policy policy;
	struct fault fault;

	memset(&policy, UNTOUCHED, sizeof(policy));
	assert_true(config_load(path, &policy, &fault) < 0);
	assert_untouched(&policy, sizeof(policy));
	assert_memory_equal(fault.text, path, strlen(path));
	assert_memory_equal(fault.text + strlen(path), ":2: ", 4);
	assert_true(config_load("/nothing", &policy, &fault) < 0);
	assert_untouched(&policy, sizeof(policy));
	write_file(*state, "c", "\r\nvpn { }\r\nhost { }", 19);
	assert_int_equal(config_load(path, &policy, &fault), 0);
	policy_release(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_85_newlines_and_marks_are_made_one_form),
		cmocka_unit_test(
			case_86_control_characters_are_refused_at_their_line),
		cmocka_unit_test(case_87_long_lines_are_refused_at_their_line),
		cmocka_unit_test(case_87_a_mebibyte_is_the_most),
		cmocka_unit_test(case_88_a_link_to_a_sound_file_is_taken),
		cmocka_unit_test(case_88_only_a_file_is_read),
		cmocka_unit_test(case_88_nobody_else_may_write_it),
		cmocka_unit_test(case_92_a_file_that_changes_is_not_half_read),
		cmocka_unit_test(case_92_no_time_set_back_hides_a_change),
		cmocka_unit_test(case_92_a_file_that_is_replaced_is_no_mixture),
		cmocka_unit_test(a_file_is_loaded_with_its_name_in_the_message),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
