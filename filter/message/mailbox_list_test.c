/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailbox_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"
#include "text.h"

#define NONE 0
#define D(name) (UINT64_C(1) << DEFECT_##name)

struct row {
	const char *body;
	uint64_t defects;
	size_t count;
	const char *address; /* of the first; NULL: not looked at */
	const char *name;
};

static const char *defect_texts(uint64_t defects)
{
	static char buffer[2000];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	for (int i = 0; i < DEFECTS; i++)
		if ((defects >> i & 1) != 0)
			text_addf(&text, "%s; ", mailbox_defect_text((enum mailbox_defect)i));
	return buffer;
}

static void expect(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct mailbox_list list;

		mailbox_list_parse(rows[i].body, &list);
		if (list.defects != rows[i].defects || list.count != rows[i].count)
			fail_msg("%s: %zu addresses, %s", rows[i].body, list.count,
				defect_texts(list.defects));
		if (rows[i].address != NULL)
			assert_string_equal(list.items[0].address, rows[i].address);
		if (rows[i].name != NULL)
			assert_string_equal(list.items[0].name, rows[i].name);
		mailbox_list_clear(&list);
		assert_int_equal(list.kept, 0);
	}
}

static void test_real_mail(void **state)
{
	static const struct row rows[] = {
		{"a@example.org", NONE, 1, "a@example.org", ""},
		{" a@example.org", NONE, 1, "a@example.org", ""},
		{"<a@example.org>", NONE, 1, "a@example.org", ""},
		{"A <a@example.org>", NONE, 1, "a@example.org", "A"},
		{"A B C <a@example.org>", NONE, 1, "a@example.org", "A B C"},
		{"A  B<a@example.org>", NONE, 1, "a@example.org", "A B"},
		{"\"B, A\" <a@example.org>", NONE, 1, "a@example.org", "B, A"},
		{"\"A \\\"x\\\" B\" <a@example.org>", NONE, 1, NULL, "A \"x\" B"},
		{"\"a@example.net\" <a@example.org>", NONE, 1, "a@example.org", "a@example.net"},
		{"a@example.org <a@example.org>", NONE, 1, "a@example.org", "a@example.org"},
		{"A. B. <a@example.org>", NONE, 1, NULL, "A. B."},
		{"a@example.org (A B)", NONE, 1, "a@example.org", "A B"},
		{"a@example.org(A)", NONE, 1, "a@example.org", "A"},
		{"(a \\) b \\( c) a@example.org", NONE, 1, "a@example.org", NULL},
		{"A <a@example.org> (comment)", NONE, 1, "a@example.org", "A"},
		{"A (c) <a@example.org>", NONE, 1, "a@example.org", "A"},
		{"=?utf-8?q?M=C3=BCller?= <a@example.org>", NONE, 1, "a@example.org",
			"M\xc3\xbcller"},
		{"=?utf-8?b?TcO8bGxlcg==?= =?utf-8?b?TcO8bGxlcg==?=\r\n <a@example.org>", NONE, 1,
			NULL, "M\xc3\xbcllerM\xc3\xbcller"},
		{"\"=?iso-8859-1?Q?M=FCller?=\" <a@example.org>", NONE, 1, NULL, "M\xc3\xbcller"},
		{"A\r\n <a@example.org>", NONE, 1, "a@example.org", "A"},
		{"M\xc3\xbcller <a@example.org>", NONE, 1, NULL, "M\xc3\xbcller"},
		{"M\xfcller <a@example.org>", NONE, 1, NULL, "M\xfcller"},
		{"A <a@example.org>, B <b@example.org>", NONE, 2, "a@example.org", "A"},
		{"a@example.org,b@example.org , c@example.org", NONE, 3, NULL, NULL},
		{"\"quoted local\"@example.org", NONE, 1, "\"quoted local\"@example.org", ""},
		{"A <\"quoted@local\"@example.org>", NONE, 1, "\"quoted@local\"@example.org", "A"},
		{"a@[192.0.2.1]", NONE, 1, NULL, ""},
		{"a@[IPv6:2001:db8::1], b@[192.0.2.1]", NONE, 2, "a@[IPv6:2001:db8::1]", ""},
		{"A <\"a,b\"@example.org>", NONE, 1, "\"a,b\"@example.org", "A"},
		{"!#$%&'*+-/=?^_`{|}~@example.org", NONE, 1, NULL, NULL},
		{"< a@example.org >", NONE, 1, "a@example.org", ""},
		{"=?utf-8?q?A_=3Ca=40example=2Eorg=3E?= <a@example.org>", NONE, 1, NULL,
			"A <a@example.org>"},
	};

	(void)state;
	expect(rows, ARRAY_COUNT(rows));
}

static void test_sloppy(void **state)
{
	static const struct row rows[] = {
		{"", D(EMPTY_ELEMENT), 0, NULL, NULL},
		{"   ", D(EMPTY_ELEMENT), 0, NULL, NULL},
		{"A", D(NO_ADDRESS), 0, NULL, NULL},
		{"=?utf-8?q?A?=", D(NO_ADDRESS), 0, NULL, NULL},
		{"\"\"", D(NO_ADDRESS), 0, NULL, NULL},
		{"A <>", D(NULL_ADDRESS), 0, NULL, NULL},
		{"<a>", D(UNQUALIFIED), 1, "a", ""},
		{"root@host", D(UNQUALIFIED), 1, "root@host", ""},
		{"Doe, John <a@example.org>", D(UNQUOTED_COMMA), 1, "a@example.org", "Doe, John"},
		{"Doe, J. <a@example.org>, b@example.net", D(UNQUOTED_COMMA), 2, NULL, "Doe, J."},
		{"Re: x <a@example.org>", D(UNQUOTED_COLON), 1, "a@example.org", "Re: x"},
		{"b@example.org <a@example.org>", D(UNQUOTED_AT), 1, "a@example.org",
			"b@example.org"},
		{"@home <a@example.org>", D(UNQUOTED_AT), 1, "a@example.org", "@home"},
		{"me @ home <a@example.org>", D(UNQUOTED_AT) | D(BLANK_AROUND_AT), 1, NULL, NULL},
		{"A@B <a@example.org>", D(UNQUOTED_AT), 1, "a@example.org", "A@B"},
		{"a@example.org; b@example.org", D(SEMICOLON), 2, NULL, NULL},
		{"[x] Anna <a@example.org>", D(UNQUOTED_BRACKET), 1, "a@example.org", "[x] Anna"},
		{"a@example.org;", D(SEMICOLON), 1, NULL, NULL},
		{"\\\"A\\\" <a@example.org>", D(STRAY_BACKSLASH), 1, NULL, "\"A\""},
		{"a@example.org,", D(EMPTY_ELEMENT), 1, NULL, NULL},
		{",, a@example.org", D(EMPTY_ELEMENT), 1, NULL, NULL},
		{"a @ example.org", D(BLANK_AROUND_AT), 1, "a@example.org", NULL},
		{"<a @example.org>", D(BLANK_AROUND_AT), 1, "a@example.org", NULL},
		{"A B a@example.org", D(WORDS_BESIDE_ADDRESS), 1, "a@example.org", NULL},
		{"(A (nested) B) a@example.org", D(NESTED_COMMENT), 1, "a@example.org",
			"A (nested) B"},
		{"a@", D(DOMAIN_MALFORMED), 1, NULL, NULL},
		{"a@-example.org", D(DOMAIN_MALFORMED), 1, NULL, NULL},
		{"a@b_c.example.org", D(DOMAIN_MALFORMED), 1, NULL, NULL},
		{"a..b@example.org", D(LOCAL_PART_MALFORMED), 1, NULL, NULL},
		{"\"A\" <a.@example.org>", D(LOCAL_PART_MALFORMED), 1, NULL, "A"},
		{"m\xc3\xbcller@example.org", D(8BIT_ADDRESS), 1, NULL, NULL},
		{"A\xe2\x80\xae"
		 "B <a@example.org>",
			D(INVISIBLE_IN_NAME), 1, NULL, NULL},
		{"=?utf-8?q?=E2=80=AE?= <a@example.org>", D(INVISIBLE_IN_NAME), 1, NULL, NULL},
		{"=?utf-8?b?T*?= <a@example.org>", D(ENCODED_WORD_MALFORMED), 1, NULL, NULL},
		{"\r\n a@example.org", D(FOLD_AFTER_COLON), 1, NULL, NULL},
	};

	(void)state;
	expect(rows, ARRAY_COUNT(rows));
}

static void test_ambiguous(void **state)
{
	static const struct row rows[] = {
		{"<a@example.org> b@example.net", D(TEXT_AFTER_ADDRESS), 1, "a@example.org", ""},
		{"<a@example.org>b@example.net", D(TEXT_AFTER_ADDRESS), 1, NULL, NULL},
		{"<a@example.org>\\,<b@example.net>", D(ESCAPED_SEPARATOR) | D(TEXT_AFTER_ADDRESS),
			2, NULL, NULL},
		{"A\\, B <a@example.org>", D(ESCAPED_SEPARATOR) | D(UNQUOTED_COMMA), 1, NULL, NULL},
		{"<a@example.org><b@example.net>", D(SEVERAL_BRACKETS), 1, NULL, NULL},
		{"<a@example.org,b@example.net>", D(SEVERAL_BRACKETS), 1, NULL, NULL},
		{"<<a@example.org>>", D(NESTED_BRACKETS) | D(UNBALANCED_BRACKET), 1, NULL, NULL},
		{"<a@example.org", D(UNBALANCED_BRACKET), 1, NULL, NULL},
		{"a@example.org>", D(UNBALANCED_BRACKET), 1, NULL, NULL},
		{"<@legit.example,@any.example:a@example.org>", D(ROUTE), 1, "a@example.org", NULL},
		{"<@legit.example:a@example.org>", D(ROUTE), 1, "a@example.org", NULL},
		{"<@legit.example>", D(ROUTE) | D(LOCAL_PART_MALFORMED), 1, NULL, NULL},
		{"x: a@example.org, b@example.org;", D(GROUP), 2, NULL, NULL},
		{"x: A <a@example.org>;", D(GROUP), 1, "a@example.org", "A"},
		{"b@legit.example: <a@example.org>", D(GROUP), 1, "a@example.org", NULL},
		{"undisclosed:;", D(GROUP) | D(EMPTY_GROUP), 0, NULL, NULL},
		{"\"A <a@example.org>",
			D(UNBALANCED_QUOTE) | D(EMPTY_ELEMENT) | D(ADDRESS_IN_NAME_ONLY), 0, NULL,
			NULL},
		{"A\" <a@example.org>",
			D(UNBALANCED_QUOTE) | D(NO_ADDRESS) | D(ADDRESS_IN_NAME_ONLY), 0, NULL,
			NULL},
		{"(A <a@example.org>",
			D(UNBALANCED_COMMENT) | D(EMPTY_ELEMENT) | D(ADDRESS_IN_NAME_ONLY), 0, NULL,
			NULL},
		{"A) <a@example.org>", D(UNBALANCED_COMMENT), 1, NULL, NULL},
		{"a@legit.example(.evil).example", D(COMMENT_IN_ADDRESS), 1, NULL, NULL},
		{"<a@legit(x).example>", D(COMMENT_IN_ADDRESS), 1, NULL, NULL},
		{"=?utf-8?b?YUBleGFtcGxlLm9yZw==?=", D(ENCODED_ADDRESS) | D(NO_ADDRESS), 0, NULL,
			NULL},
		{"<=?utf-8?q?a?=@example.org>", D(ENCODED_PART), 1, NULL, NULL},
		{"<a@=?utf-8?q?example.org?=>", D(ENCODED_PART), 1, NULL, NULL},
		{"=?utf-8?q?=3Cadmin=40legit=2Eexample=3E?= <a@example.org>",
			D(ADDRESS_IN_ENCODED_NAME), 1, NULL, "<admin@legit.example>"},
		{"=?utf-8?q?a=00b?= <a@example.org>", D(ENCODED_CONTROL), 1, NULL, NULL},
		{"A\x01 <a@example.org>", D(CONTROL_CHARACTER), 1, NULL, NULL},
		{"A\x7f <a@example.org>", D(CONTROL_CHARACTER), 1, NULL, NULL},
		{"<a@example\xe2\x80\x80.org>",
			D(INVISIBLE_IN_ADDRESS) | D(8BIT_ADDRESS) | D(DOMAIN_MALFORMED), 1, NULL,
			NULL},
		{"<a@legit .example>", D(BLANK_IN_ADDRESS), 1, NULL, NULL},
		{"a@legit.example b@example.org", D(BLANK_IN_ADDRESS), 2, "a@legit.example", NULL},
		{"a@legit.example .evil.example", D(BLANK_IN_ADDRESS), 1, NULL, NULL},
		{"\"b@example.net\", <a@example.org>", D(UNQUOTED_COMMA) | D(OTHER_ADDRESS_AS_NAME),
			1, NULL, NULL},
		{"b@ example.net <a@example.org>", D(BLANK_AROUND_AT) | D(OTHER_ADDRESS_AS_NAME), 1,
			NULL, NULL},
		{"b@example .net <a@example.org>", D(OTHER_ADDRESS_AS_NAME), 1, NULL, NULL},
		{"[x] \"b@example.net\" <a@example.org>",
			D(UNQUOTED_BRACKET) | D(OTHER_ADDRESS_AS_NAME), 1, NULL, NULL},
		{"Re: =?utf-8?q?b=40example.net?= <a@example.org>",
			D(UNQUOTED_COLON) | D(OTHER_ADDRESS_AS_NAME), 1, NULL, NULL},
		{"=?utf-8?q?b=40example.net?= a@example.org",
			D(ENCODED_ADDRESS) | D(WORDS_BESIDE_ADDRESS), 1, NULL, NULL},
		{"b@example.net <>, a@example.org", D(ADDRESS_IN_NAME_ONLY) | D(NULL_ADDRESS), 1,
			NULL, NULL},
		{"A\r<a@example.org>", D(CONTROL_CHARACTER), 1, NULL, NULL},
		{"b@example.net\"x\" <a@example.org>", D(OTHER_ADDRESS_AS_NAME), 1, NULL, NULL},
		{"b@example.net <a@example.org>", D(OTHER_ADDRESS_AS_NAME), 1, "a@example.org",
			"b@example.net"},
		{"x b@example.net y <a@example.org>", D(OTHER_ADDRESS_AS_NAME), 1, "a@example.org",
			"x b@example.net y"},
		{"<a@b@example.org>", D(TWO_AT), 1, NULL, NULL},
		{"<a@legit.example;b>", D(SPECIAL_IN_ADDRESS), 1, NULL, NULL},
		{"<\"a\"b@example.org>", D(SPECIAL_IN_ADDRESS), 1, NULL, NULL},
		{"<a;b@example.org>", D(SPECIAL_IN_ADDRESS), 1, NULL, NULL},
		{"Anna <\"a@legit.example>\"@example.org>", D(SPECIAL_IN_ADDRESS), 1, NULL, NULL},
		{"<\"<a@legit.example>\"@example.org>", D(SPECIAL_IN_ADDRESS), 1, NULL, NULL},
		{"<a@legit.example:b>", D(SPECIAL_IN_ADDRESS), 1, NULL, NULL},
		{"<a@legit.example\"b\">", D(SPECIAL_IN_ADDRESS), 1, NULL, NULL},
		{"<a@legit.example\\b>", D(SPECIAL_IN_ADDRESS) | D(STRAY_BACKSLASH), 1, NULL, NULL},
		{"<a@legit.example[b].c>", D(SPECIAL_IN_ADDRESS), 1, NULL, NULL},
		{"\"a@legit.example\" <>", D(ADDRESS_IN_NAME_ONLY) | D(NULL_ADDRESS), 0, NULL,
			NULL},
		{"\"a@legit.example\"", D(ADDRESS_IN_NAME_ONLY) | D(NO_ADDRESS), 0, NULL, NULL},
		{"(a@legit.example)", D(ADDRESS_IN_NAME_ONLY) | D(EMPTY_ELEMENT), 0, NULL, NULL},
		{"A\r\n \t\r\n <a@example.org>", D(BLANK_FOLD), 1, NULL, NULL},
	};

	(void)state;
	expect(rows, ARRAY_COUNT(rows));
}

/* Whatever comes, it ends, and within bounds. */
static void test_hostile(void **state)
{
	static const char bytes[] = "\"\\(<>@,:;. a=?\r\n\t\x01\xff)q";
	struct mailbox_list list;
	char *body = mem_alloc(100001);
	uint64_t random = 1;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(bytes); i++) {
		memset(body, bytes[i], 100000);
		mailbox_list_parse(body, &list);
		assert_true(list.count <= MAILBOX_LIST_MAX && list.kept <= MAILBOX_LIST_KEPT);
		mailbox_list_clear(&list);
	}
	memset(body, 0, 100001);
	for (int round = 0; round < 20000; round++) {
		for (int i = 0; i < 24; i++) {
			random = random * UINT64_C(6364136223846793005) + 1442695;
			body[i] = bytes[(random >> 33) % (sizeof(bytes) - 1)];
		}
		mailbox_list_parse(body, &list);
		mailbox_list_clear(&list);
	}
	mem_free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_mail),
		cmocka_unit_test(test_sloppy),
		cmocka_unit_test(test_ambiguous),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
