// SPDX-License-Identifier: GPL-2.0-or-later
/* See flush.h. */
#include "ledger/flush.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "sys/clock.h"

#define END_S 2

struct flush {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t asked;
	/* owned; -1: nothing is asked */
	int fd;
	int last_fd;
	uint64_t began_ns; /* 0: it waits */
	int error;
	bool ends;
};

/* The next file to be forced, for the caller to close; -1: it is to end. */
static int next(struct flush *flush)
{
	int *asked;
	int fd;

	pthread_mutex_lock(&flush->lock);
	flush->began_ns = 0;
	while (flush->fd < 0 && flush->last_fd < 0 && !flush->ends)
		pthread_cond_wait(&flush->asked, &flush->lock);
	asked = flush->last_fd >= 0 ? &flush->last_fd : &flush->fd;
	fd = *asked;
	*asked = -1;
	if (fd >= 0)
		flush->began_ns = boot_ns();
	pthread_mutex_unlock(&flush->lock);
	return fd;
}

static void *work(void *data)
{
	struct flush *flush = data;
	int fd;

	while ((fd = next(flush)) >= 0) {
		int error = fdatasync(fd) ? errno : 0;

		close(fd);
		pthread_mutex_lock(&flush->lock);
		if (error)
			flush->error = error;
		pthread_mutex_unlock(&flush->lock);
	}
	return NULL;
}

struct flush *flush_new(void)
{
	struct flush *flush = calloc(1, sizeof(*flush));
	sigset_t all, before;
	int error;

	if (!flush)
		return NULL;
	flush->fd = flush->last_fd = -1;
	pthread_mutex_init(&flush->lock, NULL);
	pthread_cond_init(&flush->asked, NULL);
	sigfillset(&all); /* they are for the event loop's thread */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&flush->thread, NULL, work, flush);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error)
		return flush;
	free(flush);
	return NULL;
}

void flush_end(struct flush **flush)
{
	struct flush *ended = *flush;
	struct timespec until;

	*flush = NULL;
	if (!ended)
		return;
	pthread_mutex_lock(&ended->lock);
	ended->ends = true;
	pthread_cond_signal(&ended->asked);
	pthread_mutex_unlock(&ended->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_S;
	if (pthread_timedjoin_np(ended->thread, NULL, &until)) {
		pthread_detach(ended->thread); /* which keeps its memory */
		return;
	}
	pthread_cond_destroy(&ended->asked);
	pthread_mutex_destroy(&ended->lock);
	free(ended);
}

static void ask(struct flush *flush, int *asked, int fd)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	pthread_mutex_lock(&flush->lock);
	if (*asked >= 0)
		close(*asked);
	*asked = own;
	pthread_cond_signal(&flush->asked);
	pthread_mutex_unlock(&flush->lock);
}

void flush_ask(struct flush *flush, int fd)
{
	ask(flush, &flush->fd, fd);
}

void flush_ask_last(struct flush *flush, int fd)
{
	ask(flush, &flush->last_fd, fd);
}

int flush_error(struct flush *flush)
{
	int error;

	pthread_mutex_lock(&flush->lock);
	error = flush->error;
	flush->error = 0;
	pthread_mutex_unlock(&flush->lock);
	return error;
}

uint64_t flush_busy_ns(struct flush *flush)
{
	uint64_t began_ns;

	pthread_mutex_lock(&flush->lock);
	began_ns = flush->began_ns;
	pthread_mutex_unlock(&flush->lock);
	return began_ns ? boot_ns() - began_ns : 0;
}
