// SPDX-License-Identifier: GPL-2.0-or-later
/* See verify_parts.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger/record.h"
#include "ledger/verify_parts.h"

#define NOTE_BYTES 1024

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
	if (canonical_text(line_field(line, "ts"), date, sizeof(date)) ||
	    canonical_text(line_field(line, "boot"), boot, sizeof(boot)))
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
	struct canonical_value balance = line_field(line, "balance");
	const struct tally *tally = reading->tally;

	if (!tally->is_known)
		return true;
	return canonical_number(canonical_inside(balance, "lost")) >= 0 &&
	       canonical_number(canonical_inside(balance, "begun")) ==
		       tally->begun &&
	       canonical_number(canonical_inside(balance, "lost")) ==
		       tally->lost &&
	       canonical_number(canonical_inside(balance, "ended")) ==
		       tally->ended &&
	       canonical_number(canonical_inside(balance, "open")) ==
		       tally->before + tally->begun - tally->ended;
}

int checkpoint_check(struct reading *reading, const struct line *line)
{
	char note[NOTE_BYTES];
	char signature[SIGN_BYTES + 1];
	char key[KEY_BYTES];

	if (canonical_text(line_field(line, "note"), note, sizeof(note)) ||
	    !note_fits(reading, line, note, key))
		return reading_wrong(reading, reading->n, "checkpoint");
	if (canonical_text(line_field(line, "sig"), signature,
			   sizeof(signature)) ||
	    !sign_is_by(reading->key, note, signature))
		return reading_wrong(reading, reading->n, "signature");
	if (!balance_fits(reading, line))
		return reading_wrong(reading, reading->n, "balance");
	memcpy(reading->key, key, KEY_BYTES);
	reading->checkpoints++;
	return 0;
}
