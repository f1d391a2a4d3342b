/* SPDX-License-Identifier: BSD-2-Clause */
#include "breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void opens_at_the_third_failure_within_a_second(void **state)
{
	struct breaker breaker = {0};

	(void)state;
	assert_false(breaker_failed(&breaker, false, 1000));
	assert_false(breaker_failed(&breaker, false, 1500));
	breaker_answered(&breaker);
	assert_false(breaker_failed(&breaker, false, 2001));
	breaker_answered(&breaker);
	assert_false(breaker_failed(&breaker, false, 2501));
	breaker_answered(&breaker);
	assert_true(breaker_failed(&breaker, false, 2502));
	assert_true(breaker.open);
	assert_false(breaker_failed(&breaker, false, 2503));
	assert_true(breaker_closed(&breaker));
	assert_false(breaker_closed(&breaker));
	assert_false(breaker_failed(&breaker, false, 2504));
}

static void opens_at_the_third_failure_without_an_answer(void **state)
{
	struct breaker breaker = {0};

	(void)state;
	assert_false(breaker_failed(&breaker, false, 100000));
	breaker_answered(&breaker);
	assert_false(breaker_failed(&breaker, false, 200000));
	assert_false(breaker_failed(&breaker, false, 300000));
	assert_true(breaker_failed(&breaker, false, 400000));
}

static void begins_open_with_a_probe_due(void **state)
{
	struct breaker breaker;

	(void)state;
	breaker_begin_open(&breaker);
	assert_true(breaker.open);
	assert_true(breaker_may_probe(&breaker, 0, 1));
	assert_true(breaker_closed(&breaker));
}

static void opens_at_once_when_refused(void **state)
{
	struct breaker breaker = {0};

	(void)state;
	assert_true(breaker_failed(&breaker, true, 1000));
	assert_false(breaker_failed(&breaker, true, 1001));
}

static void probes_about_every_second(void **state)
{
	struct breaker breaker = {0};

	(void)state;
	assert_false(breaker_may_probe(&breaker, 0, 5000));
	breaker_failed(&breaker, true, 10000);
	assert_false(breaker_may_probe(&breaker, 0, 10799));
	for (uint32_t random = 0; random < 1000; random++) {
		uint64_t at = breaker.probe_ms;

		assert_true(breaker_may_probe(&breaker, random, at));
		assert_in_range(breaker.probe_ms - at, 800, 1200);
		assert_false(breaker_may_probe(&breaker, random, breaker.probe_ms - 1));
	}
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(opens_at_the_third_failure_within_a_second),
		cmocka_unit_test(opens_at_the_third_failure_without_an_answer),
		cmocka_unit_test(begins_open_with_a_probe_due),
		cmocka_unit_test(opens_at_once_when_refused),
		cmocka_unit_test(probes_about_every_second),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
