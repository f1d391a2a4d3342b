/* SPDX-License-Identifier: BSD-2-Clause */
/* Sizes, limits (RFC 7208 4.6.4) and questions of SPF checks. */
#include "spf.h"

#include <stdio.h>

#include "../../tests/fake/spf_case.c"

/* libspf2 drops what does not fit 511 compiled bytes: here the term that decides is the last. */
static void test_long_records(void **state MAYBE_UNUSED)
{
	char record[40000];

	for (size_t count = 1; count <= 2000; count = count < 110 ? count + 1 : count * 2) {
		struct text text;

		text_init(&text, record, sizeof record);
		text_add(&text, "v=spf1");
		for (size_t i = 0; i < count; i++)
			text_addf(&text, " ip4:198.51.%zu.%zu", i / 250, i % 250);
		text_add(&text, " -all");
		assert_result(check_record(record), SPF_FAIL);
		text.buffer[text.length -= 5] = '\0';
		text_add(&text, " ip4:192.0.2.7 -all");
		assert_result(check_record(record), SPF_PASS);
	}
}

/* WIDE includes in each of the records, DEEP levels of them. */
static void publish_tree(unsigned wide, unsigned deep)
{
	char name[DOMAIN_SIZE], record[1000];

	for (unsigned level = 0; level <= deep; level++) {
		struct text text;

		text_init(&text, record, sizeof record);
		text_add(&text, "v=spf1");
		for (unsigned i = 0; i < wide && level < deep; i++)
			text_addf(&text, " include:n%u.l%u.example", i, level + 1);
		text_add(&text, " -all");
		for (unsigned i = 0; i < wide; i++) {
			snprintf(name, sizeof name, "n%u.l%u.example", i, level);
			fake_dns(name, DNS_TXT, record);
		}
	}
}

static void test_include_trees(void **state MAYBE_UNUSED)
{
	for (unsigned wide = 2; wide <= 10; wide++) {
		for (unsigned deep = 2; deep <= 10; deep++) {
			fake_dns_clear();
			publish_tree(wide, deep);
			check("192.0.2.7", "n0.l0.example");
			assert_in_range(cost.questions, 1, 12);
			if (wide > 9 || deep > 3)
				assert_result(&last, SPF_PERMERROR);
		}
	}
}

static void test_loops(void **state MAYBE_UNUSED)
{
	assert_result(check_record("v=spf1 include:example.net -all"), SPF_PERMERROR);
	assert_result(check_record("v=spf1 redirect=example.net"), SPF_PERMERROR);
	fake_dns("b.example", DNS_TXT, "v=spf1 include:example.net -all");
	assert_result(check_record("v=spf1 include:b.example -all"), SPF_PERMERROR);
	assert_result(check_record("v=spf1 redirect=%{o}.%{d}"), SPF_PERMERROR);
}

static void publish_addresses(unsigned count, char *record, size_t size)
{
	struct text text;

	text_init(&text, record, size);
	text_add(&text, "v=spf1");
	for (unsigned i = 0; i < count; i++) {
		char name[40];

		text_addf(&text, " a:h%u.example", i);
		snprintf(name, sizeof name, "h%u.example", i);
		fake_dns(name, DNS_A, "203.0.113.5");
	}
}

static void test_eleven_terms(void **state MAYBE_UNUSED)
{
	char record[1000];

	publish_addresses(10, record, sizeof record);
	strcat(record, " ip4:192.0.2.7 -all");
	assert_result(check_record(record), SPF_PASS);
	publish_addresses(11, record, sizeof record);
	strcat(record, " ip4:192.0.2.7 -all");
	assert_result(check_record(record), SPF_PERMERROR);
	assert_in_range(cost.questions, 11, 11);
	/* Split over an include it is one more, for the include itself. */
	publish_addresses(5, record, sizeof record);
	fake_dns("inner.example", DNS_TXT, record);
	publish_addresses(5, record, sizeof record);
	strcat(record, " include:inner.example +all");
	assert_result(check_record(record), SPF_PERMERROR);
	publish_addresses(4, record, sizeof record);
	strcat(record, " include:inner.example -all");
	assert_result(check_record(record), SPF_FAIL);
	/* redirect is a term as well. */
	fake_dns("inner.example", DNS_TXT, "v=spf1 -all");
	publish_addresses(10, record, sizeof record);
	strcat(record, " redirect=inner.example");
	assert_result(check_record(record), SPF_PERMERROR);
}

static void test_void_lookups(void **state MAYBE_UNUSED)
{
	assert_result(check_record("v=spf1 a:v1.example a:v2.example -all"), SPF_FAIL);
	assert_result(check_record("v=spf1 a:v1.example mx:v2.example exists:v3.example -all"),
		SPF_PERMERROR);
	assert_result(check_record("v=spf1 a:v1.example a:v2.example a:v3.example a:v4.example "
				   "a:v5.example a:v6.example a:v7.example a:v8.example +all"),
		SPF_PERMERROR);
	assert_int_equal(cost.questions, 1 + 3);
	/* Names that cannot be asked are no lookups; nor is it the domain's doing what PTR a client
	 * lacks. */
	assert_result(
		check_record("v=spf1 a:a..b.x a:c..d.x a:e..f.x a:g..h.x ptr -all"), SPF_FAIL);
}

static void test_many_names(void **state MAYBE_UNUSED)
{
	char hosts[1000] = "", name[40];

	for (unsigned i = 0; i < 11; i++) {
		snprintf(name, sizeof name, "%s%u:m%u.example", i > 0 ? " " : "", i, i);
		strcat(hosts, name);
		snprintf(name, sizeof name, "m%u.example", i);
		fake_dns(name, DNS_A, i == 9 ? "192.0.2.7" : "203.0.113.1");
		if (i == 9) {
			fake_dns("example.net", DNS_MX, hosts);
			assert_result(check_record("v=spf1 mx -all"), SPF_PASS);
		}
	}
	fake_dns("example.net", DNS_MX, hosts);
	assert_result(check_record("v=spf1 mx -all"), SPF_PERMERROR);
	assert_result(check_record("v=spf1 mx/0 -all"), SPF_PERMERROR);
}

/* Only the first ten PTR names are looked at, and more of them are no error. */
static void test_many_ptr_names(void **state MAYBE_UNUSED)
{
	for (unsigned at = 0; at < 1000; at += 5) {
		char names[16000];
		struct text text;

		fake_dns_clear();
		text_init(&text, names, sizeof names);
		for (unsigned i = 0; i < 1000; i++)
			text_addf(&text, i == at ? "yes.example.net " : "n%u.example ", i);
		fake_dns("7.2.0.192.in-addr.arpa", DNS_PTR, names);
		fake_dns("yes.example.net", DNS_A, "192.0.2.7");
		assert_result(check_record("v=spf1 ptr -all"), at < 10 ? SPF_PASS : SPF_FAIL);
		assert_in_range(cost.questions, 3, 12);
		if (at >= 20)
			at += 100;
	}
}

/* Terms before an include go out side by side, an include and one term behind it as well. */
static void test_questions_side_by_side(void **state MAYBE_UNUSED)
{
	fake_dns("example.net", DNS_A, "203.0.113.1");
	fake_dns("example.net", DNS_MX, "10:mx1.example.net 20:mx2.example.net");
	fake_dns("mx1.example.net", DNS_A, "203.0.113.2");
	fake_dns("mx2.example.net", DNS_A, "192.0.2.7");
	assert_result(check_record("v=spf1 a mx -all"), SPF_PASS);
	assert_int_equal(cost.steps, 3); /* TXT; A and MX; two A */
	fake_dns("i1.example", DNS_TXT, "v=spf1 -all");
	fake_dns("i2.example", DNS_TXT, "v=spf1 ip4:192.0.2.7 -all");
	assert_result(check_record("v=spf1 include:i1.example include:i2.example -all"), SPF_PASS);
	assert_int_equal(cost.steps, 2);
}

/* Every length of hostile macros, in a mechanism and in an explanation: CVE-2023-42118 and its kin
 * need an exact one. */
static void test_macros_of_every_length(void **state MAYBE_UNUSED)
{
	static const char *const parts[] = {
		"%{d}", "%{S}", "%%", "%-", "%{l1r-}", "a", "%{d2147483648}", "%{ir}."};
	char record[2200];

	for (size_t part = 0; part < ARRAY_COUNT(parts); part++) {
		for (size_t count = 1; strlen(parts[part]) * count < 1100; count++) {
			struct text text;

			text_init(&text, record, sizeof record);
			text_add(&text, "v=spf1 exists:");
			for (size_t i = 0; i < count; i++)
				text_add(&text, parts[part]);
			text_add(&text, ".example exp=exp.example -all");
			fake_dns_clear();
			fake_dns("exp.example", DNS_TXT, record + strlen("v=spf1 "));
			assert_result(check_record(record), SPF_FAIL);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_long_records, clear, clear),
		cmocka_unit_test_setup_teardown(test_include_trees, clear, clear),
		cmocka_unit_test_setup_teardown(test_loops, clear, clear),
		cmocka_unit_test_setup_teardown(test_eleven_terms, clear, clear),
		cmocka_unit_test_setup_teardown(test_void_lookups, clear, clear),
		cmocka_unit_test_setup_teardown(test_many_names, clear, clear),
		cmocka_unit_test_setup_teardown(test_many_ptr_names, clear, clear),
		cmocka_unit_test_setup_teardown(test_questions_side_by_side, clear, clear),
		cmocka_unit_test_setup_teardown(test_macros_of_every_length, clear, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
