/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler.h"
#include "mem.h"

static const struct {
	const char *line;
	const char *client, *helo, *from, *rcpt; /* client NULL: refused */
} rows[] = {
	/* Ours. */
	{"Nov 22 03:00:00 mx mailreeve[7]: session=ABC client=192.0.2.7 helo=mail.example.net "
	 "from=<a@example.net> rcpt=<b@example.org> stage=rcpt verdict=reject",
		"192.0.2.7", "mail.example.net", "<a@example.net>", "<b@example.org>"},
	{"mailreeve: session=ABC client=2001:db8::7 helo=\"a\\x0ab\" from=<> stage=mail",
		"2001:db8::7", "a\nb", "<>", NULL},
	{"session=ABC client=192.0.2.7 helo=\"x\\...\" verdict=reject", "192.0.2.7", "x", NULL,
		NULL},
	{"session=ABC client=192.0.2.7 findings=\"policy.x=fail: a; client=192.0.2.8\"",
		"192.0.2.7", NULL, NULL, NULL},
	{"{\"session\":\"ABC\",\"client\":\"192.0.2.7\",\"helo\":\"a\\\\x0ab\",\"from\":\"<>\"}",
		"192.0.2.7", "a\nb", "<>", NULL},
	{"session=ABC client=\"192.0.2.7", NULL, NULL, NULL, NULL},
	{"session=ABC client=192.0.2.7 helo=\"\\xzz\"", NULL, NULL, NULL, NULL},
	{"{\"session\":\"ABC\",\"client\":", NULL, NULL, NULL, NULL},
	/* Postfix's. */
	{"Nov 22 03:00:00 mx postfix/smtpd[7]: NOQUEUE: milter-reject: RCPT from "
	 "mail.example.net[192.0.2.7]: 451 4.7.1 no; from=<a@example.net> to=<b@example.org> "
	 "proto=ESMTP helo=<mail.example.net>",
		"192.0.2.7", "mail.example.net", "a@example.net", "b@example.org"},
	{"postfix/smtpd[7]: 4A5B: milter-reject: END-OF-MESSAGE from unknown[2001:db8::7]: 550 "
	 "5.7.1 "
	 "Command rejected; from=<> to=<b@example.org> proto=ESMTP helo=<x>",
		"2001:db8::7", "x", "", "b@example.org"},
	{"NOQUEUE: reject: RCPT from x[192.0.2.7]:4711: 554 5.7.1 <b@example.org>: Relay access "
	 "denied; from=<a@example.net> to=<b@example.org> proto=SMTP helo=<y>",
		"192.0.2.7", "y", "a@example.net", "b@example.org"},
	/* The reply quotes what looks like facts. */
	{"NOQUEUE: milter-reject: RCPT from x[192.0.2.7]: 550 5.7.1 no; from=<forged@x> "
	 "to=<forged@y>; "
	 "from=<a@example.net> to=<b@example.org> proto=SMTP helo=<y>",
		"192.0.2.7", "y", "a@example.net", "b@example.org"},
	/* Before MAIL there is no envelope, and before HELO no name. */
	{"NOQUEUE: milter-reject: CONNECT from unknown[192.0.2.7]: 550 5.7.1 no (ref 7Q2K-M4XD); "
	 "proto=SMTP",
		"192.0.2.7", NULL, NULL, NULL},
	{"NOQUEUE: milter-reject: EHLO from x[2001:db8::7]: 550 5.7.1 no; proto=ESMTP helo=<y>",
		"2001:db8::7", "y", NULL, NULL},
	{"NOQUEUE: milter-reject: MAIL from x[192.0.2.7]: 550 5.7.1 no; from=<\"a b\"@example.net> "
	 "proto=ESMTP helo=<[192.0.2.7]>",
		"192.0.2.7", "[192.0.2.7]", "\"a b\"@example.net", NULL},
	/* HELO does. */
	{"NOQUEUE: milter-reject: RCPT from x[192.0.2.7]: 550 5.7.1 no; from=<a@example.net> "
	 "to=<b@example.org> proto=ESMTP helo=<y; from=<forged@x> to=<forged@y>; proto=SMTP>",
		"192.0.2.7", "y; from=<forged@x", "a@example.net", "b@example.org"},
	{"NOQUEUE: milter-reject: EHLO from x[192.0.2.7]: 550 5.7.1 no; proto=SMTP "
	 "helo=<y to=<forged@y>",
		"192.0.2.7", "y to=<forged@y", NULL, NULL},
	{"NOQUEUE: milter-reject: CONNECT from x[192.0.2.7]: 550 5.7.1 no; pro", NULL, NULL, NULL,
		NULL},
	{"NOQUEUE: milter-reject: CONNECT from x[nothing]: 550 no; from=<a@b>", NULL, NULL, NULL,
		NULL},
	{"connect from x[192.0.2.7]", NULL, NULL, NULL, NULL},
	{"", NULL, NULL, NULL, NULL},
	{"something else", NULL, NULL, NULL, NULL},
};

static void assert_same(const char *got, const char *want)
{
	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got, want);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct explain_request request = {.client = NULL};
		char why[200] = "";
		bool good = explain_line_read(rows[i].line, &request, why, sizeof(why));

		assert_int_equal(good, rows[i].client != NULL);
		if (good) {
			assert_same(request.client, rows[i].client);
			assert_same(request.helo, rows[i].helo);
			assert_same(request.from, rows[i].from);
			assert_same(request.recipients[0], rows[i].rcpt);
		} else {
			assert_string_not_equal(why, "");
		}
		explain_request_clear(&request);
	}
}

/* As it travels to the daemon: any bytes come back. */
static void test_request_travels(void **state)
{
	struct explain_request request = {.client = NULL}, again;
	char why[200];
	size_t length;
	char *bytes;

	(void)state;
	assert_true(explain_request_set(&request, "client", "192.0.2.7", why, sizeof(why)));
	assert_true(explain_request_set(&request, "helo", "a\nb \"\\\xff", why, sizeof(why)));
	assert_true(explain_request_set(&request, "from", "", why, sizeof(why)));
	assert_true(explain_request_set(&request, "rcpt", "<x y@z>", why, sizeof(why)));
	assert_true(explain_request_set(&request, "rcpt", "", why, sizeof(why)));
	assert_false(explain_request_set(&request, "nothing", "", why, sizeof(why)));
	request.message = mem_alloc(5);
	memcpy(request.message, "a\0b\n\n", 5);
	request.message_length = 5;
	bytes = explain_request_format(&request, &length);
	assert_true(explain_request_parse(bytes, length, &again, why, sizeof(why)));
	assert_string_equal(again.helo, request.helo);
	assert_string_equal(again.from, "");
	assert_int_equal(again.recipient_count, 2);
	assert_string_equal(again.recipients[0], "<x y@z>");
	assert_int_equal(again.message_length, 5);
	assert_memory_equal(again.message, "a\0b\n\n", 5);
	explain_request_clear(&again);
	for (size_t cut = 0; cut < length; cut++) {
		if (explain_request_parse(bytes, cut, &again, why, sizeof(why)))
			assert_true(cut >= length - 6);
		explain_request_clear(&again);
	}
	mem_free(bytes);
	explain_request_clear(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_request_travels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
