/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LABEL_63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123"
#define NAME_253                                                                                   \
	LABEL_63 "." LABEL_63 "." LABEL_63 "."                                                     \
		 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1"

static const struct {
	const char *given;
	const char *want; /* NULL: not a domain name */
	bool hostname; /* GIVEN is one by RFC 5321 */
} names[] = {
	{"example.com", "example.com", true}, {"Example.COM", "example.com", true},
	{"EXAMPLE.com.", "example.com", false}, {"localhost", "localhost", true}, {"a", "a", true},
	{"1.example", "1.example", true}, {"3com.example", "3com.example", true},
	{"_spf.example.com", "_spf.example.com", false},
	{"a_b.example.com", "a_b.example.com", false}, {"-a.example", "-a.example", false},
	{"a-.example", "a-.example", false}, {"a.example-", "a.example-", false},
	{"a--b.example", "a--b.example", true}, {"192.0.2.1", "192.0.2.1", false},
	{"example.123", "example.123", false}, {"example.1a", "example.1a", true},
	{"xn--bcher-kva.example", "xn--bcher-kva.example", true},
	{LABEL_63 ".example", LABEL_63 ".example", true}, {LABEL_63 "x.example", NULL, false},
	{NAME_253, NAME_253, true}, {NAME_253 ".", NAME_253, false}, {NAME_253 "x", NULL, false},
	{"", NULL, false}, {".", NULL, false}, {"..", NULL, false}, {".example.com", NULL, false},
	{"a..example.com", NULL, false}, {"example.com..", NULL, false},
	{"exa mple.com", NULL, false}, {"example.com ", NULL, false},
	{"example.com\n", NULL, false}, {"exam\tple.com", NULL, false},
	{"exam*ple.com", NULL, false}, {"exam@ple.com", NULL, false},
	{"example.com(x", NULL, false}, {"[192.0.2.1]", NULL, false},
	/* U-labels: IDNA 2008, nontransitional (sharp s stays), UTS 46 folding. */
	{"b\xc3\xbc"
	 "cher.example",
		"xn--bcher-kva.example", false},
	{"B\xc3\x9c"
	 "CHER.Example.",
		"xn--bcher-kva.example", false},
	{"stra\xc3\x9f"
	 "e.de",
		"xn--strae-oqa.de", false},
	{"_dmarc.b\xc3\xbc"
	 "cher.example",
		"_dmarc.xn--bcher-kva.example", false},
	{"e\xe3\x80\x82"
	 "example",
		"e.example", false}, /* U+3002 */
	{"\xef\xbd\x85xample.com", "example.com", false}, /* full-width e */
	{"\xce\xb2\xcf\x8c\xce\xbb\xce\xbf\xcf\x82.com", "xn--nxasmm1c.com", false},
	{"\xc3\x28.example", NULL, false}, /* not UTF-8 */
	{"\xff.example", NULL, false}, {"\xc3\xbc..example", NULL, false},
	{"a\xef\xbc\xa0"
	 "b.example",
		NULL, false}, /* full-width @ */
	{"a\xe2\x80\xae"
	 "b.example",
		NULL, false}, /* right-to-left override */
	{"\xe2\x80\x80"
	 "a.example",
		NULL, false}, /* en quad */
};

static void test_canonical(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		char canonical[DOMAIN_SIZE] = "unset";
		char again[DOMAIN_SIZE];
		bool good = domain_canonical(names[i].given, canonical);

		print_message("%s\n", names[i].given);
		assert_int_equal(good, names[i].want != NULL);
		assert_string_equal(canonical, good ? names[i].want : "");
		assert_int_equal(domain_is_hostname(names[i].given), names[i].hostname);
		if (good)
			assert_true(domain_canonical(canonical, again));
	}
}

static void test_canonical_of_long_input(void **state)
{
	static char name[100000];
	char canonical[DOMAIN_SIZE];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	assert_false(domain_canonical(name, canonical));
	assert_false(domain_is_hostname(name));
	for (size_t i = 0; i + 2 < sizeof(name); i += 2)
		memcpy(name + i, "\xc3\xbc", 2);
	assert_false(domain_canonical(name, canonical));
}

static void test_qualified(void **state)
{
	(void)state;
	assert_true(domain_is_qualified("example.com"));
	assert_true(domain_is_qualified("a.b.c"));
	assert_false(domain_is_qualified("localhost"));
	assert_false(domain_is_qualified("localhost."));
	assert_false(domain_is_qualified(".localhost"));
	assert_false(domain_is_qualified(""));
}

static const struct {
	const char *given;
	const char *want; /* NULL: not an address literal */
} literals[] = {
	{"[192.0.2.1]", "192.0.2.1"},
	{"[IPv6:2001:db8::1]", "2001:db8::1"},
	{"[ipv6:2001:DB8::1]", "2001:db8::1"},
	{"[IPv6:::1]", "::1"},
	{"[IPv6:::ffff:192.0.2.1]", "192.0.2.1"},
	{"192.0.2.1", NULL},
	{"[192.0.2.1", NULL},
	{"192.0.2.1]", NULL},
	{"[]", NULL},
	{"[", NULL},
	{"]", NULL},
	{"", NULL},
	{"[IPv6:]", NULL},
	{"[IPv6]", NULL},
	{"[2001:db8::1]", NULL},
	{"[IPv6:192.0.2.1]", NULL},
	{"[192.0.2.1] ", NULL},
	{"[ 192.0.2.1]", NULL},
	{"[192.0.2]", NULL},
	{"[3221225985]", NULL},
	{"[0xc0000201]", NULL},
	{"[192.0.2.256]", NULL},
	{"[192.0.2.01]", NULL},
	{"[example.com]", NULL},
	{"[[192.0.2.1]]", NULL},
	{"[x400:something]", NULL},
	{"[IPv6:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]", NULL},
	{"[IPv6:fe80::1%lo]", NULL},
};

static void test_literal(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(literals); i++) {
		char text[IPADDR_TEXT_SIZE];
		struct ipaddr address;
		bool good = domain_parse_literal(literals[i].given, &address);

		print_message("%s\n", literals[i].given);
		assert_int_equal(good, literals[i].want != NULL);
		assert_string_equal(ipaddr_format(&address, text), good ? literals[i].want : "");
	}
}

static void test_within(void **state)
{
	static const struct {
		const char *name, *parent;
		bool want;
	} rows[] = {
		{"example.com", "example.com", true},
		{"mail.example.com", "example.com", true},
		{"a.b.example.com", "example.com", true},
		{"badexample.com", "example.com", false},
		{"example.com", "mail.example.com", false},
		{"example.com.evil.net", "example.com", false},
		{"example.com", "com", true},
		{"example.com", "", false},
		{"", "", false},
		{"", "example.com", false},
		{"xample.com", "example.com", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(domain_is_within(rows[i].name, rows[i].parent), rows[i].want);
}

static void test_organizational(void **state)
{
	static const struct {
		const char *name, *want;
	} rows[] = {
		{"example.com", "example.com"},
		{"mail.example.com", "example.com"},
		{"a.b.c.example.co.uk", "example.co.uk"},
		{"co.uk", "co.uk"},
		{"com", "com"},
		{"localhost", "localhost"},
		{"host.user.github.io", "user.github.io"}, /* private part of the list */
		{"a.b.unknowntld", "b.unknowntld"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"_dmarc.example.com", "example.com"},
		{"www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const char *got = domain_organizational(rows[i].name);

		assert_string_equal(got, rows[i].want);
		assert_ptr_equal(got, rows[i].name + strlen(rows[i].name) - strlen(got));
	}
	assert_true(domain_same_organization("mx1.example.com", "a.b.example.com"));
	assert_true(domain_same_organization("example.com", "mail.example.com"));
	assert_false(domain_same_organization("example.com", "example.net"));
	assert_false(domain_same_organization("a.co.uk", "b.co.uk"));
	assert_false(domain_same_organization("co.uk", "a.co.uk"));
	assert_false(domain_same_organization("a.github.io", "b.github.io"));
}

static void test_same_name(void **state)
{
	static const struct {
		const char *written, *canonical;
		bool same;
	} rows[] = {{"mx.example.org", "mx.example.org", true},
		{"MX.Example.ORG.", "mx.example.org", true},
		{"mx.example.org..", "mx.example.org", false},
		{"mx.example.orga", "mx.example.org", false},
		{"mx.example.or", "mx.example.org", false}, {"", "", false},
		{"mx.example.org", "", false}, {"", "mx.example.org", false},
		{"m\xc3\xbcller.example", "xn--mller-kva.example", true},
		{"M\xc3\x9cLLER.example.", "xn--mller-kva.example", true},
		{"m\xc3\xbcller.example", "muller.example", false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(domain_is(rows[i].written, rows[i].canonical), rows[i].same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_name),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_canonical_of_long_input),
		cmocka_unit_test(test_qualified),
		cmocka_unit_test(test_literal),
		cmocka_unit_test(test_within),
		cmocka_unit_test(test_organizational),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
