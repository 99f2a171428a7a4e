// SPDX-License-Identifier: GPL-2.0-or-later
/* See segment.h. */
#include "ledger/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "gate/pins.h"
#include "ledger/record.h"
#include "sys/cleanup.h"
#include "sys/file.h"

#define MARK "ledger.id"
#define DIGITS 8

void segment_name(uint32_t number, char ret_name[SEGMENT_NAME_BYTES])
{
	snprintf(ret_name, SEGMENT_NAME_BYTES, "%08u.jsonl", number);
}

void segment_leaves_name(uint32_t number, char ret_name[SEGMENT_NAME_BYTES])
{
	snprintf(ret_name, SEGMENT_NAME_BYTES, "%08u.leaves", number);
}

int segment_path(const char *dir, uint32_t number, char ret_path[PATH_MAX])
{
	char name[SEGMENT_NAME_BYTES];

	segment_name(number, name);
	return file_path(dir, name, ret_path);
}

int segment_leaves_path(const char *dir, uint32_t number,
			char ret_path[PATH_MAX])
{
	char name[SEGMENT_NAME_BYTES];

	segment_leaves_name(number, name);
	return file_path(dir, name, ret_path);
}

uint32_t segment_number(const char *name)
{
	char again[SEGMENT_NAME_BYTES];
	uint32_t number = (uint32_t)strtoul(name, NULL, 10);

	segment_name(number, again);
	if (strcmp(name, again) == 0)
		return number;
	segment_leaves_name(number, again);
	return strcmp(name, again) == 0 ? number : 0;
}

int segment_current(const char *dir, char ret_name[SEGMENT_NAME_BYTES])
{
	char path[PATH_MAX];
	ssize_t bytes;

	if (file_path(dir, SEGMENT_CURRENT, path))
		return -ENAMETOOLONG;
	bytes = readlink(path, ret_name, SEGMENT_NAME_BYTES - 1);
	if (bytes < 0)
		return -errno;
	ret_name[bytes] = '\0';
	return segment_number(ret_name) ? 0 : -EINVAL;
}

static int by_number(const void *a, const void *b)
{
	uint32_t first = *(const uint32_t *)a;
	uint32_t second = *(const uint32_t *)b;

	return (first > second) - (first < second);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

int segment_list(const char *dir, uint32_t **ret_numbers, size_t *ret_count,
		 struct fault *ret_fault)
{
	_cleanup_(close_dir) DIR *folder = opendir(dir);
	_cleanup_(cleanup_free) uint32_t *numbers = NULL;
	struct dirent *entry;
	size_t count = 0;

	if (!folder)
		return fault_set(ret_fault, errno, "%s: %s", dir,
				 strerror(errno));
	while ((entry = readdir(folder)) != NULL) {
		uint32_t number = segment_number(entry->d_name);
		uint32_t *more;

		if (!number)
			continue;
		more = reallocarray(numbers, count + 1, sizeof(*numbers));
		if (!more)
			return fault_set(ret_fault, ENOMEM, "out of memory");
		numbers = more;
		numbers[count++] = number;
	}
	if (count)
		qsort(numbers, count, sizeof(*numbers), by_number);
	*ret_count = 0;
	for (size_t i = 0; i < count;
	     i++) /* a purge that was killed has both */
		if (!i || numbers[i] != numbers[i - 1])
			numbers[(*ret_count)++] = numbers[i];
	*ret_numbers = numbers;
	numbers = NULL;
	return 0;
}

int segment_read_id(const char *dir, char ret_id[SEGMENT_ID_BYTES])
{
	_cleanup_(cleanup_close) int fd = -1;
	char path[PATH_MAX];
	char id[SEGMENT_ID_BYTES];
	struct stat st;

	if (file_path(dir, MARK, path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || (st.st_uid != 0 && st.st_uid != geteuid()) ||
	    read(fd, id, sizeof(id)) != sizeof(id) || /* with its LF */
	    id[SEGMENT_ID_CHARS] != '\n' ||
	    strspn(id, "0123456789abcdef") != SEGMENT_ID_CHARS)
		return -EINVAL;
	memcpy(ret_id, id, SEGMENT_ID_CHARS);
	ret_id[SEGMENT_ID_CHARS] = '\0';
	return 0;
}

int segment_lock(const char *dir)
{
	_cleanup_(cleanup_close) int fd = -1;
	char path[PATH_MAX];

	if (file_path(dir, MARK, path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return cleanup_steal_fd(&fd);
}

static int write_mark(const char *dir)
{
	char id[SEGMENT_ID_BYTES + 1];
	char path[PATH_MAX];
	char beside[PATH_MAX];
	uint64_t random;

	if (file_path(dir, MARK, path) || file_path(dir, MARK ".new", beside) ||
	    getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	snprintf(id, sizeof(id), "%016llx\n", (unsigned long long)random);
	return file_write_whole(dir, path, beside, id);
}

/* Another who could write there could take the ledger away. */
static int check_dir(const char *dir, struct fault *ret_fault)
{
	struct stat st;

	if (lstat(dir, &st))
		return fault_set(ret_fault, errno, "%s: %s", dir,
				 strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return fault_set(ret_fault, ENOTDIR,
				 "%s: not a directory; give one", dir);
	if (!pins_is_ours(&st))
		return fault_set(ret_fault, EPERM,
				 "%s: others may write there; chown it to root "
				 "and chmod go-w it",
				 dir);
	return 0;
}

int segment_mark(const char *dir, char ret_id[SEGMENT_ID_BYTES],
		 struct fault *ret_fault)
{
	int r;

	if (mkdir(dir, 0700) && errno != EEXIST)
		return fault_set(ret_fault, errno, "%s: %s", dir,
				 strerror(errno));
	r = check_dir(dir, ret_fault);
	if (r)
		return r;
	r = segment_read_id(dir, ret_id);
	if (r == -ENOENT) {
		r = write_mark(dir);
		if (!r)
			r = segment_read_id(dir, ret_id);
	}
	return r ? fault_set(ret_fault, r, "%s/" MARK ": %s", dir, strerror(-r))
		 : 0;
}

struct segment_reader {
	FILE *file;
	char *line;
	size_t room;
};

/* No waiting for a pipe or the like. NULL with errno. */
static FILE *open_file(const char *path)
{
	_cleanup_(cleanup_close) int fd = -1;
	struct stat st;
	FILE *file;

	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return NULL;
	}
	file = fdopen(fd, "r");
	if (file)
		fd = -1; /* it is the file's */
	return file;
}

struct segment_reader *segment_open(const char *path, struct fault *ret_fault)
{
	struct segment_reader *reader = calloc(1, sizeof(*reader));

	if (reader)
		reader->file = open_file(path);
	if (!reader || !reader->file) {
		fault_set(ret_fault, errno, "%s: %s", path, strerror(errno));
		free(reader);
		return NULL;
	}
	setvbuf(reader->file, NULL, _IOFBF, 256 * 1024);
	return reader;
}

void segment_close(struct segment_reader **reader)
{
	if (!*reader)
		return;
	fclose((*reader)->file);
	free((*reader)->line);
	free(*reader);
	*reader = NULL;
}

/* As getline(), but of so many bytes at the most: who made the file may not be
 * who wrote the ledger. */
static size_t read_line(struct segment_reader *reader, size_t most)
{
	size_t bytes = 0;
	int c = 0;

	while (bytes < most && c != '\n' &&
	       (c = getc_unlocked(reader->file)) != EOF) {
		if (bytes == reader->room) {
			size_t room = reader->room ? 2 * reader->room : 4096;
			char *line = realloc(reader->line, room);

			if (!line)
				return bytes;
			reader->line = line;
			reader->room = room;
		}
		reader->line[bytes++] = (char)c;
	}
	return bytes;
}

bool segment_next(struct segment_reader *reader, const char **ret_line,
		  size_t *ret_bytes, bool *ret_whole)
{
	size_t bytes = read_line(reader, RECORD_START_MAX);

	*ret_line = reader->line;
	*ret_bytes = bytes;
	*ret_whole = bytes && reader->line[bytes - 1] == '\n';
	return bytes > 0;
}
