/* SPDX-License-Identifier: BSD-2-Clause */
#include "reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	enum verdict verdict;
	const char *code, *tempfail_code, *enhanced;
	const char *want_code, *want_enhanced;
} codes[] = {
	{VERDICT_REJECT, "550", NULL, "5.7.25", "550", "5.7.25"},
	{VERDICT_REJECT, "553", "450", "5.1.8", "553", "5.1.8"},
	{VERDICT_TEMPFAIL, "550", NULL, "5.7.25", "451", "4.7.25"},
	{VERDICT_TEMPFAIL, "550", "450", "5.1.8", "450", "4.1.8"},
	{VERDICT_TEMPFAIL, "550", "421", "4.7.0", "421", "4.7.0"},
	/* Nothing wrong gets through: libmilter would drop the reply without a word. */
	{VERDICT_REJECT, "450", NULL, "4.7.1", "550", "5.7.1"},
	{VERDICT_TEMPFAIL, "550", "550", "5.7.1", "451", "4.7.1"},
	{VERDICT_REJECT, NULL, NULL, NULL, "550", "5.7.0"},
	{VERDICT_REJECT, "", NULL, "", "550", "5.7.0"},
	{VERDICT_REJECT, "55", NULL, "5.7", "550", "5.7.0"},
	{VERDICT_REJECT, "5500", NULL, "5.7.1.1", "550", "5.7.0"},
	{VERDICT_REJECT, "55x", NULL, "5.7.1x", "550", "5.7.0"},
	{VERDICT_REJECT, "550", NULL, "5.+7.1", "550", "5.7.0"},
	{VERDICT_REJECT, "550", NULL, "5.7.1234", "550", "5.7.0"},
	{VERDICT_REJECT, "550", NULL, "5.999.999", "550", "5.999.999"},
	{VERDICT_CONTINUE, "550", "450", "5.7.1", "", ""},
	{VERDICT_QUARANTINE, "550", "450", "5.7.1", "", ""},
};

static void test_codes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
		struct reply reply;

		memset(&reply, 0x5a, sizeof(reply));
		reply_set(&reply, codes[i].verdict, codes[i].code, codes[i].tempfail_code,
			codes[i].enhanced, "text %d", 7);
		assert_string_equal(reply.code, codes[i].want_code);
		assert_string_equal(reply.enhanced, codes[i].want_enhanced);
		assert_string_equal(reply.text, codes[i].want_code[0] == '\0' ? "" : "text 7");
	}
}

static void test_text_from_the_wire(void **state)
{
	struct reply reply;

	(void)state;
	reply_set(&reply, VERDICT_REJECT, "550", NULL, "5.7.1", "<%s> refused",
		"a\r\n250 OK\t\x01\x7f\xc3\xbc\xff%s%%n~ ");
	assert_string_equal(reply.text, "<a??250 OK?????"
					"?%s%%n~ > refused");
}

static void test_every_byte(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 256; c++) {
		char given[2] = {(char)c, '\0'};
		struct reply reply;

		reply_set(&reply, VERDICT_REJECT, "550", NULL, "5.7.1", "%s", given);
		assert_int_equal(reply.text[0], c >= 0x20 && c <= 0x7e ? (char)c : '?');
		assert_int_equal(strlen(reply.text), 1);
	}
}

static void test_long_text(void **state)
{
	static char given[100000];
	struct reply reply;

	(void)state;
	memset(given, 'x', sizeof(given) - 1);
	reply_set(&reply, VERDICT_REJECT, "550", NULL, "5.7.1", "%s", given);
	assert_int_equal(strlen(reply.text), REPLY_TEXT_SIZE - 1);
	reply_add_reference(&reply, "7Q2K-M4XD");
	assert_int_equal(strlen(reply.text), REPLY_TEXT_SIZE - 1);
	assert_non_null(strstr(reply.text, "xxx (ref 7Q2K-M4XD)"));
}

static void test_reference(void **state)
{
	struct reply reply;

	(void)state;
	reply_set(&reply, VERDICT_REJECT, "550", NULL, "5.7.1", "no such user");
	reply_add_reference(&reply, "7Q2K-M4XD");
	assert_string_equal(reply.text, "no such user (ref 7Q2K-M4XD)");
	reply_set(&reply, VERDICT_REJECT, "550", NULL, "5.7.1", "%s", "");
	reply_add_reference(&reply, "7Q2K\r\nM4XD");
	assert_string_equal(reply.text, "(ref 7Q2K??M4XD)");
	reply_set(&reply, VERDICT_CONTINUE, "550", NULL, "5.7.1", "%s", "x");
	reply_add_reference(&reply, "7Q2K-M4XD");
	assert_string_equal(reply.text, "");
	reply_set(&reply, VERDICT_REJECT, "550", NULL, "5.7.1", "x");
	reply_add_reference(&reply, "0123456789012345678901234567890123456789");
	assert_string_equal(reply.text, "x (ref 01234567890123456789)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_text_from_the_wire),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
