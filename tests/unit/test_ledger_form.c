// SPDX-License-Identifier: GPL-2.0-or-later
/* The form of a ledger's records, their chain and signatures, and the sessions
 * that are put together from them. */
#include "ledger/canonical.h"
#include "ledger/digest.h"
#include "ledger/record.h"
#include "ledger/sessions.h"
#include "ledger/sign.h"
#include "sys/cleanup.h"
#include "unit.h"

static bool is_canonical(const char *line)
{
	return canonical_is(line, strlen(line));
}

static void a_line_has_one_form(void **state)
{
	static const char *const right[] = {
		"{}",
		"{\"a\":0}",
		"{\"a\":9007199254740991}",
		"{\"step\":-1}",
		"{\"step\":-9007199254740991}",
		"{\"a\":true,\"b\":false,\"c\":null}",
		"{\"a\":[],\"b\":{},\"c\":[1,\"x\",[2],{\"d\":3}]}",
		"{\"a\":\"\"}",
		"{\"a\":\"\\\"\\\\\"}",
		"{\"a\":\" ~\"}",
		"{\"a\":\"%0A%25%C3%A9\"}",
		"{\"A\":1,\"a\":2}",
		"{\"a\":1,\"a.b\":2,\"aa\":3}",
		"{\"id.orig_h\":\"::\",\"id.orig_p\":22}",
	};
	static const char *const wrong[] = {
		"",
		" {}",
		"{} ",
		"{}{}",
		"[]",
		"1",
		"\"a\"",
		"null",
		"{",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1",
		"{\"a\":1,}",
		"{,\"a\":1}",
		"{\"a\":1 }",
		"{ \"a\":1}",
		"{\"a\" :1}",
		"{\"a\": 1}",
		"{a:1}",
		"{'a':1}",
		"{\"a\":-0}",
		"{\"step\":-0}",
		"{\"step\":-}",
		"{\"step\":-01}",
		"{\"a\":-1}",
		"{\"a\":[-1]}",
		"{\"a\":00}",
		"{\"a\":01}",
		"{\"a\":+1}",
		"{\"a\":1.0}",
		"{\"a\":1e3}",
		"{\"a\":0x10}",
		"{\"a\":9007199254740992}",
		"{\"step\":-9007199254740992}",
		"{\"a\":99999999999999999}",
		"{\"a\":18446744073709551617}",
		"{\"a\":99999999999999999999999999999999999999999}",
		"{\"a\":True}",
		"{\"a\":nul}",
		"{\"a\":nulll}",
		"{\"a\":NaN}",
		"{\"a\":\"\\u0041\"}",
		"{\"a\":\"\\n\"}",
		"{\"a\":\"\\/\"}",
		"{\"a\":\"\\\"}",
		"{\"a\":\"\t\"}",
		"{\"a\":\"\x7f\"}",
		"{\"a\":\"\xc3\xa9\"}",
		"{\"a\":\"%\"}",
		"{\"a\":\"%4\"}",
		"{\"a\":\"%0a\"}",
		"{\"a\":\"%G0\"}",
		"{\"a\":\"x}",
		"{\"b\":1,\"a\":2}",
		"{\"a\":1,\"a\":2}",
		"{\"aa\":1,\"a\":2}",
		"{\"a\":1,\"A\":2}",
		"{\"a\":{\"c\":1,\"b\":2}}",
		"{\"a\":[{\"b\":1,\"b\":2}]}",
		"{\"a\":[1,]}",
		"{\"a\":[,1]}",
		"{\"a\":[1 ,2]}",
		"{\"a\":[1}",
		"{\"a\":1}\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(right); i++)
		if (!is_canonical(right[i]))
			fail_msg("<%s> is refused", right[i]);
	for (size_t i = 0; i < COUNT(wrong); i++)
		if (is_canonical(wrong[i]))
			fail_msg("<%s> is taken", wrong[i]);
	assert_false(canonical_is("{\"a\":\"\0\"}", 9));
}

/* {"a":[[[...]]]} of so many values, one in the other */
static bool may_be_so_deep(size_t depth)
{
	char line[2 * 100 + 8] = "{\"a\":";

	for (size_t i = 1; i < depth; i++)
		strcat(line, "[");
	for (size_t i = 1; i < depth; i++)
		strcat(line, "]");
	strcat(line, "}");
	return is_canonical(line);
}

static void depth_has_a_limit(void **state)
{
	(void)state;
	assert_true(may_be_so_deep(2));
	assert_true(may_be_so_deep(CANONICAL_DEPTH_MAX));
	assert_false(may_be_so_deep(CANONICAL_DEPTH_MAX + 1));
	assert_false(may_be_so_deep(100));
}

/* A line that is cut anywhere is none, and is not read beyond its end. */
static void no_beginning_of_a_line_is_one(void **state)
{
	static const char line[] =
		"{\"a\":[1,{\"b\":\"x\\\\%0A\"}],\"c\":true,\"step\":-12}";

	(void)state;
	assert_true(is_canonical(line));
	for (size_t bytes = 0; bytes < sizeof(line) - 1; bytes++) {
		_cleanup_(cleanup_free) char *cut = malloc(bytes + 1);

		memcpy(cut, line, bytes); /* for SAN=1 to see */
		assert_false(canonical_is(cut, bytes));
	}
}

static void fields_are_found(void **state)
{
	static const char line[] =
		"{\"a\":\"%41\\\"\\\\%C3%A9\",\"b\":{\"a\":7,\"c\":\"x\"},"
		"\"boot\":\"12.000000345\",\"n\":null,\"step\":-3}";
	const size_t bytes = sizeof(line) - 1;
	struct canonical_value inner = canonical_find(line, bytes, "b");
	char text[16];
	char small[6];

	(void)state;
	assert_int_equal(canonical_text(canonical_find(line, bytes, "a"), text,
					sizeof(text)),
			 0);
	assert_string_equal(text, "A\"\\\xc3\xa9");
	assert_int_equal(canonical_text(canonical_find(line, bytes, "a"), small,
					sizeof(small)),
			 -1);
	assert_int_equal(canonical_number(canonical_inside(inner, "a")), 7);
	assert_true(canonical_is_text(canonical_inside(inner, "c"), "x"));
	assert_null(canonical_inside(inner, "b").at);
	assert_null(canonical_find(line, bytes, "c").at);
	assert_null(canonical_inside(canonical_find(line, bytes, "a"), "a").at);
	assert_int_equal(canonical_find(line, bytes, "n").type, 'n');
	assert_int_equal(canonical_number(canonical_find(line, bytes, "step")),
			 -1);
	assert_int_equal(canonical_number(canonical_find(line, bytes, "a")),
			 -1);
	assert_int_equal(canonical_time(canonical_find(line, bytes, "boot")),
			 12000000345);
}

static void times_have_nine_decimals(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} rows[] = {
		{"0.000000000", 0},
		{"1.000000001", 1000000001},
		{"999999999.999999999", 999999999999999999},
		{"01.000000000", -1},
		{".000000000", -1},
		{"1.00000000", -1},
		{"1.0000000000", -1},
		{"1000000000", -1},
		{"-1.000000000", -1},
		{"1,000000000", -1},
		{"9999999999.000000000", -1},
		{"99999999999.000000000", -1},
		{"", -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct canonical_value value = {rows[i].text,
						strlen(rows[i].text), '"'};

		if (canonical_time(value) != rows[i].ns)
			fail_msg("\"%s\"", rows[i].text);
	}
}

/* A record's line, to be freed. */
static char *printed(struct record *record)
{
	size_t bytes = 0;
	char *line = record_print(record, "\n", &bytes);

	assert_non_null(line);
	assert_int_equal(bytes, strlen(line));
	assert_true(canonical_is(line, bytes - 1));
	record_release(record);
	return line;
}

static void a_record_is_in_that_form(void **state)
{
	_cleanup_(cleanup_free) char *line = NULL;
	struct record record = {0};
	struct record inner = {0};

	(void)state;
	record_text(&inner, "z", NULL);
	record_number(&inner, "b", 0);
	record_text(&record, "text", "a\"b\\c%d\n\t\x7f\xc3\xa9~ /");
	record_number(&record, "step", -5);
	record_number(&record, "most", INT64_MAX);
	record_flag(&record, "no", false);
	record_flag(&record, "Yes", true);
	record_time(&record, "at", 12000000345);
	record_value(&record, "list", "[]");
	record_object(&record, "in", &inner);
	line = printed(&record);
	assert_string_equal(
		line, "{\"Yes\":true,\"at\":\"12.000000345\","
		      "\"in\":{\"b\":0,\"z\":null},\"list\":[],"
		      "\"most\":9007199254740991,\"no\":false,\"step\":-5,"
		      "\"text\":\"a\\\"b\\\\c%25d%0A%09%7F%C3%A9~ /\"}\n");
}

static void numbers_stay_within_53_bits(void **state)
{
	_cleanup_(cleanup_free) char *line = NULL;
	struct record record = {0};

	(void)state;
	record_number(&record, "a", RECORD_NUMBER_MAX);
	record_number(&record, "b", RECORD_NUMBER_MAX + 1);
	record_number(&record, "step", INT64_MIN);
	line = printed(&record);
	assert_string_equal(line, "{\"a\":9007199254740991,"
				  "\"b\":9007199254740991,"
				  "\"step\":-9007199254740991}\n");
}

static void every_byte_is_written_and_read_back(void **state)
{
	_cleanup_(cleanup_free) char *line = NULL;
	struct record record = {0};
	char bytes[256];
	char again[256];

	(void)state;
	for (int i = 1; i < 256; i++)
		bytes[i - 1] = (char)i;
	bytes[255] = '\0';
	record_text(&record, "a", bytes);
	line = printed(&record);
	/* what is between the quotation marks is longer than its text */
	assert_int_equal(
		canonical_text(canonical_find(line, strlen(line) - 1, "a"),
			       again, sizeof(again)),
		-1);
	{
		char room[1024];

		assert_int_equal(
			canonical_text(
				canonical_find(line, strlen(line) - 1, "a"),
				room, sizeof(room)),
			0);
		assert_string_equal(room, bytes);
	}
}

static void decoding_leaves_what_is_no_escape(void **state)
{
	static const char *const rows[][2] = {
		{"", ""},	   {"%41", "A"},   {"%", "%"},
		{"%4", "%4"},	   {"%%41", "%A"}, {"%4g", "%4g"},
		{"a%0Ab", "a\nb"}, {"%25", "%"},   {"%2541", "%41"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[16];

		strcpy(text, rows[i][0]);
		record_decode(text);
		assert_string_equal(text, rows[i][1]);
	}
}

static void too_many_fields_make_no_line(void **state)
{
	static char keys[RECORD_FIELDS_MAX + 1][8];
	struct record record = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		snprintf(keys[i], sizeof(keys[i]), "%zu", i);
		if (i == RECORD_FIELDS_MAX) {
			char *line = record_print(&record, "", NULL);

			assert_non_null(line);
			free(line);
		}
		record_number(&record, keys[i], 1);
	}
	assert_null(record_print(&record, "", NULL));
	record_release(&record);
}

static void dates_are_of_utc(void **state)
{
	char text[RECORD_TIME_BYTES];

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	record_date_text(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	record_date_text(UINT64_C(1774742370999999999), text);
	assert_string_equal(text, "2026-03-28T23:59:30.999Z");
}

/* By `sha256sum`, of the bytes that scoutgate-ledger(5) names. */
static void the_chain_is_that_of_the_manual_page(void **state)
{
	char chain[DIGEST_BYTES] = DIGEST_CHAIN_BEGIN;
	char hex[DIGEST_BYTES];

	(void)state;
	digest_of("", 0, hex);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb924"
				 "27ae41e4649b934ca495991b7852b855");
	digest_chain(chain, "{\"n\":0}\n", 8, chain);
	assert_string_equal(chain, "f68f5c36a5c803c92eadc34ddbc52271"
				   "d7c35e65c0ceade3a4634eab398289d0");
	digest_chain(chain, "{\"n\":1}\n", 8, chain);
	assert_string_equal(chain, "22e7ee150515b2a02dbc3c1e4038c07b"
				   "17f1120d90d65ab4d48ee16d065db1f2");
}

static void a_digest_is_made_piece_by_piece(void **state)
{
	struct digest *digest = digest_new();
	char pieces[DIGEST_BYTES];
	char whole[DIGEST_BYTES];

	(void)state;
	digest_of("abc", 3, whole);
	digest_add(digest, "ab", 2);
	digest_so_far(digest, pieces);
	assert_string_not_equal(pieces, whole);
	digest_add(digest, "c", 1);
	digest_so_far(digest, pieces);
	assert_string_equal(pieces, whole);
	digest_restart(digest);
	digest_so_far(digest, pieces);
	digest_of("", 0, whole);
	assert_string_equal(pieces, whole);
	digest_free(&digest);
	assert_null(digest);
}

static void a_signature_is_of_one_key_and_one_text(void **state)
{
	struct sign_key *key = sign_key_new();
	struct sign_key *other = sign_key_new();
	char public_key[SIGN_KEY_BYTES];
	char signature[SIGN_BYTES];
	char bad[2 * SIGN_BYTES];

	(void)state;
	assert_non_null(key);
	assert_non_null(other);
	strcpy(public_key, sign_key_public(key));
	assert_int_equal(strlen(public_key), SIGN_KEY_CHARS);
	assert_true(sign_is_key(public_key));
	assert_string_not_equal(public_key, sign_key_public(other));
	assert_int_equal(sign_text(key, "a note\n", signature), 0);
	assert_int_equal(strlen(signature), SIGN_CHARS);
	assert_true(sign_is_by(public_key, "a note\n", signature));
	assert_false(sign_is_by(public_key, "a note", signature));
	assert_false(sign_is_by(public_key, "", signature));
	assert_false(sign_is_by(sign_key_public(other), "a note\n", signature));
	/* base64 that is spelled in another way, cut, longer, or none */
	for (size_t i = 0; i < SIGN_CHARS; i++) {
		strcpy(bad, signature);
		bad[i] = bad[i] == 'A' ? 'B' : 'A';
		assert_false(sign_is_by(public_key, "a note\n", bad));
		bad[i] = '\n';
		assert_false(sign_is_by(public_key, "a note\n", bad));
		bad[i] = '\0';
		assert_false(sign_is_by(public_key, "a note\n", bad));
	}
	snprintf(bad, sizeof(bad), "%s\n", signature);
	assert_false(sign_is_by(public_key, "a note\n", bad));
	snprintf(bad, sizeof(bad), " %s", signature);
	assert_false(sign_is_by(public_key, "a note\n", bad));
	for (size_t i = 0; i < SIGN_KEY_CHARS; i++) {
		strcpy(bad, public_key);
		bad[i] = bad[i] == 'A' ? 'B' : 'A';
		assert_false(sign_is_by(bad, "a note\n", signature));
	}
	assert_false(sign_is_key(""));
	assert_false(sign_is_key(signature));
	sign_key_wipe(&key);
	assert_null(key);
	sign_key_wipe(&key); /* once more is nothing */
	sign_key_wipe(&other);
}

/*
 * Sessions
 */

static struct session taken[8];
static size_t taken_count;

static int keep(const struct session *session, void *context)
{
	assert_ptr_equal(context, taken);
	assert_true(taken_count < COUNT(taken));
	taken[taken_count++] = *session;
	return 0;
}

static struct sessions *sessions_of(const char *const *lines, size_t count)
{
	struct sessions *sessions = sessions_new(keep, taken);

	taken_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct walk_record record = {lines[i], strlen(lines[i]), 1};

		if (!is_canonical(lines[i]))
			fail_msg("<%s> is not canonical", lines[i]);
		assert_int_equal(sessions_take(sessions, &record), 0);
	}
	return sessions;
}

#define UID_A "aaaaaaaaaaaaaaaaaaaa"
#define UID_B "bbbbbbbbbbbbbbbbbbbb"
#define FLOW(event, uid, bytes, more)                                          \
	"{\"event\":\"" event "\",\"id.orig_h\":\"10.1.0.1\","                 \
	"\"id.orig_p\":40000,\"id.resp_h\":\"10.1.0.2\",\"id.resp_p\":22,"     \
	"\"kind\":\"forward\",\"orig_ip_bytes\":" bytes more                   \
	",\"resp_ip_bytes\":7,\"rule\":\"ssh\","                               \
	"\"start_ts\":\"2026-01-01T00:00:00.000Z\","                           \
	"\"state\":\"established\",\"uid\":\"" uid "\"}"
#define START(boot) "{\"boot_id\":\"" boot "\",\"event\":\"start\"}"

static void a_session_has_its_newest_counts(void **state)
{
	static const char *const lines[] = {
		START("one"),
		FLOW("flow.begin", UID_A, "60", ""),
		FLOW("flow.begin", UID_B, "61", ",\"peer\":\"Alice\""),
		FLOW("flow.update", UID_A, "100", ""),
		"{\"event\":\"grant\",\"uid\":\"" UID_A "\"}",
		FLOW("flow.end", UID_A, "200", ",\"reason\":\"closed\""),
	};
	struct sessions *sessions = sessions_of(lines, COUNT(lines));

	(void)state;
	assert_int_equal(taken_count, 1);
	assert_string_equal(taken[0].uid, UID_A);
	assert_string_equal(taken[0].orig_h, "10.1.0.1");
	assert_int_equal(taken[0].orig_p, 40000);
	assert_string_equal(taken[0].resp_h, "10.1.0.2");
	assert_int_equal(taken[0].resp_p, 22);
	assert_string_equal(taken[0].rule, "ssh");
	assert_string_equal(taken[0].since, "2026-01-01T00:00:00.000Z");
	assert_int_equal(taken[0].orig_ip_bytes, 200);
	assert_int_equal(taken[0].resp_ip_bytes, 7);
	assert_string_equal(taken[0].reason, "closed");
	assert_int_equal(sessions_finish(&sessions), 0);
	assert_null(sessions);
	assert_int_equal(taken_count, 2);
	assert_string_equal(taken[1].uid, UID_B);
	assert_string_equal(taken[1].peer, "Alice");
	assert_string_equal(taken[1].reason, ""); /* it lives */
}

static void what_was_lost_is_one_session_nevertheless(void **state)
{
	static const char *const lines[] = {
		/* its begin is not on file */
		FLOW("found", UID_A, "60", ""),
		"{\"event\":\"gone\",\"reason\":\"lost\",\"uid\":\"" UID_A
		"\"}",
		/* nobody knew of it */
		"{\"event\":\"gone\",\"uid\":\"" UID_B "\"}",
		FLOW("flow.end", UID_B, "5", ",\"reason\":\"timeout\""),
	};
	struct sessions *sessions = sessions_of(lines, COUNT(lines));

	(void)state;
	assert_int_equal(sessions_finish(&sessions), 0);
	assert_int_equal(taken_count, 2);
	assert_string_equal(taken[0].uid, UID_A);
	assert_string_equal(taken[0].reason, "lost");
	assert_int_equal(taken[0].orig_ip_bytes, 60);
	assert_string_equal(taken[1].uid, UID_B);
	assert_string_equal(taken[1].reason, "timeout");
}

static void no_session_outlives_a_boot(void **state)
{
	static const char *const lines[] = {
		START("one"),
		FLOW("flow.begin", UID_A, "60", ""),
		START("one"), /* a restart of the daemon alone */
		FLOW("flow.begin", UID_B, "60", ""),
		START("two"),
	};
	struct sessions *sessions = sessions_of(lines, COUNT(lines) - 1);
	struct walk_record record = {lines[4], strlen(lines[4]), 1};

	(void)state;
	assert_int_equal(taken_count, 0);
	assert_int_equal(sessions_take(sessions, &record), 0);
	assert_int_equal(taken_count, 2);
	assert_string_equal(taken[0].reason, "lost");
	assert_int_equal(sessions_finish(&sessions), 0);
	assert_int_equal(taken_count, 2);
}

static void grants_are_named_with_their_epochs(void **state)
{
	static const char *const lines[] = {
		"{\"event\":\"flow.end\",\"grants\":["
		"{\"epoch\":2,\"name\":\"lan-access\"},"
		"{\"epoch\":1,\"name\":\"host-control\"}],"
		"\"uid\":\"" UID_A "\"}",
		"{\"event\":\"flow.end\",\"grants\":[],\"uid\":\"" UID_B "\"}",
	};
	struct sessions *sessions = sessions_of(lines, COUNT(lines));

	(void)state;
	assert_int_equal(taken_count, 2);
	assert_string_equal(taken[0].grants, "lan-access 2, host-control 1");
	assert_string_equal(taken[1].grants, "");
	sessions_finish(&sessions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_one_form),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(no_beginning_of_a_line_is_one),
		cmocka_unit_test(fields_are_found),
		cmocka_unit_test(times_have_nine_decimals),
		cmocka_unit_test(a_record_is_in_that_form),
		cmocka_unit_test(numbers_stay_within_53_bits),
		cmocka_unit_test(every_byte_is_written_and_read_back),
		cmocka_unit_test(decoding_leaves_what_is_no_escape),
		cmocka_unit_test(too_many_fields_make_no_line),
		cmocka_unit_test(dates_are_of_utc),
		cmocka_unit_test(the_chain_is_that_of_the_manual_page),
		cmocka_unit_test(a_digest_is_made_piece_by_piece),
		cmocka_unit_test(a_signature_is_of_one_key_and_one_text),
		cmocka_unit_test(a_session_has_its_newest_counts),
		cmocka_unit_test(what_was_lost_is_one_session_nevertheless),
		cmocka_unit_test(no_session_outlives_a_boot),
		cmocka_unit_test(grants_are_named_with_their_epochs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
