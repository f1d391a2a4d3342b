/* SPDX-License-Identifier: BSD-2-Clause */
#include "verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_result_names(void **state)
{
	(void)state;
	assert_string_equal(result_name(RESULT_NONE), "none");
	assert_string_equal(result_name(RESULT_PASS), "pass");
	assert_string_equal(result_name(RESULT_FAIL), "fail");
	assert_string_equal(result_name(RESULT_TEMPERROR), "temperror");
	assert_string_equal(result_name(RESULT_PERMERROR), "permerror");
	assert_string_equal(result_name((enum result)99), "unknown");
}

static void test_actions(void **state)
{
	static const struct {
		const char *name;
		enum action action;
		enum verdict verdict;
	} rows[] = {
		{"off", ACTION_OFF, VERDICT_CONTINUE},
		{"monitor", ACTION_MONITOR, VERDICT_CONTINUE},
		{"tag", ACTION_TAG, VERDICT_CONTINUE},
		{"suspect", ACTION_SUSPECT, VERDICT_CONTINUE},
		{"quarantine", ACTION_QUARANTINE, VERDICT_QUARANTINE},
		{"tempfail", ACTION_TEMPFAIL, VERDICT_TEMPFAIL},
		{"reject", ACTION_REJECT, VERDICT_REJECT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		enum action action;

		assert_string_equal(action_name(rows[i].action), rows[i].name);
		assert_true(action_parse(rows[i].name, &action));
		assert_int_equal(action, rows[i].action);
		assert_int_equal(verdict_of_action(action), rows[i].verdict);
	}
	assert_string_equal(action_name((enum action)99), "unknown");
	assert_int_equal(verdict_of_action((enum action)99), VERDICT_CONTINUE);
}

static void test_bad_actions(void **state)
{
	static const char *const names[] = {"", "Reject", "reject ", "accept", "rejected", "4xx"};
	enum action action = ACTION_TAG;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		assert_false(action_parse(names[i], &action));
	assert_int_equal(action, ACTION_TAG);
}

/* All sixteen pairs. */
static void test_overrides(void **state)
{
	static const enum verdict rising[] = {
		VERDICT_CONTINUE, VERDICT_QUARANTINE, VERDICT_TEMPFAIL, VERDICT_REJECT};
	static const char *const names[] = {"continue", "quarantine", "tempfail", "reject"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rising); i++) {
		assert_string_equal(verdict_name(rising[i]), names[i]);
		for (size_t j = 0; j < ARRAY_COUNT(rising); j++)
			assert_int_equal(verdict_overrides(rising[i], rising[j]), j > i);
	}
	assert_string_equal(verdict_name((enum verdict)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_result_names),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_bad_actions),
		cmocka_unit_test(test_overrides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
