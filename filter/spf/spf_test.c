/* SPDX-License-Identifier: BSD-2-Clause */
/* What each term, identity and failure of the DNS comes to. */
#include "spf.h"

#include "../../tests/fake/spf_case.c"

/* One record, one client, one result: each mechanism through libspf2. */
static const struct mechanism_case {
	const char *record;
	const char *client;
	enum spf_result result;
} mechanisms[] = {
	{"v=spf1 a -all", "192.0.2.7", SPF_PASS},
	{"v=spf1 a -all", "192.0.2.8", SPF_FAIL},
	{"v=spf1 a/29 -all", "192.0.2.2", SPF_PASS},
	{"v=spf1 a/30 -all", "192.0.2.2", SPF_FAIL},
	{"v=spf1 a/0 -all", "203.0.113.1", SPF_PASS},
	{"v=spf1 a//0 -all", "203.0.113.1", SPF_FAIL},
	{"v=spf1 a//0 -all", "2001:db8:ffff::1", SPF_PASS},
	{"v=spf1 a/0 -all", "2001:db8:ffff::1", SPF_FAIL},
	{"v=spf1 a//64 -all", "2001:db8::99", SPF_PASS},
	{"v=spf1 a -all", "2001:db8::7", SPF_PASS},
	{"v=spf1 a -all", "::ffff:192.0.2.7", SPF_PASS},
	{"v=spf1 a:other.example -all", "192.0.2.7", SPF_FAIL},
	{"v=spf1 mx -all", "198.51.100.2", SPF_PASS},
	{"v=spf1 mx/24 -all", "198.51.100.200", SPF_PASS},
	{"v=spf1 mx/0 -all", "203.0.113.1", SPF_PASS},
	{"v=spf1 mx//0 -all", "2001:db8:9::9", SPF_FAIL},
	{"v=spf1 mx -all", "203.0.113.1", SPF_FAIL},
	{"v=spf1 mx:null.example -all", "192.0.2.7", SPF_FAIL},
	{"v=spf1 mx:null.example/0 -all", "192.0.2.7", SPF_FAIL},
	{"v=spf1 ptr -all", "192.0.2.7", SPF_PASS},
	{"v=spf1 ptr -all", "192.0.2.8", SPF_FAIL},
	{"v=spf1 ptr:example.org -all", "192.0.2.7", SPF_FAIL},
	{"v=spf1 exists:%{ir}.list.example -all", "192.0.2.7", SPF_PASS},
	{"v=spf1 exists:%{ir}.list.example -all", "192.0.2.8", SPF_FAIL},
	{"v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.7", SPF_PASS},
	{"v=spf1 ip4:192.0.2.7 -all", "192.0.2.7", SPF_PASS},
	{"v=spf1 ip4:192.0.2.6 -all", "192.0.2.7", SPF_FAIL},
	{"v=spf1 ip4:203.0.113.1/0 -all", "192.0.2.7", SPF_PASS},
	{"v=spf1 ip4:203.0.113.1/0 -all", "2001:db8::1", SPF_FAIL},
	{"v=spf1 ip6:2001:db8::/32 -all", "2001:db8:1::1", SPF_PASS},
	{"v=spf1 ip6:::/0 -all", "2001:db8:1::1", SPF_PASS},
	{"v=spf1 ip6:::/0 -all", "192.0.2.7", SPF_FAIL},
	{"v=spf1 ip6:::ffff:192.0.2.7 -all", "192.0.2.7", SPF_FAIL},
	{"v=spf1 ip4:192.0.2.7 -all", "::ffff:192.0.2.7", SPF_PASS},
	{"v=spf1 -ip4:192.0.2.7 +all", "192.0.2.7", SPF_FAIL},
	{"v=spf1 ~a ?all", "192.0.2.7", SPF_SOFTFAIL},
	{"v=spf1 ?a -all", "192.0.2.7", SPF_NEUTRAL},
	{"v=spf1 -a:other.example", "192.0.2.7", SPF_NEUTRAL},
	{"v=spf1 include:pass.example -all", "192.0.2.7", SPF_PASS},
	{"v=spf1 -include:pass.example +all", "192.0.2.7", SPF_FAIL},
	{"v=spf1 include:fail.example ~all", "192.0.2.7", SPF_SOFTFAIL},
	{"v=spf1 include:none.example ~all", "192.0.2.7", SPF_PERMERROR},
	{"v=spf1 redirect=pass.example", "192.0.2.7", SPF_PASS},
	{"v=spf1 redirect=pass.example -a:other.example", "192.0.2.7", SPF_PASS},
	{"v=spf1 redirect=pass.example a:other.example ?all", "192.0.2.7", SPF_NEUTRAL},
	{"v=spf1 redirect=fail.example ip4:192.0.2.7", "192.0.2.7", SPF_PASS},
	{"v=spf1 redirect=none.example", "192.0.2.7", SPF_PERMERROR},
	/* A loopback client passes nothing by itself. */
	{"v=spf1 -all", "127.0.0.1", SPF_FAIL},
	{"v=spf1 a -all", "::1", SPF_FAIL},
};

static void test_mechanisms(void **state MAYBE_UNUSED)
{
	fake_dns("example.net", DNS_A, "192.0.2.6 192.0.2.7");
	fake_dns("example.net", DNS_AAAA, "2001:db8::7");
	fake_dns("example.net", DNS_MX, "10:mx1.example.net 20:mx2.example.net");
	fake_dns("mx1.example.net", DNS_A, "198.51.100.1");
	fake_dns("mx2.example.net", DNS_A, "198.51.100.2");
	fake_dns("null.example", DNS_MX, "0:.");
	fake_dns("7.2.0.192.in-addr.arpa", DNS_PTR, "www.example.net");
	fake_dns("8.2.0.192.in-addr.arpa", DNS_PTR, "www.example.net");
	fake_dns("www.example.net", DNS_A, "192.0.2.7");
	fake_dns("7.2.0.192.list.example", DNS_A, "127.0.0.2");
	fake_dns("other.example", DNS_A, "203.0.113.99");
	fake_dns("pass.example", DNS_TXT, "v=spf1 ip4:192.0.2.7 -all");
	fake_dns("fail.example", DNS_TXT, "v=spf1 -all");
	for (size_t i = 0; i < ARRAY_COUNT(mechanisms); i++) {
		const struct mechanism_case *row = &mechanisms[i];

		fake_dns("example.net", DNS_TXT, row->record);
		if (check(row->client, "example.net")->result != row->result)
			fail_msg("%s, %s: %s (%s)", row->record, row->client,
				spf_result_name(last.result), last.evidence);
	}
}

static void test_identities(void **state MAYBE_UNUSED)
{
	static const struct {
		enum spf_identity identity;
		const char *helo, *local_part, *domain;
		enum spf_result result;
	} rows[] = {
		{SPF_HELO, "mail.example.net", "", "", SPF_PASS},
		{SPF_HELO, "MAIL.Example.NET.", "", "", SPF_PASS},
		{SPF_HELO, "mail.example.net", "a", "other.example", SPF_PASS},
		{SPF_MAILFROM, "mail.example.net", "", "", SPF_PASS},
		{SPF_MAILFROM, "x", "", "mail.example.net", SPF_PASS},
		{SPF_MAILFROM, "x", "joe", "mail.example.net", SPF_PASS},
		{SPF_MAILFROM, "x", "joe", "other.example", SPF_NONE},
		{SPF_MAILFROM, "x", "joe", "m\xc3\xbcller.example", SPF_PASS},
		{SPF_HELO, "localhost", "", "", SPF_NONE},
		{SPF_HELO, "[192.0.2.7]", "", "", SPF_NONE},
		{SPF_HELO, "", "", "", SPF_NONE},
		{SPF_MAILFROM, "x", "joe", "a..example", SPF_NONE},
		{SPF_MAILFROM, "x", "joe", "[192.0.2.7]", SPF_NONE},
	};
	const struct ipaddr client = {.family = IP_V4, .bytes = {192, 0, 2, 7}};

	fake_dns("mail.example.net", DNS_TXT, "v=spf1 ip4:192.0.2.7 -all");
	fake_dns("xn--mller-kva.example", DNS_TXT, "v=spf1 ip4:192.0.2.7 -all");
	fake_dns("localhost", DNS_TXT, "v=spf1 +all");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct inquiry *inquiry = spf_inquire(NULL, rows[i].identity, &client, rows[i].helo,
			rows[i].local_part, rows[i].domain, "mx.example.org", 5000);
		const struct spf *spf = inquiry_result(inquiry);

		assert_result(spf, rows[i].result);
		assert_true(spf->evidence[0] != '\0');
		inquiry_free(&inquiry);
	}
}

static void test_oversized_names(void **state MAYBE_UNUSED)
{
	const struct ipaddr client = {.family = IP_V4, .bytes = {192, 0, 2, 7}};
	char huge[3000];
	struct inquiry *inquiry;

	fake_dns("example.net", DNS_TXT, "v=spf1 +all");
	memset(huge, 'x', sizeof huge - 1);
	huge[sizeof huge - 1] = '\0';
	inquiry = spf_inquire(NULL, SPF_MAILFROM, &client, huge, huge, "example.net", huge, 5000);
	assert_result(inquiry_result(inquiry), SPF_NONE);
	inquiry_free(&inquiry);
	inquiry = spf_inquire(NULL, SPF_MAILFROM, &client, huge, "a", huge, huge, 5000);
	assert_result(inquiry_result(inquiry), SPF_NONE);
	inquiry_free(&inquiry);
}

/* Each kind of failure, at each place where the DNS is asked: never fail, never none. */
static void test_temporary_errors(void **state MAYBE_UNUSED)
{
	static const enum dns_status statuses[] = {DNS_SERVFAIL, DNS_TIMEOUT};
	static const struct {
		const char *record;
		const char *name;
		enum dns_type type;
		enum spf_result result;
	} rows[] = {
		{"v=spf1 -all", "example.net", DNS_TXT, SPF_TEMPERROR},
		{"v=spf1 a:broken.example -all", "broken.example", DNS_A, SPF_TEMPERROR},
		{"v=spf1 a:broken.example/0 -all", "broken.example", DNS_A, SPF_TEMPERROR},
		{"v=spf1 mx:broken.example -all", "broken.example", DNS_MX, SPF_TEMPERROR},
		{"v=spf1 mx:good.example -all", "mx.good.example", DNS_A, SPF_TEMPERROR},
		{"v=spf1 mx:good.example/0 -all", "mx.good.example", DNS_A, SPF_TEMPERROR},
		{"v=spf1 exists:broken.example -all", "broken.example", DNS_A, SPF_TEMPERROR},
		{"v=spf1 include:broken.example -all", "broken.example", DNS_TXT, SPF_TEMPERROR},
		{"v=spf1 redirect=broken.example", "broken.example", DNS_TXT, SPF_TEMPERROR},
		{"v=spf1 ptr -all", "7.2.0.192.in-addr.arpa", DNS_PTR, SPF_TEMPERROR},
		{"v=spf1 ptr ?all", "7.2.0.192.in-addr.arpa", DNS_PTR, SPF_NEUTRAL},
		{"v=spf1 exists:%{p}.x -all", "7.2.0.192.in-addr.arpa", DNS_PTR, SPF_TEMPERROR},
		{"v=spf1 -all exp=broken.example", "broken.example", DNS_TXT, SPF_FAIL},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows) * ARRAY_COUNT(statuses); i++) {
		size_t row = i / ARRAY_COUNT(statuses);

		fake_dns_clear();
		fake_dns("example.net", DNS_TXT, rows[row].record);
		fake_dns("good.example", DNS_MX, "10:mx.good.example");
		fake_dns_status(
			rows[row].name, rows[row].type, statuses[i % ARRAY_COUNT(statuses)]);
		assert_result(check("192.0.2.7", "example.net"), rows[row].result);
		assert_string_equal(last.explanation, "");
	}
}

/* A PTR name whose addresses cannot be asked is skipped (RFC 7208 5.5). */
static void test_ptr_skips_broken_names(void **state MAYBE_UNUSED)
{
	fake_dns("7.2.0.192.in-addr.arpa", DNS_PTR, "bad.example.net good.example.net");
	fake_dns_status("bad.example.net", DNS_A, DNS_TIMEOUT);
	fake_dns("good.example.net", DNS_A, "192.0.2.7");
	assert_result(check_record("v=spf1 ptr -all"), SPF_PASS);
	assert_result(check_record("v=spf1 exists:%{p}.ok.example -all"), SPF_FAIL);
	assert_int_equal(fake_dns_asked("good.example.net.ok.example", DNS_A), 1);
	/* But where no other name matches, nobody knows. */
	fake_dns("good.example.net", DNS_A, "192.0.2.8");
	assert_result(check_record("v=spf1 ptr -all"), SPF_TEMPERROR);
	assert_result(check_record("v=spf1 exists:%{p}.ok.example -all"), SPF_TEMPERROR);
	assert_result(check_record("v=spf1 ptr ~all"), SPF_TEMPERROR);
	assert_result(check_record("v=spf1 ptr"), SPF_NEUTRAL);
	assert_true(last.uncertain);
	assert_result(check_record("v=spf1 ?all"), SPF_NEUTRAL);
	assert_false(last.uncertain);
	assert_result(check_record("v=spf1 ptr a:a.b include:missing.example"), SPF_TEMPERROR);
	assert_result(check_record("v=spf1 ptr +all"), SPF_PASS);
}

static void test_which_record(void **state MAYBE_UNUSED)
{
	assert_result(check("192.0.2.7", "missing.example"), SPF_NONE);
	assert_string_equal(last.evidence, "missing.example publishes no SPF record (NXDOMAIN)");
	assert_result(check_record("v=spf10 -all"), SPF_NONE);
	assert_string_equal(last.evidence, "example.net publishes no SPF record");
	assert_result(check_record("v=spf1"), SPF_NEUTRAL);
	fake_dns_status("empty.example", DNS_TXT, DNS_NODATA);
	assert_result(check("192.0.2.7", "empty.example"), SPF_NONE);
}

static void test_evidence(void **state MAYBE_UNUSED)
{
	fake_dns("example.net", DNS_MX, "10:mx1.example.net");
	fake_dns("mx1.example.net", DNS_A, "192.0.2.7");
	fake_dns("inner.example", DNS_TXT, "v=spf1 ip4:192.0.2.0/24 -all");
	check_record("v=spf1 mx -all");
	assert_string_equal(last.evidence,
		"example.net: v=spf1 term \"mx\" matched 192.0.2.7 (mx1.example.net)");
	check_record("v=spf1 include:inner.example -all");
	assert_string_equal(last.evidence,
		"example.net: v=spf1 term \"include:inner.example\" matched: inner.example: "
		"v=spf1 term \"ip4:192.0.2.0/24\" matched 192.0.2.7");
	check_record("v=spf1 a:\"\\x.example/33");
	assert_string_equal(last.evidence,
		"example.net: v=spf1 term \"a:\\x22\\x5cx.example/33\": prefix length out of "
		"range");
	check_record("v=spf1 -all");
	assert_string_equal(
		last.evidence, "example.net: v=spf1 term \"-all\" matched (no other term did)");
	check_record("v=spf1 include:missing.example");
	assert_string_equal(last.evidence,
		"example.net: v=spf1 term \"include:missing.example\": missing.example publishes "
		"no SPF record (NXDOMAIN)");
}

static void test_explanation(void **state MAYBE_UNUSED)
{
	static const struct {
		const char *text;
		const char *want;
	} rows[] = {
		{"%{i} is not one of %{d}'s", "192.0.2.7 is not one of example.net's"},
		{"to %{r} from %{c}", "to mx.example.org from 192.0.2.7"},
		{"100% wrong", ""},
		{"caf\xc3\xa9", ""},
		{"line\nbreak", ""},
		{"%{p}", "unknown"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		fake_dns("exp.example", DNS_TXT, rows[i].text);
		assert_result(check_record("v=spf1 -all exp=exp.example"), SPF_FAIL);
		assert_string_equal(last.explanation, rows[i].want);
	}
	assert_result(check_record("v=spf1 ~all exp=exp.example"), SPF_SOFTFAIL);
	assert_string_equal(last.explanation, "");
	assert_result(check_record("v=spf1 -all exp=missing.example"), SPF_FAIL);
	assert_string_equal(last.explanation, "");
	/* What a client says cannot add lines to a reply. */
	helo = "a\r\nb\xc3\xa9";
	fake_dns("exp.example", DNS_TXT, "from %{h}");
	check_record("v=spf1 -all exp=exp.example");
	assert_string_equal(last.explanation, "from a??b??");
	/* Not that of an included record, but that of what redirect leads to. */
	fake_dns("exp.example", DNS_TXT, "why %{d}");
	fake_dns("inner.example", DNS_TXT, "v=spf1 -all exp=exp.example");
	check_record("v=spf1 include:inner.example -all");
	assert_string_equal(last.explanation, "");
	check_record("v=spf1 redirect=inner.example exp=other.example");
	assert_string_equal(last.explanation, "why inner.example");
}

static void test_flags(void **state MAYBE_UNUSED)
{
	fake_dns("inner.example", DNS_TXT, "v=spf1 +all");
	fake_dns("example.net", DNS_A, "203.0.113.1");
	assert_result(check_record("v=spf1 +all"), SPF_PASS);
	assert_true(last.over_broad);
	assert_result(check_record("v=spf1 ip4:128.0.0.0/1 -all"), SPF_PASS);
	assert_true(last.over_broad);
	assert_result(check_record("v=spf1 a/1 -all"), SPF_PASS);
	assert_true(last.over_broad);
	assert_result(check_record("v=spf1 include:inner.example -all"), SPF_PASS);
	assert_true(last.over_broad);
	assert_result(check_record("v=spf1 redirect=inner.example"), SPF_PASS);
	assert_true(last.over_broad);
	assert_result(check_record("v=spf1 ip4:192.0.2.0/24 ip6:::/0 -all"), SPF_PASS);
	assert_false(last.over_broad);
	assert_false(last.no_mail);
	assert_result(check_record("v=spf1 -all"), SPF_FAIL);
	assert_true(last.no_mail);
	assert_false(last.over_broad);
	assert_result(check_record("v=spf1 a -all"), SPF_FAIL);
	assert_false(last.no_mail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mechanisms, clear, clear),
		cmocka_unit_test_setup_teardown(test_identities, clear, clear),
		cmocka_unit_test_setup_teardown(test_oversized_names, clear, clear),
		cmocka_unit_test_setup_teardown(test_temporary_errors, clear, clear),
		cmocka_unit_test_setup_teardown(test_ptr_skips_broken_names, clear, clear),
		cmocka_unit_test_setup_teardown(test_which_record, clear, clear),
		cmocka_unit_test_setup_teardown(test_evidence, clear, clear),
		cmocka_unit_test_setup_teardown(test_explanation, clear, clear),
		cmocka_unit_test_setup_teardown(test_flags, clear, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
