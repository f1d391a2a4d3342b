/* SPDX-License-Identifier: BSD-2-Clause */
#include "spf_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"

/* Parses a copy of exactly LENGTH bytes, so that the sanitizers see any byte read too far. The terms
 * that come back point into freed memory; only flags and numbers may be used. */
static bool parse_exact(const char *text, size_t length, struct spf_record *record_r)
{
	char *copy = mem_alloc(length);
	bool parsed;

	memcpy(copy, text, length);
	parsed = spf_record_parse(copy, length, record_r);
	mem_free(copy);
	return parsed;
}

static const char *const valid[] = {
	"v=spf1",
	"v=spf1 ",
	"v=spf1   ",
	"v=spf1 -all",
	"V=SPF1 -ALL",
	"v=spf1 a mx ptr ~all",
	"v=spf1 +a -a ~a ?a",
	"v=spf1 a/0 a/32 a//0 a//128 a/0//0 a/32//128",
	"v=spf1 a:example.net/24//64 mx:example.net//64 mx/9",
	"v=spf1 a:example.net.",
	"v=spf1 a:foo:bar/baz.example.com",
	"v=spf1 a:a.b-c a:a.b--c a:a.1x a:%{d} a:x%%",
	"v=spf1 ip4:192.0.2.1 ip4:192.0.2.1/0 ip4:192.0.2.1/32",
	"v=spf1 ip6::: ip6:::/0 ip6:2001:db8::/32 ip6:::ffff:192.0.2.1/128",
	"v=spf1 include:_spf.%{d2} exists:%{ir}.%{l1r+-,/_=}._spf.%{D} ptr:%{o}",
	"v=spf1 exists:%{d128} exists:%{d2147483648} exists:%{d99999999999999999999999999}",
	"v=spf1 redirect=example.net exp=example.net",
	"v=spf1 redirect=example.net -all",
	"v=spf1 default=-all moo.cow-far_out=man:dog/cat e=",
	"v=spf1 a=b=c",
	"v=spf1 all exists:%_.net",
	"v=spf1 a:!#$&'()*+,-./09:;<=>?@[]^_`{|}~.example",
};

static const struct invalid_case {
	const char *text;
	size_t length; /* 0: that of the string */
	const char *why;
} invalid[] = {
	{.text = "v=spf1 -all:x", .why = "unexpected text behind the mechanism"},
	{.text = "v=spf1 all/8", .why = "unexpected text behind the mechanism"},
	{.text = "v=spf1 foo", .why = "unknown mechanism"},
	{.text = "v=spf1 foo:bar.example", .why = "unknown mechanism"},
	{.text = "v=spf1 +", .why = "unknown mechanism"},
	{.text = "v=spf1 ++a", .why = "unknown mechanism"},
	{.text = "v=spf1 !a", .why = "unknown mechanism"},
	{.text = "v=spf1 -redirect=example.net", .why = "unknown mechanism"},
	{.text = "v=spf1 redirect:example.net", .why = "unknown mechanism"},
	{.text = "v=spf1 a\tmx", .why = "unexpected text behind the mechanism"},
	{.text = "v=spf1 a\0mx", .length = 11, .why = "unexpected text behind the mechanism"},
	{.text = "v=spf1 \0all", .length = 11, .why = "unknown mechanism"},
	{.text = "v=spf1 a:ctrl.example.com\rptr", .why = "not a domain-spec"},
	{.text = "v=spf1 a:ex\xe4mple.net", .why = "not a domain-spec"},
	{.text = "v=spf1 \xe4", .why = "unknown mechanism"},
	{.text = "v=spf1 a:", .why = "not a domain-spec"},
	{.text = "v=spf1 a/", .why = "unexpected text behind the mechanism"},
	{.text = "v=spf1 a//", .why = "unexpected text behind the mechanism"},
	{.text = "v=spf1 a/24/", .why = "unexpected text behind the mechanism"},
	{.text = "v=spf1 a/24/64", .why = "prefix length out of range"},
	{.text = "v=spf1 a///64", .why = "unexpected text behind the mechanism"},
	{.text = "v=spf1 a//64/24", .why = "unexpected text behind the mechanism"},
	{.text = "v=spf1 a/33", .why = "prefix length out of range"},
	{.text = "v=spf1 a//129", .why = "prefix length out of range"},
	{.text = "v=spf1 a/032", .why = "prefix length out of range"},
	{.text = "v=spf1 a/4294967328", .why = "prefix length out of range"},
	{.text = "v=spf1 a:/24", .why = "not a domain-spec"},
	{.text = "v=spf1 a:localhost", .why = "not a domain-spec"},
	{.text = "v=spf1 a:.", .why = "not a domain-spec"},
	{.text = "v=spf1 a:..", .why = "not a domain-spec"},
	{.text = "v=spf1 a:192.0.2.1", .why = "not a domain-spec"},
	{.text = "v=spf1 a:example.-com", .why = "not a domain-spec"},
	{.text = "v=spf1 a:example.com-", .why = "not a domain-spec"},
	{.text = "v=spf1 a:example.c_m", .why = "not a domain-spec"},
	{.text = "v=spf1 a:%{d}com", .why = "not a domain-spec"},
	{.text = "v=spf1 a:%{d", .why = "not a domain-spec"},
	{.text = "v=spf1 a:%{", .why = "not a domain-spec"},
	{.text = "v=spf1 a:%", .why = "not a domain-spec"},
	{.text = "v=spf1 a:%{}", .why = "not a domain-spec"},
	{.text = "v=spf1 a:%{x}", .why = "not a domain-spec"},
	{.text = "v=spf1 a:%{d0}", .why = "not a domain-spec"},
	{.text = "v=spf1 a:%{dr2}", .why = "not a domain-spec"},
	{.text = "v=spf1 a:%{d2rr}", .why = "not a domain-spec"},
	{.text = "v=spf1 a:%{d*}", .why = "not a domain-spec"},
	{.text = "v=spf1 a:%(d)", .why = "not a domain-spec"},
	{.text = "v=spf1 a:%{\0}", .length = 13, .why = "not a domain-spec"},
	{.text = "v=spf1 a:%{c}", .why = "not a domain-spec"},
	{.text = "v=spf1 exists:%{t}.net", .why = "not a domain-spec"},
	{.text = "v=spf1 exists:example.net/24", .why = "not a domain-spec"},
	{.text = "v=spf1 exists", .why = "needs an argument"},
	{.text = "v=spf1 include", .why = "needs an argument"},
	{.text = "v=spf1 include:", .why = "not a domain-spec"},
	{.text = "v=spf1 include/24", .why = "unexpected text behind the mechanism"},
	{.text = "v=spf1 include:example.net/24", .why = "not a domain-spec"},
	{.text = "v=spf1 ptr/24", .why = "unexpected text behind the mechanism"},
	{.text = "v=spf1 ip4", .why = "needs an argument"},
	{.text = "v=spf1 ip4:", .why = "not a network"},
	{.text = "v=spf1 ip4:/24", .why = "not a network"},
	{.text = "v=spf1 ip4:192.0.2", .why = "not a network"},
	{.text = "v=spf1 ip4:192.0.2.256", .why = "not a network"},
	{.text = "v=spf1 ip4:192.0.2.01", .why = "not a network"},
	{.text = "v=spf1 ip4:192.0.2.1/33", .why = "not a network"},
	{.text = "v=spf1 ip4:192.0.2.1/", .why = "not a network"},
	{.text = "v=spf1 ip4:192.0.2.1//24", .why = "not a network"},
	{.text = "v=spf1 ip4:192.0.2.1\n", .why = "not a network"},
	{.text = "v=spf1 ip4:192.0.2.1\0", .length = 21, .why = "not a network"},
	{.text = "v=spf1 ip4:2001:db8::1", .why = "not a network"},
	{.text = "v=spf1 ip6:192.0.2.1", .why = "not a network"},
	{.text = "v=spf1 ip6:2001:db8::1%eth0", .why = "not a network"},
	{.text = "v=spf1 ip6:2001:db8::/129", .why = "not a network"},
	{.text = "v=spf1 redirect=", .why = "not a domain-spec"},
	{.text = "v=spf1 exp=", .why = "not a domain-spec"},
	{.text = "v=spf1 exp=-all", .why = "not a domain-spec"},
	{.text = "v=spf1 redirect=a.b redirect=a.b", .why = "given twice"},
	{.text = "v=spf1 exp=a.b exp=a.c", .why = "given twice"},
	{.text = "v=spf1 -all redirect=a.b REDIRECT=c.d", .why = "given twice"},
	{.text = "v=spf1 moo=%", .why = "not a macro-string"},
	{.text = "v=spf1 moo=%{r}", .why = "not a macro-string"},
	{.text = "v=spf1 =x", .why = "unknown mechanism"},
	{.text = "v=spf1 7=x", .why = "unknown mechanism"},
	{.text = "v=spf1 -all v=spf1 %", .why = "unknown mechanism"},
};

static void test_valid(void **state MAYBE_UNUSED)
{
	struct spf_record record;

	for (size_t i = 0; i < ARRAY_COUNT(valid); i++)
		if (!parse_exact(valid[i], strlen(valid[i]), &record))
			fail_msg("%s: %s", valid[i], record.why);
}

static void test_invalid(void **state MAYBE_UNUSED)
{
	for (size_t i = 0; i < ARRAY_COUNT(invalid); i++) {
		const struct invalid_case *row = &invalid[i];
		size_t length = row->length != 0 ? row->length : strlen(row->text);
		struct spf_record record;

		if (parse_exact(row->text, length, &record))
			fail_msg("accepted: %s", row->text);
		if (strcmp(record.why, row->why) != 0)
			fail_msg("%s: %s", row->text, record.why);
	}
}

static void test_version_section(void **state MAYBE_UNUSED)
{
	static const struct {
		const char *text;
		bool is;
	} rows[] = {
		{"v=spf1", true},
		{"v=spf1 ", true},
		{"V=sPf1 a", true},
		{"", false},
		{"v=spf", false},
		{"v=spf10", false},
		{"v=spf1\t-all", false},
		{" v=spf1", false},
		{"spf2.0/pra", false},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (spf_record_is(rows[i].text, strlen(rows[i].text)) != rows[i].is)
			fail_msg("%s", rows[i].text);
	assert_false(spf_record_is("v=spf1\0", 7));
}

static void test_flags(void **state MAYBE_UNUSED)
{
	static const struct {
		const char *text;
		bool over_broad_v4, over_broad_v6, no_mail, has_all;
	} rows[] = {
		{.text = "v=spf1 -all", .no_mail = true, .has_all = true},
		{.text = "v=spf1  -ALL ", .no_mail = true, .has_all = true},
		{.text = "v=spf1 -all exp=a.b", .no_mail = true, .has_all = true},
		{.text = "v=spf1 ~all", .has_all = true},
		{.text = "v=spf1 ip4:192.0.2.1 -all", .has_all = true},
		{.text = "v=spf1 -all ip4:192.0.2.1", .has_all = true},
		{.text = "v=spf1 redirect=a.b"},
		{.text = "v=spf1"},
		{.text = "v=spf1 +all",
			.over_broad_v4 = true,
			.over_broad_v6 = true,
			.has_all = true},
		{.text = "v=spf1 ip4:192.0.2.1 all",
			.over_broad_v4 = true,
			.over_broad_v6 = true,
			.has_all = true},
		{.text = "v=spf1 ?all", .has_all = true},
		{.text = "v=spf1 -all +all", .has_all = true},
		{.text = "v=spf1 ip4:10.0.0.0/8"},
		{.text = "v=spf1 ip4:10.0.0.0/7", .over_broad_v4 = true},
		{.text = "v=spf1 ip4:0.0.0.0/0", .over_broad_v4 = true},
		{.text = "v=spf1 -ip4:0.0.0.0/0"},
		{.text = "v=spf1 ip6:2001:db8::/32"},
		{.text = "v=spf1 ip6:2001:db8::/31", .over_broad_v6 = true},
		{.text = "v=spf1 a/7", .over_broad_v4 = true},
		{.text = "v=spf1 mx/8//31", .over_broad_v6 = true},
		{.text = "v=spf1 ~mx/0//0 -all", .has_all = true},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct spf_record record;

		assert_true(parse_exact(rows[i].text, strlen(rows[i].text), &record));
		if (record.over_broad_v4 != rows[i].over_broad_v4 ||
			record.over_broad_v6 != rows[i].over_broad_v6 ||
			record.no_mail != rows[i].no_mail || record.has_all != rows[i].has_all)
			fail_msg("%s", rows[i].text);
	}
}

static void test_terms_in_order(void **state MAYBE_UNUSED)
{
	const char *text = "v=spf1 redirect=r.example a:a.example/20 x=y ?mx//60 "
			   "~ip4:192.0.2.200/28 ip6:2001:db8::ff/120 exp=e.example -all";
	struct spf_record record;
	struct spf_term term;
	size_t offset = 0;

	assert_true(spf_record_parse(text, strlen(text), &record));
	assert_true(spf_record_next(&record, &offset, &term));
	assert_int_equal(term.type, SPF_TERM_A);
	assert_int_equal(term.qualifier, '+');
	assert_int_equal(term.prefix_v4, 20);
	assert_int_equal(term.prefix_v6, 128);
	assert_int_equal(term.domain_length, strlen("a.example"));
	assert_memory_equal(term.domain, "a.example", term.domain_length);
	assert_true(spf_term_asks_dns(&term));
	assert_true(spf_record_next(&record, &offset, &term));
	assert_int_equal(term.type, SPF_TERM_MX);
	assert_int_equal(term.qualifier, '?');
	assert_int_equal(term.prefix_v4, 32);
	assert_int_equal(term.prefix_v6, 60);
	assert_null(term.domain);
	assert_true(spf_record_next(&record, &offset, &term));
	assert_int_equal(term.type, SPF_TERM_IP4);
	assert_int_equal(term.network.prefix, 28);
	assert_int_equal(term.network.address.bytes[3], 192); /* host bits cleared */
	assert_false(spf_term_asks_dns(&term));
	assert_true(spf_record_next(&record, &offset, &term));
	assert_int_equal(term.type, SPF_TERM_IP6);
	assert_int_equal(term.network.address.bytes[15], 0);
	assert_true(spf_record_next(&record, &offset, &term));
	assert_int_equal(term.type, SPF_TERM_ALL);
	assert_int_equal(term.length, strlen("-all"));
	assert_false(spf_record_next(&record, &offset, &term));
	assert_memory_equal(record.redirect.domain, "r.example", record.redirect.domain_length);
	assert_memory_equal(record.exp.domain, "e.example", record.exp.domain_length);
}

/* A mapped network is no IPv4 network: RFC 7208 5. */
static void test_mapped_network_stays_ipv6(void **state MAYBE_UNUSED)
{
	const char *text = "v=spf1 ip6:::ffff:192.0.2.1";
	struct spf_record record;
	struct spf_term term;
	size_t offset = 0;

	assert_true(spf_record_parse(text, strlen(text), &record));
	assert_true(spf_record_next(&record, &offset, &term));
	assert_int_equal(term.network.address.family, IP_V6);
}

static void test_long_record(void **state MAYBE_UNUSED)
{
	enum { COUNT = 4000 };
	char *text = mem_alloc(COUNT * 20 + 20);
	struct spf_record record;
	struct spf_term term;
	size_t offset = 0, count = 0, length;

	strcpy(text, "v=spf1");
	length = strlen(text);
	for (size_t i = 0; i < COUNT; i++) {
		memcpy(text + length, " ip4:203.0.113.200", 18);
		length += 18;
	}
	memcpy(text + length, " -all", 5);
	length += 5;
	assert_true(spf_record_parse(text, length, &record));
	while (spf_record_next(&record, &offset, &term))
		count++;
	assert_int_equal(count, COUNT + 1);
	assert_int_equal(term.type, SPF_TERM_ALL);
	mem_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_version_section),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_terms_in_order),
		cmocka_unit_test(test_mapped_network_stays_ipv6),
		cmocka_unit_test(test_long_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
