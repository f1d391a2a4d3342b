/* SPDX-License-Identifier: BSD-2-Clause */
#include "field_form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct row {
	const char *body;
	const char *wrong; /* NULL: it is right */
};

static void expect(const char *(*form)(const char *), const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *wrong = form(rows[i].body);

		if ((wrong == NULL) != (rows[i].wrong == NULL) ||
			(wrong != NULL && strcmp(wrong, rows[i].wrong) != 0))
			fail_msg("%s: %s", rows[i].body, wrong);
	}
}

static void test_date(void **state)
{
	static const struct row rows[] = {
		{"Sun, 22 Nov 2026 04:00:00 +0000", NULL},
		{" Sun, 2 Nov 2026 4:00 -0330 (NST)", NULL},
		{"22 Nov 2026 04:00:60 GMT", NULL},
		{"Sun,22 Nov 26 04:00:00 EST", NULL},
		{"Sun (a) , 22 Nov 2026\r\n 04 : 00 : 00 +0000", NULL},
		{"Sun 22 Nov 2026 04:00:00 Z", NULL},
		{"", "no day and month"},
		{"yesterday", "no day and month"},
		{"Sun Nov 22 04:00:00 2026", "no day and month"},
		{"2026-11-22T04:00:00Z", "no day and month"},
		{"Sun, 32 Nov 2026 04:00:00 +0000", "no day and month"},
		{"Sun, 22 November 2026 04:00:00 +0000", "no day and month"},
		{"22 Nov", "no year"},
		{"22 Nov 20261 04:00:00 +0000", "no year"},
		{"22 Nov 2026", "no time of day"},
		{"22 Nov 2026 24:00 +0000", "no time of day"},
		{"22 Nov 2026 04:60 +0000", "no time of day"},
		{"22 Nov 2026 04:00", "no time zone"},
		{"22 Nov 2026 04:00 +000", "no time zone"},
		{"22 Nov 2026 04:00 +0060", "no time zone"},
		{"22 Nov 2026 04:00 +0000 x", "no time zone"},
		{"22 Nov 2026 04:00 (unfinished", "no time zone"},
	};

	(void)state;
	expect(field_form_date, rows, ARRAY_COUNT(rows));
}

static void test_message_id(void **state)
{
	static const struct row rows[] = {
		{"<a@example.org>", NULL},
		{" <a.b-c/d+e@[192.0.2.1]>\r\n (x)", NULL},
		{"<a>", NULL},
		{"", "no '<' at its start"},
		{"a@example.org", "no '<' at its start"},
		{"<>", "nothing in its brackets"},
		{"<a@example.org", "no '>' behind its identifier"},
		{"<a b@example.org>", "no '>' behind its identifier"},
		{"<<a@example.org>>", "nothing in its brackets"},
		{"<a@example.org> <b@example.org>", "text behind its identifier"},
		{"<\xc3\xbc@example.org>", "octets that are not printable ASCII"},
	};

	(void)state;
	expect(field_form_message_id, rows, ARRAY_COUNT(rows));
}

static void test_content_type(void **state)
{
	static const struct row rows[] = {
		{"text/plain", NULL},
		{" text/plain; charset=utf-8", NULL},
		{"text/plain; charset=\"utf-8\"; format=flowed;", NULL},
		{"multipart/mixed;\r\n\tboundary=\"=_a(b);c\\\"d\"", NULL},
		{"multipart/mixed; boundary=a=b?c", NULL},
		{"text / plain (comment) ; charset = us-ascii (Plain)", NULL},
		{"application/x; name*0*=utf-8''a; name*1=b", NULL},
		{"", "no type"},
		{"; charset=utf-8", "no type"},
		{"text", "no subtype"},
		{"text/", "no subtype"},
		{"text/plain charset=utf-8", "text that is no parameter"},
		{"text/plain; charset", "text that is no parameter"},
		{"text/plain; =utf-8", "text that is no parameter"},
		{"text/plain; charset=\"utf-8", "a quote that does not end"},
		{"multipart/mixed; boundary=a; BOUNDARY=b", "a parameter that stands twice"},
	};

	(void)state;
	expect(field_form_content_type, rows, ARRAY_COUNT(rows));
}

static void test_transfer_encoding(void **state)
{
	static const struct row rows[] = {
		{"7bit", NULL},
		{" BASE64 (x)", NULL},
		{"quoted-printable\r\n ", NULL},
		{"", "no word"},
		{"base64, 7bit", "text behind its word"},
		{"base64 7bit", "text behind its word"},
	};

	(void)state;
	expect(field_form_transfer_encoding, rows, ARRAY_COUNT(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_date),
		cmocka_unit_test(test_message_id),
		cmocka_unit_test(test_content_type),
		cmocka_unit_test(test_transfer_encoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
