/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ed25519 (RFC 8032) for checkpoints. A private key is in this process's memory
 * alone, which is locked where the kernel allows that, signs once, and is
 * wiped. Public keys are texts: base64 of the DER SubjectPublicKeyInfo (RFC
 * 8410), so that `openssl` reads them.
 */
#ifndef SG_USER_SIGN_H
#define SG_USER_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#define SIGN_KEY_CHARS 60
#define SIGN_KEY_BYTES (SIGN_KEY_CHARS + 1) /* with its NUL */
#define SIGN_CHARS 88
#define SIGN_BYTES (SIGN_CHARS + 1)

struct sign_key;

/* A new pair; NULL: libcrypto or the kernel has none. */
struct sign_key *sign_key_new(void);
void sign_key_wipe(struct sign_key **key);
/* Return whether its memory is locked: it is never swapped. */
bool sign_key_is_locked(const struct sign_key *key);
const char *sign_key_public(const struct sign_key *key);

/* 0 or -EIO. */
int sign_text(const struct sign_key *key, const char *text,
	      char ret_signature[SIGN_BYTES]);

/* Return whether a text is a public key's. */
bool sign_is_key(const char *text);

/* Return whether a signature of a text is by a public key, all as texts. */
bool sign_is_by(const char *public_key, const char *text,
		const char *signature);

#endif
