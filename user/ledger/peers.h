/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of addresses, as hooks of a VPN have given them. */
#ifndef SG_USER_PEERS_H
#define SG_USER_PEERS_H

#include <stddef.h>

#include "sg_types.h"

#define PEERS_MAX 4096
#define PEERS_NAME_BYTES 64

struct peers {
	struct peers_item {
		union sg_addr addr;
		char name[PEERS_NAME_BYTES];
	} * items; /* owned */
	size_t count;
};

/* name "": it has none any more. What is beyond PEERS_MAX is not known. */
void peers_set(struct peers *peers, const union sg_addr *addr,
	       const char *name);
/* NULL: it has none. */
const char *peers_find(const struct peers *peers, const union sg_addr *addr);
void peers_release(struct peers *peers);

#endif
