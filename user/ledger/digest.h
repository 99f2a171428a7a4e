/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-256 (FIPS 180-4), in the lower-case hex text that the ledger has it in.
 */
#ifndef SG_USER_DIGEST_H
#define SG_USER_DIGEST_H

#include <stddef.h>

#define DIGEST_CHARS 64
#define DIGEST_BYTES (DIGEST_CHARS + 1) /* with its NUL */

/* One that is made piece by piece; NULL: out of memory. */
struct digest;
struct digest *digest_new(void);
void digest_free(struct digest **digest);
void digest_add(struct digest *digest, const void *bytes, size_t count);
/* The digest so far; more may be added after. */
void digest_so_far(const struct digest *digest, char ret_hex[DIGEST_BYTES]);
void digest_restart(struct digest *digest);

/* The same at once. */
void digest_of(const void *bytes, size_t count, char ret_hex[DIGEST_BYTES]);

/* Of a file. 0 or -errno. */
int digest_file(const char *path, char ret_hex[DIGEST_BYTES]);

/* The chain (scoutgate-ledger(5)): from the value before a line to the one
 * behind it. chain may be ret_next. */
#define DIGEST_CHAIN_BEGIN                                                     \
	"0000000000000000000000000000000000000000000000000000000000000000"
void digest_chain_leaf(const char chain[DIGEST_BYTES],
		       const char leaf[DIGEST_BYTES],
		       char ret_next[DIGEST_BYTES]);
void digest_chain(const char chain[DIGEST_BYTES], const void *line,
		  size_t bytes, char ret_next[DIGEST_BYTES]);

#endif
