/* SPDX-License-Identifier: BSD-2-Clause */
#include "siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "compiler.h"

/* Made with another implementation of SipHash-1-3 (hash() of CPython 3.11 on a little-endian host,
 * whose key is zero with PYTHONHASHSEED=0). */
static void test_known_values(void **state)
{
	static const struct {
		const char *text;
		uint8_t tag;
		uint64_t want;
	} cases[] = {
		{"", 1, 0x44bc103b1f8540edU},
		{"a", 15, 0x5e9cb24287b14446U},
		{"example", 28, 0x392c269fb234e132U},
		{"abcdefg", 255, 0x2295ef44bd078ae9U},
		{"abcdefgh", 12, 0x796722e6e7c79891U},
		{"mail.example.net", 15, 0x1f2dd5d86b9a4547U},
		{"7.2.0.192.in-addr.arpa", 12, 0x46811b0817149611U},
	};
	const struct siphash_key zero = {0, 0};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_true(siphash(&zero, cases[i].text, strlen(cases[i].text), cases[i].tag) ==
			    cases[i].want);
}

static void test_key_tag_and_text_matter(void **state)
{
	const struct siphash_key key = siphash_random_key();
	const struct siphash_key other = siphash_random_key();
	uint64_t hash = siphash(&key, "example.net", 11, 1);

	(void)state;
	assert_true(hash == siphash(&key, "example.net", 11, 1));
	assert_true(hash != siphash(&other, "example.net", 11, 1));
	assert_true(hash != siphash(&key, "example.net", 11, 28));
	assert_true(hash != siphash(&key, "example.nes", 11, 1));
	assert_true(hash != siphash(&key, "example.net", 10, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_values),
		cmocka_unit_test(test_key_tag_and_text_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
