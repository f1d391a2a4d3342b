/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/fake_inquiry.c"
#include "../tests/fake/fake_spf.c"
#include "../tests/lib/policy_case.h"
#include "mem.h"
#include "text.h"

extern const struct policy policy_message;

static void start(struct policy_case *policy_case)
{
	policy_case_start(policy_case, &policy_message);
	policy_case_connect(policy_case, "192.0.2.7");
	policy_case_helo(policy_case, "mail.example.net");
	policy_case_mail(policy_case, "<a@example.net>");
}

/* Names of the checks that failed, each once, but for the two that GOOD would only blur. */
static const char *failed(struct policy_case *policy_case)
{
	static char names[300];
	struct text text;

	text_init(&text, names, sizeof(names));
	for (const struct check *check = policy_message.checks; check->name != NULL; check++) {
		if (policy_case_finding(policy_case, check->name) == NULL)
			continue;
		text_addf(&text, "%s%s", text.length == 0 ? "" : " ", check->name);
	}
	return names;
}

#define REST "Date: Sun, 22 Nov 2026 04:00:00 +0000|Message-ID: <x@example.org>"
#define GOOD "From: a@example.org|" REST

static const struct row {
	const char *fields; /* "name: body", separated by | */
	const char *failed;
	enum action action;
} rows[] = {
	{GOOD "|Subject: s|To: b@example.org", "", ACTION_OFF},
	{"from: a@example.org|" REST, "", ACTION_OFF},
	{"Received: x|Received: y|X-A: 1|X-A: 2|" GOOD, "", ACTION_OFF},
	{REST, "from_missing", ACTION_REJECT},
	{"", "from_missing date_missing message_id_missing", ACTION_REJECT},
	{"Sender: a@example.org|" REST, "from_missing", ACTION_REJECT},
	{"X-From: a@example.org|" REST, "from_missing", ACTION_REJECT},
	{"Resent-From: a@example.org|" REST, "from_missing", ACTION_REJECT},
	{GOOD "|From: b@example.net", "from_repeated", ACTION_REJECT},
	{GOOD "|From : b@example.net", "from_repeated blank_before_colon", ACTION_REJECT},
	{GOOD "|FROM\t: b@example.net", "from_repeated blank_before_colon", ACTION_REJECT},
	{"From: |" REST, "from_empty", ACTION_REJECT},
	{"From: \r\n\t |" REST, "from_empty blank_fold", ACTION_REJECT},
	{"From: |From: a@example.org|" REST, "from_empty from_repeated", ACTION_REJECT},
	{GOOD "|Subject: s|Subject: t", "field_repeated", ACTION_TAG},
	{GOOD "|date: 22 Nov 2026 04:00 +0000", "field_repeated", ACTION_TAG},
	{GOOD "|To: c@example.org|To: d@example.org", "field_repeated", ACTION_TAG},
	{GOOD "|References: x|References: y", "field_repeated", ACTION_TAG},
	{GOOD "|Content-Type: text/plain|Content-Type: text/html", "mime_field_repeated",
		ACTION_TAG},
	{GOOD "|Sender: x@example.org|Cc: x@example.org|Bcc: x|In-Reply-To: x|References: x", "",
		ACTION_OFF},
	{"From: a@example.org|Message-ID: <x@example.org>", "date_missing", ACTION_TAG},
	{"From: a@example.org|Message-ID: <x>|Date: now", "date_malformed", ACTION_TAG},
	{"From: a@example.org|Date: 22 Nov 2026 04:00 +0000", "message_id_missing", ACTION_TAG},
	{"From: a@example.org|Date: 22 Nov 2026 04:00 +0000|Message-ID: x", "message_id_malformed",
		ACTION_TAG},
	{GOOD "|Sender: <a@example.org", "sender_ambiguous", ACTION_TAG},
	{GOOD "|Sender: a@example.org, b@example.org", "sender_ambiguous", ACTION_TAG},
	{GOOD "|Sender: x: a@example.org;", "sender_ambiguous", ACTION_TAG},
	{GOOD "|Reply-To: <a@example.org> b@example.net", "reply_to_ambiguous", ACTION_TAG},
	{GOOD "|Reply-To: x: a@example.org, b@example.org;", "", ACTION_OFF},
	{GOOD "|Resent-From: <@b:a@example.org>", "resent_from_ambiguous", ACTION_TAG},
	{GOOD "|To: undisclosed-recipients:;", "", ACTION_OFF},
	{GOOD "|To: \"a <b@example.org>", "recipients_ambiguous", ACTION_TAG},
	{GOOD "|Cc: b@example.org (x", "recipients_ambiguous", ACTION_TAG},
	{GOOD "|Content-Type: text", "content_type_malformed", ACTION_TAG},
	{GOOD "|Content-Type: multipart/mixed; boundary=a; boundary=b", "content_type_malformed",
		ACTION_TAG},
	{GOOD "|Content-Transfer-Encoding: base64 7bit", "content_type_malformed", ACTION_TAG},
	{GOOD "|X-\xff: a", "field_name_malformed", ACTION_TAG},
	{GOOD "|X Y: a", "field_name_malformed", ACTION_TAG},
	{GOOD "|X-A : a", "blank_before_colon", ACTION_TAG},
	{GOOD "|X-A: a\x01", "control_character", ACTION_TAG},
	{GOOD "|X-A: a\rb", "control_character", ACTION_TAG},
	{GOOD "|Subject: =?utf-8?q?a=00b?= c", "encoded_control", ACTION_TAG},
	{GOOD "|Subject: a\r\n \r\n b", "blank_fold", ACTION_TAG},
	{GOOD "|X-Mailbox-Line: From a@example.org Sun", "mailbox_line", ACTION_TAG},
	{GOOD "|Return-Path: <a@example.org>", "", ACTION_OFF}, /* return_path: off */
	{GOOD "|Subject: a\xe2\x80\xae"
	      "b",
		"subject_invisible", ACTION_TAG},
	{GOOD "|Subject: =?utf-8?q?=E2=80=8B?=", "subject_invisible", ACTION_TAG},
	{GOOD "|Subject: \xfc", "", ACTION_OFF}, /* not_ascii: off */
};

static void add_fields(struct policy_case *policy_case, const char *fields)
{
	char *copy = mem_text(fields);
	char *rest = copy;

	for (char *one = strsep(&rest, "|"); one != NULL; one = strsep(&rest, "|")) {
		char *body = strchr(one, ':');

		if (body == NULL)
			continue;
		*body++ = '\0';
		policy_case_field(policy_case, one, body);
	}
	mem_free(copy);
}

static void test_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy_case policy_case;

		start(&policy_case);
		add_fields(&policy_case, rows[i].fields);
		policy_case_run(&policy_case, STAGE_EOM);
		if (strcmp(failed(&policy_case), rows[i].failed) != 0 ||
			policy_case_action(&policy_case) != rows[i].action)
			fail_msg("%s: %s", rows[i].fields, failed(&policy_case));
		policy_case_end(&policy_case);
	}
}

/* Each check is in the table above, or below. */
static void test_every_check_is_tested(void **state)
{
	(void)state;
	for (const struct check *check = policy_message.checks; check->name != NULL; check++) {
		bool found = strcmp(check->name, "line_length") == 0 ||
			     strcmp(check->name, "field_too_long") == 0 ||
			     strcmp(check->name, "too_many_fields") == 0 ||
			     strcmp(check->name, "return_path") == 0 ||
			     strcmp(check->name, "not_ascii") == 0;

		for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
			found = found || strstr(rows[i].failed, check->name) != NULL;
		if (!found)
			fail_msg("%s", check->name);
	}
}

/* Checks that are off by default. */
static void test_settable(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case_set(&policy_case, "return_path", "tag");
	policy_case_set(&policy_case, "not_ascii", "reject");
	add_fields(&policy_case, GOOD "|Return-Path: <a@example.org>|Subject: \xfc");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "return_path not_ascii");
	assert_int_equal(policy_case_action(&policy_case), ACTION_REJECT);
	policy_case_end(&policy_case);
}

static void test_smtputf8(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case_set(&policy_case, "not_ascii", "tag");
	policy_case.session.transaction.smtputf8 = true;
	add_fields(&policy_case, GOOD "|Subject: \xc3\xbc");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "");
	policy_case_end(&policy_case);
}

/* From stands, however late it comes. */
static void test_many_fields(void **state)
{
	static const char *const settings[] = {"1000", "1000000"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
		struct policy_case policy_case;

		start(&policy_case);
		policy_case_set(&policy_case, "max_fields", settings[i]);
		for (int n = 0; n < 100000; n++)
			policy_case_field(&policy_case, "X-Filler", "y");
		add_fields(&policy_case, GOOD);
		policy_case_run(&policy_case, STAGE_EOM);
		assert_string_equal(failed(&policy_case), i == 0 ? "too_many_fields" : "");
		policy_case_end(&policy_case);
	}
}

static const char *with_long_field(const char *name, const char *end, size_t length)
{
	static char result[200];
	struct policy_case policy_case;
	char *long_body = mem_alloc(strlen(end) + length + 1);

	memset(long_body, 'x', length);
	memcpy(long_body + length, end, strlen(end));
	start(&policy_case);
	policy_case_set(&policy_case, "max_field_size", "2000");
	add_fields(&policy_case, GOOD);
	policy_case_field(&policy_case, name, long_body);
	policy_case_run(&policy_case, STAGE_EOM);
	strcpy(result, failed(&policy_case));
	policy_case_end(&policy_case);
	mem_free(long_body);
	return result;
}

static void test_sizes(void **state)
{
	(void)state;
	assert_string_equal(with_long_field("X", "", 995), "");
	assert_string_equal(with_long_field("X", "", 996), "line_length");
	assert_string_equal(with_long_field("X", "\r\n\tabc", 995), "");
	assert_string_equal(with_long_field("X-Long-Name", "", 995), "line_length");
	assert_string_equal(with_long_field("X", "", 1999), "line_length");
	assert_string_equal(with_long_field("X", "", 2000), "field_too_long line_length");
}

/* Nothing of one message is held against the next. */
static void test_next_message(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	add_fields(&policy_case, GOOD "|From: b@example.net|Subject: x");
	policy_case_mail(&policy_case, "<a@example.net>");
	add_fields(&policy_case, GOOD);
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
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "");
	policy_case_end(&policy_case);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_every_check_is_tested),
		cmocka_unit_test(test_settable),
		cmocka_unit_test(test_smtputf8),
		cmocka_unit_test(test_many_fields),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_next_message),
		cmocka_unit_test(test_local_submission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
