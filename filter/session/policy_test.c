/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"

enum { CHECK_PLAIN, CHECK_ASKS };

static const struct check checks[] = {
	{.name = "plain", .fail = ACTION_REJECT},
	{.name = "asks", .fail = ACTION_REJECT, .can_temperror = true},
	{.name = NULL},
};

static const struct policy policy = {.name = "policy", .checks = checks};

static struct session session;
static struct site site;
static enum action fail_actions[2], temperror_actions[2];
static struct trial trials[2];
static const struct trial monitored = {.mode = MODE_MONITOR, .percent = 100};
static struct call call;

static int begin(void **state)
{
	(void)state;
	session_init(&session, &site, NULL);
	fail_actions[CHECK_PLAIN] = fail_actions[CHECK_ASKS] = ACTION_REJECT;
	temperror_actions[CHECK_PLAIN] = temperror_actions[CHECK_ASKS] = ACTION_TEMPFAIL;
	call = (struct call){
		.session = &session,
		.policy = &policy,
		.fail_actions = fail_actions,
		.temperror_actions = temperror_actions,
		.stage = STAGE_MAIL,
	};
	return 0;
}

static int finish(void **state)
{
	(void)state;
	session_end_scope(&session, SCOPE_CONNECTION);
	return 0;
}

static const struct {
	unsigned check;
	enum result result;
	enum action fail, temperror;
	bool monitor, keep_all;
	struct trial trial; /* of the check; percent 0 stands for none */
	int want; /* enum action, -1: no finding */
	enum action would;
} rows[] = {
	{CHECK_PLAIN, RESULT_FAIL, ACTION_REJECT, ACTION_OFF, .want = ACTION_REJECT,
		.would = ACTION_REJECT},
	{CHECK_PLAIN, RESULT_FAIL, ACTION_SUSPECT, ACTION_OFF, .want = ACTION_SUSPECT,
		.would = ACTION_SUSPECT},
	{CHECK_PLAIN, RESULT_FAIL, ACTION_MONITOR, ACTION_OFF, .want = ACTION_MONITOR,
		.would = ACTION_MONITOR},
	{CHECK_PLAIN, RESULT_FAIL, ACTION_OFF, ACTION_TEMPFAIL, .want = -1},
	{CHECK_PLAIN, RESULT_FAIL, ACTION_OFF, ACTION_TEMPFAIL, .keep_all = true, .want = -1},
	{CHECK_PLAIN, RESULT_PASS, ACTION_REJECT, ACTION_TEMPFAIL, .want = -1},
	{CHECK_PLAIN, RESULT_PASS, ACTION_REJECT, ACTION_TEMPFAIL, .keep_all = true,
		.want = ACTION_OFF},
	{CHECK_PLAIN, RESULT_NONE, ACTION_REJECT, ACTION_TEMPFAIL, .want = -1},
	{CHECK_PLAIN, RESULT_PERMERROR, ACTION_REJECT, ACTION_TEMPFAIL, .want = -1},
	{CHECK_PLAIN, RESULT_PERMERROR, ACTION_REJECT, ACTION_TEMPFAIL, .keep_all = true,
		.want = ACTION_OFF},
	/* A check that asks nobody has no such trouble. */
	{CHECK_PLAIN, RESULT_TEMPERROR, ACTION_REJECT, ACTION_TEMPFAIL, .want = -1},
	{CHECK_ASKS, RESULT_TEMPERROR, ACTION_REJECT, ACTION_TEMPFAIL, .want = ACTION_TEMPFAIL,
		.would = ACTION_TEMPFAIL},
	{CHECK_ASKS, RESULT_TEMPERROR, ACTION_REJECT, ACTION_MONITOR, .want = ACTION_MONITOR,
		.would = ACTION_MONITOR},
	{CHECK_ASKS, RESULT_TEMPERROR, ACTION_REJECT, ACTION_OFF, .want = -1},
	{CHECK_ASKS, RESULT_TEMPERROR, ACTION_OFF, ACTION_TEMPFAIL, .want = -1},
	/* Whatever stands in the table of actions: a temperror is never a 5yz. */
	{CHECK_ASKS, RESULT_TEMPERROR, ACTION_REJECT, ACTION_REJECT, .want = ACTION_TEMPFAIL,
		.would = ACTION_TEMPFAIL},
	{CHECK_ASKS, RESULT_FAIL, ACTION_REJECT, ACTION_TEMPFAIL, .monitor = true,
		.want = ACTION_MONITOR, .would = ACTION_REJECT},
	{CHECK_ASKS, RESULT_FAIL, ACTION_SUSPECT, ACTION_TEMPFAIL, .monitor = true,
		.want = ACTION_MONITOR, .would = ACTION_SUSPECT},
	{CHECK_ASKS, RESULT_TEMPERROR, ACTION_REJECT, ACTION_TEMPFAIL, .monitor = true,
		.want = ACTION_MONITOR, .would = ACTION_TEMPFAIL},
	{CHECK_ASKS, RESULT_PASS, ACTION_REJECT, ACTION_TEMPFAIL, .monitor = true, .keep_all = true,
		.want = ACTION_OFF},
	/* A check on trial by itself, with the trial over, and in a section that is on trial. */
	{CHECK_ASKS, RESULT_FAIL, ACTION_REJECT, ACTION_TEMPFAIL, .trial = {MODE_MONITOR, 100, 0},
		.want = ACTION_MONITOR, .would = ACTION_REJECT},
	{CHECK_ASKS, RESULT_TEMPERROR, ACTION_REJECT, ACTION_TEMPFAIL,
		.trial = {MODE_MONITOR, 100, 0}, .want = ACTION_MONITOR, .would = ACTION_TEMPFAIL},
	{CHECK_ASKS, RESULT_FAIL, ACTION_REJECT, ACTION_TEMPFAIL,
		.trial = {MODE_MONITOR, 100, 1000}, .want = ACTION_REJECT, .would = ACTION_REJECT},
	{CHECK_ASKS, RESULT_FAIL, ACTION_REJECT, ACTION_TEMPFAIL, .trial = {MODE_ENFORCE, 100, 0},
		.want = ACTION_REJECT, .would = ACTION_REJECT},
	{CHECK_ASKS, RESULT_FAIL, ACTION_REJECT, ACTION_TEMPFAIL, .monitor = true,
		.trial = {MODE_MONITOR, 100, 1000}, .want = ACTION_MONITOR, .would = ACTION_REJECT},
	{CHECK_ASKS, RESULT_PASS, ACTION_REJECT, ACTION_TEMPFAIL, .keep_all = true,
		.trial = {MODE_MONITOR, 100, 0}, .want = ACTION_OFF},
};

static void test_actions(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct finding *finding;

		begin(state);
		fail_actions[rows[i].check] = rows[i].fail;
		temperror_actions[rows[i].check] = rows[i].temperror;
		call.trial = rows[i].monitor ? &monitored : NULL;
		trials[0] = trials[1] = (struct trial){.percent = 100};
		trials[rows[i].check] = rows[i].trial;
		call.check_trials = rows[i].trial.percent == 0 ? NULL : trials;
		session.keep_all = rows[i].keep_all;
		assert_int_equal(
			report_keeps(&call, rows[i].check, rows[i].result), rows[i].want >= 0);
		finding = report(&call, rows[i].check, rows[i].result, "row %zu", i);
		if (rows[i].want < 0) {
			assert_null(finding);
			assert_int_equal(session.findings[SCOPE_TRANSACTION].count, 0);
			continue;
		}
		if (finding == NULL || finding->action != (enum action)rows[i].want ||
			finding->would != rows[i].would)
			fail_msg("row %zu: %s, would %s", i,
				finding == NULL ? "no finding" : action_name(finding->action),
				finding == NULL ? "" : action_name(finding->would));
		finish(state);
	}
	begin(state);
}

static void test_what_stands_in_it(void **state)
{
	static const enum scope scopes[] = {
		[STAGE_CONNECT] = SCOPE_CONNECTION,
		[STAGE_COMMAND] = SCOPE_CONNECTION,
		[STAGE_HELO] = SCOPE_GREETING,
		[STAGE_MAIL] = SCOPE_TRANSACTION,
		[STAGE_RCPT] = SCOPE_RECIPIENT,
		[STAGE_HEADER] = SCOPE_TRANSACTION,
		[STAGE_BODY] = SCOPE_TRANSACTION,
		[STAGE_EOM] = SCOPE_TRANSACTION,
	};

	(void)state;
	for (int stage = 0; stage < STAGE_COUNT; stage++) {
		const struct findings *findings = &session.findings[scopes[stage]];
		struct finding *finding;

		call.stage = (enum stage)stage;
		finding = report(&call, CHECK_ASKS, RESULT_FAIL, "%s", "evidence");
		assert_non_null(finding);
		assert_ptr_equal(findings->items[findings->count - 1], finding);
		assert_ptr_equal(finding->policy, &policy);
		assert_ptr_equal(finding->check, &checks[CHECK_ASKS]);
		assert_null(finding->title);
		assert_int_equal(finding->stage, stage);
		assert_int_equal(finding->result, RESULT_FAIL);
		assert_string_equal(finding->evidence, "evidence");
		assert_string_equal(finding->reply, "");
	}
}

static void test_evidence_is_one_printable_line(void **state)
{
	char every[256], long_text[2 * EVIDENCE_SIZE];
	const struct finding *finding;

	(void)state;
	for (int i = 0; i < 255; i++)
		every[i] = (char)(i + 1);
	every[255] = '\0';
	finding = report(&call, CHECK_PLAIN, RESULT_FAIL, "%s", every);
	assert_non_null(finding);
	for (const char *c = finding->evidence; *c != '\0'; c++)
		assert_true(*c >= 0x20 && *c < 0x7f && *c != '"');
	finding = report(&call, CHECK_PLAIN, RESULT_FAIL, "%s", "a\r\n\"b\"\x80");
	assert_string_equal(finding->evidence, "a\\x0d\\x0a'b'\\x80");
	memset(long_text, '\n', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	finding = report(&call, CHECK_PLAIN, RESULT_FAIL, "%s", long_text);
	assert_true(strlen(finding->evidence) < EVIDENCE_SIZE);
}

static void test_action_of_the_caller(void **state)
{
	const struct finding *finding;

	(void)state;
	finding = report_action(&call, CHECK_PLAIN, RESULT_FAIL, ACTION_QUARANTINE, "per-sender",
		"%s has used %d", "anna", 7);
	assert_non_null(finding);
	assert_int_equal(finding->action, ACTION_QUARANTINE);
	assert_string_equal(finding->title, "per-sender");
	assert_string_equal(finding->evidence, "anna has used 7");
	assert_null(report_action(&call, CHECK_PLAIN, RESULT_FAIL, ACTION_OFF, NULL, "nothing"));
	call.trial = &monitored;
	finding = report_action(&call, CHECK_PLAIN, RESULT_FAIL, ACTION_REJECT, NULL, "watched");
	assert_int_equal(finding->action, ACTION_MONITOR);
	assert_int_equal(finding->would, ACTION_REJECT);
	call.trial = NULL;
	finding = report_action(&call, CHECK_PLAIN, RESULT_TEMPERROR, ACTION_REJECT, NULL, "down");
	assert_int_equal(finding->action, ACTION_TEMPFAIL);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_actions),
		test(test_what_stands_in_it),
		test(test_evidence_is_one_printable_line),
		test(test_action_of_the_caller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
