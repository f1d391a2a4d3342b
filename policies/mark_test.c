/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/fake_inquiry.c"
#include "../tests/fake/fake_spf.c"
#include "../tests/lib/policy_case.h"

extern const struct policy policy_mark;

static const struct check mismatch = {.name = "mismatch"}, quiet = {.name = "bare_ip"};
static const struct policy helo = {
	.name = "helo", .checks = &mismatch, .exempt_by = EXEMPT_ALLOWED};

static void start(struct policy_case *policy_case)
{
	policy_case_start(policy_case, &policy_mark);
	policy_case_connect(policy_case, "192.0.2.7");
	policy_case_helo(policy_case, "mail.example.net");
	policy_case_mail(policy_case, "<a@example.net>");
}

static void finish(struct policy_case *policy_case)
{
	policy_mark.end[SCOPE_TRANSACTION](&policy_case->call, OUTCOME_ACCEPTED);
	policy_mark.end[SCOPE_TRANSACTION](&policy_case->call, OUTCOME_ACCEPTED);
	policy_case_end(policy_case);
}

static void add_finding(struct policy_case *policy_case, enum scope scope,
	const struct check *check, enum action action, const char *evidence)
{
	struct finding *finding = session_add_finding(&policy_case->session, scope);

	finding->policy = &helo;
	finding->check = check;
	finding->action = action;
	finding->result = RESULT_FAIL;
	snprintf(finding->evidence, sizeof(finding->evidence), "%s", evidence);
}

/* Edits in their order: "insert X-Mailreeve 0: value|delete Subject 1|". */
static const char *edits(struct policy_case *policy_case)
{
	static const char *const kinds[] = {"insert", "change", "delete", "quarantine"};
	const struct transaction *transaction = &policy_case->session.transaction;
	static char buffer[8000];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	for (size_t i = 0; i < transaction->edit_count; i++) {
		const struct edit *edit = &transaction->edits[i];

		text_addf(&text, "%s %s %u", kinds[edit->kind], edit->name, edit->index);
		if (edit->value != NULL)
			text_addf(&text, ": %s", edit->value);
		text_add_char(&text, '|');
	}
	return buffer;
}

static void test_field(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(edits(&policy_case), "");
	policy_case_mail(&policy_case, "<a@example.net>");
	add_finding(&policy_case, SCOPE_CONNECTION, &mismatch, ACTION_TAG, "a; b");
	add_finding(&policy_case, SCOPE_TRANSACTION, &mismatch, ACTION_TAG, "word");
	add_finding(&policy_case, SCOPE_TRANSACTION, &quiet, ACTION_MONITOR, "word");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(edits(&policy_case),
		"insert X-Mailreeve 0: helo.mismatch=\"a; b\";\n\thelo.mismatch=word|");
	finish(&policy_case);
}

/* However much was found, the field has lines that mail can have. */
static void test_bounds(void **state)
{
	char evidence[EVIDENCE_SIZE];
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	memset(evidence, '\\', sizeof(evidence));
	evidence[sizeof(evidence) - 1] = '\0';
	for (int i = 0; i < 40; i++) {
		evidence[0] = (char)('A' + i);
		add_finding(&policy_case, SCOPE_TRANSACTION, &mismatch, ACTION_TAG, evidence);
	}
	policy_case_run(&policy_case, STAGE_EOM);
	assert_int_equal(policy_case.session.transaction.edit_count, 1);
	for (const char *line = policy_case.session.transaction.edits[0].value; *line != '\0';) {
		size_t length = strcspn(line, "\n");

		assert_true(length < 998);
		line += length + (line[length] == '\n');
	}
	finish(&policy_case);
}

/* What was found about recipients is kept, once, unless they were refused. */
static void test_recipients(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	for (int i = 0; i < 3; i++) {
		policy_case_rcpt(&policy_case, "<b@example.org>");
		add_finding(&policy_case, SCOPE_RECIPIENT, &mismatch, ACTION_TAG,
			i == 2 ? "refused" : "accepted");
		policy_case.call.verdict = i == 2 ? VERDICT_REJECT : VERDICT_CONTINUE;
		policy_mark.recipient_answered(&policy_case.call);
	}
	session_end_scope(&policy_case.session, SCOPE_RECIPIENT);
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(edits(&policy_case), "insert X-Mailreeve 0: helo.mismatch=accepted|");
	finish(&policy_case);
}

static void test_exempt(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	add_finding(&policy_case, SCOPE_TRANSACTION, &mismatch, ACTION_TAG, "word");
	policy_case.session.exemptions = EXEMPT_ALLOWED;
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(edits(&policy_case), "");
	finish(&policy_case);
}

static void test_forged(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case_field(&policy_case, "x-mailreeve", " anything");
	policy_case_field(&policy_case, "X-Mailreeve-Other", " anything");
	policy_case_field(&policy_case, "X-MAILREEVE ", " more");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(edits(&policy_case), "delete X-Mailreeve 2|delete X-Mailreeve 1|");
	policy_mark.end[SCOPE_TRANSACTION](&policy_case.call, OUTCOME_ACCEPTED);
	policy_case_mail(&policy_case, "<a@example.net>");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(edits(&policy_case), "");
	policy_case_set(&policy_case, "field", "X-Other");
	policy_case_field(&policy_case, "X-Other", " anything");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(edits(&policy_case), "delete X-Other 1|");
	policy_case_mail(&policy_case, "<a@example.net>");
	policy_mark.end[SCOPE_TRANSACTION](&policy_case.call, OUTCOME_ACCEPTED);
	policy_case_set(&policy_case, "field", "");
	add_finding(&policy_case, SCOPE_TRANSACTION, &mismatch, ACTION_TAG, "word");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(edits(&policy_case), "");
	finish(&policy_case);
}

#define MARK "[suspicious] "

static void test_subject(void **state)
{
	static const struct {
		const char *mark, *subject; /* NULL: none */
		const char *want; /* NULL: stays */
	} rows[] = {
		{MARK, " hello", "change Subject 1: [suspicious] hello|"},
		{MARK, "hello", "change Subject 1: [suspicious] hello|"},
		{MARK, " =?utf-8?q?M=C3=BCller?=",
			"change Subject 1: [suspicious] =?utf-8?q?M=C3=BCller?=|"},
		{MARK, " one\r\n\ttwo", "change Subject 1: [suspicious] one\n\ttwo|"},
		{MARK, " raw \xfc", "change Subject 1: [suspicious] raw \xfc|"},
		{MARK, NULL, "insert Subject 2: [suspicious]|"},
		{MARK, "", "change Subject 1: [suspicious]|"},
		{MARK, " [suspicious] hello", NULL},
		{MARK, " Re: [suspicious] hello", NULL},
		{MARK, " [suspicious]", NULL},
		{MARK, " =?utf-8?q?=5Bsuspicious=5D_x?=", NULL},
		{MARK, " [suspicious", "change Subject 1: [suspicious] [suspicious|"},
		{MARK,
			" a subject that is so long that with the mark before it the line would be "
			"too long",
			"change Subject 1: [suspicious]\n a subject that is so long that with the "
			"mark before it the line would be too long|"},
		{"\xe2\x9a\xa0 ", " hello", "change Subject 1: =?utf-8?B?4pqgIA==?= hello|"},
		{"\xe2\x9a\xa0 ",
			" =?utf-8?q?a?=", "change Subject 1: =?utf-8?B?4pqgIA==?= =?utf-8?q?a?=|"},
		{"\xe2\x9a\xa0 ", " =?utf-8?B?4pqgIA==?= hello", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy_case policy_case;

		start(&policy_case);
		policy_case_set(&policy_case, "field", "");
		policy_case_set(&policy_case, "subject", rows[i].mark);
		policy_case_field(&policy_case, "From", " a@example.org");
		if (rows[i].subject != NULL)
			policy_case_field(&policy_case, "Subject", rows[i].subject);
		add_finding(&policy_case, SCOPE_TRANSACTION, &mismatch, ACTION_TAG, "word");
		policy_case_run(&policy_case, STAGE_EOM);
		assert_string_equal(edits(&policy_case), rows[i].want == NULL ? "" : rows[i].want);
		finish(&policy_case);
	}
}

static void test_subject_checks(void **state)
{
	static const struct {
		const char *wanted;
		bool marked;
	} rows[] = {
		{"helo", true}, {"helo.mismatch", true}, {"helo.bare_ip", false}, {"spf", false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy_case policy_case;

		start(&policy_case);
		policy_case_set(&policy_case, "field", "");
		policy_case_set(&policy_case, "subject", MARK);
		policy_case_set(&policy_case, "subject_checks", rows[i].wanted);
		policy_case_field(&policy_case, "Subject", " s");
		add_finding(&policy_case, SCOPE_TRANSACTION, &mismatch, ACTION_TAG, "word");
		policy_case_run(&policy_case, STAGE_EOM);
		assert_int_equal(
			policy_case.session.transaction.edit_count, rows[i].marked ? 1 : 0);
		finish(&policy_case);
	}
}

static void test_monitor(void **state)
{
	struct policy_case policy_case;

	(void)state;
	start(&policy_case);
	policy_case_look_on(&policy_case);
	policy_case_field(&policy_case, "X-Mailreeve", " x");
	add_finding(&policy_case, SCOPE_TRANSACTION, &mismatch, ACTION_TAG, "word");
	policy_case_run(&policy_case, STAGE_EOM);
	assert_string_equal(edits(&policy_case), "");
	finish(&policy_case);
}

static void test_verify(void **state)
{
	static const char *const bad[] = {"X Mail", "X:", ":", "X\xc3\xbc", "subject", "From",
		"Content-Type", "DKIM-Signature"};
	const struct setting *row = policy_mark.settings;
	struct policy_case policy_case;
	const char *setting = NULL;
	char why[300], long_mark[300];

	(void)state;
	start(&policy_case);
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		assert_true(setting_parse(
			&row[0], bad[i], "test", policy_case.options, why, sizeof(why)));
		assert_false(policy_mark.verify(
			policy_case.options, &policy_case.site, &setting, why, sizeof(why)));
		assert_string_equal(setting, "field");
	}
	memset(long_mark, 'x', sizeof(long_mark));
	long_mark[201] = '\0';
	assert_true(
		setting_parse(&row[0], "X-Mark", "test", policy_case.options, why, sizeof(why)));
	assert_true(
		setting_parse(&row[1], long_mark, "test", policy_case.options, why, sizeof(why)));
	assert_false(policy_mark.verify(
		policy_case.options, &policy_case.site, &setting, why, sizeof(why)));
	assert_string_equal(setting, "subject");
	long_mark[200] = '\0';
	assert_true(
		setting_parse(&row[1], long_mark, "test", policy_case.options, why, sizeof(why)));
	assert_true(policy_mark.verify(
		policy_case.options, &policy_case.site, &setting, why, sizeof(why)));
	finish(&policy_case);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_exempt),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_subject),
		cmocka_unit_test(test_subject_checks),
		cmocka_unit_test(test_monitor),
		cmocka_unit_test(test_verify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
