/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations on one live map, by its fd. All return 0 or -errno and do not
 * print. Keys and values are arrays of the map's own element types.
 */
#ifndef SG_USER_MAPS_H
#define SG_USER_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sg_types.h"

/* Make keys[i] hold values[i], for all i < count. */
int maps_write(int fd, const void *keys, const void *values, size_t count,
	       size_t key_bytes, size_t value_bytes);

/* Make a table of bits hold these, from row `first` on. */
int maps_write_rows(int fd, uint32_t first, const struct sg_row *rows,
		    size_t count);

/* The same for a whole table that is in use: it is written only if it is to be
 * another. keeps: the bits that it has stay. */
int maps_change_rows(int fd, const struct sg_row *rows, bool keeps);

/* Delete every key that keep() does not want. */
int maps_retain(int fd, size_t key_bytes,
		bool (*keep)(const void *key, const void *context),
		const void *context);

/* Make the map hold exactly these. A key that stays is never absent. */
int maps_replace(int fd, const void *keys, const void *values, size_t count,
		 size_t key_bytes, size_t value_bytes);

/* The same for a hash whose values a program holds while it runs: the kernel
 * gives the room of one that is replaced or gone to the next that is written,
 * under another key. So what has not changed is not written, and after what has
 * the programs that may hold it are waited for. */
int maps_replace_held(int fd, const void *keys, const void *values,
		      size_t count, size_t key_bytes, size_t value_bytes);

/* All keys, for the caller to free. One that comes while this reads may be
 * missed; one that goes is no error. */
int maps_keys(int fd, size_t key_bytes, void **ret_keys, size_t *ret_count);

/* Call each() for every entry, until one call returns other than 0, which is
 * returned. Room is needed for some thousand of them at a time. One that comes
 * or goes meanwhile may be missed, or not. */
int maps_each(int fd, size_t key_bytes, size_t value_bytes,
	      int (*each)(const void *key, const void *value, void *context),
	      void *context);

/* All entries, as two arrays for the caller to free. */
int maps_read(int fd, size_t key_bytes, size_t value_bytes, void **ret_keys,
	      void **ret_values, size_t *ret_count);

/* The sum over all CPUs of a value that is `count` counters. */
int maps_sum(int fd, const void *key, size_t count, uint64_t *ret_sums);

/* Wait until no program that was running still is, so that a slot of the
 * policy which is out of force can be written. */
void maps_wait_for_programs(void);

/* Return how many entries a map has room for; 0: it is not there to be read. */
uint32_t maps_room(int fd);

#endif
