/* SPDX-License-Identifier: BSD-2-Clause */
#include "slowest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct slowest *slowest;
static struct slowest_entry entries[SLOWEST_COUNT];

static int begin(void **state)
{
	(void)state;
	slowest = slowest_create();
	return 0;
}

static int finish(void **state)
{
	(void)state;
	slowest_free(&slowest);
	return 0;
}

static void test_order(void **state)
{
	(void)state;
	assert_int_equal(slowest_read(slowest, entries, 0), 0);
	slowest_note(slowest, "b", 200, 1000);
	slowest_note(slowest, "a", 300, 1000);
	slowest_note(slowest, "b", 100, 1000);
	slowest_note(slowest, "b", 250, 1001);
	slowest_note(slowest, "none", 0, 1001);
	slowest_note(slowest, "evil\x1b[31m\"\n", 1, 1001);
	assert_int_equal(slowest_read(slowest, entries, 1002), 3);
	assert_string_equal(entries[0].name, "a");
	assert_string_equal(entries[1].name, "b");
	assert_int_equal(entries[1].us, 250);
	assert_string_equal(entries[2].name, "evil\\x1b[31m\\x22\\x0a");
}

/* Against a list of everything, whatever comes and goes. */
static void test_random(void **state)
{
	enum { COUNT = 3000 };
	static uint64_t us[COUNT], at_ms[COUNT];
	unsigned short seed[3] = {1, 2, 3};
	uint64_t now_ms = 1000;

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		uint64_t slower = 0;
		char name[16];
		size_t count;

		snprintf(name, sizeof(name), "%d", i);
		us[i] = 1 + (uint64_t)nrand48(seed) % 100000;
		now_ms += (uint64_t)nrand48(seed) % 2000;
		at_ms[i] = now_ms;
		slowest_note(slowest, name, us[i], now_ms);
		count = slowest_read(slowest, entries, now_ms);
		assert_in_range(count, 1, SLOWEST_COUNT);
		/* The slowest of all that is not too old is always there, and first. */
		for (int j = 0; j <= i; j++)
			if (at_ms[j] + SLOWEST_KEEP_MS >= now_ms && us[j] > slower)
				slower = us[j];
		assert_int_equal(entries[0].us, slower);
		for (size_t j = 1; j < count; j++)
			assert_true(entries[j].us <= entries[j - 1].us);
	}
}

static void test_age(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * SLOWEST_COUNT; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		slowest_note(slowest, name, 1000 + (uint64_t)i, 5);
	}
	assert_int_equal(slowest_read(slowest, entries, 5), SLOWEST_COUNT);
	assert_int_equal(entries[SLOWEST_COUNT - 1].us, 1000 + SLOWEST_COUNT);
	assert_int_equal(slowest_read(slowest, entries, 5 + SLOWEST_KEEP_MS + 1), 0);
	/* What is fast is taken again once the slow ones have grown old. */
	slowest_note(slowest, "new", 1, 5 + SLOWEST_KEEP_MS + 1);
	assert_int_equal(slowest_read(slowest, entries, 5 + SLOWEST_KEEP_MS + 1), 1);
	assert_string_equal(entries[0].name, "new");
}

static void test_long_names(void **state)
{
	char name[1000];

	(void)state;
	memset(name, '\xff', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	slowest_note(slowest, name, 1, 1);
	assert_int_equal(slowest_read(slowest, entries, 1), 1);
	assert_true(strlen(entries[0].name) < SLOWEST_NAME_SIZE);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_order),
		test(test_random),
		test(test_age),
		test(test_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
