// SPDX-License-Identifier: GPL-2.0-or-later
/* See verify_parts.h. */
#include <inttypes.h>
#include <string.h>

#include "ledger/verify_parts.h"

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
	       canonical_number(canonical_inside(previous, "n")) >= 0 &&
	       line_is_hex(canonical_inside(previous, "sha256"),
			   DIGEST_CHARS) &&
	       line_is_hex(canonical_inside(previous, "chain"), DIGEST_CHARS) &&
	       (!is_torn ||
		(canonical_number(canonical_inside(previous, "torn_bytes")) >=
			 0 &&
		 line_is_hex(canonical_inside(previous, "torn_sha256"),
			     DIGEST_CHARS)));
}

static bool previous_fits(const struct reading *reading,
			  struct canonical_value previous, bool is_segment)
{
	const struct hand_over *before = reading->before;
	struct canonical_value end = canonical_inside(previous, "end");

	if (canonical_number(canonical_inside(previous, "segment")) !=
		    before->segment ||
	    canonical_number(canonical_inside(previous, "n")) !=
		    (int64_t)before->records - 1 ||
	    !canonical_is_text(canonical_inside(previous, "chain"),
			       before->chain))
		return false;
	if (before->is_purged)
		return is_segment == canonical_is_text(end, "segment");
	if (!canonical_is_text(canonical_inside(previous, "sha256"),
			       before->sha256) ||
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
	struct canonical_value previous = line_field(line, "previous");
	struct canonical_value end = canonical_inside(previous, "end");
	bool is_torn = canonical_is_text(end, "torn");

	if (previous.type == 'n')
		return reading->segment == 1
			       ? 0
			       : reading_wrong(reading, 0, "previous");
	if (!previous_has_form(previous, is_torn))
		return reading_wrong(reading, 0, "first");
	if (reading->segment == 1)
		return reading_wrong(reading, 0, "previous");
	if (reading->dir && reading->before->is_torn &&
	    (!is_torn || canonical_number(canonical_inside(previous, "n")) >=
				 (int64_t)reading->before->records)) {
		/* it was a record when this segment began */
		reading->verify->wrong = (struct verify_wrong){
			reading->before->torn_why, reading->before->segment,
			reading->before->records};
		return -1;
	}
	if (reading->dir && !previous_fits(reading, previous, is_segment))
		return reading_wrong(reading, 0, "previous");
	if (!is_segment)
		verify_say(reading->verify, false,
			   "restart, unvouched: segment %u", reading->segment);
	if (is_torn || canonical_is_text(end, "killed"))
		verify_say(reading->verify, true, "%s: segment %" PRId64,
			   is_torn ? "torn" : "killed",
			   canonical_number(
				   canonical_inside(previous, "segment")));
	return 0;
}

static int take_ledger(struct reading *reading, const struct line *line)
{
	struct verify *verify = reading->verify;
	struct canonical_value ledger = line_field(line, "ledger");

	if (!line_is_hex(ledger, SEGMENT_ID_CHARS))
		return -1;
	if (!verify->ledger[0])
		canonical_text(ledger, verify->ledger, sizeof(verify->ledger));
	return canonical_is_text(ledger, verify->ledger) ? 0 : -1;
}

static void begin_tally(struct reading *reading, const struct line *line,
			bool is_segment)
{
	int64_t open = canonical_number(line_field(line, "open"));

	if (is_segment && reading->dir && !reading->before->is_purged)
		return; /* it goes on */
	*reading->tally = (struct tally){
		.is_known = !is_segment,
		.before = open > 0 ? open : 0,
	};
}

int first_check(struct reading *reading, const struct line *line)
{
	struct verify *verify = reading->verify;
	bool is_segment = line_has_event(line, "segment");

	if ((is_segment ? reading->segment == 1
			: !line_has_event(line, "start")) ||
	    canonical_number(line_field(line, "segment")) != reading->segment ||
	    canonical_text(line_field(line, "key"), reading->key, KEY_BYTES) ||
	    !sign_is_key(reading->key) ||
	    canonical_text(line_field(line, "boot_id"), reading->boot_id,
			   BOOT_ID_BYTES) ||
	    take_ledger(reading, line))
		return reading_wrong(reading, 0, "first");
	if (check_previous(reading, line, is_segment))
		return -1;
	if (!reading->before->segment && verify->key) {
		if (strcmp(verify->key, reading->key) != 0)
			return reading_wrong(reading, 0, "key");
		verify->proves_key = true;
	}
	begin_tally(reading, line, is_segment);
	return 0;
}
