/* SPDX-License-Identifier: BSD-2-Clause */
/* Meters of limits, and the busiest keys. */
#include "limit_meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct busiest *busiest;
static struct busiest_entry entries[BUSIEST_COUNT];

static int begin(void **state)
{
	(void)state;
	busiest = busiest_create();
	return 0;
}

static int finish(void **state)
{
	(void)state;
	busiest_free(&busiest);
	return 0;
}

static void test_busiest(void **state)
{
	(void)state;
	assert_int_equal(busiest_read(busiest, entries, 10, 0), 0);
	busiest_note(busiest, "l", "a", 1, 0, 0);
	busiest_note(busiest, "l", "b", 5, 2, 0);
	busiest_note(busiest, "m", "b", 3, 0, 0);
	busiest_note(busiest, "l", "a", 9, 1, BUSIEST_PERIOD_MS);
	assert_int_equal(busiest_read(busiest, entries, 2, BUSIEST_PERIOD_MS), 2);
	assert_int_equal(busiest_read(busiest, entries, 10, BUSIEST_PERIOD_MS), 3);
	assert_string_equal(entries[0].name, "a");
	assert_int_equal(entries[0].units, 10);
	assert_int_equal(entries[0].refused, 1);
	assert_string_equal(entries[1].group, "l");
	assert_string_equal(entries[2].group, "m");
	/* A period later only what came in the last one counts, then nothing. */
	assert_int_equal(busiest_read(busiest, entries, 10, 2 * BUSIEST_PERIOD_MS), 1);
	assert_int_equal(entries[0].units, 9);
	assert_int_equal(busiest_read(busiest, entries, 10, 3 * BUSIEST_PERIOD_MS), 0);
}

/* A flood of keys does not push out the one that is really busy. */
static void test_flood(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "forged%d@example.net", i);
		busiest_note(busiest, "l", name, 1, 0, 1);
		if (i % 50 == 0)
			busiest_note(busiest, "l", "anna@example.org\x1b", 1, 1, 1);
	}
	assert_int_equal(busiest_read(busiest, entries, 10, 1), 10);
	assert_string_equal(entries[0].name, "anna@example.org\\x1b");
	assert_in_range(entries[0].units, 400, 400 + 20000 / BUSIEST_COUNT + 1);
	assert_int_equal(entries[0].refused, 400);
}

static void test_meters(void **state)
{
	struct limit_meter_state states[4];
	struct limit_meter *a = limit_meter_of("a"), *b = limit_meter_of("b");

	(void)state;
	assert_ptr_equal(limit_meter_of("a"), a);
	assert_ptr_not_equal(a, b);
	limit_meter_count(a, LIMIT_TAKEN, "x", 7);
	limit_meter_count(a, LIMIT_TAKEN, "x", 1);
	limit_meter_count(a, LIMIT_OVER, "x", 5);
	limit_meter_count(b, LIMIT_UNCOUNTED, "y", 1);
	assert_int_equal(limit_meter_read(states, 4), 2);
	assert_string_equal(states[0].title, "a");
	assert_int_equal(states[0].charges[LIMIT_TAKEN], 2);
	assert_int_equal(states[0].charges[LIMIT_OVER], 1);
	assert_int_equal(states[0].charges[LIMIT_WATCHED], 0);
	assert_int_equal(states[0].units, 8);
	assert_int_equal(states[1].charges[LIMIT_UNCOUNTED], 1);
	assert_int_equal(limit_meter_busiest(entries, 10), 2);
	assert_string_equal(entries[0].name, "x");
	assert_int_equal(entries[0].units, 13);
	/* However often limits are renamed, memory is bounded. */
	for (int i = 0; i < 2 * LIMIT_METERS_MAX; i++) {
		char title[16];

		snprintf(title, sizeof(title), "%d", i);
		assert_non_null(limit_meter_of(title));
	}
	assert_int_equal(limit_meter_read(states, 4), LIMIT_METERS_MAX);
	assert_ptr_equal(limit_meter_of("new"), limit_meter_of("newer"));
	assert_ptr_equal(limit_meter_of("a"), a);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_busiest),
		test(test_flood),
		test(test_meters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
