/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/fake_inquiry.c"
#include "../tests/fake/fake_spf.c"
#include "../tests/lib/policy_case.h"

extern const struct policy policy_helo;

#define CLIENT "192.0.2.7"
#define REVERSE "7.2.0.192.in-addr.arpa"
#define MAIL "mail.example.net"

/* Findings of the checks named; "name=result" words, of which each must hold. */
struct row {
	const char *what;
	const char *client; /* CLIENT when NULL */
	const char *helo;
	const char *setting, *value;
	struct fake_answer dns[6];
	const char *spf_domain;
	enum spf_result spf;
	const char *results;
	const char *evidence; /* a part of that of a failed check */
};

static const struct row rows[] = {
	/* Form. */
	{.what = "a good name",
		.helo = MAIL,
		.dns = {{MAIL, DNS_A, CLIENT, 0}},
		.results = "invalid=pass bare_ip=pass unqualified=pass own_name=pass "
			   "literal_mismatch=none unresolvable=pass mismatch=pass"},
	{.what = "trailing dot and case",
		.helo = "Mail.Example.NET.",
		.dns = {{MAIL, DNS_A, CLIENT, 0}},
		.results = "invalid=pass mismatch=pass"},
	{.what = "empty", .helo = "", .results = "invalid=fail mismatch=none unresolvable=none"},
	{.what = "blank inside", .helo = "mail example", .results = "invalid=fail"},
	{.what = "empty label", .helo = "mail..example.net", .results = "invalid=fail"},
	{.what = "leading hyphen", .helo = "-mail.example.net", .results = "invalid=fail"},
	{.what = "trailing hyphen", .helo = "mail-.example.net", .results = "invalid=fail"},
	{.what = "last label all digits", .helo = "mail.example.123", .results = "invalid=fail"},
	{.what = "an address that is none", .helo = "192.0.2.256", .results = "invalid=fail"},
	{.what = "label over 63",
		.helo = "a234567890123456789012345678901234567890123456789012345678901234.example",
		.results = "invalid=fail"},
	{.what = "control characters",
		.helo = "mail\r\nX: y",
		.results = "invalid=fail",
		.evidence = "mail\\x0d\\x0aX: y"},
	{.what = "angle brackets", .helo = "<mail.example.net>", .results = "invalid=fail"},
	{.what = "underscore is taken by default",
		.helo = "win_srv.example.net",
		.results = "invalid=pass unresolvable=fail"},
	{.what = "underscore refused on wish",
		.setting = "underscore",
		.value = "no",
		.helo = "win_srv.example.net",
		.results = "invalid=fail unresolvable=none"},
	{.what = "broken literal", .helo = "[192.0.2]", .results = "invalid=fail"},
	{.what = "unclosed literal", .helo = "[192.0.2.7", .results = "invalid=fail"},
	{.what = "U-label",
		.helo = "m\xc3\xbcnchen.example",
		.dns = {{"xn--mnchen-3ya.example", DNS_A, CLIENT, 0}},
		.results = "invalid=pass unqualified=pass unresolvable=pass mismatch=pass"},
	{.what = "the same as A-label",
		.helo = "xn--mnchen-3ya.example",
		.dns = {{"xn--mnchen-3ya.example", DNS_A, CLIENT, 0}},
		.results = "invalid=pass unresolvable=pass mismatch=pass"},
	{.what = "8-bit that is no UTF-8", .helo = "m\xfcnchen.example", .results = "invalid=fail"},
	{.what = "one label",
		.helo = "PC-17",
		.results = "invalid=pass unqualified=fail unresolvable=none mismatch=none",
		.evidence = "pc-17.example.net would be right"},

	/* Addresses. */
	{.what = "the client's literal",
		.helo = "[192.0.2.7]",
		.results = "invalid=pass bare_ip=pass literal_mismatch=pass mismatch=none "
			   "own_name=pass unqualified=none unresolvable=none"},
	{.what = "another literal",
		.helo = "[192.0.2.8]",
		.results = "literal_mismatch=fail",
		.evidence = "HELO gives 192.0.2.8, the client is 192.0.2.7"},
	{.what = "IPv6 literal",
		.client = "2001:db8::7",
		.helo = "[IPv6:2001:DB8:0:0::7]",
		.results = "invalid=pass literal_mismatch=pass"},
	{.what = "IPv6 literal without its tag",
		.client = "2001:db8::7",
		.helo = "[2001:db8::7]",
		.results = "invalid=fail"},
	{.what = "bare address, the client's",
		.helo = "192.0.2.7",
		.results = "invalid=pass bare_ip=fail literal_mismatch=pass unqualified=none "
			   "unresolvable=none mismatch=none",
		.evidence = "[192.0.2.7] would be right"},
	{.what = "bare address, another",
		.helo = "192.0.2.8",
		.results = "bare_ip=fail literal_mismatch=fail"},
	{.what = "bare IPv6 address",
		.client = "2001:db8::7",
		.helo = "2001:db8::7",
		.results = "invalid=pass bare_ip=fail literal_mismatch=pass",
		.evidence = "[IPv6:2001:db8::7] would be right"},

	/* Our names. */
	{.what = "our name", .helo = "mx.example.org", .results = "own_name=fail"},
	{.what = "our name in capitals", .helo = "MX.EXAMPLE.ORG", .results = "own_name=fail"},
	{.what = "our name with a dot", .helo = "mx.example.org.", .results = "own_name=fail"},
	{.what = "our name, though the DNS gave it",
		.helo = "mx.example.org",
		.dns = {{"mx.example.org", DNS_A, CLIENT, 0}},
		.results = "own_name=fail"},
	{.what = "our address as literal",
		.helo = "[198.51.100.1]",
		.results = "own_name=fail literal_mismatch=fail",
		.evidence = "our own address"},
	{.what = "our address bare", .helo = "198.51.100.1", .results = "own_name=fail"},
	{.what = "our local domain", .helo = "example.org", .results = "own_name=fail"},
	{.what = "below our local domain",
		.helo = "branch.example.org",
		.results = "own_name=fail"},
	{.what = "below our local domain, and the DNS gives it to the client",
		.helo = "branch.example.org",
		.dns = {{"branch.example.org", DNS_A, CLIENT, 0}},
		.results = "own_name=pass mismatch=pass"},
	{.what = "below our local domain, SPF passes it",
		.helo = "branch.example.org",
		.spf_domain = "branch.example.org",
		.spf = SPF_PASS,
		.results = "own_name=pass"},
	{.what = "our own host speaks to itself",
		.client = "198.51.100.1",
		.helo = "mx.example.org",
		.results = "own_name=none mismatch=none"},
	{.what = "partner by network",
		.setting = "partners",
		.value = "192.0.2.0/24",
		.helo = "mx.example.org",
		.results = "own_name=pass"},
	{.what = "partner by confirmed name",
		.setting = "partners",
		.value = ".partner.example",
		.helo = "mx.example.org",
		.dns = {{REVERSE, DNS_PTR, "out.partner.example", 0},
			{"out.partner.example", DNS_A, CLIENT, 0}},
		.results = "own_name=pass"},
	{.what = "partner's name unconfirmed",
		.setting = "partners",
		.value = ".partner.example",
		.helo = "mx.example.org",
		.dns = {{REVERSE, DNS_PTR, "out.partner.example", 0}},
		.results = "own_name=fail"},
	{.what = "partner's name not known now",
		.setting = "partners",
		.value = ".partner.example",
		.helo = "mx.example.org",
		.dns = {{REVERSE, DNS_PTR, NULL, DNS_TIMEOUT}},
		.results = "own_name=temperror"},
	{.what = "protected domain",
		.setting = "protected_domains",
		.value = ".bank.example",
		.helo = "mail.bank.example",
		.dns = {{"mail.bank.example", DNS_A, "203.0.113.9", 0}},
		.results = "own_name=pass protected=fail mismatch=fail"},
	{.what = "protected domain, registered",
		.setting = "protected_domains",
		.value = ".bank.example",
		.helo = "mail.bank.example",
		.dns = {{"mail.bank.example", DNS_A, CLIENT, 0}},
		.results = "protected=pass mismatch=pass"},

	/* Registration. */
	{.what = "name of nothing",
		.helo = MAIL,
		.results = "unresolvable=fail mismatch=fail",
		.evidence = "example.net"},
	{.what = "address elsewhere",
		.helo = MAIL,
		.dns = {{MAIL, DNS_A, "192.0.2.9", 0}},
		.results = "unresolvable=pass mismatch=fail",
		.evidence = "192.0.2.7 is not registered for mail.example.net: SPF none, "},
	{.what = "resolves by MX only",
		.helo = "example.net",
		.dns = {{"example.net", DNS_MX, "10:" MAIL, 0}, {MAIL, DNS_A, "192.0.2.9", 0}},
		.results = "unresolvable=pass mismatch=fail"},
	{.what = "null MX and no address",
		.helo = "example.net",
		.dns = {{"example.net", DNS_MX, "0:.", 0}},
		.results = "unresolvable=fail"},
	{.what = "MX of the name",
		.helo = "example.net",
		.dns = {{"example.net", DNS_MX, "10:" MAIL, 0}, {MAIL, DNS_A, CLIENT, 0}},
		.results = "mismatch=pass"},
	{.what = "address of the name beside an MX",
		.helo = "example.net",
		.dns = {{"example.net", DNS_MX, "10:" MAIL, 0}, {"example.net", DNS_A, CLIENT, 0}},
		.results = "mismatch=pass"},
	{.what = "confirmed PTR in the organization",
		.helo = "internal.example.net",
		.dns = {{REVERSE, DNS_PTR, MAIL, 0}, {MAIL, DNS_A, CLIENT, 0}},
		.results = "unresolvable=fail mismatch=pass"},
	{.what = "unconfirmed PTR proves nothing",
		.helo = MAIL,
		.dns = {{REVERSE, DNS_PTR, MAIL, 0}, {MAIL, DNS_A, "192.0.2.9", 0}},
		.results = "mismatch=fail"},
	{.what = "local socket",
		.client = "",
		.helo = "mx.example.org",
		.results = "own_name=none literal_mismatch=none mismatch=none"},

	/* Trouble. */
	{.what = "SERVFAIL of all",
		.helo = MAIL,
		.dns = {{MAIL, DNS_MX, NULL, DNS_SERVFAIL}, {MAIL, DNS_A, NULL, DNS_SERVFAIL},
			{MAIL, DNS_AAAA, NULL, DNS_SERVFAIL}},
		.results = "unresolvable=temperror mismatch=temperror"},
	{.what = "address known, MX in trouble: it resolves",
		.helo = MAIL,
		.dns = {{MAIL, DNS_MX, NULL, DNS_TIMEOUT}, {MAIL, DNS_A, "192.0.2.9", 0}},
		.results = "unresolvable=pass mismatch=temperror"},
	{.what = "reverse DNS in trouble: no mismatch",
		.helo = MAIL,
		.dns = {{MAIL, DNS_A, "192.0.2.9", 0}, {REVERSE, DNS_PTR, NULL, DNS_SERVFAIL}},
		.results = "unresolvable=pass mismatch=temperror"},
	{.what = "SPF in trouble: no mismatch",
		.helo = MAIL,
		.dns = {{MAIL, DNS_A, "192.0.2.9", 0}},
		.spf_domain = MAIL,
		.spf = SPF_TEMPERROR,
		.results = "mismatch=temperror"},
	{.what = "null MX, and the addresses in trouble",
		.helo = MAIL,
		.dns = {{MAIL, DNS_MX, "0:.", 0}, {MAIL, DNS_A, NULL, DNS_SERVFAIL}},
		.results = "unresolvable=temperror mismatch=temperror"},
	{.what = "one of two PTR names in trouble: it may be the right one",
		.helo = MAIL,
		.dns = {{MAIL, DNS_A, "192.0.2.9", 0},
			{REVERSE, DNS_PTR, "out.example.com relay.example.net", 0},
			{"out.example.com", DNS_A, CLIENT, 0},
			{"relay.example.net", DNS_A, NULL, DNS_SERVFAIL}},
		.results = "mismatch=temperror"},
	{.what = "a partner's second name in trouble",
		.setting = "partners",
		.value = ".partner.example",
		.helo = "mx.example.org",
		.dns = {{REVERSE, DNS_PTR, "out.example.com out.partner.example", 0},
			{"out.example.com", DNS_A, CLIENT, 0},
			{"out.partner.example", DNS_A, NULL, DNS_TIMEOUT}},
		.results = "own_name=temperror"},
	{.what = "our domain while the DNS is in trouble",
		.helo = "branch.example.org",
		.dns = {{"branch.example.org", DNS_A, NULL, DNS_SERVFAIL}},
		.results = "own_name=temperror"},
};

/* RESULTS: "name=result ..." */
static void expect(const struct row *row, struct policy_case *c)
{
	char words[300], *rest, *word;
	bool told = row->evidence == NULL;

	snprintf(words, sizeof(words), "%s", row->results);
	for (word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		char *equals = strchr(word, '=');
		const struct finding *finding;

		*equals = '\0';
		finding = policy_case_finding(c, word);
		if (finding == NULL || strcmp(result_name(finding->result), equals + 1) != 0)
			fail_msg("%s: %s is %s, not %s: %s", row->what, word,
				finding == NULL ? "missing" : result_name(finding->result),
				equals + 1, finding == NULL ? "" : finding->evidence);
		if (finding->result == RESULT_FAIL && row->evidence != NULL &&
			strstr(finding->evidence, row->evidence) != NULL)
			told = true;
	}
	if (!told)
		fail_msg("%s: no failed check says: %s", row->what, row->evidence);
}

static void start(struct policy_case *c, const struct row *row)
{
	fake_dns_clear();
	fake_spf_clear();
	fake_dns_rows(row->dns);
	if (row->spf_domain != NULL)
		fake_spf(row->spf_domain, row->spf);
	policy_case_start(c, &policy_helo);
	if (row->setting != NULL)
		policy_case_set(c, row->setting, row->value);
	policy_case_connect(c, row->client == NULL ? CLIENT : row->client);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy_case c;

		start(&c, &rows[i]);
		policy_case_helo(&c, rows[i].helo);
		policy_case_run(&c, STAGE_HELO);
		expect(&rows[i], &c);
		policy_case_end(&c);
	}
	fake_dns_clear();
}

/* The second greeting is judged anew, and what the first one earned is forgotten. */
static void test_second_helo(void **state)
{
	static const struct row row = {.dns = {{MAIL, DNS_A, CLIENT, 0}}};
	struct policy_case c;

	(void)state;
	start(&c, &row);
	policy_case_helo(&c, "mx.example.org");
	policy_case_run(&c, STAGE_HELO);
	assert_int_equal(policy_case_result(&c, "own_name"), RESULT_FAIL);
	policy_case_helo(&c, MAIL);
	assert_null(policy_case_finding(&c, "own_name"));
	policy_case_run(&c, STAGE_HELO);
	assert_int_equal(policy_case_result(&c, "own_name"), RESULT_PASS);
	assert_int_equal(policy_case_result(&c, "mismatch"), RESULT_PASS);
	policy_case_helo(&c, "other.example.net");
	policy_case_run(&c, STAGE_HELO);
	assert_int_equal(policy_case_result(&c, "mismatch"), RESULT_FAIL);
	policy_case_end(&c);
}

static void test_own_subdomains(void **state)
{
	static const struct row row = {.what = "sub-domains"};
	struct policy_case c;

	(void)state;
	start(&c, &row);
	matchlist_free(&c.site.local_domains);
	policy_case_list(&c.site.local_domains, "example.org");
	policy_case_helo(&c, "very.branch.example.org");
	policy_case_run(&c, STAGE_HELO);
	assert_int_equal(policy_case_result(&c, "own_name"), RESULT_PASS);
	policy_case_set(&c, "own_subdomains", "yes");
	policy_case_helo(&c, "very.branch.example.org");
	policy_case_run(&c, STAGE_HELO);
	assert_int_equal(policy_case_result(&c, "own_name"), RESULT_FAIL);
	policy_case_helo(&c, "notexample.org");
	policy_case_run(&c, STAGE_HELO);
	assert_int_equal(policy_case_result(&c, "own_name"), RESULT_PASS);
	policy_case_end(&c);
}

/* A host of ours elsewhere: the proof is looked for whatever other checks are on. */
static void test_own_subdomain_with_proof(void **state)
{
	static const struct row row = {.dns = {{"branch.example.org", DNS_A, CLIENT, 0}}};
	struct policy_case c;

	(void)state;
	start(&c, &row);
	matchlist_free(&c.site.local_domains);
	policy_case_list(&c.site.local_domains, "example.org");
	policy_case_set(&c, "own_subdomains", "yes");
	policy_case_set(&c, "mismatch", "off");
	policy_case_helo(&c, "branch.example.org");
	policy_case_run(&c, STAGE_HELO);
	assert_int_equal(policy_case_result(&c, "own_name"), RESULT_PASS);
	policy_case_helo(&c, "other.example.org");
	policy_case_run(&c, STAGE_HELO);
	assert_int_equal(policy_case_result(&c, "own_name"), RESULT_FAIL);
	fake_dns_clear();
	fake_dns_default(DNS_SERVFAIL);
	policy_case_helo(&c, "other.example.org");
	policy_case_run(&c, STAGE_HELO);
	assert_int_equal(policy_case_result(&c, "own_name"), RESULT_TEMPERROR);
	policy_case_end(&c);
	fake_dns_clear();
}

static void test_absent(void **state)
{
	static const struct row row = {.what = "absent"};
	struct policy_case c;

	(void)state;
	start(&c, &row);
	policy_case_mail(&c, "<a@example.net>");
	policy_case_run(&c, STAGE_MAIL);
	assert_int_equal(policy_case_result(&c, "absent"), RESULT_FAIL);
	policy_case_helo(&c, MAIL);
	policy_case_mail(&c, "<a@example.net>");
	policy_case_run(&c, STAGE_MAIL);
	assert_null(policy_case_finding(&c, "absent"));
	policy_case_end(&c);
}

static void test_default_refuses_only_lies(void **state)
{
	static const struct {
		const char *helo;
		enum action action;
	} cases[] = {
		{"mail..example", ACTION_REJECT},
		{"mx.example.org", ACTION_REJECT},
		{"pc17", ACTION_SUSPECT},
		{"192.0.2.8", ACTION_SUSPECT},
		{"nothing.example", ACTION_SUSPECT},
		{"[192.0.2.7]", ACTION_OFF},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		static const struct row row = {.what = "defaults"};
		struct policy_case c;

		start(&c, &row);
		policy_case_helo(&c, cases[i].helo);
		policy_case_run(&c, STAGE_HELO);
		if (policy_case_action(&c) != cases[i].action)
			fail_msg("%s: %s", cases[i].helo, action_name(policy_case_action(&c)));
		policy_case_end(&c);
	}
}

static void set_all(struct policy_case *c, const char *action)
{
	for (const struct check *check = policy_helo.checks; check->name != NULL; check++)
		policy_case_set(c, check->name, action);
}

/* With every check set to reject, names that only the DNS can judge are never refused in trouble. */
static void test_trouble_never_refuses(void **state)
{
	static const char *const names[] = {MAIL, "branch.example.org", "mail.bank.example"};
	static const enum dns_status troubles[] = {DNS_SERVFAIL, DNS_TIMEOUT};

	(void)state;
	for (size_t n = 0; n < ARRAY_COUNT(names); n++) {
		for (size_t i = 0; i <= ARRAY_COUNT(troubles); i++) {
			static const struct row row = {.what = "trouble"};
			struct policy_case c;

			start(&c, &row);
			fake_inquiry_hangs(i == ARRAY_COUNT(troubles));
			if (i < ARRAY_COUNT(troubles))
				fake_dns_default(troubles[i]);
			fake_spf(names[n], SPF_TEMPERROR);
			set_all(&c, "reject");
			policy_case_set(&c, "protected_domains", ".bank.example");
			policy_case_set(&c, "partners", ".partner.example");
			policy_case_helo(&c, names[n]);
			policy_case_run(&c, STAGE_HELO);
			assert_int_equal(policy_case_result(&c, "unresolvable"), RESULT_TEMPERROR);
			assert_int_equal(policy_case_result(&c, "mismatch"), RESULT_TEMPERROR);
			if (policy_case_action(&c) != ACTION_MONITOR)
				fail_msg("%s, trouble %zu: %s", names[n], i,
					action_name(policy_case_action(&c)));
			policy_case_end(&c);
		}
	}
	fake_dns_clear();
}

static void test_off_asks_nothing(void **state)
{
	static const struct row row = {.what = "off"};
	struct policy_case c;

	(void)state;
	start(&c, &row);
	set_all(&c, "off");
	policy_case_set(&c, "partners", ".partner.example");
	policy_case_helo(&c, "branch.example.org");
	policy_case_run(&c, STAGE_HELO);
	assert_int_equal(fake_dns_asked(NULL, DNS_A), 0);
	assert_int_equal(fake_dns_asked(NULL, DNS_PTR), 0);
	assert_int_equal(fake_spf_asked(), 0);
	policy_case_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_second_helo),
		cmocka_unit_test(test_own_subdomains),
		cmocka_unit_test(test_own_subdomain_with_proof),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_default_refuses_only_lies),
		cmocka_unit_test(test_trouble_never_refuses),
		cmocka_unit_test(test_off_asks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
