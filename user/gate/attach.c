// SPDX-License-Identifier: GPL-2.0-or-later
/* See attach.h. */
#include "gate/attach.h"

#include <errno.h>

#include "gate/dataplane.h"
#include "gate/early.h"
#include "gate/entries.h"

/* Return what a link has of what is wanted: a frame without Ethernet is not
 * what the program reads, and those of a veth are skbs before XDP sees them,
 * which it would only copy. */
static enum early_mode early_for(const struct link *link,
				 enum early_mode wanted)
{
	return !link->has_ethernet || (link->is_veth && wanted == EARLY_NATIVE)
		       ? EARLY_OFF
		       : wanted;
}

/* The gate is whole without it: `status` says where it is not. */
static void attach_early(const char *pin_dir, const struct attach *how,
			 const struct link *link, enum early_mode wanted)
{
	int program_fd = how->program_fds[DATAPLANE_sg_uplink_early];

	early_set(pin_dir, link->ifindex,
		  program_fd < 0 ? EARLY_OFF : early_for(link, wanted),
		  program_fd);
}

static int attach_link(const char *pin_dir, const struct attach *how,
		       const struct link *link, int role,
		       struct fault *ret_fault)
{
	struct hook hook = {.pin_dir = pin_dir, .ifindex = link->ifindex};
	int in = how->program_fds[role == SG_ROLE_CONTAINER
					  ? DATAPLANE_sg_container_in
					  : DATAPLANE_sg_uplink_in];
	int r;

	hook.side = HOOK_INGRESS;
	r = hook_attach(&hook, how->mode, in, ret_fault);
	if (r)
		return r;
	hook.side = HOOK_EGRESS;
	return hook_attach(&hook, how->mode,
			   how->program_fds[DATAPLANE_sg_host_out], ret_fault);
}

static int detach_index(const char *pin_dir, uint32_t ifindex,
			struct fault *ret_fault)
{
	struct hook hook = {.pin_dir = pin_dir, .ifindex = ifindex};
	int r;

	early_set(pin_dir, ifindex, EARLY_OFF, -1);
	hook.side = HOOK_INGRESS;
	r = hook_detach(&hook, ret_fault);
	if (r)
		return r;
	hook.side = HOOK_EGRESS;
	return hook_detach(&hook, ret_fault);
}

void attach_forget(const char *pin_dir, uint32_t ifindex,
		   const struct policy *policy, const struct links *links)
{
	const struct link *link = links_find(links, ifindex);
	struct fault ignored;

	if (!link || entries_role(policy, link) < 0)
		detach_index(pin_dir, ifindex, &ignored);
}

int attach_links(const char *pin_dir, const struct attach *how,
		 const struct policy *policy, const struct links *links,
		 struct fault *ret_fault)
{
	int r = 0;

	for (size_t i = 0; i < links->count && !r; i++) {
		int role = entries_role(policy, &links->items[i]);

		if (role >= 0)
			r = attach_link(pin_dir, how, &links->items[i], role,
					ret_fault);
		if (r == -ENODEV) /* it has gone since it was read */
			r = 0;
	}
	/* last: who crosses is not to wait between two interfaces */
	for (size_t i = 0; i < links->count && !r; i++) {
		int role = entries_role(policy, &links->items[i]);

		if (role >= 0)
			attach_early(pin_dir, how, &links->items[i],
				     policy->early[role]);
	}
	return r;
}

static bool is_among(uint32_t ifindex, const uint32_t *indices, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (indices[i] == ifindex)
			return true;
	return false;
}

void attach_undo(const char *pin_dir, const struct attach *former,
		 const struct policy *policy, const struct links *links,
		 const uint32_t *before, size_t count)
{
	struct fault ignored;

	for (size_t i = 0; i < links->count; i++) {
		const struct link *link = &links->items[i];
		int role = entries_role(policy, link);

		if (is_among(link->ifindex, before, count) && role >= 0) {
			attach_link(pin_dir, former, link, role, &ignored);
			attach_early(pin_dir, former, link,
				     policy->early[role]);
		} else if (role >= 0) {
			detach_index(pin_dir, link->ifindex, &ignored);
		}
	}
}

int attach_remove(const char *pin_dir, const struct links *links,
		  struct fault *ret_fault)
{
	int r = 0;

	for (size_t i = 0; i < links->count && !r; i++)
		r = detach_index(pin_dir, links->items[i].ifindex, ret_fault);
	return r;
}
