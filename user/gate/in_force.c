// SPDX-License-Identifier: GPL-2.0-or-later
/* See in_force.h. */
#include "gate/in_force.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "gate/maps.h"
#include "sys/cleanup.h"

uint32_t in_force_number(const struct pins *pins)
{
	struct sg_policy policy;

	return pins_policy(pins, &policy) ? 0 : policy.number;
}

/* Read the rows of a slot, to be freed; they end in the middle if another
 * policy is written there. */
static int read_text(const struct pins *pins, uint32_t slot, char **ret_text)
{
	struct sg_config_key key = {.slot = slot};
	_cleanup_(cleanup_free) char *text = NULL;
	size_t bytes = 0;
	char *grown;

	do {
		grown = realloc(text, bytes + SG_CONFIG_BYTES);
		if (!grown)
			return -ENOMEM;
		text = grown;
		if (bpf_map_lookup_elem(pins->map_fds[PINS_config], &key,
					text + bytes))
			return -errno;
		bytes += SG_CONFIG_BYTES;
		key.row++;
	} while (
		!memchr(text + bytes - SG_CONFIG_BYTES, '\0', SG_CONFIG_BYTES));
	*ret_text = text;
	text = NULL;
	return 0;
}

int in_force_read(const struct pins *pins, struct policy *ret_policy,
		  uint32_t *ret_number, struct fault *ret_fault)
{
	_cleanup_(cleanup_free) char *text = NULL;
	uint32_t number = in_force_number(pins);
	struct sg_active active;
	int r = pins_active(pins, &active);

	if (r)
		return fault_set(ret_fault, r, "%s/active: %s", pins->dir,
				 strerror(-r));
	r = read_text(pins, active.slot, &text);
	if (in_force_number(pins) != number)
		return fault_set(ret_fault, EAGAIN,
				 "%s: another policy is put in force; try "
				 "again",
				 pins->dir);
	if (r)
		return fault_set(ret_fault, r,
				 "%s/config: %s; run `scoutgate up`", pins->dir,
				 strerror(-r));
	r = config_parse(text, "the configuration in force", ret_policy,
			 ret_fault);
	if (!r)
		*ret_number = number;
	return r;
}

int in_force_read_settled(const struct pins *pins, struct policy *ret_policy,
			  uint32_t *ret_number, struct fault *ret_fault)
{
	int r = -EAGAIN;

	for (int tries = 10; r == -EAGAIN && tries > 0; tries--)
		r = in_force_read(pins, ret_policy, ret_number, ret_fault);
	return r;
}

int in_force_write(const struct pins *pins, uint32_t slot,
		   const struct policy *policy)
{
	const char *text = policy->text ? policy->text : "";
	size_t left = strlen(text) + 1;
	struct sg_config_key key = {.slot = slot};
	struct sg_config row;

	for (; left; key.row++) {
		size_t bytes =
			left < sizeof(row.text) ? left : sizeof(row.text);

		memset(&row, 0, sizeof(row));
		memcpy(row.text, text, bytes);
		if (bpf_map_update_elem(pins->map_fds[PINS_config], &key, &row,
					BPF_ANY))
			return -errno;
		text += bytes;
		left -= bytes;
	}
	return 0;
}

static bool is_other_slot(const void *key, const void *context)
{
	return ((const struct sg_config_key *)key)->slot !=
	       *(const uint32_t *)context;
}

int in_force_clear(const struct pins *pins, uint32_t slot)
{
	return maps_retain(pins->map_fds[PINS_config],
			   sizeof(struct sg_config_key), is_other_slot, &slot);
}
