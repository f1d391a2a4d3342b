/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/fake_inquiry.c"
#include "../tests/fake/fake_spf.c"
#include "../tests/lib/policy_case.h"
#include "text.h"

extern const struct policy policy_body;

static void start(struct policy_case *policy_case)
{
	policy_case_start(policy_case, &policy_body);
	policy_case_connect(policy_case, "192.0.2.7");
	policy_case_helo(policy_case, "mail.example.net");
	policy_case_mail(policy_case, "<a@example.net>");
}

static void chunk(struct policy_case *policy_case, const char *text)
{
	policy_case->call.chunk = (const unsigned char *)text;
	policy_case->call.chunk_length = strlen(text);
	policy_case_run(policy_case, STAGE_BODY);
}

static const char *failed(struct policy_case *policy_case)
{
	static char names[300];
	struct text text;

	text_init(&text, names, sizeof(names));
	for (const struct check *check = policy_body.checks; check->name != NULL; check++)
		if (policy_case_finding(policy_case, check->name) != NULL)
			text_addf(&text, "%s%s", text.length == 0 ? "" : " ", check->name);
	return names;
}

#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X1000 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100

static void test_checks(void **state)
{
	static const struct {
		const char *name, *body; /* of a header field, or NULL */
		const char *text;
		const char *failed;
	} rows[] = {
		{NULL, NULL, "text\r\n", ""},
		{NULL, NULL, "", ""},
		{NULL, NULL, X1000 "\r\n", "line_length"},
		{NULL, NULL, "a\rb\r\n", "bare_cr"},
		{NULL, NULL, "a\nb\r\n", "bare_lf"},
		{NULL, NULL, "\xfc\r\n", "undeclared_8bit"},
		{"Content-Transfer-Encoding", " 8bit", "\xfc\r\n", ""},
		{"Content-Transfer-Encoding", " base64", "!\r\n", "undecodable_base64"},
		{NULL, NULL, "MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n", "smtp_dialogue"},
		{NULL, NULL, " From: a@b\r\n", "header_in_body"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy_case policy_case;

		start(&policy_case);
		if (rows[i].name != NULL)
			policy_case_field(&policy_case, rows[i].name, rows[i].body);
		chunk(&policy_case, rows[i].text);
		policy_case_run(&policy_case, STAGE_EOM);
		assert_string_equal(failed(&policy_case), rows[i].failed);
		assert_int_equal(policy_case_action(&policy_case),
			rows[i].failed[0] == '\0' ? ACTION_OFF : ACTION_TAG);
		policy_case_end(&policy_case);
	}
}

static void test_nul(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case.call.chunk = (const unsigned char *)"a\0b\r\n";
	policy_case.call.chunk_length = 5;
	policy_case_run(&policy_case, STAGE_BODY);
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "nul");
	policy_case_end(&policy_case);
}

static void test_declared_at_mail(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case.session.transaction.declared_8bit = true;
	chunk(&policy_case, "\xfc\r\n");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "");
	policy_case_end(&policy_case);
}

/* Nothing of one message is held against the next; a message without a body is one. */
static void test_next_message(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	chunk(&policy_case, "MAIL FROM:<>\r\nRCPT TO:<a@b>\r\n");
	policy_case_mail(&policy_case, "<a@example.net>");
	chunk(&policy_case, "DATA\r\n");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "");
	policy_case_mail(&policy_case, "<a@example.net>");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "");
	policy_case_end(&policy_case);
}

static void test_local_submission(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case_connect(&policy_case, "127.0.0.1");
	strcpy(policy_case.session.mta_client_name, "localhost");
	policy_case.session.client_port = 0;
	chunk(&policy_case, "a\rb\r\n");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "");
	policy_case_end(&policy_case);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_declared_at_mail),
		cmocka_unit_test(test_next_message),
		cmocka_unit_test(test_local_submission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
