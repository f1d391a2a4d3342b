/* SPDX-License-Identifier: BSD-2-Clause */
#include "confusable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Each pair reads the same. */
static const char *const pairs[][2] = {
	{"paypal", "PayPal"}, {"paypal", "paypa1"}, {"paypal", "paypaI"},
	{"paypal", "p\xd0\xb0yp\xd0\xb0l"}, /* Cyrillic a */
	{"paypal", "\xd1\x80\xd0\xb0\xd1\x83\xd1\x80\xd0\xb0l"},
	{"PAYPAL", "\xd0\xa0\xd0\x90\xd0\xa3\xd0\xa0\xd0\x90L"}, /* Cyrillic capitals */
	{"paypal", "p\xc3\xa1yp\xe1\xba\xa5l"}, /* accents */
	{"paypal", "pa\xcc\x81yp\xcc\xa3"
		   "al"}, /* combining ones */
	{"paypal", "\xef\xbd\x90\xef\xbd\x81\xef\xbd\x99pal"}, /* full width */
	{"paypal", "\xf0\x9d\x90\xa9\xf0\x9d\x90\x9aypal"}, /* mathematical bold */
	{"paypal", "pay\xe2\x80\x8bpal"}, /* zero width space */
	{"paypal", "pay\xc2\xadpal"}, /* soft hyphen */
	{"paypal", "\xe2\x80\xaepaypal\xe2\x80\xac"}, /* right-to-left override */
	{"modem", "modern"}, {"wiki", "vviki"}, {"dick", "click"}, {"google", "g00gle"},
	{"google", "\xc9\xa1oogle"}, /* script g */
	{"omega", "\xce\xbfmega"}, /* Greek omicron */
	{"hello", "\xd5\xb0"
		  "ello"}, /* Armenian ho */
	{"strasse", "stra\xc3\x9f"
		    "e"},
	{"bank", "ban\xc4\xb8"}, /* kra */
	{"lodz", "\xc5\x82\xc3\xb3"
		 "dz"},
	{"example.org", "example\xef\xbc\x8eorg"}, /* full width dot */
};

static const char *const different[][2] = {
	{"paypal", "paypol"},
	{"example", "sample"},
	{"a", ""},
	{"\xe4\xb8\xad", "\xe6\x96\x87"},
};

static const char *skeleton(const char *text)
{
	static char buffers[2][CONFUSABLE_MAX];
	static unsigned next;

	next = !next;
	return confusable_skeleton(text, buffers[next], sizeof(buffers[next]));
}

static void test_pairs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++)
		assert_string_equal(skeleton(pairs[i][0]), skeleton(pairs[i][1]));
	for (size_t i = 0; i < ARRAY_COUNT(different); i++)
		assert_string_not_equal(skeleton(different[i][0]), skeleton(different[i][1]));
}

static void test_broken_utf8(void **state)
{
	(void)state;
	assert_string_equal(skeleton("a\xff\xfe"), "a??");
	assert_string_equal(skeleton("\xc3"), "?");
	assert_string_equal(skeleton("\xed\xa0\x80"), "???"); /* a surrogate */
}

static void test_bound(void **state)
{
	char text[3 * CONFUSABLE_MAX], small[4];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_true(strlen(skeleton(text)) <= CONFUSABLE_MAX);
	/* One character that becomes many. */
	for (size_t i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xef\xb7\xba", 3);
	confusable_skeleton(text, small, sizeof(small));
	assert_true(strlen(small) < sizeof(small));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_broken_utf8),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
