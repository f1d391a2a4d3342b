/* SPDX-License-Identifier: BSD-2-Clause */
#include "encoded_word.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { PLAIN = 0, MALFORMED = 1, CONTROL = 2 };

static void test_decode(void **state)
{
	static const struct {
		const char *text, *shown;
		unsigned count, seen;
	} rows[] = {
		{"", "", 0, PLAIN},
		{"plain = text?", "plain = text?", 0, PLAIN},
		{"=?utf-8?q?M=C3=BCller?=", "M\xc3\xbcller", 1, PLAIN},
		{"=?UTF-8?Q?a_b?= c", "a b c", 1, PLAIN},
		{"=?utf-8*de?q?a?=", "a", 1, PLAIN},
		{"=?utf-8?b?YQ==?= =?utf-8?b?Yg?=\r\n =?utf-8?B?Yw==?= d", "abc d", 3, PLAIN},
		{"=?utf-8?q?a?==?utf-8?q?b?=", "ab", 2, PLAIN},
		{"x=?utf-8?q?a?=y", "xay", 1, PLAIN},
		{"a =?utf-8?q?b?= c", "a b c", 1, PLAIN},
		{"\"=?utf-8?q?a?=\"", "\"a\"", 1, PLAIN},
		{"=?iso-8859-1?q?M=FCller?=", "M\xc3\xbcller", 1, PLAIN},
		{"=?iso-8859-1?q?=80?=", "\xef\xbf\xbd", 1, PLAIN},
		{"=?koi8-r?b?8NLJ18XU?=",
			"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf"
			"\xbd\xef\xbf\xbd",
			1, PLAIN},
		/* A trail octet that looks like "@" is none. */
		{"=?shift_jis?q?=83=40?=a",
			"\xef\xbf\xbd"
			"a",
			1, PLAIN},
		{"=?iso-2022-jp?b?GyRCRnxLXBsoQmE=?=",
			"\xef\xbf\xbd"
			"a",
			1, PLAIN},
		{"=?utf-16?b?AGEAQA==?=", "\xef\xbf\xbd", 1, PLAIN},
		{"=?utf-8?q?=C3?=", "\xef\xbf\xbd", 1, MALFORMED},
		{"=?utf-8?q?=C0=AF?=", "\xef\xbf\xbd\xef\xbf\xbd", 1, MALFORMED},
		{"=?utf-8?b?!!!!?=", "", 1, MALFORMED},
		{"=?utf-8?q?a=?=", "a=", 1, MALFORMED},
		{"=?utf-8?x?a?=", "=?utf-8?x?a?=", 0, MALFORMED},
		{"=?utf-8?q?a", "=?utf-8?q?a", 0, MALFORMED},
		{"=??q?a?=", "=??q?a?=", 0, MALFORMED},
		{"a =? b, !=?^_", "a =? b, !=?^_", 0, PLAIN},
		{"=?utf-8?q?a\nb?=", "=?utf-8?q?a b?=", 0, MALFORMED},
		{"=?utf-8?q?a=00b?=",
			"a\xef\xbf\xbd"
			"b",
			1, CONTROL},
		{"=?utf-8?q?a=0D=0Ab?=",
			"a\xef\xbf\xbd\xef\xbf\xbd"
			"b",
			1, CONTROL},
		{"=?utf-8?q?a=0A?= =?utf-8?q?b?=",
			"a\xef\xbf\xbd"
			"b",
			2, CONTROL},
		{"=?utf-8?q?a=1B?=", "a\xef\xbf\xbd", 1, CONTROL},
		/* The line end of who encodes what a command prints. */
		{"=?utf-8?b?YQo=?=", "a", 1, PLAIN},
		{"\"=?utf-8?b?YQ0K?=\" ", "\"a\" ", 1, PLAIN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct encoded_words seen;
		char buffer[200];
		struct text out;

		text_init(&out, buffer, sizeof(buffer));
		encoded_word_decode(rows[i].text, &out, &seen);
		if (strcmp(buffer, rows[i].shown) != 0 || seen.count != rows[i].count ||
			seen.malformed != ((rows[i].seen & MALFORMED) != 0) ||
			seen.control != ((rows[i].seen & CONTROL) != 0))
			fail_msg("%s: \"%s\" %u %d %d", rows[i].text, buffer, seen.count,
				seen.malformed, seen.control);
	}
}

/* What is encoded reads back the same, in lines that RFC 2047 2 allows. */
static void test_encode(void **state)
{
	static const char *const texts[] = {"", "[suspicious] ", "a b", "\xc3\xbc", "=?x?=",
		"\xe2\x98\x83\xe2\x98\x83\xe2\x98\x83\xe2\x98\x83\xe2\x98\x83\xe2\x98\x83\xe2\x98"
		"\x83\xe2\x98\x83\xe2\x98\x83\xe2\x98\x83\xe2\x98\x83\xe2\x98\x83\xe2\x98\x83"
		"\xe2\x98\x83\xe2\x98\x83\xe2\x98\x83\xe2\x98\x83",
		"1234567890123456789012345678901234567890123\xf0\x9f\x98\x80 and more", "a\tb"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		char encoded[1000], decoded[1000];
		struct encoded_words seen;
		struct text text;

		text_init(&text, encoded, sizeof(encoded));
		encoded_word_add(&text, texts[i]);
		for (const char *line = encoded; *line != '\0';) {
			size_t length = strcspn(line, "\n");

			assert_true(length <= 76);
			line += length + (line[length] == '\n');
		}
		text_init(&text, decoded, sizeof(decoded));
		encoded_word_decode(encoded, &text, &seen);
		if (strcmp(texts[i], "a\tb") == 0)
			continue;
		assert_string_equal(decoded, texts[i]);
		assert_false(seen.malformed);
	}
}

/* What does not fit is left out, and nothing else happens. */
static void test_bounds(void **state)
{
	struct encoded_words seen;
	char long_word[6000], buffer[20];
	struct text out;

	(void)state;
	memset(long_word, 'a', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	memcpy(long_word, "=?utf-8?q?", 10);
	text_init(&out, buffer, sizeof(buffer));
	encoded_word_decode(long_word, &out, &seen);
	assert_true(out.truncated);
	memcpy(long_word + sizeof(long_word) - 3, "?=", 2);
	text_init(&out, buffer, sizeof(buffer));
	encoded_word_decode(long_word, &out, &seen);
	assert_int_equal(seen.count, 0);
	assert_true(seen.malformed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
