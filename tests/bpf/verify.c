// SPDX-License-Identifier: GPL-2.0-or-later
/* Load the programs on this kernel and print what the verifier had to do for
 * each: verify OBJECT. Only its totals are asked for: with a line of log for
 * each instruction, as bpftool has it, an old kernel takes minutes. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sys/atomics.h"

#define LOG_TOTALS 4 /* BPF_LOG_STATS of the kernel's */
#define LOG_BYTES 65536

static int print_warnings(enum libbpf_print_level level, const char *format,
			  va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

/* Ask for the totals of every program, in a buffer of its own. */
static int ask(struct bpf_object *object)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		char *log = calloc(1, LOG_BYTES);

		if (!log || bpf_program__set_log_level(program, LOG_TOTALS) ||
		    bpf_program__set_log_buf(program, log, LOG_BYTES))
			return -1;
	}
	return 0;
}

static int print_totals(const struct bpf_object *object)
{
	struct bpf_program *program;
	int unknown = 0;

	bpf_object__for_each_program(program, object)
	{
		size_t bytes;
		const char *log = bpf_program__log_buf(program, &bytes);
		const char *totals = strstr(log, "processed ");

		if (totals)
			printf("%-18s %7lu instructions verified\n",
			       bpf_program__name(program),
			       strtoul(totals + strlen("processed "), NULL,
				       10));
		else
			unknown++;
	}
	return unknown;
}

/* Print what the verifier said of each program that it has seen. */
static void print_logs(const struct bpf_object *object)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		size_t bytes;
		const char *log = bpf_program__log_buf(program, &bytes);

		if (log && *log)
			fprintf(stderr, "%s: %s", bpf_program__name(program),
				log);
	}
}

/* Open the object as the loader has it on this kernel. */
static struct bpf_object *open_fitted(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct bpf_object *object = NULL;
	struct stat file;
	void *memory;

	if (fd < 0 || fstat(fd, &file))
		return NULL;
	memory = mmap(NULL, file.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		      fd, 0);
	close(fd);
	if (memory == MAP_FAILED)
		return NULL;
	if (atomics_fit(memory, file.st_size) == 0)
		object = bpf_object__open_mem(memory, file.st_size, NULL);
	munmap(memory, file.st_size);
	return object;
}

int main(int argc, char **argv)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	struct bpf_object *object;
	struct utsname name;

	if (argc != 2) {
		fprintf(stderr, "usage: %s OBJECT\n", argv[0]);
		return 2;
	}
	setrlimit(RLIMIT_MEMLOCK, &all); /* counts maps before 5.11 */
	libbpf_set_print(print_warnings);
	uname(&name);
	printf("kernel %s\n", name.release);
	object = open_fitted(argv[1]);
	if (!object || ask(object) || bpf_object__load(object)) {
		fprintf(stderr, "%s: not loaded: %s\n", argv[1],
			strerror(errno));
		if (object)
			print_logs(object);
		return 1;
	}
	return print_totals(object) != 0;
}
