// SPDX-License-Identifier: GPL-2.0-or-later
/* See maps.h. */
#include "gate/maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "sys/cleanup.h"

#define READ_AT_ONCE 4096 /* entries */
#define GRACE_US 20000	  /* far longer than a program can run */

int maps_write(int fd, const void *keys, const void *values, size_t count,
	       size_t key_bytes, size_t value_bytes)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	__u32 done = (__u32)count;

	if (count == 0 ||
	    bpf_map_update_batch(fd, keys, values, &done, &opts) == 0)
		return 0;
	/* an LPM trie of an older kernel knows no batches */
	for (size_t i = 0; i < count; i++)
		if (bpf_map_update_elem(fd, (const char *)keys + i * key_bytes,
					(const char *)values + i * value_bytes,
					BPF_ANY))
			return -errno;
	return 0;
}

int maps_write_rows(int fd, uint32_t first, const struct sg_row *rows,
		    size_t count)
{
	_cleanup_(cleanup_free) uint32_t *keys = calloc(count, sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		keys[i] = first + (uint32_t)i;
	return maps_write(fd, keys, rows, count, sizeof(*keys), sizeof(*rows));
}

int maps_change_rows(int fd, const struct sg_row *rows, bool keeps)
{
	_cleanup_(cleanup_free) struct sg_row *values = NULL;
	_cleanup_(cleanup_free) uint32_t *keys = NULL;
	bool has_changed = false;
	size_t count;
	int r = maps_read(fd, sizeof(*keys), sizeof(*values), (void **)&keys,
			  (void **)&values, &count);

	for (size_t i = 0; i < count && !r; i++) {
		uint64_t bits = rows[keys[i]].bits;

		if (keeps)
			bits |= values[i].bits;
		has_changed |= bits != values[i].bits;
		values[i].bits = bits;
	}
	return r || !has_changed ? r
				 : maps_write(fd, keys, values, count,
					      sizeof(*keys), sizeof(*values));
}

int maps_keys(int fd, size_t key_bytes, void **ret_keys, size_t *ret_count)
{
	_cleanup_(cleanup_free) char *keys = NULL;
	size_t room = 0;
	size_t count = 0;
	const void *last = NULL;

	for (;;) {
		if (count == room) {
			room = room ? room * 2 : 256;
			char *grown = reallocarray(keys, room, key_bytes);

			if (!grown)
				return -ENOMEM;
			keys = grown;
			last = count ? keys + (count - 1) * key_bytes : NULL;
		}
		if (bpf_map_get_next_key(fd, last, keys + count * key_bytes))
			break;
		last = keys + count++ * key_bytes;
	}
	if (errno != ENOENT)
		return -errno;
	*ret_keys = keys;
	*ret_count = count;
	keys = NULL;
	return 0;
}

/* As maps_retain(). *ret_is_less: some entry was not to stay. */
static int retain(int fd, size_t key_bytes,
		  bool (*keep)(const void *key, const void *context),
		  const void *context, bool *ret_is_less)
{
	_cleanup_(cleanup_free) char *keys = NULL;
	size_t count = 0;
	int r = maps_keys(fd, key_bytes, (void **)&keys, &count);

	*ret_is_less = false;
	for (size_t i = 0; i < count && !r; i++) {
		const char *key = keys + i * key_bytes;

		if (keep(key, context))
			continue;
		*ret_is_less = true;
		if (bpf_map_delete_elem(fd, key) && errno != ENOENT)
			r = -errno;
	}
	return r;
}

int maps_retain(int fd, size_t key_bytes,
		bool (*keep)(const void *key, const void *context),
		const void *context)
{
	bool is_less;

	return retain(fd, key_bytes, keep, context, &is_less);
}

struct key_set {
	const char *keys;
	size_t count;
	size_t key_bytes;
};

static bool is_in_set(const void *key, const void *context)
{
	const struct key_set *set = context;

	for (size_t i = 0; i < set->count; i++)
		if (!memcmp(set->keys + i * set->key_bytes, key,
			    set->key_bytes))
			return true;
	return false;
}

int maps_replace(int fd, const void *keys, const void *values, size_t count,
		 size_t key_bytes, size_t value_bytes)
{
	struct key_set set = {keys, count, key_bytes};
	int r = maps_write(fd, keys, values, count, key_bytes, value_bytes);

	return r ? r : maps_retain(fd, key_bytes, is_in_set, &set);
}

/* An entry that is as it is to be is not touched. */
static int write_held(int fd, const void *key, const void *value, void *room,
		      size_t value_bytes)
{
	bool was_there = bpf_map_lookup_elem(fd, key, room) == 0;

	if (was_there && !memcmp(room, value, value_bytes))
		return 0;
	if (bpf_map_update_elem(fd, key, value, BPF_ANY))
		return -errno;
	if (was_there)
		maps_wait_for_programs();
	return 0;
}

int maps_replace_held(int fd, const void *keys, const void *values,
		      size_t count, size_t key_bytes, size_t value_bytes)
{
	_cleanup_(cleanup_free) char *room = calloc(1, value_bytes);
	struct key_set set = {keys, count, key_bytes};
	bool is_less = false;
	int r = room ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && !r; i++)
		r = write_held(fd, (const char *)keys + i * key_bytes,
			       (const char *)values + i * value_bytes, room,
			       value_bytes);
	if (!r)
		r = retain(fd, key_bytes, is_in_set, &set, &is_less);
	if (is_less)
		maps_wait_for_programs();
	return r;
}

/* Double the room for keys and values. */
static int grow_room(char **keys, char **values, size_t *room, size_t key_bytes,
		     size_t value_bytes)
{
	size_t more = *room ? *room * 2 : READ_AT_ONCE;
	char *grown = reallocarray(*keys, more, key_bytes);

	if (grown)
		*keys = grown;
	if (grown)
		grown = reallocarray(*values, more, value_bytes);
	if (!grown)
		return -ENOMEM;
	*values = grown;
	*room = more;
	return 0;
}

/* Those of one batch. */
static int each_of(const char *keys, const char *values, size_t count,
		   size_t key_bytes, size_t value_bytes,
		   int (*each)(const void *, const void *, void *),
		   void *context)
{
	int r = 0;

	for (size_t i = 0; i < count && !r; i++)
		r = each(keys + i * key_bytes, values + i * value_bytes,
			 context);
	return r;
}

/* By buckets: a walk from key to key begins anew at each key that is gone
 * meanwhile, and may never end under a flood. */
int maps_each(int fd, size_t key_bytes, size_t value_bytes,
	      int (*each)(const void *key, const void *value, void *context),
	      void *context)
{
	_cleanup_(cleanup_free) char *values = NULL;
	_cleanup_(cleanup_free) char *keys = NULL;
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	size_t room = 0;
	__u32 at = 0; /* a bucket */
	__u32 next;
	__u32 count;
	bool begun = false;
	int last = -ENOSPC;
	int r;

	do {
		if (last == -ENOSPC &&
		    grow_room(&keys, &values, &room, key_bytes, value_bytes))
			return -ENOMEM;
		count = (__u32)room;
		last = bpf_map_lookup_batch(fd, begun ? &at : NULL, &next, keys,
					    values, &count, &opts)
			       ? -errno
			       : 0;
		if (last == -ENOSPC) /* a bucket is larger */
			continue;
		if (last && last != -ENOENT)
			return last;
		r = each_of(keys, values, count, key_bytes, value_bytes, each,
			    context);
		if (r)
			return r;
		begun = true;
		at = next;
	} while (last != -ENOENT);
	return 0;
}

/* All that was read of a map. */
struct copy {
	char *keys;
	char *values;
	size_t count;
	size_t room;
	size_t key_bytes;
	size_t value_bytes;
};

static int append(const void *key, const void *value, void *context)
{
	struct copy *copy = context;

	if (copy->count == copy->room &&
	    grow_room(&copy->keys, &copy->values, &copy->room, copy->key_bytes,
		      copy->value_bytes))
		return -ENOMEM;
	memcpy(copy->keys + copy->count * copy->key_bytes, key,
	       copy->key_bytes);
	memcpy(copy->values + copy->count * copy->value_bytes, value,
	       copy->value_bytes);
	copy->count++;
	return 0;
}

int maps_read(int fd, size_t key_bytes, size_t value_bytes, void **ret_keys,
	      void **ret_values, size_t *ret_count)
{
	struct copy copy = {
		.key_bytes = key_bytes,
		.value_bytes = value_bytes,
	};
	int r = maps_each(fd, key_bytes, value_bytes, append, &copy);

	if (r) {
		free(copy.keys);
		free(copy.values);
		return r;
	}
	*ret_keys = copy.keys;
	*ret_values = copy.values;
	*ret_count = copy.count;
	return 0;
}

uint32_t maps_room(int fd)
{
	struct bpf_map_info info = {0};
	__u32 bytes = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &bytes))
		return 0;
	return info.max_entries;
}

int maps_sum(int fd, const void *key, size_t count, uint64_t *ret_sums)
{
	_cleanup_(cleanup_free) uint64_t *values = NULL;
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus, count * sizeof(*values));
	if (!values)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, key, values))
		return -errno;
	memset(ret_sums, 0, count * sizeof(*ret_sums));
	for (size_t i = 0; i < (size_t)cpus * count; i++)
		ret_sums[i % count] += values[i];
	return 0;
}

void maps_wait_for_programs(void)
{
	/* MEMBARRIER_CMD_GLOBAL is a synchronize_rcu(), and programs run in an
	 * RCU read side; not to be had with nohz_full */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		usleep(GRACE_US);
}
