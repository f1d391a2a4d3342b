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

static void field(struct policy_case *policy_case, const char *name, const char *body)
{
	policy_case->call.field_name = name;
	policy_case->call.field_body = body;
	policy_case_run(policy_case, STAGE_HEADER);
}

static void chunk(struct policy_case *policy_case, const void *bytes, size_t length)
{
	policy_case->call.chunk = bytes;
	policy_case->call.chunk_length = length;
	policy_case_run(policy_case, STAGE_BODY);
}

static void start(struct policy_case *policy_case)
{
	policy_case_start(policy_case, &policy_message);
	policy_case_connect(policy_case, "192.0.2.7");
	policy_case_helo(policy_case, "mail.example.net");
	policy_case_mail(policy_case, "<a@example.net>");
}

/* Names of the checks that failed, each once. */
static const char *failed(struct policy_case *policy_case)
{
	static char names[200];
	struct text text;

	text_init(&text, names, sizeof(names));
	for (const struct check *check = policy_message.checks; check->name != NULL; check++) {
		const struct finding *finding = policy_case_finding(policy_case, check->name);

		if (finding == NULL)
			continue;
		text_addf(&text, "%s%s", text.length == 0 ? "" : " ", check->name);
	}
	return names;
}

#define GOOD "From: a@example.org|Date: x|Message-ID: <x@y>|Subject: s|To: b@example.org"

static const struct row {
	const char *fields; /* "name: body", separated by | */
	const char *failed;
	enum action action;
} rows[] = {
	{GOOD, "", ACTION_OFF},
	{"from: a@example.org", "", ACTION_OFF},
	{"Received: x|Received: y|X-A: 1|X-A: 2|From: a@example.org", "", ACTION_OFF},
	{"", "from_missing", ACTION_REJECT},
	{"Sender: a@example.org", "from_missing", ACTION_REJECT},
	{"X-From: a@example.org", "from_missing", ACTION_REJECT},
	{"Resent-From: a@example.org", "from_missing", ACTION_REJECT},
	{GOOD "|From: b@example.net", "from_repeated", ACTION_REJECT},
	{GOOD "|From : b@example.net", "from_repeated", ACTION_REJECT},
	{GOOD "|FROM\t: b@example.net", "from_repeated", ACTION_REJECT},
	{"From: ", "from_missing", ACTION_REJECT},
	{"From: \r\n\t ", "from_missing", ACTION_REJECT},
	{"From: |From: a@example.org", "from_repeated from_malformed", ACTION_REJECT},
	{"From: Anna", "from_malformed", ACTION_TAG},
	{"From: a@example.org, b@example.org", "from_ambiguous", ACTION_REJECT},
	{"From: a@example.org, b@example.org|Sender: a@example.org", "", ACTION_OFF},
	{"From: <a@example.org> b@example.net", "from_ambiguous", ACTION_REJECT},
	{"From: Doe, John <a@example.org>", "from_malformed", ACTION_TAG},
	{GOOD "|Subject: t", "field_repeated", ACTION_TAG},
	{GOOD "|date: t", "field_repeated", ACTION_TAG},
	{GOOD "|To: c@example.org|To: d@example.org", "field_repeated", ACTION_TAG},
	{GOOD "|Sender: x|Reply-To: x|Cc: x|Bcc: x|In-Reply-To: x|References: x", "", ACTION_OFF},
	{GOOD "|References: x|References: y", "field_repeated", ACTION_TAG},
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
		field(policy_case, one, body + (*body == ' '));
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

/* From stands, however late it comes. */
static void test_many_fields(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	for (int i = 0; i < 100000; i++)
		field(&policy_case, "X-Filler", "y");
	field(&policy_case, "From", "a@example.org");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "");
	policy_case_end(&policy_case);
}

static const char *longest_in_header(const char *name, const char *body, size_t length)
{
	static char result[200];
	struct policy_case policy_case;
	char *long_body = mem_alloc(strlen(body) + length + 1);

	memset(long_body, 'x', length);
	memcpy(long_body + length, body, strlen(body));
	start(&policy_case);
	field(&policy_case, "From", "a@example.org");
	field(&policy_case, name, long_body);
	policy_case_run(&policy_case, STAGE_EOM);
	strcpy(result, failed(&policy_case));
	policy_case_end(&policy_case);
	mem_free(long_body);
	return result;
}

static void test_header_lines(void **state)
{
	(void)state;
	assert_string_equal(longest_in_header("X", "", 995), "");
	assert_string_equal(longest_in_header("X", "", 996), "line_length");
	assert_string_equal(longest_in_header("X", "\r\n\tabc", 995), "");
	assert_string_equal(longest_in_header("X-Long-Name", "", 995), "line_length");
}

/* BODY in chunks of every size from 1 on gives the same. */
static void expect_body(const char *body, size_t length, const char *want)
{
	static const size_t sizes[] = {1, 2, 3, 7, 997, 998, 999, 1000, 65535};

	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		struct policy_case policy_case;

		start(&policy_case);
		field(&policy_case, "From", "a@example.org");
		for (size_t at = 0; at < length; at += sizes[i])
			chunk(&policy_case, body + at,
				length - at < sizes[i] ? length - at : sizes[i]);
		policy_case_run(&policy_case, STAGE_EOM);
		if (strcmp(failed(&policy_case), want) != 0)
			fail_msg("chunks of %zu: %s", sizes[i], failed(&policy_case));
		policy_case_end(&policy_case);
	}
}

static void test_body_lines(void **state)
{
	static const struct {
		size_t length;
		const char *before, *after, *want;
	} body_rows[] = {
		{0, "", "", ""},
		{998, "", "\r\n", ""},
		{998, "", "\n", ""},
		{998, "", "", ""},
		{999, "", "\r\n", "line_length"},
		{999, "", "\n", "line_length"},
		{999, "", "", "line_length"},
		{998, "short\r\n", "\r\nshort", ""},
		{999, "short\r\n", "\r\nshort", "line_length"},
		{997, "\r", "\r\n", ""},
		{998, "\r", "\r\n", "line_length"},
		{997, "", "\r\r\n", ""},
		{998, "\n\n\n", "\n\n\r\n\r\n", ""},
		{5000, "", "\r\nshort\r\n", "line_length"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(body_rows); i++) {
		size_t before = strlen(body_rows[i].before), after = strlen(body_rows[i].after);
		char *body = mem_alloc(before + body_rows[i].length + after + 1);

		memcpy(body, body_rows[i].before, before);
		memset(body + before, 'x', body_rows[i].length);
		memcpy(body + before + body_rows[i].length, body_rows[i].after, after);
		expect_body(body, before + body_rows[i].length + after, body_rows[i].want);
		mem_free(body);
	}
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
		cmocka_unit_test(test_many_fields),
		cmocka_unit_test(test_header_lines),
		cmocka_unit_test(test_body_lines),
		cmocka_unit_test(test_next_message),
		cmocka_unit_test(test_local_submission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
