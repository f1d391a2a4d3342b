/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define L15 "abcdefghijklmno"
#define L63 L15 L15 L15 L15 "xyz"
#define L61 L15 L15 L15 L15 "z"

static void test_canonical(void **state)
{
	static const struct {
		const char *given, *want; /* NULL: cannot be asked for */
	} cases[] = {
		{"Mail.Example.NET", "mail.example.net"},
		{"mail.example.net.", "mail.example.net"},
		{"net", "net"},
		{"_dmarc.a-b.0", "_dmarc.a-b.0"},
		{"0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa"},
		{"a b", "a\\032b"},
		{"a\\b", "a\\092b"},
		{"a\\032b", "a\\032b"},
		{"a\\065b", "aab"},
		{"a\\256b", "a\\092256b"},
		{"a\\03", "a\\09203"},
		{"a\\046b.c", "a\\046b.c"},
		{"\\000", "\\000"},
		{"\xc3\xa9.example", "\\195\\169.example"},
		{L63 "." L63 "." L63 "." L61, L63 "." L63 "." L63 "." L61},
		{L63 "." L63 "." L63 "." L61 ".", L63 "." L63 "." L63 "." L61},
		{"", NULL},
		{".", NULL},
		{"..", NULL},
		{".a", NULL},
		{"a..b", NULL},
		{"a..", NULL},
		{L63 "x", NULL},
		{L63 "x.net", NULL},
		{L63 "." L63 "." L63 "." L61 "x", NULL},
		{L63 "." L63 "." L63 "." L63, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char got[DNS_NAME_SIZE], again[DNS_NAME_SIZE];
		bool valid = dns_name_canonical(cases[i].given, got);

		if (valid != (cases[i].want != NULL))
			fail_msg("\"%s\" was%s accepted", cases[i].given, valid ? "" : " not");
		if (!valid)
			continue;
		assert_string_equal(got, cases[i].want);
		assert_true(dns_name_canonical(got, again));
		assert_string_equal(again, got);
	}
}

static void test_wire(void **state)
{
	static const struct {
		const char *text, *wire;
		size_t length;
	} cases[] = {
		{"mail.example.net", "\4mail\7example\3net", 18},
		{"", "", 1},
		{"a\\046b.c", "\3a.b\1c", 7},
		{"\\000", "\1\0", 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint8_t wire[DNS_NAME_WIRE];
		char text[DNS_NAME_SIZE];

		assert_int_equal(dns_name_to_wire(cases[i].text, wire), cases[i].length);
		assert_memory_equal(wire, cases[i].wire, cases[i].length);
		assert_true(dns_name_from_wire(wire, cases[i].length, text));
		assert_string_equal(text, cases[i].text);
	}
}

static void test_longest_name(void **state)
{
	uint8_t wire[DNS_NAME_WIRE];
	char text[DNS_NAME_SIZE], escaped[DNS_NAME_SIZE] = "";

	(void)state;
	assert_int_equal(dns_name_to_wire(L63 "." L63 "." L63 "." L61, wire), DNS_NAME_WIRE);
	assert_true(dns_name_from_wire(wire, DNS_NAME_WIRE, text));
	assert_int_equal(strlen(text), 253);
	assert_int_equal(dns_name_to_wire(L63 "." L63 "." L63 "." L61 "x", wire), 0);
	/* Every octet escaped: the longest text there is. */
	for (size_t i = 0; i < DNS_NAME_WIRE; i++)
		wire[i] = i % 64 == 0 ? 63 : 0xff;
	wire[192] = 61;
	wire[254] = 0;
	assert_true(dns_name_from_wire(wire, DNS_NAME_WIRE, text));
	assert_int_equal(strlen(text), 250 * 4 + 3);
	assert_true(dns_name_canonical(text, escaped));
	assert_string_equal(text, escaped);
}

static void test_bad_wire(void **state)
{
	static const struct {
		const char *wire;
		size_t length;
	} cases[] = {
		{"", 0},
		{"\3ab", 3},
		{"\3abc", 4}, /* no root */
		{"\1a\0\0", 4}, /* more behind it */
		{"\xc0\x0c", 2},
		{"\x40", 1},
	};
	char text[DNS_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_false(
			dns_name_from_wire((const uint8_t *)cases[i].wire, cases[i].length, text));
}

static void test_bad_text(void **state)
{
	static const char *const cases[] = {"a..b", ".a", L63 "x", L63 "x.b"};
	uint8_t wire[DNS_NAME_WIRE];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(dns_name_to_wire(cases[i], wire), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_wire),
		cmocka_unit_test(test_longest_name),
		cmocka_unit_test(test_bad_wire),
		cmocka_unit_test(test_bad_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
