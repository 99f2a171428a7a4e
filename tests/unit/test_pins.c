// SPDX-License-Identifier: GPL-2.0-or-later
/* The instance's folder: names, and what is done where there is no bpffs. */
#include <errno.h>
#include <sys/wait.h>

#include "gate/pins.h"
#include "gate/pins_folder.h"
#include "unit.h"

static void every_map_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < PINS_MAP_COUNT; i++) {
		const char *name = pins_map_name((enum pins_map)i);

		assert_non_null(name);
		assert_in_range(strlen(name), 1, 15); /* BPF_OBJ_NAME_LEN */
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
				name, pins_map_name((enum pins_map)j));
	}
	assert_string_equal(pins_map_name(PINS_grants), "grants");
	assert_string_equal(pins_map_name(PINS_half_open), "half_open");
}

static void assert_not_begun(const char *dir)
{
	struct fault fault = {""};
	bool begun = true;

	assert_int_equal(pins_are_begun(dir, &begun, &fault), 0);
	assert_false(begun);
}

static void paths_are_joined(void **state)
{
	char path[PINS_PATH_BYTES];

	(void)state;
	assert_int_equal(pins_path("/d", NULL, NULL, path), 0);
	assert_string_equal(path, "/d");
	assert_int_equal(pins_path("/d", NULL, "n", path), 0);
	assert_string_equal(path, "/d/n");
	assert_int_equal(pins_path("/d", "s", "n", path), 0);
	assert_string_equal(path, "/d/s/n");
	assert_int_equal(pins_path("/d", "s", NULL, path), 0);
	assert_string_equal(path, "/d/s");
}

static void a_path_that_does_not_fit_is_refused(void **state)
{
	struct {
		char path[PINS_PATH_BYTES];
		uint8_t behind[8];
	} both;
	struct fault fault = {""};
	char dir[PINS_PATH_BYTES];
	bool begun;

	(void)state;
	memset(&both, UNTOUCHED, sizeof(both));
	memset(dir, 'd', sizeof(dir));
	dir[0] = '/';
	dir[PINS_PATH_BYTES - 2] = '\0'; /* with "/n" just too long */
	assert_int_equal(pins_path(dir, NULL, "n", both.path), -ENAMETOOLONG);
	assert_untouched(both.behind, sizeof(both.behind));
	assert_int_equal(pins_are_begun(dir, &begun, &fault), -ENAMETOOLONG);
	dir[PINS_PATH_BYTES - 3] = '\0';
	assert_int_equal(pins_path(dir, NULL, "n", both.path), 0);
	assert_int_equal(strlen(both.path), PINS_PATH_BYTES - 1);
}

static void
a_folder_whose_pins_would_not_fit_is_said_to_be_too_long(void **state)
{
	char dir[PINS_PATH_BYTES];
	struct fault fault = {""};

	(void)state;
	memset(dir, 'd', sizeof(dir));
	dir[0] = '/';
	dir[PINS_PATH_BYTES - 1] = '\0';
	assert_int_equal(pins_remove(dir, &fault), -ENAMETOOLONG);
	assert_one_line(fault.text);
}

static void an_instance_is_where_its_gate_map_is(void **state)
{
	struct fault fault = {""};
	char dir[128];
	bool begun;

	assert_not_begun("/nothing/here");
	snprintf(dir, sizeof(dir), "%s/instance", (char *)*state);
	assert_not_begun(dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_not_begun(dir);
	write_file(dir, "active", "", 0);
	assert_not_begun(dir);
	write_file(dir, "gate", "", 0); /* and a map: nobody knows what it is */
	assert_int_equal(pins_are_begun(dir, &begun, &fault), -EACCES);
	assert_one_line(fault.text);
}

static void opening_none_says_what_to_do(void **state)
{
	char dir[128];
	char want[256];
	struct fault fault;
	struct pins pins;

	snprintf(dir, sizeof(dir), "%s/none", (char *)*state);
	snprintf(want, sizeof(want), "%s: no gate here; run `scoutgate up`",
		 dir);
	assert_int_equal(pins_open(dir, &pins, &fault), -ENOENT);
	assert_string_equal(fault.text, want);
	for (int i = 0; i < PINS_MAP_COUNT; i++)
		assert_int_equal(pins.map_fds[i], -1);
	pins_close(&pins);
	assert_int_equal(pins_lock(dir, &fault), -ENOENT);
	assert_string_equal(fault.text, want);
}

static void only_one_holds_the_lock(void **state)
{
	struct fault fault;
	int first = pins_lock(*state, &fault);
	int second;

	assert_true(first >= 0);
	assert_true(fcntl(first, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(pins_lock(*state, &fault), -EBUSY);
	assert_one_line(fault.text);
	close(first);
	second = pins_lock(*state, &fault);
	assert_true(second >= 0);
	close(second);
}

static void one_waits_for_a_change_to_end(void **state)
{
	struct fault fault;
	int first = pins_lock(*state, &fault);
	int second;
	pid_t child = fork();

	if (child == 0) { /* the lock is the open file's, which it has, too */
		usleep(200000);
		_exit(0);
	}
	assert_true(first >= 0 && child > 0);
	close(first); /* the child holds it for 200 ms */
	second = pins_lock(*state, &fault);
	assert_true(second >= 0);
	close(second);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void only_a_bpffs_is_prepared(void **state)
{
	char dir[128];
	char want[512];
	struct fault fault;

	snprintf(dir, sizeof(dir), "%s/pins", (char *)*state);
	snprintf(want, sizeof(want),
		 "%s: not on a bpffs; mount one (mount -t bpf bpf %s) or "
		 "choose another --pin-dir",
		 dir, (char *)*state);
	assert_int_equal(pins_prepare(dir, &fault), -EINVAL);
	assert_string_equal(fault.text, want);
	assert_int_equal(access(dir, F_OK), -1);
	assert_int_equal(pins_prepare("pins", &fault), -EINVAL);
	assert_string_equal(fault.text, "pins: give an absolute path");
}

/* "/sys/fs/bpf/scoutgate/" is in /sys/fs/bpf, not in itself */
static void a_slash_at_the_end_changes_nothing(void **state)
{
	char dir[128];
	char want[256];
	struct fault fault;

	snprintf(dir, sizeof(dir), "%s/pins/", (char *)*state);
	snprintf(want, sizeof(want), "(mount -t bpf bpf %s)", (char *)*state);
	assert_int_equal(pins_prepare(dir, &fault), -EINVAL);
	assert_non_null(strstr(fault.text, want));
}

static void removing_leaves_nothing_and_asks_for_nothing(void **state)
{
	char dir[128];
	char sub[160];
	struct fault fault;

	snprintf(dir, sizeof(dir), "%s/whole", (char *)*state);
	assert_int_equal(pins_remove(dir, &fault), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(pins_remove(dir, &fault), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	write_file(dir, "gate", "", 0);
	snprintf(sub, sizeof(sub), "%s/links", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	write_file(sub, "2_in", "", 0);
	snprintf(sub, sizeof(sub), "%s/programs", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_int_equal(pins_remove(dir, &fault), 0);
	assert_int_equal(access(dir, F_OK), -1);
}

static void what_is_not_the_gates_is_not_removed(void **state)
{
	char dir[128];
	char sub[160];
	struct fault fault;

	snprintf(dir, sizeof(dir), "%s/other", (char *)*state);
	snprintf(sub, sizeof(sub), "%s/folder", dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(mkdir(sub, 0700), 0);
	write_file(dir, "gate", "", 0);
	assert_int_equal(pins_remove(dir, &fault), -EEXIST);
	assert_one_line(fault.text);
	assert_memory_equal(fault.text, sub, strlen(sub));
	assert_int_equal(access(sub, F_OK), 0);
	snprintf(sub, sizeof(sub), "%s/gate", dir); /* but what is, is */
	assert_int_equal(access(sub, F_OK), -1);
}

/* Names that are nearly the gate's own. */
static void a_name_like_the_gates_is_not_its_own(void **state)
{
	static const char *const names[] = {"gates",  "Gate",  "_in",  "2_inn",
					    "2-in",   "x2_in", "sg",   ".gate",
					    "links2", "nexts", "sg_x", "2_in"};
	char dir[128];
	char path[200];
	struct fault fault;

	snprintf(dir, sizeof(dir), "%s/like", (char *)*state);
	assert_int_equal(mkdir(dir, 0700), 0);
	for (size_t i = 0; i < COUNT(names); i++) {
		write_file(dir, names[i], "", 0);
		assert_int_equal(pins_remove(dir, &fault), -EEXIST);
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(pins_remove(dir, &fault), 0);
}

static void a_folder_that_others_may_change_is_refused(void **state)
{
	char dir[128];
	char link[160];
	struct fault fault;
	int fd;

	snprintf(dir, sizeof(dir), "%s/shared", (char *)*state);
	snprintf(link, sizeof(link), "%s/link", (char *)*state);
	assert_int_equal(mkdir(dir, 0700), 0);
	fd = pins_lock(dir, &fault); /* the control */
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(symlink(dir, link), 0);
	assert_true(pins_lock(link, &fault) < 0);
	assert_int_equal(chmod(dir, 0720), 0);
	assert_int_equal(pins_lock(dir, &fault), -EPERM);
	assert_one_line(fault.text);
	assert_int_equal(chmod(dir, 0702), 0);
	assert_int_equal(pins_lock(dir, &fault), -EPERM);
	assert_int_equal(chmod(dir, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(dir, 65534, 65534), 0);
		assert_int_equal(pins_lock(dir, &fault), -EPERM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_map_has_a_name_of_its_own),
		cmocka_unit_test(paths_are_joined),
		cmocka_unit_test(a_path_that_does_not_fit_is_refused),
		cmocka_unit_test(
			a_folder_whose_pins_would_not_fit_is_said_to_be_too_long),
		cmocka_unit_test(a_name_like_the_gates_is_not_its_own),
		cmocka_unit_test(a_folder_that_others_may_change_is_refused),
		cmocka_unit_test(an_instance_is_where_its_gate_map_is),
		cmocka_unit_test(opening_none_says_what_to_do),
		cmocka_unit_test(only_one_holds_the_lock),
		cmocka_unit_test(one_waits_for_a_change_to_end),
		cmocka_unit_test(only_a_bpffs_is_prepared),
		cmocka_unit_test(a_slash_at_the_end_changes_nothing),
		cmocka_unit_test(removing_leaves_nothing_and_asks_for_nothing),
		cmocka_unit_test(what_is_not_the_gates_is_not_removed),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
