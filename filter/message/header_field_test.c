/* SPDX-License-Identifier: BSD-2-Clause */
#include "header_field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_names(void **state)
{
	(void)state;
	assert_true(header_field_is("From", "From"));
	assert_true(header_field_is("fROM", "From"));
	assert_true(header_field_is("From \t", "From"));
	assert_true(header_field_is(" From", "From"));
	assert_false(header_field_is("From-", "From"));
	assert_false(header_field_is("Fro", "From"));
	assert_false(header_field_is("", "From"));
	assert_false(header_field_is("   ", "From"));
}

static void test_lines(void **state)
{
	(void)state;
	assert_int_equal(header_field_longest_line("To", ""), 4);
	assert_int_equal(header_field_longest_line("To", "abc"), 7);
	assert_int_equal(header_field_longest_line("To", " abc"), 7);
	assert_int_equal(header_field_longest_line("To", "\tabc"), 7);
	assert_int_equal(header_field_longest_line("To", "a\n\tabcdefghij"), 11);
	assert_int_equal(header_field_longest_line("To", "a\r\n\tabcdefghij\r\n b"), 11);
	assert_int_equal(header_field_longest_line("Subject", "a\n"), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
