/* SPDX-License-Identifier: BSD-2-Clause */
#include "histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_buckets(void **state)
{
	struct histogram histogram = {.sum_us = 0};
	struct histogram_state read;

	(void)state;
	histogram_read(&histogram, &read);
	assert_int_equal(read.count, 0);
	assert_int_equal(histogram_quantile_us(&read, 500), 0);
	/* A bound belongs to its bucket. */
	histogram_add(&histogram, 0);
	histogram_add(&histogram, 100);
	histogram_add(&histogram, 101);
	histogram_add(&histogram, 10000000);
	histogram_add(&histogram, 10000001);
	histogram_read(&histogram, &read);
	assert_int_equal(read.counts[0], 2);
	assert_int_equal(read.counts[1], 1);
	assert_int_equal(read.counts[HISTOGRAM_BUCKETS - 1], 1);
	assert_int_equal(read.counts[HISTOGRAM_BUCKETS], 1);
	assert_int_equal(read.count, 5);
	assert_int_equal(read.sum_us, 20000202);
	assert_int_equal(histogram_quantile_us(&read, 400), 100);
	assert_int_equal(histogram_quantile_us(&read, 401), 250);
	assert_int_equal(histogram_quantile_us(&read, 800), 10000000);
	assert_true(histogram_quantile_us(&read, 990) == UINT64_MAX);
}

static void test_bounds_rise(void **state)
{
	(void)state;
	for (int i = 1; i < HISTOGRAM_BUCKETS; i++)
		assert_true(histogram_bounds_us[i] > histogram_bounds_us[i - 1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_bounds_rise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
