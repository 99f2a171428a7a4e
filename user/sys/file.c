// SPDX-License-Identifier: GPL-2.0-or-later
/* See file.h. */
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/cleanup.h"

#define FILE_BYTES_MAX (1024 * 1024)
#define LINE_BYTES_MAX 4096
#define HOPS_MAX 16 /* symbolic links, one behind the other */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static int check_owner(const char *path, const struct stat *st,
		       struct fault *ret_fault)
{
	if (!S_ISREG(st->st_mode))
		return fault_set(ret_fault, EINVAL,
				 "%s: not a regular file; give one", path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return fault_set(ret_fault, EPERM,
				 "%s: belongs to uid %u; chown it to root",
				 path, st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return fault_set(ret_fault, EPERM,
				 "%s: others may write it; chmod go-w it",
				 path);
	if (st->st_size > FILE_BYTES_MAX)
		return fault_set(ret_fault, EFBIG,
				 "%s: larger than %d bytes; make it smaller",
				 path, FILE_BYTES_MAX);
	return 0;
}

/* Replace a symbolic link by what it says. Returns 0 or -errno. */
static int step(char at[PATH_MAX])
{
	char target[PATH_MAX];
	ssize_t bytes = readlink(at, target, sizeof(target) - 1);
	char *slash = strrchr(at, '/');
	size_t folder = slash ? (size_t)(slash - at) + 1 : 0;

	if (bytes < 0)
		return -errno;
	target[bytes] = '\0';
	if (target[0] == '/')
		folder = 0;
	if (folder + (size_t)bytes >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(at + folder, target, (size_t)bytes + 1);
	return 0;
}

/* Follow symbolic links that are root's or the caller's: another's may lead
 * anywhere tomorrow. */
static int follow(const char *path, char ret_end[PATH_MAX],
		  struct fault *ret_fault)
{
	struct stat st;
	int r = 0;

	if (snprintf(ret_end, PATH_MAX, "%s", path) >= PATH_MAX)
		return fault_set(ret_fault, ENAMETOOLONG, "%.64s...: too long",
				 path);
	for (int hops = 0; hops < HOPS_MAX && !r; hops++) {
		if (lstat(ret_end, &st) || !S_ISLNK(st.st_mode))
			return 0; /* what is not there is said when opened */
		if (st.st_uid != 0 && st.st_uid != geteuid())
			return fault_set(ret_fault, EPERM,
					 "%s: a symbolic link of uid %u; name "
					 "the file itself",
					 ret_end, st.st_uid);
		r = step(ret_end);
	}
	return fault_set(ret_fault, r ? r : ELOOP,
			 "%s: symbolic links that lead nowhere; name the file "
			 "itself",
			 path);
}

static int open_config(const char *path, struct stat *ret_st,
		       struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int fd = -1;
	char end[PATH_MAX];
	int r = follow(path, end, ret_fault);

	if (r)
		return r;
	fd = open(end, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return fault_set(ret_fault, errno, "%s: %s", path,
				 strerror(errno));
	if (fstat(fd, ret_st))
		return fault_set(ret_fault, errno, "%s: %s", path,
				 strerror(errno));
	r = check_owner(path, ret_st, ret_fault);
	return r ? r : cleanup_steal_fd(&fd);
}

/* Return whether the file stayed what it was while it was read. */
static bool is_unchanged(int fd, const struct stat *before, size_t bytes)
{
	struct stat after;

	return fstat(fd, &after) == 0 && after.st_size == before->st_size &&
	       after.st_mtim.tv_sec == before->st_mtim.tv_sec &&
	       after.st_mtim.tv_nsec == before->st_mtim.tv_nsec &&
	       after.st_ctim.tv_sec == before->st_ctim.tv_sec &&
	       after.st_ctim.tv_nsec == before->st_ctim.tv_nsec &&
	       bytes == (size_t)before->st_size;
}

/* In place: bytes to the text that the grammar is for. text has room for a
 * newline and a NUL behind its `bytes`. */
static int normalise(const char *path, char *text, size_t bytes,
		     struct fault *ret_fault)
{
	size_t mark = sizeof(BYTE_ORDER_MARK) - 1;
	size_t from = bytes >= mark && !memcmp(text, BYTE_ORDER_MARK, mark)
			      ? mark
			      : 0;
	size_t to = 0;
	size_t column = 0;
	int line = 1;

	for (; from < bytes; from++) {
		unsigned char c = (unsigned char)text[from];

		if (c == '\r' && from + 1 < bytes && text[from + 1] == '\n')
			continue;
		if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			return fault_set(ret_fault, EINVAL,
					 "%s:%d: control character 0x%02x; "
					 "the file must be text",
					 path, line, c);
		column = c == '\n' ? 0 : column + 1;
		if (column > LINE_BYTES_MAX)
			return fault_set(ret_fault, EINVAL,
					 "%s:%d: line longer than %d bytes; "
					 "break it",
					 path, line, LINE_BYTES_MAX);
		line += c == '\n';
		text[to++] = (char)c;
	}
	if (to > 0 && text[to - 1] != '\n')
		text[to++] = '\n';
	text[to] = '\0';
	return 0;
}

int file_read_config(const char *path, char **ret_text, struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int fd = -1;
	_cleanup_(cleanup_free) char *text = NULL;
	struct stat st;
	size_t bytes = 0;
	ssize_t got;
	int r;

	fd = open_config(path, &st, ret_fault);
	if (fd < 0)
		return fd;
	text = malloc((size_t)st.st_size + 2);
	if (!text)
		return fault_set(ret_fault, ENOMEM, "%s: out of memory", path);
	do {
		got = read(fd, text + bytes, (size_t)st.st_size - bytes);
		if (got < 0)
			return fault_set(ret_fault, errno, "%s: %s", path,
					 strerror(errno));
		bytes += (size_t)got;
	} while (got > 0 && bytes < (size_t)st.st_size);
	if (!is_unchanged(fd, &st, bytes))
		return fault_set(ret_fault, EAGAIN,
				 "%s: changed while it was read; try again",
				 path);
	r = normalise(path, text, bytes, ret_fault);
	if (r)
		return r;
	*ret_text = text;
	text = NULL;
	return 0;
}

int file_path(const char *dir, const char *name, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

int file_write_whole(const char *dir, const char *path, const char *beside,
		     const char *text)
{
	_cleanup_(cleanup_close) int folder = -1;
	_cleanup_(cleanup_close) int fd = -1;
	ssize_t bytes = (ssize_t)strlen(text);

	folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	if (folder < 0 || fd < 0 || write(fd, text, (size_t)bytes) != bytes ||
	    fsync(fd) || rename(beside, path) || fsync(folder))
		return -errno;
	return 0;
}

ssize_t file_read_start(const char *path, char *ret_text, size_t room)
{
	_cleanup_(cleanup_close) int fd = -1;
	ssize_t bytes;

	ret_text[0] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	bytes = fd < 0 ? -1 : read(fd, ret_text, room - 1);
	if (bytes < 0)
		return -errno;
	ret_text[bytes] = '\0';
	return bytes;
}
