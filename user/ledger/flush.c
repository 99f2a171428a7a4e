// SPDX-License-Identifier: GPL-2.0-or-later
/* See flush.h. */
#include "ledger/flush.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct flush {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t asked;
	int fd; /* owned; -1: nothing is asked */
	int error;
	bool ends;
};

/* The next file to be forced, for the caller to close; -1: it is to end. */
static int next(struct flush *flush)
{
	int fd;

	pthread_mutex_lock(&flush->lock);
	while (flush->fd < 0 && !flush->ends)
		pthread_cond_wait(&flush->asked, &flush->lock);
	fd = flush->fd;
	flush->fd = -1;
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
	flush->fd = -1;
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
	if (!*flush)
		return;
	pthread_mutex_lock(&(*flush)->lock);
	(*flush)->ends = true;
	pthread_cond_signal(&(*flush)->asked);
	pthread_mutex_unlock(&(*flush)->lock);
	pthread_join((*flush)->thread, NULL);
	pthread_cond_destroy(&(*flush)->asked);
	pthread_mutex_destroy(&(*flush)->lock);
	free(*flush);
	*flush = NULL;
}

void flush_ask(struct flush *flush, int fd)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	pthread_mutex_lock(&flush->lock);
	if (flush->fd >= 0)
		close(flush->fd); /* of the segment before: it was closed well
				   */
	flush->fd = own;
	pthread_cond_signal(&flush->asked);
	pthread_mutex_unlock(&flush->lock);
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
