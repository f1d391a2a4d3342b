/* SPDX-License-Identifier: BSD-2-Clause */
#include "text.h"

#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_builder_is_bounded(void **state)
{
	char buffer[8];
	struct text text;

	(void)state;
	text_init(&text, buffer, sizeof(buffer));
	text_add(&text, "abc");
	text_addf(&text, "%d", 12);
	assert_string_equal(buffer, "abc12");
	assert_false(text.truncated);
	text_add(&text, "de");
	assert_false(text.truncated);
	text_add_char(&text, 'x');
	assert_string_equal(buffer, "abc12de");
	assert_true(text.truncated);
	text_addf(&text, "%s", "more");
	assert_int_equal(text.length, strlen(buffer));
	text_init(&text, buffer, 1);
	text_addf(&text, "%s", "more");
	assert_string_equal(buffer, "");
	assert_true(text.truncated);
}

#define assert_formats(...) check_formats(__LINE__, __VA_ARGS__)

static void check_formats(int line, const char *format, ...) ATTR_PRINTF(2, 3);

/* The same as printf, cut where it does not fit, in a buffer of every size. */
static void check_formats(int line, const char *format, ...)
{
	for (size_t size = 1; size < 120; size++) {
		char want[120], buffer[120];
		struct text text;
		va_list args;
		int length;

		va_start(args, format);
		length = vsnprintf(want, size, format, args);
		va_end(args);
		text_init(&text, buffer, size);
		va_start(args, format);
		text_vaddf(&text, format, &args);
		va_end(args);
		if (strcmp(buffer, want) != 0 || text.length != strlen(want) ||
			text.truncated != ((size_t)length >= size))
			fail_msg("line %d, size %zu: \"%s\", not \"%s\"", line, size, buffer, want);
	}
}

static void test_formats(void **state)
{
	(void)state;
	assert_formats("nothing");
	assert_formats("%s", "");
	assert_formats("%s and %s%s", "one", "two", "three");
	assert_formats("100 %% of %c%c", 'a', '%');
	assert_formats("%d %d %d", 0, -1, 1);
	assert_formats("%d %d %u", INT_MIN, INT_MAX, UINT_MAX);
	assert_formats("%ld %ld %lu", LONG_MIN, LONG_MAX, ULONG_MAX);
	assert_formats("%lld %lld %llu", LLONG_MIN, LLONG_MAX, ULLONG_MAX);
	assert_formats("%zu %zu", (size_t)0, SIZE_MAX);
	assert_formats("%" PRIu64 " %" PRId64, UINT64_MAX, INT64_MIN);
	/* Left to printf: anything that is not plain. */
	assert_formats("%5d|%-5s|%02x|%.3s", 42, "ab", 10, "abcdef");
	assert_formats("%s %08.3f %s", "a", 3.25, "b");
	assert_formats("%s %hd %p", "a", (short)3, (void *)0);
}

static void test_escapes(void **state)
{
	static const struct {
		const char *given;
		size_t limit;
		const char *want;
	} rows[] = {
		{"", 10, ""},
		{"plain text", 20, "plain text"},
		{"a\nb", 10, "a\\x0ab"},
		{"\r\n", 10, "\\x0d\\x0a"},
		{"\"\\", 10, "\\x22\\x5c"},
		{"\x7f\xc3\xa4z", 10, "\\x7f\\xc3\\xa4z"},
		{"abcdef", 3, "abc..."},
		{"ab\ncdef", 3, "ab\\x0a..."},
		{"abc", 3, "abc"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char buffer[64];
		struct text text;

		text_init(&text, buffer, sizeof(buffer));
		text_add_escaped(&text, rows[i].given, strlen(rows[i].given), rows[i].limit);
		assert_string_equal(buffer, rows[i].want);
	}
}

static void test_copy(void **state)
{
	char buffer[4];

	(void)state;
	assert_true(text_copy(buffer, sizeof(buffer), "abc"));
	assert_string_equal(buffer, "abc");
	assert_false(text_copy(buffer, sizeof(buffer), "abcd"));
	assert_string_equal(buffer, "");
}

static void test_ascii(void **state)
{
	(void)state;
	assert_true(ascii_equal("Helo", "hELO"));
	assert_false(ascii_equal("helo", "helo "));
	assert_false(ascii_equal("\xc4", "\xe4"));
	assert_true(ascii_starts_with("SIZE=12", "size="));
	assert_false(ascii_starts_with("SI", "size="));
	assert_true(ascii_ends_with("mail.Example", ".example"));
	assert_false(ascii_ends_with("ple", "example"));
}

static void test_suggestions(void **state)
{
	static const char *const names[] = {"missing", "unconfirmed", "generic", "mode", NULL};

	(void)state;
	assert_string_equal(text_suggest("mising", names), "missing");
	assert_string_equal(text_suggest("Generik", names), "generic");
	assert_string_equal(text_suggest("unconf", names), "unconfirmed");
	assert_string_equal(text_suggest("mod", names), "mode");
	assert_null(text_suggest("zebra", names));
	assert_null(text_suggest("", names));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builder_is_bounded),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_suggestions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
