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

extern const struct policy policy_from_form;

static void start(struct policy_case *policy_case)
{
	policy_case_start(policy_case, &policy_from_form);
	policy_case_connect(policy_case, "192.0.2.7");
	policy_case_helo(policy_case, "mail.example.net");
	policy_case_mail(policy_case, "<a@example.net>");
}

/* Names of the checks that failed, in the order of the table. */
static const char *failed(struct policy_case *policy_case)
{
	static char names[500];
	struct text text;

	text_init(&text, names, sizeof(names));
	for (const struct check *check = policy_from_form.checks; check->name != NULL; check++) {
		if (policy_case_finding(policy_case, check->name) == NULL)
			continue;
		text_addf(&text, "%s%s", text.length == 0 ? "" : " ", check->name);
	}
	return names;
}

static const struct row {
	const char *from, *sender;
	const char *failed;
	enum action action;
} rows[] = {
	{"Anna <a@example.org>", NULL, "", ACTION_OFF},
	{"M\xc3\xbcller <a@example.org>", NULL, "", ACTION_OFF},
	{"", NULL, "", ACTION_OFF}, /* message.from_empty */
	{"x: a@example.org;", NULL, "group", ACTION_REJECT},
	{"nobody:;", NULL, "group empty_group", ACTION_REJECT},
	{"<@b.example:a@example.org>", NULL, "route", ACTION_REJECT},
	{"A\\, B <a@example.org>", NULL, "escaped_separator unquoted_comma", ACTION_REJECT},
	{"<a@example.org> b@example.net", NULL, "text_after_address", ACTION_REJECT},
	{"<a@example.org><b@example.net>", NULL, "several_brackets", ACTION_REJECT},
	{"<<a@example.org>", NULL, "nested_brackets", ACTION_REJECT},
	{"<a@example.org", NULL, "unbalanced_bracket", ACTION_REJECT},
	{"\"A <a@example.org>", NULL, "unbalanced_quote address_in_name_only empty_element",
		ACTION_REJECT},
	{"A) <a@example.org>", NULL, "unbalanced_comment", ACTION_REJECT},
	{"((((((((((((((((((x)))))))))))))))))) <a@example.org>", NULL,
		"deep_comment nested_comment", ACTION_REJECT},
	{"a@example(x).org", NULL, "comment_in_address", ACTION_REJECT},
	{"=?utf-8?q?a=40example=2Eorg?=", NULL, "encoded_address no_address", ACTION_REJECT},
	{"<a=?utf-8?q?b?=@example.org>", NULL, "encoded_part", ACTION_REJECT},
	{"=?utf-8?q?=3Cb=40example=2Enet=3E?= <a@example.org>", NULL, "address_in_encoded_name",
		ACTION_REJECT},
	{"=?utf-8?q?x=00y?= <a@example.org>", NULL, "encoded_control", ACTION_REJECT},
	{"A\x07 <a@example.org>", NULL, "control_character", ACTION_REJECT},
	{"<a@example\xff.org>", NULL, "invisible_in_address local_part_malformed address_not_ascii",
		ACTION_REJECT},
	{"<a@example .org>", NULL, "blank_in_address", ACTION_REJECT},
	{"<a@b@example.org>", NULL, "two_at", ACTION_REJECT},
	{"<a@example.org;x>", NULL, "special_in_address", ACTION_REJECT},
	{"\"a@example.org\" <>", NULL, "address_in_name_only null_address", ACTION_REJECT},
	{"A\r\n \r\n <a@example.org>", NULL, "blank_fold", ACTION_REJECT},
	{"Anna", NULL, "no_address", ACTION_TAG},
	{"Anna <>", NULL, "null_address", ACTION_TAG},
	{"root@host", NULL, "unqualified", ACTION_TAG},
	{"Doe, John <a@example.org>", NULL, "unquoted_comma", ACTION_TAG},
	{"Re: x <a@example.org>", NULL, "unquoted_colon", ACTION_TAG},
	{"b@example.net <a@example.org>", NULL, "other_address_as_name", ACTION_REJECT},
	{"b@example.org <a@example.org>", NULL, "unquoted_at", ACTION_TAG},
	{"[x] Anna <a@example.org>", NULL, "unquoted_bracket", ACTION_TAG},
	{"a@example.org;", NULL, "semicolon", ACTION_TAG},
	{"\\\"A\\\" <a@example.org>", NULL, "stray_backslash", ACTION_TAG},
	{"a@example.org,", NULL, "empty_element", ACTION_TAG},
	{"a @ example.org", NULL, "blank_around_at", ACTION_TAG},
	{"Anna a@example.org", NULL, "words_beside_address", ACTION_TAG},
	{"(A (b)) <a@example.org>", NULL, "nested_comment", ACTION_TAG},
	{"a..b@example.org", NULL, "local_part_malformed", ACTION_TAG},
	{"a@b_c.example.org", NULL, "domain_malformed", ACTION_TAG},
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.org", NULL,
		"address_length", ACTION_TAG},
	{"m\xc3\xbcller@example.org", NULL, "address_not_ascii", ACTION_TAG},
	{"A\xe2\x80\xae <a@example.org>", NULL, "invisible_in_name", ACTION_TAG},
	{"=?utf-8?b?****?= <a@example.org>", NULL, "encoded_word_malformed", ACTION_TAG},
	{"\r\n a@example.org", NULL, "", ACTION_OFF}, /* fold_after_colon: off */
	/* One author, or a Sender of the same organization. */
	{"a@example.org, b@example.org", NULL, "several_addresses", ACTION_REJECT},
	{"a@example.org b@example.net", NULL, "blank_in_address several_addresses", ACTION_REJECT},
	{"a@example.org, b@example.org", "c@example.org", "", ACTION_OFF},
	{"a@example.org, b@mail.example.org", "c@lists.example.org", "", ACTION_OFF},
	{"a@example.org, b@example.net", "a@example.org", "several_domains", ACTION_REJECT},
	{"a@example.org, b@example.org", "a@example.net", "several_domains", ACTION_REJECT},
	{"a@example.org, b@example.org", "nobody", "several_domains", ACTION_REJECT},
	{"a@example.org", "b@example.net", "", ACTION_OFF},
};

static void test_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy_case policy_case;

		start(&policy_case);
		policy_case_field(&policy_case, "From", rows[i].from);
		if (rows[i].sender != NULL)
			policy_case_field(&policy_case, "Sender", rows[i].sender);
		policy_case_run(&policy_case, STAGE_EOM);
		if (strcmp(failed(&policy_case), rows[i].failed) != 0 ||
			policy_case_action(&policy_case) != rows[i].action)
			fail_msg("%s: %s", rows[i].from, failed(&policy_case));
		policy_case_end(&policy_case);
	}
}

/* Each check can fail, and is refused where it is ambiguous. */
static void test_every_check_is_tested(void **state)
{
	unsigned number = 0;

	(void)state;
	for (const struct check *check = policy_from_form.checks; check->name != NULL; check++) {
		bool found = strcmp(check->name, "length") == 0 ||
			     strcmp(check->name, "fold_after_colon") == 0;

		for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
			found = found || strstr(rows[i].failed, check->name) != NULL;
		if (!found)
			fail_msg("%s", check->name);
		if (number < DEFECTS_AMBIGUOUS || number >= DEFECTS)
			assert_int_equal(check->fail, ACTION_REJECT);
		else
			assert_true(check->fail < ACTION_QUARANTINE);
		assert_string_equal(check->code, "550");
		assert_string_equal(check->enhanced, "5.6.0");
		number++;
	}
	assert_int_equal(number, DEFECTS + 3);
}

static void test_settings(void **state)
{
	struct policy_case policy_case;
	char *long_from = mem_alloc(10000);

	(void)state;
	memset(long_from, 'a', 9000);
	strcpy(long_from + 9000, " <a@example.org>");
	start(&policy_case);
	policy_case_set(&policy_case, "fold_after_colon", "tag");
	policy_case_field(&policy_case, "From", "\r\n a@example.org");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "fold_after_colon");
	policy_case_mail(&policy_case, "<a@example.net>");
	policy_case_field(&policy_case, "From", long_from);
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "length");
	assert_int_equal(policy_case_action(&policy_case), ACTION_REJECT);
	policy_case_mail(&policy_case, "<a@example.net>");
	policy_case_set(&policy_case, "max_size", "10000");
	policy_case_field(&policy_case, "From", long_from);
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "");
	policy_case_mail(&policy_case, "<a@example.net>");
	policy_case.session.transaction.smtputf8 = true;
	policy_case_field(&policy_case, "From", "m\xc3\xbcller@example.org");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "");
	policy_case_end(&policy_case);
	mem_free(long_from);
}

/* What fills the section does not hide From from its parser. */
static void test_full_section(void **state)
{
	struct policy_case policy_case;
	char *filler = mem_alloc(50001);

	(void)state;
	memset(filler, 'x', 50000);
	start(&policy_case);
	policy_case_field(&policy_case, "Subject", filler);
	policy_case_field(&policy_case, "References", filler);
	policy_case_field(&policy_case, "From", "<a@example.org> b@example.net");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "text_after_address");
	policy_case_end(&policy_case);
	mem_free(filler);
}

static void test_local_submission(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case_connect(&policy_case, "127.0.0.1");
	strcpy(policy_case.session.mta_client_name, "localhost");
	policy_case.session.client_port = 0;
	policy_case_field(&policy_case, "From", "<a@example.org> b@example.net");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(failed(&policy_case), "");
	policy_case_end(&policy_case);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_every_check_is_tested),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_full_section),
		cmocka_unit_test(test_local_submission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
