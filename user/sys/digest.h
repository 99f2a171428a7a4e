/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A digest of the network's state (FNV-1a), to tell a real change from an event
 * that changes nothing. Not for what an attacker chooses. */
#ifndef SG_USER_DIGEST_H
#define SG_USER_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "sys/links.h"

/* Take so many bytes into the digest. */
void digest_bytes(uint64_t *digest, const void *bytes, size_t count);
void digest_link(uint64_t *digest, const struct link *link);
void digest_addr(uint64_t *digest, const struct link_addr *addr);

#endif
