// SPDX-License-Identifier: GPL-2.0-or-later
/* See digest.h. */
#include "ledger/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "sys/cleanup.h"

#define RAW_BYTES (DIGEST_CHARS / 2)

struct digest {
	EVP_MD_CTX *context;
};

/* libcrypto fails here for want of memory alone: then there is no ledger to be
 * trusted, and none is better. */
static void must(int ok)
{
	if (!ok)
		abort();
}

/* Found once: a search by name costs more than a line's digest. */
static const EVP_MD *sha256(void)
{
	static EVP_MD *found;

	if (!found)
		found = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(found != NULL);
	return found;
}

static void to_hex(const unsigned char raw[RAW_BYTES],
		   char ret_hex[DIGEST_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < RAW_BYTES; i++) {
		ret_hex[2 * i] = digits[raw[i] >> 4];
		ret_hex[2 * i + 1] = digits[raw[i] & 15];
	}
	ret_hex[DIGEST_CHARS] = '\0';
}

struct digest *digest_new(void)
{
	struct digest *digest = calloc(1, sizeof(*digest));

	if (!digest)
		return NULL;
	digest->context = EVP_MD_CTX_new();
	must(digest->context != NULL);
	digest_restart(digest);
	return digest;
}

void digest_free(struct digest **digest)
{
	if (*digest)
		EVP_MD_CTX_free((*digest)->context);
	free(*digest);
	*digest = NULL;
}

void digest_restart(struct digest *digest)
{
	must(EVP_DigestInit_ex2(digest->context, sha256(), NULL));
}

void digest_add(struct digest *digest, const void *bytes, size_t count)
{
	must(EVP_DigestUpdate(digest->context, bytes, count));
}

/* The one that copies of others, and whole short texts, are made in. */
static EVP_MD_CTX *spare(void)
{
	static EVP_MD_CTX *context;

	if (!context)
		context = EVP_MD_CTX_new();
	must(context != NULL);
	return context;
}

void digest_so_far(const struct digest *digest, char ret_hex[DIGEST_BYTES])
{
	unsigned char raw[RAW_BYTES];

	must(EVP_MD_CTX_copy_ex(spare(), digest->context));
	must(EVP_DigestFinal_ex(spare(), raw, NULL));
	to_hex(raw, ret_hex);
}

void digest_of(const void *bytes, size_t count, char ret_hex[DIGEST_BYTES])
{
	unsigned char raw[RAW_BYTES];

	must(EVP_DigestInit_ex2(spare(), sha256(), NULL));
	must(EVP_DigestUpdate(spare(), bytes, count));
	must(EVP_DigestFinal_ex(spare(), raw, NULL));
	to_hex(raw, ret_hex);
}

int digest_file(const char *path, char ret_hex[DIGEST_BYTES])
{
	_cleanup_(digest_free) struct digest *digest = digest_new();
	_cleanup_(cleanup_close) int fd = -1;
	char bytes[65536];
	ssize_t count;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !digest)
		return -errno;
	while ((count = read(fd, bytes, sizeof(bytes))) > 0)
		digest_add(digest, bytes, (size_t)count);
	if (count < 0)
		return -errno;
	digest_so_far(digest, ret_hex);
	return 0;
}

void digest_chain_leaf(const char chain[DIGEST_BYTES],
		       const char leaf[DIGEST_BYTES],
		       char ret_next[DIGEST_BYTES])
{
	char text[2 * DIGEST_BYTES];

	memcpy(text, chain, DIGEST_CHARS);
	text[DIGEST_CHARS] = ' ';
	memcpy(text + DIGEST_BYTES, leaf, DIGEST_CHARS);
	text[sizeof(text) - 1] = '\n';
	digest_of(text, sizeof(text), ret_next);
}

void digest_chain(const char chain[DIGEST_BYTES], const void *line,
		  size_t bytes, char ret_next[DIGEST_BYTES])
{
	char leaf[DIGEST_BYTES];

	digest_of(line, bytes, leaf);
	digest_chain_leaf(chain, leaf, ret_next);
}
