/* SPDX-License-Identifier: BSD-2-Clause */
#include "tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_counts(void **state)
{
	struct tally tally = {.rows = NULL};

	(void)state;
	tally_add(&tally, "b", 0);
	tally_add(&tally, "a", 1);
	tally_add(&tally, "a", 1);
	tally_add(&tally, "a", 0);
	tally_add(&tally, "c", 2);
	tally_sort(&tally, false);
	assert_int_equal(tally.count, 3);
	assert_string_equal(tally.rows[0].key, "a");
	assert_int_equal(tally.rows[0].counts[0], 1);
	assert_int_equal(tally.rows[0].counts[1], 2);
	assert_string_equal(tally.rows[1].key, "b");
	assert_false(tally.lossy);
	tally_clear(&tally);
	tally_sort(&tally, true);
	tally_clear(&tally);
}

/* A flood of keys costs neither memory nor those that matter. */
static void test_flood(void **state)
{
	struct tally tally = {.rows = NULL};
	char key[32];

	(void)state;
	for (unsigned i = 0; i < 20 * TALLY_KEYS_MAX; i++) {
		snprintf(key, sizeof(key), "forged%u", i);
		tally_add(&tally, key, 0);
		if (i % 10 == 0) {
			snprintf(key, sizeof(key), "real%u", i / 10 % 50);
			tally_add(&tally, key, 1);
		}
	}
	assert_in_range(tally.count, 50, TALLY_KEYS_MAX);
	assert_true(tally.lossy);
	tally_sort(&tally, false);
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(strncmp(tally.rows[i].key, "real", 4), 0);
		assert_int_equal(tally.rows[i].counts[1], 20 * TALLY_KEYS_MAX / 500);
	}
	tally_clear(&tally);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
