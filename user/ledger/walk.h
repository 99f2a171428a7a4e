/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All records of a ledger, in order, for those who read and do not prove. */
#ifndef SG_USER_WALK_H
#define SG_USER_WALK_H

#include "ledger/canonical.h"
#include "sys/fault.h"

struct walk_record {
	const char *line; /* in canonical form, without its LF */
	size_t bytes;
	uint32_t segment;
};

struct canonical_value walk_field(const struct walk_record *record,
				  const char *key);
bool walk_is(const struct walk_record *record, const char *event);
/* A field's text, or "": it has none, or is null. */
void walk_text(const struct walk_record *record, const char *key,
	       char *ret_text, size_t room);
uint64_t walk_number(const struct walk_record *record, const char *key);

/* Call each() for every record of a directory's segments, from the first that
 * each() may see on, or of one file; lines that are no records, and segments
 * that were purged, are passed over. It ends when each() returns other than 0,
 * which is returned; or -errno. */
int walk_path(const char *path, uint32_t first,
	      int (*each)(const struct walk_record *record, void *context),
	      void *context, struct fault *ret_fault);

#endif
