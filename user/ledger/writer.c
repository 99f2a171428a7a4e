// SPDX-License-Identifier: GPL-2.0-or-later
/* See writer.h. */
#include "ledger/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "ledger/adopt.h"
#include "ledger/digest.h"
#include "ledger/flush.h"
#include "ledger/segment.h"
#include "ledger/sign.h"
#include "sys/boot_id.h"
#include "sys/cleanup.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/report.h"

#define SEGMENT_BYTES (UINT64_C(64) << 20)
#define SEGMENT_NS (UINT64_C(86400) * NS_PER_S)
#define CHECKPOINT_RECORDS 10000
#define CHECKPOINT_NS (60 * NS_PER_S)
#define FLUSH_NS (1 * NS_PER_S)
#define RETRY_NS (1 * NS_PER_S)
#define STUCK_NS (5 * NS_PER_S)
/* kept for a gap and a checkpoint when all else is full */
#define RESERVE "reserve"
#define RESERVE_BYTES (64 * 1024)

struct writer {
	char dir[PATH_MAX];
	char id[SEGMENT_ID_BYTES];
	char boot_id[BOOT_ID_BYTES];
	int fd;
	int lock; /* there is one writer */
	uint32_t segment;
	uint64_t n, bytes; /* of this segment */
	uint64_t before_bytes, most_bytes;
	char chain[DIGEST_BYTES];
	struct digest *digest; /* of this segment so far */
	struct sign_key *key, *next;
	struct flush *flush;
	struct writer_previous previous;
	struct writer_balance balance;
	char date[RECORD_TIME_BYTES], boot[RECORD_TIME_BYTES]; /* stamp() */
	uint64_t now_ns; /* boot clock: it never goes back */
	uint64_t began_ns, signed_ns, flushed_ns, tried_ns;
	uint64_t signed_n; /* records that a checkpoint is over, and itself */
	uint64_t flushed_bytes;
	uint64_t gap_ns; /* 0: there is no gap */
	uint64_t gap_lost;
	bool is_dead;  /* this segment takes no more */
	bool is_stuck; /* the disk does not answer */
	char problem[256];
};

uint64_t writer_now_ns(struct writer *writer)
{
	uint64_t now_ns = boot_ns();

	if (now_ns > writer->now_ns)
		writer->now_ns = now_ns;
	return writer->now_ns;
}

struct writer_balance *writer_balance(struct writer *writer)
{
	return &writer->balance;
}

const char *writer_problem(const struct writer *writer)
{
	if (writer->problem[0])
		return writer->problem;
	return writer->is_stuck ? "ledger: its disk has not answered for five "
				  "seconds; look at it, or name another place"
				: NULL;
}

const char *writer_dir(const struct writer *writer)
{
	return writer->dir;
}

uint32_t writer_segment(const struct writer *writer)
{
	return writer->segment;
}

const struct writer_previous *writer_previous(const struct writer *writer)
{
	return &writer->previous;
}

/* A whole line or nothing of it. */
static int write_line(struct writer *writer, const char *line, size_t bytes)
{
	ssize_t done = write(writer->fd, line, bytes);
	int error = done < 0 ? errno : ENOSPC;

	if (done != (ssize_t)bytes) {
		writer->is_dead |=
			done > 0 && ftruncate(writer->fd, (off_t)writer->bytes);
		return -error;
	}
	digest_add(writer->digest, line, bytes);
	digest_chain(writer->chain, line, bytes, writer->chain);
	writer->bytes += bytes;
	writer->n++;
	return 0;
}

static bool is_over_limit(const struct writer *writer)
{
	return writer->most_bytes &&
	       writer->before_bytes + writer->bytes > writer->most_bytes;
}

/* The time of the next record, by both clocks. */
static void stamp(struct writer *writer)
{
	record_date_text(real_ns(), writer->date);
	record_time_text(writer_now_ns(writer), writer->boot);
}

/* With its common fields, at the end of the segment. */
static int write_stamped(struct writer *writer, const char *event,
			 struct record *record)
{
	_cleanup_(cleanup_free) char *line = NULL;
	size_t bytes = 0;

	record_text(record, "boot", writer->boot);
	record_text(record, "event", event);
	record_number(record, "n", (int64_t)writer->n);
	record_text(record, "prev", writer->chain);
	record_text(record, "ts", writer->date);
	record_number(record, "v", 1);
	line = record_print(record, "\n", &bytes);
	record_release(record);
	if (!line)
		return -ENOMEM;
	if (bytes > RECORD_LINE_MAX && writer->n)
		return -E2BIG;
	return writer->is_dead ? -EIO : write_line(writer, line, bytes);
}

static int write_record(struct writer *writer, const char *event,
			struct record *record)
{
	stamp(writer);
	return write_stamped(writer, event, record);
}

/*
 * Checkpoints
 */

static int note_of(const struct writer *writer, char **ret_note)
{
	char sha256[DIGEST_BYTES];

	digest_so_far(writer->digest, sha256);
	return asprintf(ret_note,
			"scoutgate-ledger/1\n%s %u\n%" PRIu64 " %" PRIu64
			"\n%s\n%s\n%s %s %s\n%s\n",
			writer->id, writer->segment, writer->n, writer->bytes,
			sha256, writer->chain, writer->date, writer->boot,
			writer->boot_id, sign_key_public(writer->next)) < 0
		       ? -ENOMEM
		       : 0;
}

static void add_balance(struct record *record,
			const struct writer_balance *balance)
{
	struct record inner = {0};

	record_number(&inner, "begun", (int64_t)balance->begun);
	record_number(&inner, "ended", (int64_t)balance->ended);
	record_number(&inner, "open", (int64_t)balance->open);
	record_number(&inner, "lost", (int64_t)balance->lost);
	record_object(record, "balance", &inner);
}

/* The next key is made before this one is used: without it nothing is signed.
 */
static int sign_now(struct writer *writer)
{
	_cleanup_(cleanup_free) char *note = NULL;
	char signature[SIGN_BYTES];
	struct record record = {0};
	int r;

	if (!writer->next)
		writer->next = sign_key_new();
	if (!writer->key || !writer->next)
		return -ENOMEM;
	stamp(writer);
	r = note_of(writer, &note);
	if (!r)
		r = sign_text(writer->key, note, signature);
	if (r)
		return r;
	record_text(&record, "note", note);
	record_text(&record, "sig", signature);
	add_balance(&record, &writer->balance);
	r = write_stamped(writer, "checkpoint", &record);
	if (r)
		return r;
	sign_key_wipe(&writer->key);
	writer->key = writer->next;
	writer->next = NULL;
	writer->signed_n = writer->n;
	writer->signed_ns = writer->now_ns;
	return 0;
}

/* For those who read the journal elsewhere. */
static void tell_head(const struct writer *writer)
{
	char field[DIGEST_BYTES + 16];

	snprintf(field, sizeof(field), "SG_HEAD=%s", writer->chain);
	report_note(REPORT_LEDGER, field,
		    "ledger %s, segment %u, record %" PRIu64 ": head %s",
		    writer->id, writer->segment, writer->n - 1, writer->chain);
}

static void ask_flush(struct writer *writer)
{
	flush_ask(writer->flush, writer->fd);
	writer->flushed_bytes = writer->bytes;
	writer->flushed_ns = writer->now_ns;
}

/*
 * Gaps
 */

static int keep_reserve(const struct writer *writer)
{
	_cleanup_(cleanup_close) int fd = -1;
	char path[PATH_MAX];
	int r = file_path(writer->dir, RESERVE, path);

	if (r)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : -posix_fallocate(fd, 0, RESERVE_BYTES);
}

static void give_reserve(const struct writer *writer)
{
	char path[PATH_MAX];

	if (file_path(writer->dir, RESERVE, path) == 0)
		unlink(path);
}

static void add_gap(const struct writer *writer, struct record *record,
		    bool is_over)
{
	record_time(record, "from", writer->gap_ns);
	record_text(record, "why", writer->problem);
	if (is_over) {
		record_time(record, "until", writer->now_ns);
		record_number(record, "lost", (int64_t)writer->gap_lost);
	} else {
		record_null(record, "until");
		record_null(record, "lost");
	}
}

/* From here on records are lost; that is written, if anything can be. */
static void begin_gap(struct writer *writer, int error, uint64_t lost)
{
	struct record record = {0};

	writer->gap_ns = writer->tried_ns = writer_now_ns(writer);
	writer->gap_lost = lost;
	snprintf(writer->problem, sizeof(writer->problem),
		 "ledger %.160s: %s; records are lost", writer->dir,
		 error == -ENOSPC ? "it is full" : strerror(-error));
	give_reserve(writer);
	add_gap(writer, &record, false);
	if (write_record(writer, "gap", &record) == 0 && sign_now(writer) == 0)
		ask_flush(writer);
}

int writer_append(struct writer *writer, const char *event,
		  struct record *record)
{
	int r = is_over_limit(writer) ? -ENOSPC : 0;

	/* of what was appended before, which by now is in the balance */
	if (!writer->gap_ns &&
	    writer->n - writer->signed_n >= CHECKPOINT_RECORDS)
		writer_checkpoint(writer);
	if (writer->gap_ns) {
		record_release(record);
		writer->gap_lost++;
		return -ENOSPC;
	}
	if (!r)
		r = write_record(writer, event, record);
	record_release(record);
	if (r)
		begin_gap(writer, r, 1);
	return r;
}

int writer_checkpoint(struct writer *writer)
{
	int r;

	if (writer->gap_ns || writer->n == writer->signed_n)
		return 0;
	r = sign_now(writer);
	if (r) {
		begin_gap(writer, r, 0);
		return r;
	}
	tell_head(writer);
	ask_flush(writer);
	return 0;
}

/*
 * Segments
 */

static void add_previous(struct record *record,
			 const struct writer_previous *previous)
{
	struct record inner = {0};

	if (!previous->segment) {
		record_null(record, "previous");
		return;
	}
	record_number(&inner, "segment", previous->segment);
	record_number(&inner, "n", (int64_t)previous->records - 1);
	record_text(&inner, "sha256", previous->sha256);
	record_text(&inner, "chain", previous->chain);
	record_text(&inner, "end", previous->end);
	if (previous->torn_bytes) {
		record_number(&inner, "torn_bytes",
			      (int64_t)previous->torn_bytes);
		record_text(&inner, "torn_sha256", previous->torn_sha256);
	}
	record_object(record, "previous", &inner);
}

/* The name by which it is found, put in the other's place at once. */
static void point_current(const struct writer *writer, const char *name)
{
	char current[PATH_MAX];
	char beside[PATH_MAX];

	if (file_path(writer->dir, SEGMENT_CURRENT, current) ||
	    file_path(writer->dir, SEGMENT_CURRENT ".new", beside))
		return;
	unlink(beside);
	if (symlink(name, beside) == 0)
		rename(beside, current);
}

/* By another name until its first record is written: no segment is empty. */
#define NEW "segment.new"

static int create_file(struct writer *writer)
{
	char path[PATH_MAX];
	int r = file_path(writer->dir, NEW, path);
	int fd;

	if (r)
		return r;
	fd = open(path,
		  O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW |
			  O_CLOEXEC,
		  0600);
	if (fd < 0)
		return -errno;
	if (writer->fd >= 0)
		close(writer->fd);
	writer->fd = fd;
	return 0;
}

static int name_file(const struct writer *writer)
{
	_cleanup_(cleanup_close) int folder = -1;
	char name[SEGMENT_NAME_BYTES];
	char path[PATH_MAX];
	char beside[PATH_MAX];

	segment_name(writer->segment, name);
	if (file_path(writer->dir, name, path) ||
	    file_path(writer->dir, NEW, beside))
		return -ENAMETOOLONG;
	folder = open(writer->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || rename(beside, path))
		return -errno;
	point_current(writer, name); /* FAT has no symbolic links */
	fsync(folder);
	return 0;
}

/* A segment with its first record, of these fields. */
static int begin_segment(struct writer *writer, const char *event,
			 struct record *record)
{
	int r = create_file(writer);

	if (r)
		return r;
	writer->segment = writer->previous.segment + 1;
	writer->before_bytes += writer->bytes;
	writer->n = writer->bytes = writer->signed_n = 0;
	writer->flushed_bytes = 0;
	writer->is_dead = false;
	memcpy(writer->chain, DIGEST_CHAIN_BEGIN, DIGEST_BYTES);
	digest_restart(writer->digest);
	writer->began_ns = writer->signed_ns = writer_now_ns(writer);
	record_text(record, "ledger", writer->id);
	record_number(record, "segment", writer->segment);
	record_text(record, "boot_id", writer->boot_id);
	record_text(record, "key", sign_key_public(writer->key));
	record_flag(record, "key_locked", sign_key_is_locked(writer->key));
	add_previous(record, &writer->previous);
	r = write_record(writer, event, record);
	/* before its name: after a power cut no segment is without it */
	if (!r && fdatasync(writer->fd))
		r = -errno;
	if (!r)
		r = name_file(writer);
	writer->is_dead = r != 0;
	return r;
}

/* This segment is ended, and the next begun. */
static int next_segment(struct writer *writer)
{
	struct writer_previous *previous = &writer->previous;
	struct record record = {0};
	struct fault ignored;
	int r = 0;

	if (writer->is_dead) /* as if another had written it */
		r = adopt_newest(writer->dir, previous, &ignored);
	else
		*previous = (struct writer_previous){
			.segment = writer->segment,
			.records = writer->n,
			.end = "segment",
		};
	if (r)
		return r;
	if (!writer->is_dead) {
		digest_so_far(writer->digest, previous->sha256);
		memcpy(previous->chain, writer->chain, DIGEST_BYTES);
	}
	flush_ask_last(writer->flush, writer->fd);
	r = begin_segment(writer, "segment", &record);
	record_release(&record);
	return r;
}

static uint64_t bytes_in(const char *dir)
{
	_cleanup_(cleanup_free) uint32_t *numbers = NULL;
	struct fault ignored;
	uint64_t bytes = 0;
	size_t count = 0;

	segment_list(dir, &numbers, &count, &ignored);
	for (size_t i = 0; i < count; i++) {
		char path[PATH_MAX];
		struct stat st;

		if (segment_path(dir, numbers[i], path) == 0 &&
		    stat(path, &st) == 0)
			bytes += (uint64_t)st.st_size;
	}
	return bytes;
}

/* A new file must be begun after a failed fdatasync(): what is in the old one
 * may not be on the disk. */
static void end_gap(struct writer *writer)
{
	struct record record = {0};

	writer->tried_ns = writer->now_ns;
	if (is_over_limit(writer)) /* some may have been purged */
		writer->before_bytes = bytes_in(writer->dir) - writer->bytes;
	if (is_over_limit(writer) || keep_reserve(writer) ||
	    (writer->is_dead && next_segment(writer)))
		return;
	add_gap(writer, &record, true);
	if (write_record(writer, "gap", &record))
		return;
	writer->balance.lost += writer->gap_lost;
	writer->gap_ns = 0;
	writer->problem[0] = '\0';
	writer_checkpoint(writer);
}

/* A ledger of limited room is purged by segments, too. */
static bool is_large_or_old(const struct writer *writer)
{
	uint64_t most_bytes =
		writer->most_bytes ? writer->most_bytes / 8 : SEGMENT_BYTES;

	return writer->bytes >= most_bytes ||
	       writer->now_ns - writer->began_ns >= SEGMENT_NS;
}

void writer_tick(struct writer *writer)
{
	uint64_t now_ns = writer_now_ns(writer);
	int error = flush_error(writer->flush);

	writer->is_stuck = flush_busy_ns(writer->flush) > STUCK_NS;
	if (error && !writer->gap_ns) {
		writer->is_dead = true;
		begin_gap(writer, -error, 0);
	}
	if (writer->gap_ns && now_ns - writer->tried_ns >= RETRY_NS)
		end_gap(writer);
	if (writer->gap_ns)
		return;
	if (now_ns - writer->signed_ns >= CHECKPOINT_NS)
		writer_checkpoint(writer);
	if (writer->bytes != writer->flushed_bytes &&
	    now_ns - writer->flushed_ns >= FLUSH_NS)
		ask_flush(writer);
	if (!writer->gap_ns && is_large_or_old(writer) &&
	    writer_checkpoint(writer) == 0) {
		int r = next_segment(writer);

		if (r)
			begin_gap(writer, r, 0);
	}
}

/*
 * Begin and end
 */

static void release(struct writer **writer)
{
	flush_end(&(*writer)->flush);
	cleanup_close(&(*writer)->fd);
	cleanup_close(&(*writer)->lock);
	digest_free(&(*writer)->digest);
	sign_key_wipe(&(*writer)->key);
	sign_key_wipe(&(*writer)->next);
	free(*writer);
	*writer = NULL;
}

static int prepare(struct writer *writer, const char *dir)
{
	if (snprintf(writer->dir, sizeof(writer->dir), "%s", dir) >=
	    (int)sizeof(writer->dir))
		return -ENAMETOOLONG;
	writer->digest = digest_new();
	writer->flush = flush_new();
	writer->key = sign_key_new();
	writer->before_bytes = bytes_in(dir);
	if (!writer->digest || !writer->flush || !writer->key)
		return -ENOMEM;
	return boot_id_read(writer->boot_id);
}

/* Become the one writer of a directory, and know what is there. */
static int take_dir(struct writer *writer, struct fault *ret_fault)
{
	int r = segment_mark(writer->dir, writer->id, ret_fault);

	if (r)
		return r;
	writer->lock = segment_lock(writer->dir);
	if (writer->lock == -EBUSY)
		return fault_set(ret_fault, EBUSY,
				 "%s: another daemon writes there; give each "
				 "its own",
				 writer->dir);
	if (writer->lock < 0)
		return fault_set(ret_fault, writer->lock, "%s: %s", writer->dir,
				 strerror(-writer->lock));
	return adopt_newest(writer->dir, &writer->previous, ret_fault);
}

struct writer *writer_open(const char *dir, uint64_t most_bytes,
			   struct fault *ret_fault)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer) {
		fault_set(ret_fault, ENOMEM, "out of memory");
		return NULL;
	}
	writer->fd = writer->lock = -1;
	writer->most_bytes = most_bytes;
	r = prepare(writer, dir);
	if (r)
		fault_set(ret_fault, r, "%s: %s", dir, strerror(-r));
	else
		r = take_dir(writer, ret_fault);
	if (r)
		release(&writer);
	return writer;
}

int writer_begin(struct writer *writer, struct record *start,
		 struct fault *ret_fault)
{
	int r;

	give_reserve(writer); /* it is for this, too */
	r = begin_segment(writer, "start", start);
	record_release(start);
	if (r)
		return fault_set(ret_fault, r, "%s: %s", writer->dir,
				 strerror(-r));
	keep_reserve(writer); /* when there is no room, that shows soon */
	return 0;
}

bool writer_is_there(const struct writer *writer)
{
	char path[PATH_MAX];
	struct stat own, there;

	return segment_path(writer->dir, writer->segment, path) == 0 &&
	       fstat(writer->fd, &own) == 0 && lstat(path, &there) == 0 &&
	       own.st_dev == there.st_dev && own.st_ino == there.st_ino;
}

void writer_close(struct writer **writer, const char *why)
{
	struct record record = {0};

	if (!*writer)
		return;
	if ((*writer)->gap_ns)
		end_gap(*writer);
	if ((*writer)->segment && !(*writer)->gap_ns) {
		record_text(&record, "why", why);
		writer_append(*writer, "stop", &record);
		writer_checkpoint(*writer);
	}
	release(writer);
}
