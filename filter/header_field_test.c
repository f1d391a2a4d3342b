/* SPDX-License-Identifier: BSD-2-Clause */
#include "header_field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"

static void test_names(void **state)
{
	(void)state;
	assert_true(header_field_is("From", "From"));
	assert_true(header_field_is("fROM", "From"));
	assert_true(header_field_is("From \t", "From"));
	assert_true(header_field_is(" From", "From"));
	assert_false(header_field_is("From-", "From"));
	assert_false(header_field_is("Fro", "From"));
	assert_false(header_field_is("", "From"));
	assert_false(header_field_is("   ", "From"));
}

static void test_lines(void **state)
{
	(void)state;
	assert_int_equal(header_field_longest_line("To", ""), 4);
	assert_int_equal(header_field_longest_line("To", "abc"), 7);
	assert_int_equal(header_field_longest_line("To", "a\n\tabcdefghij"), 11);
	assert_int_equal(header_field_longest_line("To", "a\r\n\tabcdefghij\r\n b"), 11);
	assert_int_equal(header_field_longest_line("Subject", "a\n"), 10);
}

enum reading { GOOD, MALFORMED, AMBIGUOUS };

static void test_mailboxes(void **state)
{
	static const struct {
		const char *body;
		enum reading reading;
		size_t count;
		const char *first; /* NULL: not looked at */
	} rows[] = {
		/* Shapes of real mail. */
		{"a@example.org", GOOD, 1, "a@example.org"},
		{" a@example.org", GOOD, 1, "a@example.org"},
		{"<a@example.org>", GOOD, 1, "a@example.org"},
		{"A <a@example.org>", GOOD, 1, "a@example.org"},
		{"A B C <a@example.org>", GOOD, 1, "a@example.org"},
		{"\"B, A\" <a@example.org>", GOOD, 1, "a@example.org"},
		{"\"A \\\"x\\\" B\" <a@example.org>", GOOD, 1, NULL},
		{"\"a@example.net\" <a@example.org>", GOOD, 1, "a@example.org"},
		{"A. B. <a@example.org>", GOOD, 1, NULL},
		{"a@example.org (A B)", GOOD, 1, "a@example.org"},
		{"(A (nested) B) a@example.org", GOOD, 1, "a@example.org"},
		{"(a \\) b \\( c) a@example.org", GOOD, 1, "a@example.org"},
		{"A <a@example.org> (comment)", GOOD, 1, "a@example.org"},
		{"=?utf-8?q?M=C3=BCller?= <a@example.org>", GOOD, 1, "a@example.org"},
		{"=?utf-8?b?TcO8bGxlcg==?= =?utf-8?b?TcO8bGxlcg==?=\r\n <a@example.org>", GOOD, 1,
			NULL},
		{"A\r\n <a@example.org>", GOOD, 1, "a@example.org"},
		{"M\xc3\xbcller <m\xc3\xbcller@example.org>", GOOD, 1, NULL},
		{"A <a@example.org>, B <b@example.org>", GOOD, 2, "a@example.org"},
		{"a@example.org,b@example.org , c@example.org", GOOD, 3, NULL},
		{"\"quoted local\"@example.org", GOOD, 1, NULL},
		{"a@[192.0.2.1]", GOOD, 1, NULL},
		{"A@B <a@example.org>", GOOD, 1, "a@example.org"},
		/* Sloppy. */
		{"", MALFORMED, 0, NULL},
		{"   ", MALFORMED, 0, NULL},
		{"A", MALFORMED, 0, NULL},
		{"A <>", MALFORMED, 1, NULL},
		{"<a>", MALFORMED, 1, NULL},
		{"Doe, John <a@example.org>", MALFORMED, 1, "a@example.org"},
		{"a@example.org,", MALFORMED, 1, NULL},
		{",, a@example.org", MALFORMED, 1, NULL},
		{"a @ example.org", MALFORMED, 1, NULL},
		{"A a@example.org", MALFORMED, 1, NULL},
		{"< a@example.org >", GOOD, 1, "a@example.org"},
		{"<a @example.org>", MALFORMED, 1, NULL},
		{"a@", MALFORMED, 1, NULL},
		{"a@-example.org", MALFORMED, 1, NULL},
		/* Readers could disagree. */
		{"<a@example.org> b@example.net", AMBIGUOUS, 1, NULL},
		{"<a@example.org>b@example.net", AMBIGUOUS, 1, NULL},
		{"<a@example.org><b@example.net>", AMBIGUOUS, 1, NULL},
		{"<a@example.org>\\,<b@example.net>", AMBIGUOUS, 2, NULL},
		{"<<a@example.org>>", AMBIGUOUS, 1, NULL},
		{"<a@example.org", AMBIGUOUS, 1, NULL},
		{"a@example.org>", AMBIGUOUS, 1, NULL},
		{"<@legit.example,@any.example:a@example.org>", AMBIGUOUS, 1, NULL},
		{"<@legit.example:a@example.org>", AMBIGUOUS, 1, NULL},
		{"<@legit.example>", AMBIGUOUS, 1, NULL},
		{"<a@example.org,b@example.net>", AMBIGUOUS, 1, NULL},
		{"x: a@example.org, b@example.org;", AMBIGUOUS, 2, NULL},
		{"undisclosed:;", AMBIGUOUS, 0, NULL},
		{"\"A <a@example.org>", AMBIGUOUS, 0, NULL},
		{"A\" <a@example.org>", AMBIGUOUS, 0, NULL},
		{"(A <a@example.org>", AMBIGUOUS, 0, NULL},
		{"=?utf-8?b?YUBleGFtcGxlLm9yZw==?=", AMBIGUOUS, 0, NULL},
		{"<=?utf-8?q?a?=@example.org>", AMBIGUOUS, 1, NULL},
		{"<a@=?utf-8?q?example.org?=>", AMBIGUOUS, 1, NULL},
		{"=?utf-8?b?YUBleGFtcGxlLm9yZw==?=, b@example.net", AMBIGUOUS, 1, NULL},
		{"A\x01 <a@example.org>", AMBIGUOUS, 1, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mailboxes mailboxes;
		enum reading reading = GOOD;
		char first[PATH_SIZE];

		header_field_mailboxes(rows[i].body, &mailboxes);
		if (mailboxes.ambiguous != NULL)
			reading = AMBIGUOUS;
		else if (mailboxes.malformed != NULL)
			reading = MALFORMED;
		if (reading != rows[i].reading || mailboxes.count != rows[i].count)
			fail_msg("%s: %s, %s, %zu", rows[i].body, mailboxes.ambiguous,
				mailboxes.malformed, mailboxes.count);
		if (rows[i].first != NULL)
			assert_string_equal(path_format(&mailboxes.first, first), rows[i].first);
	}
}

/* Whatever comes, it ends, and within bounds. */
static void test_hostile(void **state)
{
	static const char bytes[] = "\"\\(<>@,:;. a=?\r\n\t\x01\xff";
	struct mailboxes mailboxes;
	char *body = mem_alloc(100001);
	uint64_t random = 1;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(bytes); i++) {
		memset(body, bytes[i], 100000);
		header_field_mailboxes(body, &mailboxes);
		assert_true(mailboxes.count <= MAILBOXES_MAX);
	}
	memset(body, 0, 100001);
	for (int round = 0; round < 20000; round++) {
		for (int i = 0; i < 24; i++) {
			random = random * UINT64_C(6364136223846793005) + 1442695;
			body[i] = bytes[(random >> 33) % (sizeof(bytes) - 1)];
		}
		header_field_mailboxes(body, &mailboxes);
	}
	mem_free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_mailboxes),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
