/* SPDX-License-Identifier: BSD-2-Clause */
#include "limit_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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
		{"   ", "blank"},
		{"451 4.7.1 slow down", "begins with a code"},
		{"550-no", "begins with a code"},
		{"5000 recipients at most", NULL},
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
		{{NULL, COUNT_RECIPIENTS, 200, 3600000, 720000, false},
			"200 recipients per hour reached, try again in 12 minutes"},
		{{NULL, COUNT_CONNECTIONS, 1, 60000, 0, false},
			"1 connection per minute reached, try again later"},
		{{NULL, COUNT_BYTES, 10 << 20, 3600000, 1, false},
			"10MB per hour reached, try again in 1 second"},
		{{NULL, COUNT_BYTES, 1000, 3600000, 1000, false},
			"1000 bytes per hour reached, try again in 1 second"},
		{{NULL, COUNT_UNIQUE_RECIPIENTS, 50, 86400000, 7200001, false},
			"50 unique recipients per day reached, try again in 3 hours"},
		{{NULL, COUNT_MESSAGES, 5, 5400000, 86400000, false},
			"5 messages per 90 minutes reached, try again in 24 hours"},
		{{NULL, COUNT_MESSAGES, 5, 7200000, 172800001, false},
			"5 messages per 2 hours reached, try again in 3 days"},
		{{NULL, COUNT_MESSAGES, 5, 1500, 1000, false},
			"5 messages per 1500ms reached, try again in 1 second"},
		{{NULL, COUNT_REFUSED_RECIPIENTS, 20, 3600000, 60001, false},
			"20 refused recipients per hour reached, try again in 61 seconds"},
		{{NULL, COUNT_RECIPIENTS, 0, 3600000, 3600000, true}, "no recipients are allowed"},
		{{NULL, COUNT_BYTES, 0, 3600000, 3600000, true}, "no messages are allowed"},
		{{NULL, COUNT_BYTES, 10 << 20, 86400000, 86400000, true},
			"more at once than 10MB per day, which is all that is allowed"},
		{{"{wait}", COUNT_BYTES, 10, 3600000, 3600000, true}, "some time"},
		{{"{window}: no more than {limit} in {window}", COUNT_MESSAGES, 1, 3600000, 0,
			 false},
			"1 hour: no more than 1 message in 1 hour"},
		{{"{wait}{wait} {limit} {x", COUNT_MESSAGES, 1, 3600000, 0, false},
			"some timesome time 1 message {x"},
	};
	char buffer[200], small[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_string_equal(
			limit_reply_write(&rows[i].reply, buffer, sizeof(buffer)), rows[i].want);
	assert_int_equal(strlen(limit_reply_write(&rows[0].reply, small, sizeof(small))), 7);
}

/* Every count, one and several, over windows of every kind. */
static void test_all_counts(void **state)
{
	static const struct {
		int64_t ms;
		const char *per, *wait;
	} windows[] = {
		{1000, "second", "1 second"},
		{2000, "2 seconds", "2 seconds"},
		{90000, "90 seconds", "90 seconds"},
		{3600000, "hour", "60 minutes"},
		{86400000, "day", "24 hours"},
		{604800000, "week", "7 days"},
	};
	static const struct {
		enum limit_count count;
		const char *one, *two, *none;
	} counts[] = {
		{COUNT_CONNECTIONS, "1 connection", "2 connections", "no connections are allowed"},
		{COUNT_MESSAGES, "1 message", "2 messages", "no messages are allowed"},
		{COUNT_RECIPIENTS, "1 recipient", "2 recipients", "no recipients are allowed"},
		{COUNT_UNIQUE_RECIPIENTS, "1 unique recipient", "2 unique recipients",
			"no recipients are allowed"},
		{COUNT_BYTES, "1 byte", "2 bytes", "no messages are allowed"},
		{COUNT_REFUSED_RECIPIENTS, "1 refused recipient", "2 refused recipients",
			"not even one refused recipient is allowed"},
	};
	char buffer[200], want[200];

	(void)state;
	for (size_t c = 0; c < ARRAY_COUNT(counts); c++) {
		struct limit_reply reply = {.count = counts[c].count, .never = true};

		assert_string_equal(
			limit_reply_write(&reply, buffer, sizeof(buffer)), counts[c].none);
		reply.never = false;
		for (size_t w = 0; w < ARRAY_COUNT(windows); w++)
			for (reply.limit = 1; reply.limit <= 2; reply.limit++) {
				reply.window_ms = reply.wait_ms = windows[w].ms;
				snprintf(want, sizeof(want), "%s per %s reached, try again in %s",
					reply.limit == 1 ? counts[c].one : counts[c].two,
					windows[w].per, windows[w].wait);
				assert_string_equal(
					limit_reply_write(&reply, buffer, sizeof(buffer)), want);
			}
	}
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
		cmocka_unit_test(test_all_counts),
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
