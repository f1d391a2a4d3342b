/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/fake_inquiry.c"
#include "../tests/fake/fake_spf.c"
#include "../tests/lib/policy_case.h"
#include "author.h"
#include "mem.h"

extern const struct policy policy_dmarc;

#define CLIENT "192.0.2.7"

struct field {
	const char *name, *body;
};

struct row {
	const char *what;
	struct field fields[8]; /* beside From, where that is not NULL */
	const char *from; /* NULL: " Anna <anna@victim.example>"; "" none */
	const char *record; /* at _dmarc.victim.example; NULL: p=reject */
	const char *sender; /* NULL: <x@good.example>, which passes SPF */
	enum spf_result victim_spf;
	struct fake_answer dns[3];
	enum result result; /* of the outcome */
	const char *check; /* the finding with an action; NULL: none */
	enum action action;
	const char *evidence;
};

#define SIGNED {"DKIM-Signature", " v=1; d=victim.example; s=x; b=x"}
#define VERIFIED {"Authentication-Results", " dkim.example.org; dkim=pass header.d=victim.example"}

static const struct row rows[] = {
	{.what = "nothing ties the sender to From",
		.result = RESULT_FAIL,
		.check = "reject",
		.action = ACTION_TAG,
		.evidence = "DMARC p=reject: From victim.example: SPF pass of good.example; "},
	{.what = "no record", .record = "v=spf1 -all", .result = RESULT_NONE},
	{.what = "p=quarantine",
		.record = "v=DMARC1; p=quarantine",
		.result = RESULT_FAIL,
		.check = "quarantine",
		.action = ACTION_TAG},
	{.what = "p=none",
		.record = "v=DMARC1; p=none",
		.result = RESULT_FAIL,
		.check = "none",
		.action = ACTION_MONITOR},
	{.what = "pct=0 is the next milder policy",
		.record = "v=DMARC1; p=reject; pct=0",
		.result = RESULT_FAIL,
		.check = "quarantine",
		.action = ACTION_TAG},
	{.what = "pct=0 of quarantine",
		.record = "v=DMARC1; p=quarantine; pct=0",
		.result = RESULT_FAIL,
		.check = "none",
		.action = ACTION_MONITOR},
	{.what = "a broken record", .record = "v=DMARC1; p=all", .result = RESULT_PERMERROR},
	{.what = "SPF of the same domain",
		.sender = "<a@victim.example>",
		.victim_spf = SPF_PASS,
		.result = RESULT_PASS},
	{.what = "SPF softfail of it",
		.sender = "<a@victim.example>",
		.victim_spf = SPF_SOFTFAIL,
		.result = RESULT_FAIL,
		.check = "reject",
		.action = ACTION_TAG},
	{.what = "SPF not known now",
		.sender = "<a@victim.example>",
		.victim_spf = SPF_TEMPERROR,
		.result = RESULT_TEMPERROR,
		.check = "reject",
		.action = ACTION_MONITOR},
	{.what = "SPF of a domain below",
		.sender = "<a@bounce.victim.example>",
		.result = RESULT_PASS},
	{.what = "the same with aspf=s",
		.record = "v=DMARC1; p=reject; aspf=s",
		.sender = "<a@bounce.victim.example>",
		.result = RESULT_FAIL,
		.check = "reject",
		.action = ACTION_TAG},
	{.what = "From below the domain that passes",
		.from = " a@news.victim.example",
		.sender = "<a@victim.example>",
		.victim_spf = SPF_PASS,
		.result = RESULT_PASS},
	{.what = "sp= of the organization",
		.from = " a@news.victim.example",
		.record = "v=DMARC1; p=none; sp=reject",
		.result = RESULT_FAIL,
		.check = "reject",
		.action = ACTION_TAG},
	{.what = "HELO counts for the null reverse-path",
		.sender = "<>",
		.from = " a@helo.example",
		.dns = {{"_dmarc.helo.example", DNS_TXT, "v=DMARC1; p=reject", 0}},
		.result = RESULT_PASS},
	{.what = "HELO does not count otherwise",
		.from = " a@helo.example",
		.dns = {{"_dmarc.helo.example", DNS_TXT, "v=DMARC1; p=reject", 0}},
		.result = RESULT_FAIL,
		.check = "reject",
		.action = ACTION_TAG},
	{.what = "a verified signature", .fields = {VERIFIED, SIGNED}, .result = RESULT_PASS},
	{.what = "a verified signature without its field",
		.fields = {VERIFIED},
		.result = RESULT_PASS},
	{.what = "one of another organization",
		.fields = {{"Authentication-Results",
				   " dkim.example.org; dkim=pass header.d=other.example"},
			SIGNED},
		.result = RESULT_FAIL,
		.check = "reject",
		.action = ACTION_TAG},
	{.what = "one below the domain with adkim=s",
		.record = "v=DMARC1; p=reject; adkim=s",
		.fields = {{"Authentication-Results",
			" dkim.example.org; dkim=pass header.d=a.victim.example"}},
		.result = RESULT_FAIL,
		.check = "reject",
		.action = ACTION_TAG},
	{.what = "one that is bad",
		.fields = {{"Authentication-Results",
				   " dkim.example.org; dkim=fail header.d=victim.example"},
			SIGNED},
		.result = RESULT_FAIL,
		.check = "reject",
		.action = ACTION_TAG},
	{.what = "one that could not be verified now",
		.fields = {{"Authentication-Results",
				   " dkim.example.org; dkim=temperror header.d=victim.example"},
			SIGNED},
		.result = RESULT_TEMPERROR,
		.check = "reject",
		.action = ACTION_MONITOR},
	{.what = "a signature that nobody has verified", .fields = {SIGNED}, .result = RESULT_NONE},
	{.what = "verified by somebody else",
		.fields = {{"Authentication-Results",
			" attacker.example; dkim=pass header.d=victim.example"}},
		.result = RESULT_FAIL,
		.check = "reject",
		.action = ACTION_TAG},
	{.what = "an unverified signature of somebody else",
		.fields = {{"DKIM-Signature", " v=1; d=other.example; s=x"}},
		.result = RESULT_FAIL,
		.check = "reject",
		.action = ACTION_TAG},
	{.what = "an unverified signature of nobody",
		.fields = {{"DKIM-Signature", " v=1; d=victim.example'a.attacker.example; s=x"}},
		.result = RESULT_FAIL,
		.check = "reject",
		.action = ACTION_TAG},
	{.what = "one below the domain with adkim=s, unverified",
		.record = "v=DMARC1; p=reject; adkim=s",
		.fields = {{"DKIM-Signature", " v=1; d=a.victim.example; s=x"}},
		.result = RESULT_FAIL,
		.check = "reject",
		.action = ACTION_TAG},
	{.what = "results that came with the message",
		.fields = {{"Received", " from x by y"}, VERIFIED},
		.result = RESULT_FAIL,
		.check = "reject",
		.action = ACTION_TAG},
	{.what = "forged results below those of the filter before us",
		.fields = {{"Authentication-Results", " dkim.example.org; dkim=none"}, VERIFIED},
		.result = RESULT_FAIL,
		.check = "reject",
		.action = ACTION_TAG},
	{.what = "the newest field without DKIM is passed over",
		.fields = {{"Authentication-Results", " dkim.example.org; spf=pass"}, VERIFIED},
		.result = RESULT_PASS},
	{.what = "no From", .from = "", .result = RESULT_PERMERROR, .evidence = "no From field"},
	{.what = "two From",
		.fields = {{"From", " b@good.example"}},
		.result = RESULT_PERMERROR,
		.evidence = "more than one From"},
	{.what = "addresses of two domains",
		.from = " a@victim.example, b@good.example",
		.result = RESULT_PERMERROR},
	{.what = "two addresses of one domain",
		.from = " a@victim.example, b@victim.example",
		.result = RESULT_FAIL,
		.check = "reject",
		.action = ACTION_TAG},
	{.what = "ambiguous From",
		.from = " <a@victim.example> b@good.example",
		.result = RESULT_PERMERROR,
		.evidence = "ambiguous"},
	{.what = "no domain in From", .from = " undisclosed", .result = RESULT_PERMERROR},
	{.what = "trouble of the DNS",
		.from = " a@slow.example",
		.dns = {{"_dmarc.slow.example", DNS_TXT, NULL, DNS_SERVFAIL}},
		.result = RESULT_TEMPERROR,
		.check = "reject",
		.action = ACTION_MONITOR,
		.evidence = "SERVFAIL"},
};

static void start(struct policy_case *c, const struct row *row)
{
	static char id[] = "dkim.example.org";
	static char *ids[] = {id, NULL};

	fake_dns_clear();
	fake_spf_clear();
	fake_dns("_dmarc.victim.example", DNS_TXT,
		row->record == NULL ? "v=DMARC1; p=reject" : row->record);
	fake_dns_rows(row->dns);
	fake_spf("good.example", SPF_PASS);
	fake_spf("helo.example", SPF_PASS);
	fake_spf("bounce.victim.example", SPF_PASS);
	fake_spf("victim.example", row->victim_spf);
	policy_case_start(c, &policy_dmarc);
	c->site.trusted_authserv_ids = ids;
	policy_case_connect(c, CLIENT);
	policy_case_helo(c, "helo.example");
	policy_case_mail(c, row->sender == NULL ? "<x@good.example>" : row->sender);
	policy_case_run(c, STAGE_MAIL);
}

static void send_header(struct policy_case *c, const struct row *row)
{
	for (const struct field *field = row->fields; field->name != NULL; field++)
		policy_case_field(c, field->name, field->body);
	if (row->from == NULL)
		policy_case_field(c, "From", " Anna <anna@victim.example>");
	else if (row->from[0] != '\0')
		policy_case_field(c, "From", row->from);
	policy_case_run(c, STAGE_EOM);
}

static const struct finding *acting(struct policy_case *c)
{
	static const char *const checks[] = {"reject", "quarantine", "none", "permerror"};

	for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
		const struct finding *finding = policy_case_finding(c, checks[i]);

		if (finding != NULL && finding->action != ACTION_OFF)
			return finding;
	}
	return NULL;
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct row *row = &rows[i];
		const struct dmarc_outcome *outcome;
		const struct finding *finding;
		struct policy_case c;

		start(&c, row);
		send_header(&c, row);
		outcome = c.session.transaction.dmarc_outcome;
		assert_non_null(outcome);
		finding = acting(&c);
		if (outcome->result != row->result)
			fail_msg("%s: %s: %s", row->what, result_name(outcome->result),
				outcome->evidence);
		if ((finding == NULL) != (row->check == NULL))
			fail_msg("%s: %s", row->what,
				finding == NULL ? "no finding" : finding->evidence);
		if (finding != NULL) {
			assert_string_equal(finding->check->name, row->check);
			assert_int_equal(finding->action, row->action);
		}
		if (row->evidence != NULL &&
			strstr(finding == NULL ? outcome->evidence : finding->evidence,
				row->evidence) == NULL)
			fail_msg("%s: %s", row->what,
				finding == NULL ? outcome->evidence : finding->evidence);
		c.site.trusted_authserv_ids = NULL;
		policy_case_end(&c);
	}
}

/* Excuses, with reject obeyed. */
struct excuse_row {
	const char *what;
	struct row row;
	const char *setting, *value;
	unsigned exemptions, unknown;
	enum action action;
	const char *evidence;
};

#define LIST {"List-Id", " <list.good.example>"}

static const struct excuse_row excuse_rows[] = {
	{.what = "no excuse", .action = ACTION_REJECT},
	{.what = "a list whose reverse-path passes SPF",
		.row.fields = {LIST},
		.action = ACTION_TAG,
		.evidence =
			"overridden (mailing_list, a mailing list: it has list fields, and SPF of "
			"good.example passes)"},
	{.what = "list fields alone",
		.row.fields = {LIST},
		.row.sender = "<x@other.example>",
		.action = ACTION_REJECT},
	{.what = "list fields and a null reverse-path",
		.row.fields = {LIST},
		.row.sender = "<>",
		.action = ACTION_REJECT},
	{.what = "any list",
		.row.fields = {{"List-Unsubscribe", " <mailto:x@y.example>"}},
		.row.sender = "<x@other.example>",
		.setting = "lists",
		.value = "any",
		.action = ACTION_TAG},
	{.what = "no list",
		.row.fields = {LIST},
		.setting = "lists",
		.value = "none",
		.action = ACTION_REJECT},
	{.what = "a forwarder",
		.exemptions = EXEMPT_FORWARDER,
		.action = ACTION_MONITOR,
		.evidence = "trusted_forwarder"},
	{.what = "an exception by client",
		.setting = "exceptions",
		.value = "192.0.2.0/24",
		.action = ACTION_MONITOR,
		.evidence = "local_policy, an exception: 192.0.2.0/24 (test)"},
	{.what = "an exception by domain",
		.setting = "exceptions",
		.value = "victim.example",
		.action = ACTION_MONITOR},
	{.what = "an exception by address",
		.setting = "exceptions",
		.value = "anna@victim.example",
		.action = ACTION_MONITOR},
	{.what = "an exception for another address",
		.setting = "exceptions",
		.value = "bert@victim.example",
		.action = ACTION_REJECT},
	{.what = "an exception by confirmed name",
		.row.dns = {{"7.2.0.192.in-addr.arpa", DNS_PTR, "relay.example.net", 0},
			{"relay.example.net", DNS_A, CLIENT, 0}},
		.setting = "exceptions",
		.value = ".example.net",
		.action = ACTION_MONITOR},
	{.what = "a name that is not known now",
		.row.dns = {{"7.2.0.192.in-addr.arpa", DNS_PTR, NULL, DNS_SERVFAIL}},
		.setting = "exceptions",
		.value = ".example.net",
		.action = ACTION_TEMPFAIL,
		.evidence = "the names of the client are not known now"},
	{.what = "a forwarder that is not known now",
		.unknown = EXEMPT_FORWARDER,
		.action = ACTION_TEMPFAIL},
};

static void test_excuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(excuse_rows); i++) {
		const struct excuse_row *row = &excuse_rows[i];
		const struct finding *finding;
		struct policy_case c;

		start(&c, &row->row);
		policy_case_set(&c, "reject", "reject");
		if (row->setting != NULL)
			policy_case_set(&c, row->setting, row->value);
		c.session.exemptions = row->exemptions;
		c.session.exemptions_unknown = row->unknown;
		send_header(&c, &row->row);
		finding = acting(&c);
		assert_non_null(finding);
		if (finding->action != row->action ||
			(row->evidence != NULL && strstr(finding->evidence, row->evidence) == NULL))
			fail_msg("%s: %s: %s", row->what, action_name(finding->action),
				finding->evidence);
		c.site.trusted_authserv_ids = NULL;
		policy_case_end(&c);
	}
}

/* The same message has the same fate each time it is tried, and the share is about right. */
static void test_percent(void **state)
{
	enum { MESSAGES = 2000, LOW = 500, HIGH = 700 };
	const struct row row = {.record = "v=DMARC1; p=reject; pct=30"};
	struct policy_case c;
	unsigned rejected = 0;

	(void)state;
	start(&c, &row);
	for (int i = 0; i < MESSAGES; i++) {
		const char *first = NULL;

		for (int again = 0; again < 2; again++) {
			char id[40];

			policy_case_mail(&c, "<x@good.example>");
			snprintf(id, sizeof(id), " <%d@good.example>", i);
			policy_case_field(&c, "Message-ID", id);
			send_header(&c, &row);
			assert_non_null(acting(&c));
			if (again > 0)
				assert_ptr_equal(acting(&c)->check->name, first);
			first = acting(&c)->check->name;
		}
		rejected += strcmp(first, "reject") == 0;
	}
	assert_in_range(rejected, LOW, HIGH);
	c.site.trusted_authserv_ids = NULL;
	policy_case_end(&c);
}

/* The record is asked for as soon as From is there. */
static void test_asked_early(void **state)
{
	const struct row row = {0};
	struct policy_case c;

	(void)state;
	start(&c, &row);
	assert_int_equal(fake_dns_asked("_dmarc.victim.example", DNS_TXT), 0);
	/* A guess. */
	assert_int_equal(fake_dns_asked("_dmarc.good.example", DNS_TXT), 1);
	policy_case_field(&c, "To", " b@example.org");
	assert_int_equal(fake_dns_asked("_dmarc.victim.example", DNS_TXT), 0);
	policy_case_field(&c, "From", " a@victim.example");
	assert_int_equal(fake_dns_asked("_dmarc.victim.example", DNS_TXT), 1);
	policy_case_run(&c, STAGE_EOM);
	assert_int_equal(fake_dns_asked("_dmarc.victim.example", DNS_TXT), 1);
	c.site.trusted_authserv_ids = NULL;
	policy_case_end(&c);
}

/* A guess that is right is not asked again; one of the organization is found in the cache (which is not
 * there in this test, so it is asked twice). */
static void test_guess(void **state)
{
	static const struct {
		const char *sender, *from;
		unsigned asked; /* for the record of the organization */
	} guesses[] = {
		{"<a@victim.example>", " a@victim.example", 1},
		{"<a@bounce.victim.example>", " a@bounce.victim.example", 1},
		{"<a@bounce.victim.example>", " a@victim.example", 2},
		{"<a@good.example>", " a@victim.example", 1},
		{"<>", " a@victim.example", 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(guesses); i++) {
		const struct row row = {.sender = guesses[i].sender, .from = guesses[i].from};
		struct policy_case c;

		start(&c, &row);
		send_header(&c, &row);
		assert_int_equal(
			fake_dns_asked("_dmarc.victim.example", DNS_TXT), guesses[i].asked);
		assert_int_equal(c.session.transaction.dmarc_outcome->policy, DMARC_REJECT);
		c.site.trusted_authserv_ids = NULL;
		policy_case_end(&c);
	}
}

static void test_off_asks_nothing(void **state)
{
	static const char *const checks[] = {"reject", "quarantine", "none", "permerror"};
	const struct row row = {0};
	struct policy_case c;

	(void)state;
	start(&c, &row);
	for (size_t i = 0; i < ARRAY_COUNT(checks); i++)
		policy_case_set(&c, checks[i], "off");
	fake_dns_clear();
	policy_case_mail(&c, "<x@good.example>");
	policy_case_run(&c, STAGE_MAIL);
	send_header(&c, &row);
	assert_int_equal(fake_dns_asked(NULL, DNS_TXT), 0);
	assert_null(c.session.transaction.dmarc_outcome);
	c.site.trusted_authserv_ids = NULL;
	policy_case_end(&c);
}

static void count(void *context, const char *setting, const char *text)
{
	assert_non_null(setting);
	assert_non_null(text);
	++*(unsigned *)context;
}

static void test_advice(void **state)
{
	struct policy_case c;
	unsigned warnings = 0;

	(void)state;
	policy_case_start(&c, &policy_dmarc);
	policy_dmarc.advise(&c.call, &c.site, count, &warnings);
	assert_int_equal(warnings, 0);
	policy_case_set(&c, "reject", "reject");
	policy_case_set(&c, "none", "reject");
	policy_case_set(&c, "lists", "any");
	policy_dmarc.advise(&c.call, &c.site, count, &warnings);
	assert_int_equal(warnings, 3);
	policy_case_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_excuses),
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_asked_early),
		cmocka_unit_test(test_guess),
		cmocka_unit_test(test_off_asks_nothing),
		cmocka_unit_test(test_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
