// SPDX-License-Identifier: GPL-2.0-or-later
/* See guard.h. */
#include "gate/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <nftables/libnftables.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gate/entries.h"
#include "sys/cleanup.h"

#define TABLE "inet " GUARD_TABLE

static bool execute(const char *commands)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	bool done;

	if (!nft)
		return false;
	nft_ctx_buffer_output(nft); /* not to be printed */
	nft_ctx_buffer_error(nft);
	done = nft_run_cmd_from_buffer(nft, commands) == 0;
	nft_ctx_free(nft);
	return done;
}

/* Print nothing of what is said before the library ends the process. */
static void silence(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
	}
}

/* Nothing of the loader outlives it: not its locks, by which it would be taken
 * for alive, nor a table that is older than the next one's. */
static void bind_to(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent ||
	    close_range(STDERR_FILENO + 1, ~0U, 0))
		_exit(EXIT_FAILURE);
}

/* In a process of its own: the library ends it where netlink fails it, also on
 * a kernel without nf_tables. */
static bool run(const char *commands)
{
	pid_t parent = getpid(), child;
	int status;

	fflush(stdout); /* or it is printed twice */
	child = fork();
	if (child == 0) {
		bind_to(parent);
		silence();
		_exit(execute(commands) ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return child > 0 && status == EXIT_SUCCESS;
}

/* Those that are governed go on, by index: a name may be another's soon. */
static void put_governed(FILE *out, const struct policy *policy,
			 const struct links *links)
{
	for (size_t i = 0; i < links->count; i++)
		if (entries_role(policy, &links->items[i]) >= 0)
			fprintf(out, "meta iif %u accept\n",
				links->items[i].ifindex);
}

static void put_patterns(FILE *out, const struct policy *policy, int role,
			 size_t rank)
{
	const struct policy_role *has = policy_patterns(policy, role);

	for (size_t i = 0; i < has->pattern_count; i++)
		if (policy_pattern_rank(has->patterns[i]) == rank)
			fprintf(out, "iifname \"%s\" %s\n", has->patterns[i],
				role == POLICY_EXEMPT ? "accept"
						      : "counter drop");
}

/* Leave alone lo and what is exempt; all else ends here, whatever its name. A
 * closer pattern goes first, as for roles. */
static void put_names(FILE *out, const struct policy *policy)
{
	fputs("iifname \"lo\" accept\n", out);
	for (size_t rank = POLICY_RANK_EXACT; rank > POLICY_RANK_ANY; rank--)
		for (int role = 0; role <= POLICY_EXEMPT; role++)
			put_patterns(out, policy, role, rank);
	fputs("counter drop\n", out);
}

/* The whole table in one transaction: there is no moment without it. */
static char *table_of(const struct policy *policy, const struct links *links)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	fputs("add table " TABLE "\n"
	      "delete table " TABLE "\n"
	      "table " TABLE " {\n"
	      "chain input {\n"
	      "type filter hook input priority -400; policy accept;\n",
	      out);
	put_governed(out, policy, links);
	put_names(out, policy);
	fputs("}\n"
	      "chain forward {\n" /* the gate needs none of the kernel's */
	      "type filter hook forward priority -400; policy accept;\n",
	      out);
	put_names(out, policy);
	fputs("}\n}\n", out);
	return fclose(out) ? NULL : text;
}

bool guard_set(const struct policy *policy, const struct links *links)
{
	_cleanup_(cleanup_free) char *text = table_of(policy, links);

	return text && run(text);
}

void guard_remove(void)
{
	run("delete table " TABLE "\n");
}

size_t guard_name_count(const struct policy *policy, size_t *ret_accepted)
{
	size_t count = 2; /* lo, and all else */

	*ret_accepted = 1; /* lo */
	for (int role = 0; role <= POLICY_EXEMPT; role++) {
		const struct policy_role *has = policy_patterns(policy, role);

		for (size_t i = 0; i < has->pattern_count; i++) {
			bool is_named = policy_pattern_rank(has->patterns[i]) >
					POLICY_RANK_ANY;

			count += is_named;
			*ret_accepted += is_named && role == POLICY_EXEMPT;
		}
	}
	return count;
}
