/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_until.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* 2026-11-25 14:30:00 in Berlin (CET). */
static const int64_t now_ms = INT64_C(1795613400000);

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static void test_ends(void **state)
{
	static const struct {
		const char *text;
		int64_t after_ms; /* the end, counted from now */
	} rows[] = {
		{"until today", 9 * HOUR + 30 * MINUTE},
		{"until Tomorrow", 33 * HOUR + 30 * MINUTE},
		{"until 2026-11-26", 33 * HOUR + 30 * MINUTE},
		{"until 2026-11-25 14:31", MINUTE},
		{"until 2026-11-25T18:00", 3 * HOUR + 30 * MINUTE},
		{"until   18:00", 3 * HOUR + 30 * MINUTE},
		{"until 9:00", 0},
		{"until 09:00", 18 * HOUR + 30 * MINUTE},
		{"for 90m", 90 * MINUTE},
		{"for 1d", DAY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char why[200];
		int64_t end_ms;
		bool good =
			ctl_until_parse(rows[i].text, (uint64_t)now_ms, &end_ms, why, sizeof(why));

		if (good != (rows[i].after_ms > 0))
			fail_msg("%s: %s", rows[i].text, why);
		if (good)
			assert_int_equal(end_ms - now_ms, rows[i].after_ms);
	}
}

static void test_what_is_no_end(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"", "an end is missing"},
		{"tomorrow", "an end is missing"},
		{"until", "an end is missing"},
		{"until ", "is no time"},
		{"until yesterday", "\"yesterday\" is no time"},
		{"until 2026-02-30", "is no time"},
		{"until 25:00", "is no time"},
		{"until 2026-11-24", "has passed already"},
		{"until 2026-11-25 14:30", "has passed already"},
		{"until 2029-01-01", "more than 400 days"},
		{"for ", "is no duration"},
		{"for ever", "\"ever\" is no duration"},
		{"for -1h", "is no duration"},
		{"for 0s", "is no duration"},
		{"for 500d", "more than 400 days"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char why[200];
		int64_t end_ms;

		if (ctl_until_parse(rows[i].text, (uint64_t)now_ms, &end_ms, why, sizeof(why)))
			fail_msg("%s", rows[i].text);
		if (strstr(why, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].text, why);
	}
}

static int in_berlin(void **state)
{
	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_what_is_no_end),
	};

	return cmocka_run_group_tests(tests, in_berlin, NULL);
}
