/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/fake_inquiry.c"
#include "../tests/fake/fake_spf.c"
#include "../tests/lib/policy_case.h"

extern const struct policy policy_sender;

#define CLIENT "192.0.2.7"
#define REVERSE "7.2.0.192.in-addr.arpa"
#define NET "example.net"
#define MX1 "mx1.example.net"

struct row {
	const char *what;
	const char *client; /* CLIENT when NULL */
	const char *helo; /* "mail.example.com" when NULL */
	const char *from;
	const char *mta_address; /* {mail_addr} */
	const char *setting, *value;
	struct fake_answer dns[6];
	const char *spf_domain;
	enum spf_result spf;
	bool over_broad;
	const char *results; /* "check=result ..."; "-" for a check that must not report */
	const char *evidence; /* a part of that of a failed check */
};

#define NET_MX NET, DNS_MX, "10:" MX1, 0
#define MX1_A MX1, DNS_A, CLIENT, 0

static const struct row rows[] = {
	/* The form. */
	{.what = "good",
		.from = "<a@example.net>",
		.mta_address = "a@example.net",
		.dns = {{NET_MX}, {MX1_A}},
		.results = "invalid=pass nonexistent=pass no_mail_host=pass null_mx=pass "
			   "bogus_mx=pass unregistered=pass own_domain=- protected=-"},
	{.what = "no address", .from = "<a>", .results = "invalid=fail nonexistent=none"},
	{.what = "comment in it (espoofer a2)",
		.from = "<(any@example.net>",
		.results = "invalid=fail unregistered=-",
		.evidence = "MAIL FROM:<(any@example.net>"},
	{.what = "comment behind it (espoofer a5)",
		.from = "<any@example.net(a.attack.example>",
		.mta_address = "any@example.net",
		.results = "invalid=fail"},
	{.what = "unquoted @ (espoofer a6)",
		.from = "<any@example.net'@any.attack.example>",
		.mta_address = "\"any@example.net'\"@any.attack.example",
		.results = "invalid=fail"},
	{.what = "source route (espoofer a7)",
		.from = "<@example.net,@any.example:'any@attack.example>",
		.mta_address = "'any@attack.example",
		.results = "invalid=fail"},
	{.what = "unclosed", .from = "<a@example.net", .results = "invalid=fail"},
	{.what = "two addresses",
		.from = "<a@example.net,b@example.net>",
		.results = "invalid=fail"},
	{.what = "8-bit without SMTPUTF8",
		.from = "<\xc3\xa4@example.net>",
		.results = "invalid=fail"},
	{.what = "control characters",
		.from = "<a\r\nb@example.net>",
		.results = "invalid=fail",
		.evidence = "a\\x0d\\x0ab"},
	{.what = "local-part over 64, as VERP and SRS write it",
		.from = "<a2345678901234567890123456789012345678901234567890123456789012345@"
			"example.net>",
		.results = "invalid=pass"},

	/* What the MTA reads. */
	{.what = "another domain case",
		.from = "<a@Example.NET>",
		.mta_address = "a@example.net",
		.results = "invalid=pass"},
	{.what = "with brackets",
		.from = "<a@example.net>",
		.mta_address = "<a@example.net>",
		.results = "invalid=pass"},
	{.what = "trailing dot",
		.from = "<a@example.net>",
		.mta_address = "a@example.net.",
		.results = "invalid=pass"},
	{.what = "Sendmail without the local domain",
		.from = "<a@example.org>",
		.mta_address = "a",
		.results = "invalid=pass"},
	{.what = "Sendmail splits off the detail",
		.from = "<a+lists@example.org>",
		.mta_address = "a",
		.results = "invalid=pass"},
	{.what = "Sendmail follows a CNAME",
		.from = "<bounce@em.example.net>",
		.mta_address = "bounce@u1.provider.example",
		.results = "invalid=pass"},
	{.what = "quotes that need not be",
		.from = "<\"a.b\"@example.net>",
		.mta_address = "a.b@example.net",
		.results = "invalid=pass"},
	{.what = "quotes that must be",
		.from = "<\"a b\"@example.net>",
		.mta_address = "\"a b\"@example.net",
		.results = "invalid=pass"},
	{.what = "quoted @, and the MTA cuts elsewhere",
		.from = "<\"a@example.com\"@example.net>",
		.mta_address = "a@example.com",
		.results = "invalid=fail",
		.evidence = "is read by the MTA as a@example.com"},
	{.what = "quoted @, and the MTA agrees",
		.from = "<\"a@example.com\"@example.net>",
		.mta_address = "\"a@example.com\"@example.net",
		.results = "invalid=pass"},
	{.what = "quoted @, and the MTA sees the same mailbox elsewhere",
		.from = "<\"a@example.com\"@example.net>",
		.mta_address = "\"a@example.com\"@example.com",
		.results = "invalid=fail"},
	{.what = "percent hack followed",
		.from = "<a%example.com@example.net>",
		.mta_address = "a@example.com",
		.results = "invalid=fail"},
	{.what = "bang path followed",
		.from = "<example.com!a@example.net>",
		.mta_address = "a@example.com",
		.results = "invalid=fail"},
	{.what = "another mailbox",
		.from = "<a@example.net>",
		.mta_address = "b@example.net",
		.results = "invalid=fail"},
	{.what = "the null path, whatever the MTA calls it",
		.from = "<>",
		.mta_address = "<>",
		.results = "invalid=pass"},

	/* Mail hosts of the domain. */
	{.what = "NXDOMAIN",
		.from = "<a@example.net>",
		.results = "nonexistent=fail no_mail_host=none null_mx=pass bogus_mx=none "
			   "unregistered=fail",
		.evidence = "example.net MX: NXDOMAIN"},
	{.what = "exists, but no mail host",
		.from = "<a@example.net>",
		.dns = {{NET, DNS_TXT, "hello", 0}},
		.results = "nonexistent=pass no_mail_host=fail null_mx=pass bogus_mx=none"},
	{.what = "MX without address",
		.from = "<a@example.net>",
		.dns = {{NET, DNS_MX, "10:" MX1, 0}},
		.results = "nonexistent=pass no_mail_host=fail null_mx=pass bogus_mx=none"},
	{.what = "implicit MX",
		.from = "<a@example.net>",
		.dns = {{NET, DNS_A, CLIENT, 0}},
		.results = "nonexistent=pass no_mail_host=pass null_mx=pass bogus_mx=pass "
			   "unregistered=pass"},
	{.what = "sub-domain with an address only",
		.from = "<a@bounce.example.net>",
		.dns = {{"bounce.example.net", DNS_AAAA, "2001:db8::7", 0}},
		.results = "nonexistent=pass no_mail_host=pass unregistered=fail"},
	{.what = "null MX",
		.from = "<a@example.net>",
		.dns = {{NET, DNS_MX, "0:.", 0}},
		.results = "nonexistent=pass no_mail_host=none null_mx=fail bogus_mx=none"},
	{.what = "private mail hosts",
		.from = "<a@example.net>",
		.dns = {{NET, DNS_MX, "10:" MX1, 0}, {MX1, DNS_A, "10.0.0.1 127.0.0.1", 0}},
		.results = "no_mail_host=pass bogus_mx=fail",
		.evidence = "mx1.example.net (10.0.0.1, 127.0.0.1); mail hosts with public"},
	{.what = "address literal",
		.from = "<a@[192.0.2.7]>",
		.results = "invalid=pass nonexistent=none null_mx=none unregistered=pass"},
	{.what = "address literal of another",
		.from = "<a@[192.0.2.8]>",
		.results = "invalid=pass nonexistent=none unregistered=fail"},
	{.what = "U-label with SMTPUTF8 unset stands as A-label",
		.from = "<a@xn--mnchen-3ya.example>",
		.dns = {{"xn--mnchen-3ya.example", DNS_A, CLIENT, 0}},
		.results = "invalid=pass nonexistent=pass unregistered=pass"},

	/* Trouble. */
	{.what = "SERVFAIL of all",
		.from = "<a@example.net>",
		.dns = {{NET, DNS_MX, NULL, DNS_SERVFAIL}, {NET, DNS_A, NULL, DNS_SERVFAIL},
			{NET, DNS_AAAA, NULL, DNS_SERVFAIL}},
		.results = "nonexistent=temperror no_mail_host=temperror null_mx=temperror "
			   "bogus_mx=temperror unregistered=temperror"},
	{.what = "MX in trouble, address known",
		.from = "<a@example.net>",
		.dns = {{NET, DNS_MX, NULL, DNS_TIMEOUT}, {NET, DNS_A, "192.0.2.9", 0}},
		.results = "nonexistent=pass null_mx=temperror unregistered=temperror"},
	{.what = "NXDOMAIN here, trouble there",
		.from = "<a@example.net>",
		.dns = {{NET, DNS_MX, NULL, DNS_NXDOMAIN}, {NET, DNS_A, NULL, DNS_SERVFAIL},
			{NET, DNS_AAAA, NULL, DNS_NXDOMAIN}},
		.results = "nonexistent=temperror no_mail_host=temperror"},
	{.what = "one mail host of two in trouble: the other is enough",
		.from = "<a@example.net>",
		.dns = {{NET, DNS_MX, "10:" MX1 " 20:mx2.example.net", 0},
			{MX1, DNS_A, "192.0.2.9", 0},
			{"mx2.example.net", DNS_A, NULL, DNS_TIMEOUT}},
		.results = "nonexistent=pass no_mail_host=pass null_mx=pass bogus_mx=pass "
			   "unregistered=temperror"},
	{.what = "a private mail host, and one in trouble",
		.from = "<a@example.net>",
		.dns = {{NET, DNS_MX, "10:" MX1 " 20:mx2.example.net", 0},
			{MX1, DNS_A, "10.0.0.1", 0}, {"mx2.example.net", DNS_A, NULL, DNS_TIMEOUT}},
		.results = "no_mail_host=pass bogus_mx=temperror"},

	{.what = "own address in trouble beside an MX: it could have been a proof",
		.from = "<a@example.net>",
		.dns = {{NET, DNS_MX, "10:" MX1, 0}, {MX1, DNS_A, "192.0.2.9", 0},
			{NET, DNS_A, NULL, DNS_TIMEOUT}},
		.results = "no_mail_host=pass unregistered=temperror"},

	/* Registration. */
	{.what = "sends from elsewhere",
		.from = "<a@example.net>",
		.dns = {{NET, DNS_MX, "10:" MX1, 0}, {MX1, DNS_A, "192.0.2.9", 0}},
		.results = "unregistered=fail",
		.evidence = "192.0.2.7 is not registered for example.net: SPF none, example.net MX "
			    "10 mx1.example.net (192.0.2.9), no confirmed name; an SPF"},
	{.what = "SPF passes",
		.from = "<a@example.net>",
		.dns = {{NET, DNS_A, "192.0.2.9", 0}},
		.spf_domain = NET,
		.spf = SPF_PASS,
		.results = "unregistered=pass"},
	{.what = "SPF passes everybody",
		.from = "<a@example.net>",
		.dns = {{NET, DNS_A, "192.0.2.9", 0}},
		.spf_domain = NET,
		.spf = SPF_PASS,
		.over_broad = true,
		.results = "unregistered=fail"},
	{.what = "confirmed name in the organization",
		.from = "<a@bounce.example.net>",
		.dns = {{REVERSE, DNS_PTR, "out.example.net", 0},
			{"out.example.net", DNS_A, CLIENT, 0}},
		.results = "unregistered=pass"},
	{.what = "unconfirmed name proves nothing",
		.from = "<a@example.net>",
		.dns = {{REVERSE, DNS_PTR, "out.example.net", 0}},
		.results = "unregistered=fail"},
	{.what = "null reverse-path: the HELO name answers",
		.from = "<>",
		.helo = "mail.example.net",
		.dns = {{"mail.example.net", DNS_A, CLIENT, 0}},
		.results = "invalid=pass nonexistent=none null_mx=none unregistered=pass"},
	{.what = "null reverse-path, HELO of another: a sign, never a refusal",
		.from = "<>",
		.helo = "mail.example.net",
		.dns = {{"mail.example.net", DNS_A, "192.0.2.9", 0}},
		.results = "nonexistent=none no_mail_host=none unregistered=fail"},
	{.what = "null reverse-path and a literal",
		.from = "<>",
		.helo = "[192.0.2.7]",
		.results = "unregistered=pass"},
	{.what = "null reverse-path and no name",
		.from = "<>",
		.helo = "no name",
		.results = "unregistered=none"},
	{.what = "local socket",
		.client = "",
		.from = "<a@example.org>",
		.results = "unregistered=none own_domain=- nonexistent=none"},

	/* Our own and protected domains. */
	{.what = "our domain from outside",
		.from = "<boss@example.org>",
		.results = "own_domain=fail nonexistent=none no_mail_host=none",
		.evidence = "example.org is ours: 192.0.2.7 is not registered for example.org"},
	{.what = "our address from outside",
		.from = "<root@[198.51.100.1]>",
		.results = "own_domain=fail",
		.evidence = "198.51.100.1 is ours"},
	{.what = "our address, partner",
		.from = "<root@[198.51.100.1]>",
		.setting = "partners",
		.value = "192.0.2.0/24",
		.results = "own_domain=pass"},
	{.what = "an address that is not ours",
		.from = "<root@[198.51.100.2]>",
		.results = "own_domain=-"},
	{.what = "our domain, SPF passes it",
		.from = "<boss@example.org>",
		.spf_domain = "example.org",
		.spf = SPF_PASS,
		.results = "own_domain=pass unregistered=pass"},
	{.what = "our domain, a secondary MX of ours",
		.from = "<boss@example.org>",
		.dns = {{"example.org", DNS_MX, "10:mx2.example.org", 0},
			{"mx2.example.org", DNS_A, CLIENT, 0}},
		.results = "own_domain=pass"},
	{.what = "our domain, partner by network",
		.from = "<boss@example.org>",
		.setting = "partners",
		.value = "192.0.2.0/24",
		.results = "own_domain=pass"},
	{.what = "our domain, partner by confirmed name",
		.from = "<boss@example.org>",
		.setting = "partners",
		.value = "out.partner.example",
		.dns = {{REVERSE, DNS_PTR, "out.partner.example", 0},
			{"out.partner.example", DNS_A, CLIENT, 0}},
		.results = "own_domain=pass"},
	{.what = "our domain, name not known now",
		.from = "<boss@example.org>",
		.dns = {{REVERSE, DNS_PTR, NULL, DNS_TIMEOUT}},
		.results = "own_domain=temperror"},
	{.what = "our domain, SPF not known now",
		.from = "<boss@example.org>",
		.spf_domain = "example.org",
		.spf = SPF_TEMPERROR,
		.results = "own_domain=temperror"},
	{.what = "protected domain",
		.from = "<a@bank.example>",
		.setting = "protected_domains",
		.value = "bank.example",
		.dns = {{"bank.example", DNS_A, "192.0.2.9", 0}},
		.results = "protected=fail own_domain=-"},
	{.what = "protected domain, registered",
		.from = "<a@bank.example>",
		.setting = "protected_domains",
		.value = "bank.example",
		.dns = {{"bank.example", DNS_A, CLIENT, 0}},
		.results = "protected=pass"},
};

static void start(struct policy_case *c, const struct row *row)
{
	fake_dns_clear();
	fake_spf_clear();
	fake_dns_rows(row->dns);
	if (row->spf_domain != NULL)
		fake_spf(row->spf_domain, row->spf)->over_broad = row->over_broad;
	policy_case_start(c, &policy_sender);
	if (row->setting != NULL)
		policy_case_set(c, row->setting, row->value);
	policy_case_connect(c, row->client == NULL ? CLIENT : row->client);
	policy_case_helo(c, row->helo == NULL ? "mail.example.com" : row->helo);
}

static void mail(struct policy_case *c, const char *from, const char *mta_address)
{
	policy_case_mail(c, from);
	snprintf(c->session.transaction.mta_address, MACRO_SIZE, "%s",
		mta_address == NULL ? "" : mta_address);
	policy_case_run(c, STAGE_MAIL);
}

static void expect(const struct row *row, struct policy_case *c)
{
	char words[300], *rest, *word;
	bool told = row->evidence == NULL;

	snprintf(words, sizeof(words), "%s", row->results);
	for (word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		char *equals = strchr(word, '=');
		const struct finding *finding;
		const char *result;

		*equals = '\0';
		finding = policy_case_finding(c, word);
		result = finding == NULL ? "-" : result_name(finding->result);
		if (strcmp(result, equals + 1) != 0)
			fail_msg("%s: %s is %s, not %s: %s", row->what, word, result, equals + 1,
				finding == NULL ? "" : finding->evidence);
		if (finding != NULL && finding->result == RESULT_FAIL && row->evidence != NULL &&
			strstr(finding->evidence, row->evidence) != NULL)
			told = true;
	}
	if (!told)
		fail_msg("%s: no failed check says: %s", row->what, row->evidence);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy_case c;

		start(&c, &rows[i]);
		mail(&c, rows[i].from, rows[i].mta_address);
		expect(&rows[i], &c);
		policy_case_end(&c);
	}
	fake_dns_clear();
}

static void test_own_subdomains(void **state)
{
	static const struct row row = {.what = "sub-domains"};
	struct policy_case c;

	(void)state;
	start(&c, &row);
	matchlist_free(&c.site.local_domains);
	policy_case_list(&c.site.local_domains, "example.org");
	mail(&c, "<a@sales.example.org>", NULL);
	assert_null(policy_case_finding(&c, "own_domain"));
	assert_int_equal(policy_case_result(&c, "nonexistent"), RESULT_FAIL);
	policy_case_set(&c, "own_subdomains", "yes");
	mail(&c, "<a@very.sales.example.org>", NULL);
	assert_int_equal(policy_case_result(&c, "own_domain"), RESULT_FAIL);
	mail(&c, "<a@notexample.org>", NULL);
	assert_null(policy_case_finding(&c, "own_domain"));
	/* Our host name is ours without it. */
	policy_case_set(&c, "own_subdomains", "no");
	mail(&c, "<root@MX.example.org>", NULL);
	assert_int_equal(policy_case_result(&c, "own_domain"), RESULT_FAIL);
	mail(&c, "<root@mx2.example.org>", NULL);
	assert_null(policy_case_finding(&c, "own_domain"));
	policy_case_end(&c);
}

/* Facts of one message do not reach into the next. */
static void test_second_message(void **state)
{
	static const struct row row = {.what = "second", .dns = {{NET_MX}, {MX1_A}}};
	struct policy_case c;

	(void)state;
	start(&c, &row);
	mail(&c, "<a@nothing.example>", NULL);
	assert_int_equal(policy_case_result(&c, "nonexistent"), RESULT_FAIL);
	mail(&c, "<a@example.net>", NULL);
	assert_int_equal(policy_case_result(&c, "nonexistent"), RESULT_PASS);
	assert_int_equal(policy_case_result(&c, "unregistered"), RESULT_PASS);
	policy_case_end(&c);
}

static void set_all(struct policy_case *c, const char *action)
{
	for (const struct check *check = policy_sender.checks; check->name != NULL; check++)
		policy_case_set(c, check->name, action);
}

/* With every check set to reject, no trouble of the DNS refuses a valid path. */
static void test_trouble_never_refuses(void **state)
{
	static const char *const paths[] = {
		"<a@example.net>", "<a@example.org>", "<a@bank.example>", "<>"};
	static const enum dns_status troubles[] = {DNS_SERVFAIL, DNS_TIMEOUT};

	(void)state;
	for (size_t p = 0; p < ARRAY_COUNT(paths); p++) {
		for (size_t i = 0; i <= ARRAY_COUNT(troubles); i++) {
			static const struct row row = {.what = "trouble"};
			struct policy_case c;

			start(&c, &row);
			fake_inquiry_hangs(i == ARRAY_COUNT(troubles));
			if (i < ARRAY_COUNT(troubles))
				fake_dns_default(troubles[i]);
			set_all(&c, "reject");
			policy_case_set(&c, "protected_domains", "bank.example");
			policy_case_set(&c, "partners", ".partner.example");
			mail(&c, paths[p], NULL);
			assert_int_equal(policy_case_result(&c, "unregistered"), RESULT_TEMPERROR);
			if (policy_case_action(&c) != ACTION_MONITOR)
				fail_msg("%s, trouble %zu: %s", paths[p], i,
					action_name(policy_case_action(&c)));
			policy_case_end(&c);
		}
	}
	fake_dns_clear();
}

static void test_steps(void **state)
{
	static const struct row row = {.what = "steps", .dns = {{NET_MX}, {MX1_A}}};
	struct policy_case c;
	struct inquiry_cost cost;

	(void)state;
	start(&c, &row);
	mail(&c, "<a@example.net>", NULL);
	inquiry_cost(c.session.transaction.mailhosts, &cost);
	assert_int_equal(cost.steps, 2);
	policy_case_end(&c);
	fake_dns_clear();
}

static void test_off_asks_nothing(void **state)
{
	static const struct row row = {.what = "off"};
	struct policy_case c;

	(void)state;
	start(&c, &row);
	set_all(&c, "off");
	mail(&c, "<a@example.org>", NULL);
	mail(&c, "<a@example.net>", NULL);
	assert_int_equal(fake_dns_asked(NULL, DNS_A), 0);
	assert_int_equal(fake_spf_asked(), 0);
	policy_case_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_own_subdomains),
		cmocka_unit_test(test_second_message),
		cmocka_unit_test(test_trouble_never_refuses),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_off_asks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
