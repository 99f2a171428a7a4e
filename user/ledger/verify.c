// SPDX-License-Identifier: GPL-2.0-or-later
/* See verify.h. */
#include "ledger/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/record.h"
#include "ledger/verify_parts.h"
#include "sys/cleanup.h"

static void count_flow(struct tally *tally, const struct line *line)
{
	int64_t lost = canonical_number(line_field(line, "lost"));

	if (line_has_event(line, "flow.begin") || line_has_event(line, "found"))
		tally->begun++;
	else if (line_has_event(line, "flow.end") ||
		 line_has_event(line, "gone"))
		tally->ended++;
	else if (line_has_event(line, "gap") && lost > 0)
		tally->lost += lost;
}

static bool is_first_event(const struct line *line)
{
	return line_has_event(line, "start") || line_has_event(line, "segment");
}

static int check_line(struct reading *reading, struct line *line)
{
	bool is_checkpoint;

	if (line_check(reading, line))
		return -1;
	line_check_boot(reading, line);
	if (reading->n == 0 ? first_check(reading, line) != 0
			    : is_first_event(line))
		return reading->verify->wrong.why
			       ? -1
			       : reading_wrong(reading, reading->n, "first");
	is_checkpoint = line_has_event(line, "checkpoint");
	if (is_checkpoint && checkpoint_check(reading, line))
		return -1;
	count_flow(reading->tally, line);
	reading->tail_before = reading->tail;
	reading->tail = is_checkpoint ? 0 : reading->tail + 1;
	reading->ends_signed = is_checkpoint;
	if (!is_checkpoint &&
	    canonical_text(line_field(line, "event"), reading->event,
			   sizeof(reading->event)))
		reading->event[0] = '\0';
	return 0;
}

static void note_head(struct verify *verify, const char *chain)
{
	if (verify->head &&
	    strncmp(chain, verify->head, strlen(verify->head)) == 0)
		verify->proves_head = true;
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
	note_head(verify, reading->chain);
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
			return reading_wrong(reading, reading->n, "format");
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
		return reading_wrong(reading, 0,
				     reading->is_torn ? "torn" : "first");
	if (!reading->checkpoints)
		verify_say(verify, true, "no checkpoint: segment %u",
			   reading->segment);
	if (reading->is_newest && reading->is_torn)
		verify_say(verify, true, "torn: segment %u", reading->segment);
	if (reading->is_newest) {
		if (reading->tail)
			verify_say(verify, true,
				   "unsigned tail: %" PRIu64 " records",
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
		return reading_wrong(&reading, 0, "missing");
	r = read_lines(&reading, reader);
	if (!r)
		r = end_segment(&reading);
	if (is_newest)
		verify->tail = reading.tail;
	verify->checkpoints += reading.checkpoints;
	return r;
}

/* A purged segment: its leaves alone, by which the chain goes on. */
static int verify_leaves(struct verify *verify, const char *path,
			 uint32_t number, struct hand_over *before)
{
	_cleanup_(segment_close) struct segment_reader *reader = NULL;
	struct reading reading = {.verify = verify, .segment = number};
	char leaf[DIGEST_BYTES];
	struct fault ignored;
	const char *line;
	size_t bytes;
	bool whole;

	*before = (struct hand_over){.segment = number,
				     .is_purged = true,
				     .chain = DIGEST_CHAIN_BEGIN};
	reader = segment_open(path, &ignored);
	while (reader && segment_next(reader, &line, &bytes, &whole)) {
		if (!whole || bytes != DIGEST_BYTES)
			return reading_wrong(&reading, before->records,
					     "format");
		memcpy(leaf, line, DIGEST_CHARS);
		leaf[DIGEST_CHARS] = '\0';
		digest_chain_leaf(before->chain, leaf, before->chain);
		note_head(verify, before->chain);
		before->records++;
	}
	if (!before->records)
		return reading_wrong(&reading, 0, "missing");
	memcpy(verify->chain, before->chain, DIGEST_BYTES);
	verify_say(verify, true, "purged: segment %u", number);
	return 0;
}

/* The file of a segment: its records, or, where they were purged, leaves. */
static bool find_file(const char *dir, uint32_t number, char ret_path[PATH_MAX])
{
	if (segment_path(dir, number, ret_path) || access(ret_path, F_OK) == 0)
		return false;
	return segment_leaves_path(dir, number, ret_path) == 0 &&
	       access(ret_path, F_OK) == 0;
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
		uint32_t due = (uint32_t)i + 1;

		if (numbers[i] != due) {
			verify->wrong =
				(struct verify_wrong){"missing", due, 0};
			return 0;
		}
		if (find_file(dir, due, path))
			r = verify_leaves(verify, path, due, &before);
		else
			r = verify_segment(verify, dir, path, due,
					   i + 1 == count, &before, &tally);
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
