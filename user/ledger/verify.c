// SPDX-License-Identifier: GPL-2.0-or-later
/* See verify.h. */
#include "ledger/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger/canonical.h"
#include "ledger/record.h"
#include "ledger/sign.h"
#include "sys/boot_id.h"
#include "sys/cleanup.h"

#define NOTE_BYTES 1024
#define KEY_BYTES (SIGN_KEY_BYTES + 1)

/* flows since the last start, as its records tell */
struct tally {
	bool is_known; /* it is read from that start on */
	int64_t before, begun, ended;
};

/* what one segment hands on to the next */
struct hand_over {
	uint32_t segment; /* 0: none was read */
	uint64_t records;
	char sha256[DIGEST_BYTES];
	char chain[DIGEST_BYTES];
	char key[KEY_BYTES]; /* that the last checkpoint announced; "": none */
	bool is_torn;
	const char *torn_why; /* of the first line that is no record */
	uint64_t torn_bytes;  /* from there on */
	char torn_sha256[DIGEST_BYTES];
	bool ends_signed; /* a checkpoint is its last record */
	char event[16];	  /* its last record's before that */
};

/* a segment while it is read */
struct reading {
	struct verify *verify;
	const char *dir; /* NULL: a file alone */
	uint32_t segment;
	bool is_newest;
	struct digest *digest;
	uint64_t n, bytes;
	char chain[DIGEST_BYTES];
	char head_before[DIGEST_BYTES]; /* the newest record */
	char key[KEY_BYTES];		/* due for the next checkpoint */
	char boot_id[BOOT_ID_BYTES];
	int64_t boot_ns;
	uint64_t tail, tail_before, checkpoints;
	struct tally *tally;
	struct hand_over *before;
	char event[16]; /* of the newest record that is no checkpoint */
	bool ends_signed, is_torn;
	const char *torn_why;
	uint64_t torn_bytes;
	struct digest *torn;
};

/* A line under check, which is in canonical form. */
struct line {
	const char *text;
	size_t bytes; /* with its LF */
};

static struct canonical_value field(const struct line *line, const char *key)
{
	return canonical_find(line->text, line->bytes - 1, key);
}

static bool has_event(const struct line *line, const char *event)
{
	return canonical_is_text(field(line, "event"), event);
}

static int wrong(struct reading *reading, uint64_t n, const char *why)
{
	reading->verify->wrong =
		(struct verify_wrong){why, reading->segment, n};
	return -1;
}

__attribute__((format(printf, 3, 4))) static void
say(struct verify *verify, bool is_against, const char *format, ...)
{
	char **more = reallocarray(verify->said, verify->said_count + 1,
				   sizeof(*verify->said));
	va_list args;

	verify->is_incomplete |= is_against;
	if (!more)
		return;
	verify->said = more;
	va_start(args, format);
	if (vasprintf(&verify->said[verify->said_count], format, args) >= 0)
		verify->said_count++;
	va_end(args);
}

/*
 * Each line: the checks stand in the order in which the first that fails names
 * what is wrong.
 */

static bool is_hex(struct canonical_value value, size_t chars)
{
	if (value.type != '"' || value.bytes != chars)
		return false;
	for (size_t i = 0; i < chars; i++)
		if (!memchr("0123456789abcdef", value.at[i], 16))
			return false;
	return true;
}

/* "2026-01-31T23:59:59.123Z" */
static bool is_date(struct canonical_value value)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

	if (value.type != '"' || value.bytes != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < value.bytes; i++)
		if (form[i] == 'd' ? value.at[i] < '0' || value.at[i] > '9'
				   : value.at[i] != form[i])
			return false;
	return true;
}

static bool has_form(const struct line *line)
{
	return canonical_is(line->text, line->bytes - 1) &&
	       (line->bytes <= RECORD_LINE_MAX || has_event(line, "start")) &&
	       canonical_number(field(line, "v")) == 1 &&
	       field(line, "event").type == '"' &&
	       canonical_number(field(line, "n")) >= 0 &&
	       is_hex(field(line, "prev"), DIGEST_CHARS) &&
	       is_date(field(line, "ts")) &&
	       canonical_time(field(line, "boot")) >= 0;
}

static int check_place(struct reading *reading, const struct line *line)
{
	if (!has_form(line))
		return wrong(reading, reading->n, "format");
	if (canonical_number(field(line, "n")) != (int64_t)reading->n)
		return wrong(reading, reading->n, "n");
	if (canonical_is_text(field(line, "prev"), reading->chain))
		return 0;
	if (!reading->n)
		return wrong(reading, 0, "chain");
	/* the record before is not what it was */
	reading->verify->records--;
	reading->checkpoints -= reading->ends_signed;
	reading->tail = reading->tail_before;
	memcpy(reading->verify->chain, reading->head_before, DIGEST_BYTES);
	return wrong(reading, reading->n - 1, "chain");
}

static void check_boot(struct reading *reading, const struct line *line)
{
	int64_t boot_ns = canonical_time(field(line, "boot"));

	if (boot_ns < reading->boot_ns)
		say(reading->verify, true,
		    "boot time goes back: segment %u record %" PRIu64,
		    reading->segment, reading->n);
	reading->boot_ns = boot_ns;
}

/*
 * The first record of a segment
 */

static const char *const previous_ends[] = {"stop", "segment", "killed",
					    "torn"};

/* Return whether what a first record says of the segment before has the form.
 */
static bool previous_has_form(struct canonical_value previous, bool is_torn)
{
	bool is_known = false;

	for (size_t i = 0; i < sizeof(previous_ends) / sizeof(previous_ends[0]);
	     i++)
		is_known |= canonical_is_text(canonical_inside(previous, "end"),
					      previous_ends[i]);
	return is_known &&
	       canonical_number(canonical_inside(previous, "segment")) > 0 &&
	       canonical_number(canonical_inside(previous, "records")) >= 0 &&
	       is_hex(canonical_inside(previous, "sha256"), DIGEST_CHARS) &&
	       is_hex(canonical_inside(previous, "chain"), DIGEST_CHARS) &&
	       (!is_torn || (canonical_number(canonical_inside(
				     previous, "torn_bytes")) >= 0 &&
			     is_hex(canonical_inside(previous, "torn_sha256"),
				    DIGEST_CHARS)));
}

static bool previous_fits(const struct reading *reading,
			  struct canonical_value previous, bool is_segment)
{
	const struct hand_over *before = reading->before;
	struct canonical_value end = canonical_inside(previous, "end");

	if (canonical_number(canonical_inside(previous, "segment")) !=
		    before->segment ||
	    canonical_number(canonical_inside(previous, "records")) !=
		    (int64_t)before->records ||
	    !canonical_is_text(canonical_inside(previous, "sha256"),
			       before->sha256) ||
	    !canonical_is_text(canonical_inside(previous, "chain"),
			       before->chain) ||
	    canonical_is_text(end, "torn") != before->is_torn)
		return false;
	if (before->is_torn &&
	    (canonical_number(canonical_inside(previous, "torn_bytes")) !=
		     (int64_t)before->torn_bytes ||
	     !canonical_is_text(canonical_inside(previous, "torn_sha256"),
				before->torn_sha256)))
		return false;
	if (canonical_is_text(end, "stop") &&
	    strcmp(before->event, "stop") != 0)
		return false;
	if (!is_segment)
		return !canonical_is_text(end, "segment");
	return !canonical_is_text(end, "segment") ||
	       (before->ends_signed && strcmp(reading->key, before->key) == 0);
}

static int check_previous(struct reading *reading, const struct line *line,
			  bool is_segment)
{
	struct canonical_value previous = field(line, "previous");
	struct canonical_value end = canonical_inside(previous, "end");
	bool is_torn = canonical_is_text(end, "torn");

	if (previous.type == 'n')
		return reading->segment == 1 ? 0
					     : wrong(reading, 0, "previous");
	if (!previous_has_form(previous, is_torn))
		return wrong(reading, 0, "first");
	if (reading->segment == 1)
		return wrong(reading, 0, "previous");
	if (reading->dir && reading->before->is_torn &&
	    (!is_torn ||
	     canonical_number(canonical_inside(previous, "records")) >
		     (int64_t)reading->before->records)) {
		/* it was a record when this segment began */
		reading->verify->wrong = (struct verify_wrong){
			reading->before->torn_why, reading->before->segment,
			reading->before->records};
		return -1;
	}
	if (reading->dir && !previous_fits(reading, previous, is_segment))
		return wrong(reading, 0, "previous");
	if (!is_segment)
		say(reading->verify, false, "restart, unvouched: segment %u",
		    reading->segment);
	if (is_torn || canonical_is_text(end, "killed"))
		say(reading->verify, true, "%s: segment %" PRId64,
		    is_torn ? "torn" : "killed",
		    canonical_number(canonical_inside(previous, "segment")));
	return 0;
}

static int take_ledger(struct reading *reading, const struct line *line)
{
	struct verify *verify = reading->verify;
	struct canonical_value ledger = field(line, "ledger");

	if (!is_hex(ledger, SEGMENT_ID_CHARS))
		return -1;
	if (!verify->ledger[0])
		canonical_text(ledger, verify->ledger, sizeof(verify->ledger));
	return canonical_is_text(ledger, verify->ledger) ? 0 : -1;
}

static void begin_tally(struct reading *reading, const struct line *line,
			bool is_segment)
{
	int64_t open = canonical_number(field(line, "open"));

	if (is_segment && reading->dir)
		return; /* it goes on */
	*reading->tally = (struct tally){
		.is_known = !is_segment,
		.before = open > 0 ? open : 0,
	};
}

static int check_first(struct reading *reading, const struct line *line)
{
	struct verify *verify = reading->verify;
	bool is_segment = has_event(line, "segment");

	if ((is_segment ? reading->segment == 1 : !has_event(line, "start")) ||
	    canonical_number(field(line, "segment")) != reading->segment ||
	    canonical_text(field(line, "key"), reading->key, KEY_BYTES) ||
	    !sign_is_key(reading->key) ||
	    canonical_text(field(line, "boot_id"), reading->boot_id,
			   BOOT_ID_BYTES) ||
	    take_ledger(reading, line))
		return wrong(reading, 0, "first");
	if (check_previous(reading, line, is_segment))
		return -1;
	if (!reading->before->segment && verify->key) {
		if (strcmp(verify->key, reading->key) != 0)
			return wrong(reading, 0, "key");
		verify->proves_key = true;
	}
	begin_tally(reading, line, is_segment);
	return 0;
}

/*
 * Checkpoints
 */

/* The note that such a checkpoint has, but for its next key, which is its last
 * line and so long. */
static bool note_fits(const struct reading *reading, const struct line *line,
		      const char *note, char ret_key[KEY_BYTES])
{
	char sha256[DIGEST_BYTES];
	char date[RECORD_TIME_BYTES];
	char boot[RECORD_TIME_BYTES];
	char due[NOTE_BYTES];
	size_t bytes, length = strlen(note);

	digest_so_far(reading->digest, sha256);
	if (canonical_text(field(line, "ts"), date, sizeof(date)) ||
	    canonical_text(field(line, "boot"), boot, sizeof(boot)))
		return false;
	bytes = (size_t)snprintf(due, sizeof(due),
				 "scoutgate-ledger/1\n%s %u\n%" PRIu64
				 " %" PRIu64 "\n%s\n%s\n%s %s %s\n",
				 reading->verify->ledger, reading->segment,
				 reading->n, reading->bytes, sha256,
				 reading->chain, date, boot, reading->boot_id);
	if (bytes >= sizeof(due) || length < bytes + 2 ||
	    length - bytes > SIGN_KEY_BYTES || memcmp(note, due, bytes) != 0 ||
	    note[length - 1] != '\n' ||
	    strchr(note + bytes, '\n') != note + length - 1)
		return false;
	memcpy(ret_key, note + bytes, length - bytes - 1);
	ret_key[length - bytes - 1] = '\0';
	return sign_is_key(ret_key);
}

static bool balance_fits(const struct reading *reading, const struct line *line)
{
	struct canonical_value balance = field(line, "balance");
	const struct tally *tally = reading->tally;

	if (!tally->is_known)
		return true;
	return canonical_number(canonical_inside(balance, "lost")) >= 0 &&
	       canonical_number(canonical_inside(balance, "begun")) ==
		       tally->begun &&
	       canonical_number(canonical_inside(balance, "ended")) ==
		       tally->ended &&
	       canonical_number(canonical_inside(balance, "open")) ==
		       tally->before + tally->begun - tally->ended;
}

static int check_checkpoint(struct reading *reading, const struct line *line)
{
	char note[NOTE_BYTES];
	char signature[SIGN_BYTES + 1];
	char key[KEY_BYTES];

	if (canonical_text(field(line, "note"), note, sizeof(note)) ||
	    !note_fits(reading, line, note, key))
		return wrong(reading, reading->n, "checkpoint");
	if (canonical_text(field(line, "sig"), signature, sizeof(signature)) ||
	    !sign_is_by(reading->key, note, signature))
		return wrong(reading, reading->n, "signature");
	if (!balance_fits(reading, line))
		return wrong(reading, reading->n, "balance");
	memcpy(reading->key, key, KEY_BYTES);
	reading->checkpoints++;
	return 0;
}

/*
 * Segments
 */

static void count_flow(struct tally *tally, const struct line *line)
{
	if (has_event(line, "flow.begin") || has_event(line, "found"))
		tally->begun++;
	else if (has_event(line, "flow.end") || has_event(line, "gone"))
		tally->ended++;
}

static bool is_first_event(const struct line *line)
{
	return has_event(line, "start") || has_event(line, "segment");
}

static int check_line(struct reading *reading, const struct line *line)
{
	bool is_checkpoint;

	if (check_place(reading, line))
		return -1;
	check_boot(reading, line);
	if (reading->n == 0 ? check_first(reading, line) != 0
			    : is_first_event(line))
		return reading->verify->wrong.why
			       ? -1
			       : wrong(reading, reading->n, "first");
	is_checkpoint = has_event(line, "checkpoint");
	if (is_checkpoint && check_checkpoint(reading, line))
		return -1;
	count_flow(reading->tally, line);
	reading->tail_before = reading->tail;
	reading->tail = is_checkpoint ? 0 : reading->tail + 1;
	reading->ends_signed = is_checkpoint;
	if (!is_checkpoint &&
	    canonical_text(field(line, "event"), reading->event,
			   sizeof(reading->event)))
		reading->event[0] = '\0';
	return 0;
}

/* The line is as it should be: the chain goes on behind it. */
static void pass(struct reading *reading, const struct line *line)
{
	struct verify *verify = reading->verify;

	memcpy(reading->head_before, verify->chain, DIGEST_BYTES);
	digest_chain(reading->chain, line->text, line->bytes, reading->chain);
	memcpy(verify->chain, reading->chain, DIGEST_BYTES);
	digest_add(reading->digest, line->text, line->bytes);
	reading->bytes += line->bytes;
	verify->newest =
		(struct verify_wrong){NULL, reading->segment, reading->n};
	reading->n++;
	verify->records++;
	if (verify->head &&
	    strncmp(reading->chain, verify->head, strlen(verify->head)) == 0)
		verify->proves_head = true;
}

static int read_lines(struct reading *reading, struct segment_reader *reader)
{
	struct line line;
	bool whole, is_long;

	while (segment_next(reader, &line.text, &line.bytes, &whole)) {
		/* behind the first torn byte nothing is a record */
		if (!reading->is_torn && whole &&
		    (reading->is_newest ||
		     canonical_is(line.text, line.bytes - 1))) {
			if (check_line(reading, &line))
				return -1;
			pass(reading, &line);
			continue;
		}
		/* no line of ours is so long: it is none that was cut off */
		is_long = !whole && line.bytes == RECORD_START_MAX;
		if (is_long && reading->is_newest && !reading->is_torn)
			return wrong(reading, reading->n, "format");
		if (!reading->is_torn)
			reading->torn_why =
				whole || is_long ? "format" : "torn";
		reading->is_torn = true;
		reading->torn_bytes += line.bytes;
		digest_add(reading->digest, line.text, line.bytes);
		digest_add(reading->torn, line.text, line.bytes);
	}
	return 0;
}

static int end_segment(struct reading *reading)
{
	struct verify *verify = reading->verify;
	struct hand_over *before = reading->before;

	if (!reading->n)
		return wrong(reading, 0, reading->is_torn ? "torn" : "first");
	if (!reading->checkpoints)
		say(verify, true, "no checkpoint: segment %u",
		    reading->segment);
	if (reading->is_newest && reading->is_torn)
		say(verify, true, "torn: segment %u", reading->segment);
	if (reading->is_newest) {
		if (reading->tail)
			say(verify, true, "unsigned tail: %" PRIu64 " records",
			    reading->tail);
	}
	*before = (struct hand_over){
		.segment = reading->segment,
		.records = reading->n,
		.is_torn = reading->is_torn,
		.torn_why = reading->torn_why,
		.torn_bytes = reading->torn_bytes,
		.ends_signed = reading->ends_signed,
	};
	digest_so_far(reading->digest, before->sha256);
	digest_so_far(reading->torn, before->torn_sha256);
	memcpy(before->chain, reading->chain, DIGEST_BYTES);
	memcpy(before->key, reading->key, KEY_BYTES);
	memcpy(before->event, reading->event, sizeof(before->event));
	return 0;
}

/* 0: go on; -1: something is wrong; -errno: it cannot be read. */
static int verify_segment(struct verify *verify, const char *dir,
			  const char *path, uint32_t number, bool is_newest,
			  struct hand_over *before, struct tally *tally)
{
	_cleanup_(segment_close) struct segment_reader *reader = NULL;
	_cleanup_(digest_free) struct digest *digest = digest_new();
	_cleanup_(digest_free) struct digest *torn = digest_new();
	struct reading reading = {
		.verify = verify,
		.dir = dir,
		.segment = number,
		.is_newest = is_newest,
		.digest = digest,
		.torn = torn,
		.chain = DIGEST_CHAIN_BEGIN,
		.before = before,
		.tally = tally,
	};
	struct fault ignored;
	int r;

	reader = segment_open(path, &ignored);
	if (!reader || !digest || !torn)
		return wrong(&reading, 0, "missing");
	r = read_lines(&reading, reader);
	if (!r)
		r = end_segment(&reading);
	if (is_newest)
		verify->tail = reading.tail;
	verify->checkpoints += reading.checkpoints;
	return r;
}

static int verify_dir(const char *dir, struct verify *verify,
		      struct fault *ret_fault)
{
	_cleanup_(cleanup_free) uint32_t *numbers = NULL;
	struct hand_over before = {0};
	struct tally tally = {0};
	size_t count;
	int r = segment_list(dir, &numbers, &count, ret_fault);

	if (!r && !count)
		return fault_set(ret_fault, ENOENT, "%s: no ledger is there",
				 dir);
	verify->segments = count;
	for (size_t i = 0; i < count && !r; i++) {
		char path[PATH_MAX];
		char name[SEGMENT_NAME_BYTES];
		uint32_t due = (uint32_t)i + 1;

		segment_name(due, name);
		if (numbers[i] != due || snprintf(path, sizeof(path), "%s/%s",
						  dir, name) >= PATH_MAX) {
			verify->wrong =
				(struct verify_wrong){"missing", due, 0};
			return 0;
		}
		r = verify_segment(verify, dir, path, due, i + 1 == count,
				   &before, &tally);
	}
	return verify->wrong.why ? 0 : r;
}

static int verify_file(const char *path, struct verify *verify,
		       struct fault *ret_fault)
{
	const char *slash = strrchr(path, '/');
	uint32_t number = segment_number(slash ? slash + 1 : path);
	struct hand_over before = {0};
	struct tally tally = {0};

	if (!number)
		return fault_set(ret_fault, EINVAL,
				 "%s: a segment is called 00000001.jsonl",
				 path);
	verify->segments = 1;
	verify_segment(verify, NULL, path, number, true, &before, &tally);
	return 0;
}

/* A head that is not there: whoever noted it saw another ledger. */
static void check_head(struct verify *verify)
{
	if (!verify->wrong.why && verify->head && !verify->proves_head)
		verify->wrong = (struct verify_wrong){
			"head", verify->newest.segment, verify->newest.n};
}

int verify_path(const char *path, struct verify *verify,
		struct fault *ret_fault)
{
	struct stat st;
	int r;

	memcpy(verify->chain, DIGEST_CHAIN_BEGIN, DIGEST_BYTES);
	if (stat(path, &st))
		return fault_set(ret_fault, errno, "%s: %s", path,
				 strerror(errno));
	r = S_ISDIR(st.st_mode) ? verify_dir(path, verify, ret_fault)
				: verify_file(path, verify, ret_fault);
	if (!r)
		check_head(verify);
	if (verify->wrong.why)
		verify->proves_head = verify->proves_key = false;
	return r;
}

void verify_release(struct verify *verify)
{
	for (size_t i = 0; i < verify->said_count; i++)
		free(verify->said[i]);
	free(verify->said);
	verify->said = NULL;
	verify->said_count = 0;
}

const char *verify_verdict(const struct verify *verify)
{
	if (verify->wrong.why)
		return "broken";
	return verify->is_incomplete ? "incomplete" : "whole";
}
