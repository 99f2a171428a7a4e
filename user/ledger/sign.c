// SPDX-License-Identifier: GPL-2.0-or-later
/* See sign.h. */
#include "ledger/sign.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEED_BYTES 32
#define SIGNATURE_BYTES 64
#define SPKI_BYTES 44
#define SPKI_PREFIX_BYTES 12

/* RFC 8410 4, 10.1: what stands before the 32 bytes of an Ed25519 key */
static const unsigned char spki_prefix[SPKI_PREFIX_BYTES] = {
	0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
};

/* A page of its own, which is not swapped, dumped, or shared by fork. The seed
 * is the private key (RFC 8032 5.1.5); libcrypto's form of it lives for one
 * signature. */
struct sign_key {
	unsigned char seed[SEED_BYTES];
	char public_text[SIGN_KEY_BYTES];
	bool is_locked;
};

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static struct sign_key *own_page(void)
{
	struct sign_key *key;
	void *page = mmap(NULL, page_bytes(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	if (madvise(page, page_bytes(), MADV_DONTDUMP) ||
	    madvise(page, page_bytes(), MADV_DONTFORK)) {
		munmap(page, page_bytes());
		return NULL;
	}
	key = page;
	/* a container may not lock any, and has a ledger all the same */
	key->is_locked = mlock(page, page_bytes()) == 0;
	return key;
}

static EVP_PKEY *private_of(const struct sign_key *key)
{
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key->seed,
					    SEED_BYTES);
}

static bool note_public(struct sign_key *key)
{
	unsigned char spki[SPKI_BYTES];
	size_t bytes = SPKI_BYTES - SPKI_PREFIX_BYTES;
	EVP_PKEY *pair = private_of(key);
	bool ok;

	memcpy(spki, spki_prefix, sizeof(spki_prefix));
	ok = pair && EVP_PKEY_get_raw_public_key(pair, spki + SPKI_PREFIX_BYTES,
						 &bytes) == 1;
	EVP_PKEY_free(pair);
	if (ok)
		EVP_EncodeBlock((unsigned char *)key->public_text, spki,
				SPKI_BYTES);
	return ok;
}

struct sign_key *sign_key_new(void)
{
	struct sign_key *key = own_page();

	if (key &&
	    (RAND_priv_bytes(key->seed, SEED_BYTES) != 1 || !note_public(key)))
		sign_key_wipe(&key);
	return key;
}

void sign_key_wipe(struct sign_key **key)
{
	if (!*key)
		return;
	OPENSSL_cleanse(*key, sizeof(**key));
	munmap(*key, page_bytes());
	*key = NULL;
}

bool sign_key_is_locked(const struct sign_key *key)
{
	return key->is_locked;
}

const char *sign_key_public(const struct sign_key *key)
{
	return key->public_text;
}

int sign_text(const struct sign_key *key, const char *text,
	      char ret_signature[SIGN_BYTES])
{
	unsigned char signature[SIGNATURE_BYTES];
	size_t bytes = sizeof(signature);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY *pair = private_of(key);
	bool ok =
		context && pair &&
		EVP_DigestSignInit(context, NULL, NULL, NULL, pair) == 1 &&
		EVP_DigestSign(context, signature, &bytes,
			       (const unsigned char *)text, strlen(text)) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pair);
	if (!ok)
		return -EIO;
	EVP_EncodeBlock((unsigned char *)ret_signature, signature,
			SIGNATURE_BYTES);
	return 0;
}

/* Base64 of exactly so many bytes, spelled in the one way. */
static bool decode(const char *text, unsigned char *ret_bytes, size_t bytes)
{
	size_t chars = (bytes + 2) / 3 * 4;
	unsigned char raw[SIGNATURE_BYTES + 3];
	unsigned char again[SIGN_BYTES];

	if (strlen(text) != chars ||
	    EVP_DecodeBlock(raw, (const unsigned char *)text, (int)chars) < 0)
		return false;
	EVP_EncodeBlock(again, raw, (int)bytes);
	if (strcmp((const char *)again, text) != 0)
		return false;
	memcpy(ret_bytes, raw, bytes);
	return true;
}

static bool decode_key(const char *text, unsigned char ret_spki[SPKI_BYTES])
{
	return decode(text, ret_spki, SPKI_BYTES) &&
	       memcmp(ret_spki, spki_prefix, sizeof(spki_prefix)) == 0;
}

bool sign_is_key(const char *text)
{
	unsigned char spki[SPKI_BYTES];

	return decode_key(text, spki);
}

bool sign_is_by(const char *public_key, const char *text, const char *signature)
{
	unsigned char spki[SPKI_BYTES];
	unsigned char raw[SIGNATURE_BYTES];
	EVP_MD_CTX *context;
	EVP_PKEY *key;
	bool ok;

	if (!decode_key(public_key, spki) ||
	    !decode(signature, raw, sizeof(raw)))
		return false;
	context = EVP_MD_CTX_new();
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
					  spki + SPKI_PREFIX_BYTES,
					  SPKI_BYTES - SPKI_PREFIX_BYTES);
	ok = context && key &&
	     EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
	     EVP_DigestVerify(context, raw, sizeof(raw),
			      (const unsigned char *)text, strlen(text)) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return ok;
}
