// SPDX-License-Identifier: GPL-2.0-or-later
/* scoutgate ledger: the record of who came in, read, proven and kept. */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "cmd/ledger_dir.h"
#include "cmd/ledger_report.h"
#include "cmd/ledger_show.h"
#include "cmd/show.h"
#include "cmd/verb.h"
#include "ledger/identity.h"
#include "ledger/purge_before.h"
#include "ledger/segment.h"
#include "ledger/verify.h"
#include "sys/cleanup.h"
#include "sys/file.h"
#include "sys/printable.h"

/* A head as a person types it from paper, with spaces: at least half of it. */
static bool take_head(const char *text, char ret_head[DIGEST_BYTES])
{
	size_t count = 0;

	for (; *text; text++) {
		if (*text == ' ')
			continue;
		if (!isxdigit((unsigned char)*text) || count == DIGEST_CHARS)
			return false;
		ret_head[count++] = (char)tolower((unsigned char)*text);
	}
	ret_head[count] = '\0';
	return count >= VERIFY_HEAD_CHARS_MIN;
}

static const char *proven(const struct verify *verify)
{
	if (verify->proves_key && verify->proves_head)
		return "key,head";
	if (verify->proves_key)
		return "key";
	return verify->proves_head ? "head" : "nothing";
}

static void print_json(const struct verify *verify)
{
	_cleanup_(show_release) struct json_object *root =
		json_object_new_object();
	struct json_object *said;

	/* keys in their order */
	show_add_number(root, "checkpoints", verify->checkpoints);
	if (verify->wrong.why) {
		struct json_object *wrong =
			show_add_object(root, "first_wrong");

		show_add_number(wrong, "n", verify->wrong.n);
		show_add_number(wrong, "segment", verify->wrong.segment);
		show_add_text(wrong, "why", verify->wrong.why);
	} else {
		json_object_object_add(root, "first_wrong", NULL);
	}
	show_add_text(root, "head", verify->chain);
	show_add_text(root, "ledger", verify->ledger);
	show_add_text(root, "proven", proven(verify));
	show_add_number(root, "records", verify->records);
	said = show_add_list(root, "said");
	for (size_t i = 0; i < verify->said_count; i++)
		json_object_array_add(said,
				      json_object_new_string(verify->said[i]));
	show_add_number(root, "segments", verify->segments);
	show_add_number(root, "tail", verify->tail);
	show_add_text(root, "verdict", verify_verdict(verify));
	show_json(root, SHOW_JSON_LINE);
}

/* why of a wrong record, and what it means */
static const struct {
	const char *why, *text;
} meanings[] = {
	{"torn", "it ends in the middle of a line"},
	{"format", "it is no record"},
	{"n", "the record that should be here is missing"},
	{"chain", "it is not as it was when the next one was written"},
	{"first", "a segment cannot begin with it"},
	{"previous", "the segment before it is not as it was"},
	{"checkpoint", "its note does not say what is there"},
	{"signature", "it is not signed by the key that was announced"},
	{"balance", "flows are missing, or too many"},
	{"key", "the first key is another"},
	{"head", "no record has that head: it was noted of another ledger, or "
		 "what it was of is gone"},
	{"missing", "this segment is not there"},
};

static const char *meaning(const char *why)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (strcmp(meanings[i].why, why) == 0)
			return meanings[i].text;
	return why;
}

/* Each thing held outside proves something, and not all. */
static void print_proven(const struct verify *verify)
{
	if (verify->proves_head)
		puts("proven: all up to that head is as it was when the head "
		     "was noted; not what came later, nor that it is true");
	if (verify->proves_key)
		puts("proven: nothing before the last checkpoint before "
		     "somebody broke in was changed; not that nothing was cut "
		     "off at a checkpoint, nor what came after a restart");
	if (!verify->proves_head && !verify->proves_key)
		puts("proven: that it fits itself, and so nothing against who "
		     "was root; give --head or --key, which were noted "
		     "elsewhere");
}

static void print_text(const char *path, const struct verify *verify)
{
	printf("%s: ledger %s, %" PRIu64 " segments, %" PRIu64
	       " records, %" PRIu64 " checkpoints\n",
	       path, verify->ledger, verify->segments, verify->records,
	       verify->checkpoints);
	if (verify->wrong.why) {
		printf("broken: segment %u, record %" PRIu64 " (%s): %s\n",
		       verify->wrong.segment, verify->wrong.n,
		       verify->wrong.why, meaning(verify->wrong.why));
		return;
	}
	printf("%s: every record is as it was chained, and every checkpoint "
	       "as it was signed\n",
	       verify_verdict(verify));
	for (size_t i = 0; i < verify->said_count; i++)
		printf("  %s\n", verify->said[i]);
	print_proven(verify);
	printf("head: %s\n", verify->chain);
}

static int ledger_verify(const struct context *context, int count, char **args)
{
	_cleanup_(verify_release) struct verify verify = {0};
	char head[DIGEST_BYTES];
	char path[PATH_MAX];
	struct fault fault;

	if (count > 1)
		return verb_usage("ledger verify takes one path");
	if (context->head && !take_head(context->head, head))
		return verb_usage("--head takes at least %d hexadecimal digits",
				  VERIFY_HEAD_CHARS_MIN);
	verify.head = context->head ? head : NULL;
	verify.key = context->key;
	if (ledger_path(context, count, args, path, &fault) ||
	    verify_path(path, &verify, &fault))
		return verb_fail(&fault);
	if (context->json)
		print_json(&verify);
	else
		print_text(path, &verify);
	if (verify.wrong.why)
		return EXIT_FAILED;
	return verify.is_incomplete ? EXIT_DEGRADED : EXIT_OK;
}

/* On paper: half of it, in groups of four. */
static void print_head(const struct verify *verify)
{
	printf("ledger %s, segment %" PRIu64 ", record %" PRIu64 "\n",
	       verify->ledger, verify->segments, verify->records - 1);
	printf("head   %s\npaper ", verify->chain);
	for (size_t i = 0; i < VERIFY_HEAD_CHARS_MIN; i += 4)
		printf(" %.4s", verify->chain + i);
	putchar('\n');
}

static int ledger_head(const struct context *context, int count, char **args)
{
	_cleanup_(verify_release) struct verify verify = {0};
	char path[PATH_MAX];
	struct fault fault;

	if (count > 1)
		return verb_usage("ledger head takes one path");
	if (ledger_path(context, count, args, path, &fault) ||
	    verify_path(path, &verify, &fault))
		return verb_fail(&fault);
	if (verify.wrong.why) {
		fprintf(stderr,
			"scoutgate: %s: segment %u, record %" PRIu64
			": %s; no head of it is worth noting\n",
			path, verify.wrong.segment, verify.wrong.n,
			meaning(verify.wrong.why));
		return EXIT_FAILED;
	}
	if (context->json)
		print_json(&verify);
	else
		print_head(&verify);
	return EXIT_OK;
}

static int ledger_init(const struct context *context, int count, char **args)
{
	char id[SEGMENT_ID_BYTES];
	struct fault fault;

	(void)context;
	if (count != 1)
		return verb_usage("ledger init takes a directory");
	if (segment_mark(args[0], id, &fault))
		return verb_fail(&fault);
	printf("%s is marked for ledger %s; name it in the configuration: "
	       "ledger { directory = \"%s\" }\n",
	       args[0], id, args[0]);
	return EXIT_OK;
}

static int ledger_note(const struct context *context, int count, char **args)
{
	struct record record = {0};
	struct fault fault;

	if (count != 1)
		return verb_usage("ledger note takes a text, as one word");
	record_text(&record, "text", args[0]);
	identity_add(&record);
	identity_add_claims(&record);
	return ledger_leave(context, "note", &record, &fault)
		       ? verb_fail(&fault)
		       : EXIT_OK;
}

static int copy_file(const char *from, const char *to, struct fault *ret_fault)
{
	_cleanup_(cleanup_close) int source = -1;
	_cleanup_(cleanup_close) int target = -1;
	ssize_t moved = 1;

	source = open(from, O_RDONLY | O_CLOEXEC);
	if (source < 0)
		return fault_set(ret_fault, errno, "%s: %s", from,
				 strerror(errno));
	target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		      0600);
	while (target >= 0 && moved > 0)
		moved = sendfile(target, source, NULL, 1 << 20);
	if (target < 0 || moved < 0 || fsync(target))
		return fault_set(ret_fault, errno, "%s: %s", to,
				 strerror(errno));
	return 0;
}

/* The proof is kept beside the segments, under its own digest. */
static int ledger_anchor(const struct context *context, int count, char **args)
{
	char sha256[DIGEST_BYTES];
	struct record record = {0};
	struct fault fault;
	struct place place;
	char path[PATH_MAX];
	int r;

	if (count != 1)
		return verb_usage("ledger anchor takes a file");
	if (ledger_place(context, &place, &fault) || place_make(&place, &fault))
		return verb_fail(&fault);
	r = digest_file(args[0], sha256);
	if (r) {
		fault_set(&fault, r, "%s: %s", args[0], strerror(-r));
		return verb_fail(&fault);
	}
	if (snprintf(path, sizeof(path), "%s/%.16s.proof", place.dir, sha256) >=
	    PATH_MAX)
		return verb_usage("%s: too long", place.dir);
	if (access(path, F_OK) && copy_file(args[0], path, &fault))
		return verb_fail(&fault);
	record_text(&record, "file", strrchr(path, '/') + 1);
	record_text(&record, "sha256", sha256);
	identity_add(&record);
	if (ledger_leave(context, "anchor", &record, &fault))
		return verb_fail(&fault);
	printf("%s is kept as %s, SHA-256 %s\n", args[0], path, sha256);
	return EXIT_OK;
}

static int export_one(const char *dir, const char *name, const char *to,
		      struct fault *ret_fault)
{
	char source[PATH_MAX];
	char target[PATH_MAX];

	if (file_path(dir, name, source) || file_path(to, name, target))
		return fault_set(ret_fault, ENAMETOOLONG, "%s: too long", to);
	return access(source, F_OK) ? 0 : copy_file(source, target, ret_fault);
}

static int export_all(const char *dir, const char *to, size_t *ret_count,
		      struct fault *ret_fault)
{
	_cleanup_(cleanup_free) uint32_t *numbers = NULL;
	int r = segment_list(dir, &numbers, ret_count, ret_fault);

	if (!r && mkdir(to, 0700) && errno != EEXIST)
		return fault_set(ret_fault, errno, "%s: %s", to,
				 strerror(errno));
	for (size_t i = 0; i < *ret_count && !r; i++) {
		char name[SEGMENT_NAME_BYTES];

		segment_name(numbers[i], name);
		r = export_one(dir, name, to, ret_fault);
		segment_leaves_name(numbers[i], name); /* it was purged */
		if (!r)
			r = export_one(dir, name, to, ret_fault);
	}
	return r;
}

static int ledger_export(const struct context *context, int count, char **args)
{
	struct record record = {0};
	struct fault fault;
	struct place place;
	size_t segments = 0;

	if (count != 1)
		return verb_usage("ledger export takes a directory");
	if (ledger_place(context, &place, &fault) ||
	    export_all(place.dir, args[0], &segments, &fault))
		return verb_fail(&fault);
	record_text(&record, "to", args[0]);
	record_number(&record, "segments", (int64_t)segments);
	identity_add(&record);
	if (ledger_leave(context, "export", &record, &fault))
		return verb_fail(&fault);
	printf("%zu segments are copied to %s; `scoutgate ledger verify %s` "
	       "reads them there\n",
	       segments, args[0], args[0]);
	return EXIT_OK;
}

static int ledger_purge(const struct context *context, int count, char **args)
{
	struct record record = {0};
	struct purge_result result;
	struct fault fault;
	struct place place;

	(void)args;
	if (count || !context->before)
		return verb_usage("ledger purge takes --before DATE alone");
	if (ledger_place(context, &place, &fault) ||
	    purge_before(place.dir, context->before, &result, &fault))
		return verb_fail(&fault);
	if (!result.first) {
		printf("no segment is all before %s: nothing is purged\n",
		       context->before);
		return EXIT_OK;
	}
	record_text(&record, "before", context->before);
	record_number(&record, "first", result.first);
	record_number(&record, "last", result.last);
	record_number(&record, "records", (int64_t)result.records);
	identity_add(&record);
	identity_add_claims(&record);
	if (ledger_leave(context, "purge", &record, &fault))
		return verb_fail(&fault);
	printf("segments %u to %u are purged, %" PRIu64
	       " records; their leaves stay\n",
	       result.first, result.last, result.records);
	return EXIT_OK;
}

static const struct {
	const char *name;
	int (*run)(const struct context *context, int count, char **args);
} actions[] = {
	{"head", ledger_head},	   {"verify", ledger_verify},
	{"show", ledger_show},	   {"report", ledger_report},
	{"export", ledger_export}, {"anchor", ledger_anchor},
	{"init", ledger_init},	   {"note", ledger_note},
	{"purge", ledger_purge},
};

int verb_ledger(const struct context *context, int count, char **args)
{
	for (size_t i = 0; count && i < sizeof(actions) / sizeof(actions[0]);
	     i++)
		if (strcmp(actions[i].name, args[0]) == 0)
			return actions[i].run(context, count - 1, args + 1);
	return verb_usage("ledger takes head, verify, show, report, export, "
			  "anchor, init, note or purge");
}

int verb_peer(const struct context *context, int count, char **args)
{
	struct record record = {0};
	struct fault fault;
	union sg_addr addr;
	char text[TEXT_ADDR_BYTES];

	if (count == 2 && !printable_is(args[1]))
		return verb_usage("a name is text that can be shown");
	if (count != 2 || text_parse_addr(args[0], &addr))
		return verb_usage("peer takes an address and its name; \"\" "
				  "takes the name away");
	text_from_addr(&addr, text, sizeof(text));
	record_text(&record, "address", text);
	record_text(&record, "name", args[1][0] ? args[1] : NULL);
	identity_add(&record);
	return ledger_leave(context, "peer", &record, &fault)
		       ? verb_fail(&fault)
		       : EXIT_OK;
}
