// SPDX-License-Identifier: GPL-2.0-or-later
/* A text to a policy: parse, take, validate as a whole. See config.h. */
#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_grammar.h"
#include "config/config_lexical.h"
#include "config/config_take.h"
#include "sys/cleanup.h"
#include "sys/file.h"

static void release_cfg(cfg_t **cfg)
{
	if (*cfg)
		cfg_free(*cfg);
}

static int count_lines(const char *text)
{
	int lines = 1;

	for (; text[0] && text[1]; text++)
		lines += text[0] == '\n';
	return lines;
}

/* The whole text, which must not end in the middle of anything. */
static int parse_text(cfg_t *cfg, const char *text, const char *name,
		      struct fault *ret_fault)
{
	_cleanup_(cleanup_free) char *ready = NULL;
	int r = lexical_prepare(text, name, &ready, ret_fault);

	if (r)
		return r;
	if (cfg_parse_buf(cfg, ready) == CFG_SUCCESS)
		return 0;
	if (!ret_fault->text[0])
		return fault_set(ret_fault, EINVAL,
				 "%s:%d: the file ends too early", name,
				 count_lines(text));
	return -EINVAL;
}

static int validate(cfg_t *cfg, const char *name, const struct policy *policy,
		    struct fault *ret_fault)
{
	struct fault what;
	int line;
	int r = policy_validate(policy, &what, &line);

	if (!r)
		return 0;
	if (line == 0) /* of no one line: a section that it is about */
		line = cfg_getsec(cfg, "container")->line;
	if (line == 0)
		line = cfg_getsec(cfg, "vpn")->line;
	if (line == 0)
		line = cfg_getsec(cfg, "lan")->line;
	return fault_set(ret_fault, r, "%s:%d: %.400s", name, line ? line : 1,
			 what.text);
}

static int parse(const char *text, const char *name, struct policy *policy,
		 struct fault *ret_fault)
{
	_cleanup_(release_cfg) cfg_t *cfg = grammar_new(name, ret_fault);
	int r;

	if (!cfg)
		return fault_set(ret_fault, ENOMEM, "out of memory");
	r = parse_text(cfg, text, name, ret_fault);
	if (r)
		return r;
	if (!grammar_saw_anything(cfg))
		policy_deny_all(policy);
	r = config_take(cfg, policy);
	if (r)
		return fault_set(ret_fault, r, "out of memory");
	return validate(cfg, name, policy, ret_fault);
}

int config_parse(const char *text, const char *name, struct policy *ret_policy,
		 struct fault *ret_fault)
{
	struct policy policy;
	int r;

	policy_init(&policy);
	ret_fault->text[0] = '\0';
	r = parse(text, name, &policy, ret_fault);
	policy.text = strdup(text);
	if (!r && !policy.text)
		r = fault_set(ret_fault, ENOMEM, "out of memory");
	if (r) {
		policy_release(&policy);
		return r;
	}
	*ret_policy = policy;
	return 0;
}

int config_load(const char *path, struct policy *ret_policy,
		struct fault *ret_fault)
{
	_cleanup_(cleanup_free) char *text = NULL;
	int r = file_read_config(path, &text, ret_fault);

	return r ? r : config_parse(text, path, ret_policy, ret_fault);
}
