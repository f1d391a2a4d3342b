/* SPDX-License-Identifier: BSD-2-Clause */
#include "limit_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_check(void **state)
{
	static const struct {
		const char *text, *why; /* NULL: good */
	} rows[] = {
		{NULL, NULL},
		{"", NULL},
		{"{limit} per {window}, wait {wait}", NULL},
		{"100% is \\ fine }", NULL},
		{"{limits}", "\"{limits}\" stands for nothing"},
		{"a {", "\"{\" stands for nothing"},
		{"{limit", "stands for nothing"},
		{"a\r\n250 ok", "one line"},
		{"gr\xc3\xbc\xc3\x9f", "printable ASCII"},
	};
	char why[200], longer[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(
			limit_reply_check(rows[i].text, why, sizeof(why)), rows[i].why == NULL);
		if (rows[i].why != NULL)
			assert_non_null(strstr(why, rows[i].why));
	}
	memset(longer, 'a', sizeof(longer));
	longer[201] = '\0';
	assert_false(limit_reply_check(longer, why, sizeof(why)));
	longer[200] = '\0';
	assert_true(limit_reply_check(longer, why, sizeof(why)));
}

static void test_write(void **state)
{
	static const struct {
		struct limit_reply reply;
		const char *want;
	} rows[] = {
		{{NULL, COUNT_RECIPIENTS, 200, 3600000, 720000},
			"200 recipients per 1h reached, try again in 12 minutes"},
		{{NULL, COUNT_CONNECTIONS, 1, 60000, 0},
			"1 connection per 60s reached, try again later"},
		{{NULL, COUNT_BYTES, 10 << 20, 3600000, 1},
			"10MB per 1h reached, try again in 1 second"},
		{{NULL, COUNT_BYTES, 1000, 3600000, 1000},
			"1000 bytes per 1h reached, try again in 1 second"},
		{{NULL, COUNT_REFUSED_RECIPIENTS, 20, 3600000, 60001},
			"20 refused recipients per 1h reached, try again in 61 seconds"},
		{{"{wait}{wait} {limit} {x", COUNT_MESSAGES, 1, 3600000, 0},
			"some timesome time 1 message {x"},
	};
	char buffer[200], small[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_string_equal(
			limit_reply_write(&rows[i].reply, buffer, sizeof(buffer)), rows[i].want);
	assert_int_equal(strlen(limit_reply_write(&rows[0].reply, small, sizeof(small))), 7);
}

static void test_spread(void **state)
{
	(void)state;
	assert_int_equal(limit_spread_wait(0, 3600000, 10, 512), 0);
	assert_int_equal(limit_spread_wait(5000, 3600000, 0, 1023), 5000);
	assert_int_equal(limit_spread_wait(5000, 3600000, 10, 0), 5000);
	assert_int_equal(limit_spread_wait(5000, 3600000, 10, 512), 185000);
	assert_true(limit_spread_wait(5000, 3600000, 100, UINT32_MAX) < 5000 + 3600000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
