// SPDX-License-Identifier: GPL-2.0-or-later
/* See saved.h. */
#include "gate/saved.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config/names.h"
#include "sg_policy.h"
#include "sys/cleanup.h"
#include "sys/file.h"
#include "sys/text.h"

/* Instances are told apart by where they are pinned: its slashes as colons. */
static int path_of(const char *state_dir, const char *pin_dir, const char *end,
		   char ret_path[PATH_MAX], struct fault *ret_fault)
{
	size_t at = strlen(state_dir) + 1;
	int length = snprintf(ret_path, PATH_MAX, "%s/%s.grants%s", state_dir,
			      pin_dir + (pin_dir[0] == '/'), end);

	if (length >= PATH_MAX)
		return fault_set(ret_fault, ENAMETOOLONG,
				 "--state-dir: too long");
	text_colons(ret_path + at);
	return 0;
}

static int system_fault(const char *path, struct fault *ret_fault)
{
	return fault_set(ret_fault, errno, "%s: %s; grants are not saved", path,
			 strerror(errno));
}

static void release(struct json_object **value)
{
	json_object_put(*value);
}

/* Exactly one boolean for each grant. */
static int parse(const char *text, bool ret_grants[SG_GRANT_COUNT])
{
	_cleanup_(release) struct json_object *root = json_tokener_parse(text);

	if (!json_object_is_type(root, json_type_object) ||
	    json_object_object_length(root) != SG_GRANT_COUNT)
		return -EINVAL;
	for (unsigned int i = 0; i < SG_GRANT_COUNT; i++) {
		struct json_object *grant =
			json_object_object_get(root, name_of_grant(i));

		if (!json_object_is_type(grant, json_type_boolean))
			return -EINVAL;
		ret_grants[i] = json_object_get_boolean(grant);
	}
	return 0;
}

int saved_take(const char *state_dir, const char *pin_dir,
	       struct policy *policy, struct fault *ret_fault)
{
	_cleanup_(cleanup_free) char *text = NULL;
	bool grants[SG_GRANT_COUNT] = {false};
	char path[PATH_MAX];
	struct fault ignored;
	bool begun = false;
	int r;

	if (pins_are_begun(pin_dir, &begun, &ignored) == 0 && begun) {
		/* its grants are as they are; none of these opens one */
		memcpy(policy->grants, grants, sizeof(grants));
		return 0;
	}
	if (!policy->persists_grants)
		return 0;
	r = path_of(state_dir, pin_dir, "", path, ret_fault);
	if (!r && access(path, F_OK) && errno == ENOENT)
		return 0; /* the first start of all */
	if (!r)
		r = file_read_config(path, &text, ret_fault);
	if (!r && parse(text, grants))
		r = fault_set(ret_fault, EINVAL,
			      "%s: not what was saved; grants stay closed",
			      path);
	if (r) /* also what was understood of it */
		memset(grants, false, sizeof(grants));
	memcpy(policy->grants, grants, sizeof(grants));
	return r;
}

static int format(const struct pins *pins, char **ret_text)
{
	_cleanup_(release) struct json_object *root = json_object_new_object();

	for (__u32 id = 0; id < SG_GRANT_COUNT; id++) {
		struct sg_grant grant;

		if (bpf_map_lookup_elem(pins->map_fds[PINS_grants], &id,
					&grant))
			return -errno;
		json_object_object_add(
			root, name_of_grant(id),
			json_object_new_boolean(grant.open == 1 &&
						!grant.deadline_s));
	}
	return asprintf(ret_text, "%s\n",
			json_object_to_json_string_ext(
				root, JSON_C_TO_STRING_PRETTY)) < 0
		       ? -ENOMEM
		       : 0;
}

static int save(const char *state_dir, const struct pins *pins,
		struct fault *ret_fault)
{
	_cleanup_(cleanup_free) char *before = NULL;
	_cleanup_(cleanup_free) char *text = NULL;
	char beside[PATH_MAX];
	char path[PATH_MAX];
	struct fault ignored;
	int r = path_of(state_dir, pins->dir, "", path, ret_fault);

	if (!r)
		r = path_of(state_dir, pins->dir, ".new", beside, ret_fault);
	if (r)
		return r;
	r = format(pins, &text);
	if (!r && file_read_config(path, &before, &ignored) == 0 &&
	    strcmp(before, text) == 0)
		return 0;
	if (!r)
		r = file_write_whole(state_dir, path, beside, text);
	errno = -r;
	return r ? system_fault(path, ret_fault) : 0;
}

int saved_begin(const char *state_dir, const struct policy *policy,
		const struct pins *pins, struct fault *ret_fault)
{
	char path[PATH_MAX];
	int r = path_of(state_dir, pins->dir, "", path, ret_fault);

	if (r)
		return r;
	if (!policy->persists_grants)
		return unlink(path) && errno != ENOENT
			       ? system_fault(path, ret_fault)
			       : 0;
	if (mkdir(state_dir, 0700) && errno != EEXIST)
		return system_fault(state_dir, ret_fault);
	return save(state_dir, pins, ret_fault);
}

int saved_follow(const char *state_dir, const struct policy *policy,
		 const struct pins *pins, struct fault *ret_fault)
{
	return policy->persists_grants
		       ? saved_begin(state_dir, policy, pins, ret_fault)
		       : 0;
}
