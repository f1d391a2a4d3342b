/* SPDX-License-Identifier: BSD-2-Clause */
#include "utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_decode(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		uint32_t code_point;
	} rows[] = {
		{"a", 1, 'a'},
		{"", 1, 0},
		{"\x7f", 1, 0x7f},
		{"\xc2\x80", 2, 0x80},
		{"\xc3\xbc", 2, 0xfc},
		{"\xdf\xbf", 2, 0x7ff},
		{"\xe0\xa0\x80", 3, 0x800},
		{"\xe2\x80\xae", 3, 0x202e},
		{"\xef\xbf\xbf", 3, 0xffff},
		{"\xf0\x90\x80\x80", 4, 0x10000},
		{"\xf0\x9f\x98\x80", 4, 0x1f600},
		{"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
		{"\x80", 0, 0},
		{"\xbf", 0, 0},
		{"\xc0\x80", 0, 0}, /* overlong */
		{"\xc1\xbf", 0, 0},
		{"\xe0\x9f\xbf", 0, 0},
		{"\xf0\x8f\xbf\xbf", 0, 0},
		{"\xed\xa0\x80", 0, 0}, /* surrogate */
		{"\xf4\x90\x80\x80", 0, 0}, /* above U+10FFFF */
		{"\xf5\x80\x80\x80", 0, 0},
		{"\xff", 0, 0},
		{"\xc3", 0, 0}, /* cut */
		{"\xe2\x80", 0, 0},
		{"\xf0\x9f\x98", 0, 0},
		{"\xe2\x28\xa1", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint32_t code_point;

		assert_int_equal(utf8_decode(rows[i].text, &code_point), rows[i].length);
		if (rows[i].length > 0)
			assert_int_equal(code_point, rows[i].code_point);
	}
}

static void test_invisible(void **state)
{
	static const uint32_t invisible[] = {
		0xad, 0x200b, 0x200e, 0x202e, 0x2066, 0x2000, 0xfeff, 0xe0041};
	static const uint32_t visible[] = {
		'a', ' ', 0xe4, 0x200c, 0x200d, 0x2010, 0x20ac, 0x3042, 0xfe0f, 0x1f600, 0x5d0};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(invisible); i++)
		assert_true(utf8_is_invisible(invisible[i]));
	for (size_t i = 0; i < ARRAY_COUNT(visible); i++)
		assert_false(utf8_is_invisible(visible[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_invisible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
