/* SPDX-License-Identifier: BSD-2-Clause */
/* Findings are counted once each, by check, result and action. */
#include "stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct check two_checks[] = {
	{.name = "one", .fail = ACTION_REJECT},
	{.name = "two", .fail = ACTION_SUSPECT},
	{.name = NULL},
};
static const struct policy none = {.name = "none"}, a = {.name = "a", .checks = two_checks},
			   b = {.name = "b", .checks = two_checks},
			   stranger = {.name = "stranger", .checks = two_checks};
static const struct policy *const list[] = {&a, &none, &b, NULL};

static struct session session;
static struct site site;

static int begin(void **state)
{
	(void)state;
	session_init(&session, &site, NULL);
	stats_start(list);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	session_end_scope(&session, SCOPE_CONNECTION);
	return 0;
}

static void find(enum scope scope, const struct policy *policy, unsigned check, enum action action,
	enum action would)
{
	struct finding *finding = session_add_finding(&session, scope);

	finding->policy = policy;
	finding->check = &two_checks[check];
	finding->result = RESULT_FAIL;
	finding->action = action;
	finding->would = would;
}

static struct stats_check check_of(const struct policy *policy, unsigned number)
{
	struct stats_check check;

	for (size_t i = 0; stats_read_check(i, &check); i++)
		if (check.policy == policy && check.check == number)
			return check;
	fail_msg("%s %u is not counted", policy->name, number);
	return check;
}

static void test_findings(void **state)
{
	struct stats_check check;
	size_t count = 0;

	(void)state;
	while (stats_read_check(count, &check))
		count++;
	assert_int_equal(count, 4);
	find(SCOPE_CONNECTION, &b, 1, ACTION_SUSPECT, ACTION_SUSPECT);
	find(SCOPE_TRANSACTION, &a, 0, ACTION_MONITOR, ACTION_REJECT);
	find(SCOPE_TRANSACTION, &a, 0, ACTION_MONITOR, ACTION_MONITOR);
	find(SCOPE_TRANSACTION, &a, 1, ACTION_OFF, ACTION_OFF);
	find(SCOPE_TRANSACTION, &stranger, 1, ACTION_REJECT, ACTION_REJECT);
	stats_count_decision(&session, STAGE_RCPT, VERDICT_CONTINUE, 400);
	/* Once only, and again in a new transaction. */
	stats_count_decision(&session, STAGE_RCPT, VERDICT_CONTINUE, 400);
	session_end_scope(&session, SCOPE_TRANSACTION);
	find(SCOPE_TRANSACTION, &a, 0, ACTION_REJECT, ACTION_REJECT);
	stats_count_decision(&session, STAGE_RCPT, VERDICT_REJECT, 90);
	check = check_of(&a, 0);
	assert_int_equal(check.acted[RESULT_FAIL][ACTION_REJECT], 1);
	assert_int_equal(check.acted[RESULT_FAIL][ACTION_MONITOR], 1);
	assert_int_equal(check.watched[RESULT_FAIL][ACTION_REJECT], 1);
	check = check_of(&a, 1);
	for (int action = 0; action < ACTION_COUNT; action++)
		assert_int_equal(check.acted[RESULT_FAIL][action], 0);
	assert_int_equal(check_of(&b, 1).acted[RESULT_FAIL][ACTION_SUSPECT], 1);
}

static void test_stages(void **state)
{
	struct stats before, after;

	(void)state;
	stats_read(&before);
	stats_count_decision(&session, STAGE_MAIL, VERDICT_TEMPFAIL, 300);
	session.dry_run = true;
	find(SCOPE_TRANSACTION, &a, 0, ACTION_REJECT, ACTION_REJECT);
	stats_count_decision(&session, STAGE_MAIL, VERDICT_REJECT, 300);
	stats_read(&after);
	assert_int_equal(after.tempfails[STAGE_MAIL], before.tempfails[STAGE_MAIL] + 1);
	assert_int_equal(after.rejects[STAGE_MAIL], before.rejects[STAGE_MAIL]);
	assert_int_equal(after.latency[STAGE_MAIL].count, before.latency[STAGE_MAIL].count + 1);
	assert_int_equal(after.latency[STAGE_MAIL].sum_us, before.latency[STAGE_MAIL].sum_us + 300);
	session.dry_run = false;
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_findings),
		test(test_stages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
