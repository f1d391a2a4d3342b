/* SPDX-License-Identifier: BSD-2-Clause */
#include "authres_field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"

#define OURS "mx.example.org"

static void test_claims(void **state)
{
	static const struct {
		const char *body;
		bool claims;
	} rows[] = {
		{OURS "; spf=pass smtp.mailfrom=a@b.example", true},
		{" " OURS "; none", true},
		{OURS, true},
		{OURS ";", true},
		{"MX.Example.ORG; none", true},
		{OURS ".; none", true},
		{OURS " 1; none", true},
		{OURS "/1; none", true},
		{OURS " / 1; none", true},
		{"\"" OURS "\"; none", true},
		{"\"MX.example\\.org\"; none", true},
		{"(hello) " OURS "; none", true},
		{"(a (nested \\) one)) " OURS " (b) 1 (c); none", true},
		{OURS "(comment); none", true},
		{"mx.(comment)example.org; none", true},
		{"m(x)x.example.org; none", true},
		{"\r\n\t" OURS ";\r\n\tspf=pass", true},
		{"mx.\n\texample.org; none", true},
		{"mx . example . org; none", true},
		{"(never closed " OURS "; none", false},
		{"(" OURS "; spf=pass", true},
		{"\"" OURS "; spf=pass", true},
		{OURS "\"; spf=pass", true},
		{") " OURS "; spf=pass", true},
		{"(\\) " OURS "; spf=pass", true},
		{"\f" OURS "\v; spf=pass", true},
		{OURS "\x01; spf=pass", true},
		/* Readers of a token (RFC 2045) stop at these. */
		{OURS ", x; spf=pass", true},
		{OURS ",; spf=pass", true},
		{OURS ":25; spf=pass", true},
		{OURS "=1; spf=pass", true},
		{OURS "<x>; spf=pass", true},
		{"[" OURS "]; spf=pass", true},
		{"\"" OURS "\", x; spf=pass", true},
		{"other.example, " OURS "; spf=pass", false},
		{"u@" OURS "; spf=pass", false},
		{"; " OURS "; spf=pass", true},
		{OURS "\\; spf=pass", true},
		{OURS "\\", true},
		{"\"" OURS ";\"; spf=pass", true},
		{";; other.example; " OURS, false},
		{"", false},
		{";", false},
		{"(" OURS ") other.example; none", false},
		{"other.example; " OURS "=pass", false},
		{"other.example; none (" OURS ")", false},
		{"mx.example.or; none", false},
		{"mx.example.org.example.net; none", false},
		{"mx.example.orgx; none", false},
		{"x" OURS "; none", false},
		{"example.org; none", false},
		{"mx.example.org2; none", false},
	};
	char longest[3000];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (authres_claims(rows[i].body, OURS) != rows[i].claims)
			fail_msg("%s", rows[i].body);
	assert_true(authres_claims("xn--mnchen-3ya.example; none", "m\xc3\xbcnchen.example"));
	assert_true(authres_claims("m\xc3\xbcnchen.example; none", "xn--mnchen-3ya.example"));
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_false(authres_claims(longest, OURS));
	memset(longest, '(', sizeof(longest) - 1);
	assert_false(authres_claims(longest, OURS));
	/* Deeper than anybody follows. */
	memset(longest + 500, ')', 500);
	strcpy(longest + 1000, OURS "; none");
	assert_true(authres_claims(longest, OURS));
}

static void test_arc(void **state)
{
	static const struct {
		const char *body;
		bool claims;
	} rows[] = {
		{"i=1; " OURS "; spf=pass", true},
		{" i = 12 ;\r\n\t\"MX.example.org\" 1; none", true},
		{"(x) i=(y)1 (z); (a) " OURS "(b); none", true},
		{"i=1;;" OURS "; none", true},
		{"i=1 (;); " OURS "; none", true},
		{"i=\"1;\"; " OURS "; none", true},
		{"(;) i=1; " OURS "; none", true},
		{"i=1 (; " OURS "; none", true},
		{"i=1 (;); other.example; " OURS "; none", false},
		{OURS "; none", true},
		{"i=1; other.example; none", false},
		{"i=1; other.example; " OURS "; none", false},
		{"i=1", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (authres_arc_claims(rows[i].body, OURS) != rows[i].claims)
			fail_msg("%s", rows[i].body);
}

static void test_received(void **state)
{
	static const struct {
		const char *body;
		bool by;
	} rows[] = {
		{"from a.example (b [192.0.2.1])\r\n\tby " OURS " (Postfix) with ESMTP; date",
			true},
		{"by " OURS "; date", true},
		{"BY MX.example.org. with SMTP", true},
		{"from a (by b.example) by (x) " OURS "; date", true},
		{"by\r\n\t" OURS, true},
		{"from " OURS " by other.example; date", false},
		{"from a by other.example for <b@" OURS ">; date", false},
		{"from a (by " OURS ") by other.example; date", false},
		{"from a by other.example; by " OURS, false},
		{"from bygone " OURS, false},
		{"by x" OURS, false},
		{"from a\x01"
		 "b by " OURS,
			true},
		{"\x7f by\v" OURS "\x1f; date", true},
		{"by", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (received_by(rows[i].body, OURS) != rows[i].by)
			fail_msg("%s", rows[i].body);
	/* Each octet is passed, wherever it stands. */
	for (int octet = 1; octet < 256; octet++) {
		const char body[] = {
			'a', ' ', (char)octet, 'b', (char)octet, ' ', (char)octet, '\0'};

		assert_false(received_by(body, OURS));
		(void)authres_claims(body, OURS);
		(void)authres_arc_claims(body, OURS);
		(void)received_spf_claims(body, OURS);
	}
}

static void test_received_spf(void **state)
{
	static const struct {
		const char *body;
		bool claims;
	} rows[] = {
		{"pass (mx.example.org: domain of a.example) client-ip=192.0.2.1", true},
		{"Pass (MX.example.org. : ok)", true},
		{"pass receiver=mx.example.org; client-ip=192.0.2.1", true},
		{"pass client-ip=192.0.2.1;\n\treceiver = \"MX.EXAMPLE.ORG\";", true},
		{"pass (other.example: x) receiver=(hi) mx.example.org", true},
		{"pass receiver (hi) = mx.example.org", true},
		{"pass (x) (mx.example.org: domain of a.example)", true},
		{"pass (x (mx.example.org: y)) (other.example: z)", false},
		{"pass", false},
		{"", false},
		{"pass (other.example: mx.example.org) receiver=other.example", false},
		{"pass (mx.example.org.other.example: x)", false},
		{"pass receiver=mx.example.org.other.example", false},
		{"pass helo=mx.example.org", false},
		{"pass receiver", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (received_spf_claims(rows[i].body, OURS) != rows[i].claims)
			fail_msg("%s", rows[i].body);
}

/* Padding of any length hides nothing, and takes no longer than it is long. */
static void test_long_fields(void **state)
{
	static const char *const pads[] = {"(", "\\(", "(\\", "(a", "receiver=", "receiver=\"",
		"receiver (", "by(", "\"", "((\\)"};
	enum { LONG = 60000 };
	char *body = mem_alloc(LONG + 100);

	(void)state;
	for (size_t i = 0; i < sizeof(pads) / sizeof(pads[0]); i++) {
		size_t unit = strlen(pads[i]);

		for (size_t at = 0; at < LONG; at++)
			body[at] = pads[i][at % unit];
		body[LONG] = '\0';
		(void)authres_claims(body, OURS);
		(void)authres_arc_claims(body, OURS);
		(void)received_by(body, OURS);
		assert_false(received_spf_claims(body, OURS));
		strcpy(body + LONG, " receiver=" OURS ";");
		if (!received_spf_claims(body, OURS))
			fail_msg("receiver behind %s", pads[i]);
	}
	memset(body, '(', LONG);
	strcpy(body + LONG, OURS ")");
	assert_true(received_spf_claims(body, OURS));
	mem_free(body);
}

static void test_values(void **state)
{
	static const struct {
		const char *given, *want;
	} rows[] = {
		{"a@b.example", "a@b.example"},
		{"list+user_1@b.example", "list+user_1@b.example"},
		{"192.0.2.1", "192.0.2.1"},
		{"2001:db8::1", "\"2001:db8::1\""},
		{"", "\"\""},
		{"a=b@c.example", "\"a=b@c.example\""},
		{"a@b@c", "\"a@b@c\""},
		{"a;spf=pass", "\"a;spf=pass\""},
		{"a\"; spf=pass (", "\"a\\\"; spf=pass (\""},
		{"a\\", "\"a\\\\\""},
		{"a\r\nX-Evil: b", "\"a??X-Evil: b\""},
		{"m\xc3\xbcller@b", "\"m??ller@b\""},
	};
	char buffer[100];
	struct text text;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		text_init(&text, buffer, sizeof(buffer));
		authres_add_value(&text, rows[i].given, 80, false);
		assert_string_equal(buffer, rows[i].want);
	}
	text_init(&text, buffer, sizeof(buffer));
	authres_add_value(&text, "aaaaaaaaaa", 4, false);
	assert_string_equal(buffer, "aaaa");
	text_init(&text, buffer, sizeof(buffer));
	authres_add_value(&text, "m\xc3\xbcl\xff\xc2\x85\xe2\x80\xae\r@b", 80, true);
	assert_string_equal(buffer, "\"m\xc3\xbcl???????@b\"");
	text_init(&text, buffer, sizeof(buffer));
	authres_add_value(&text, "m\xc3\xbc", 2, true);
	assert_string_equal(buffer, "\"m?\"");
	text_init(&text, buffer, sizeof(buffer));
	authres_add_comment(&text, "a (b) \\ c\n\xff", 80);
	assert_string_equal(buffer, "a [b] ? c??");
}

/* RFC 7208 9.1: dot-atom or quoted-string. */
static void test_dot_atom(void **state)
{
	static const struct {
		const char *given, *want;
	} rows[] = {
		{"mail.example.net", "mail.example.net"},
		{"192.0.2.7", "192.0.2.7"},
		{"2001:db8::7", "\"2001:db8::7\""},
		{"a@example.net", "\"a@example.net\""},
		{"a..b", "\"a..b\""},
		{".a", "\".a\""},
		{"a.", "\"a.\""},
		{"", "\"\""},
		{"a;\r\n b=\"c\"", "\"a;?? b=\\\"c\\\"\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char buffer[100];
		struct text text;

		text_init(&text, buffer, sizeof(buffer));
		authres_add_dot_atom(&text, rows[i].given, 80);
		assert_string_equal(buffer, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dot_atom),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_received_spf),
		cmocka_unit_test(test_long_fields),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_arc),
		cmocka_unit_test(test_received),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
