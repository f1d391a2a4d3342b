/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/fake_inquiry.c"
#include "../tests/fake/fake_spf.c"
#include "../tests/lib/policy_case.h"

extern const struct policy policy_impostor;

#define CLIENT "192.0.2.7"

/* Policies that have seen something before. */
static const struct check other_checks[] = {{.name = "one"}, {.name = "two"}, {.name = "three"}};
static const struct policy policy_a = {.name = "a", .checks = other_checks};
static const struct policy policy_b = {.name = "b", .checks = other_checks};

struct sign {
	const struct policy *policy; /* NULL ends */
	unsigned check;
	enum scope scope;
	enum result result;
	enum action action;
};

#define SIGN(policy, check, scope) {&(policy), check, scope, RESULT_FAIL, ACTION_SUSPECT}

struct row {
	const char *what;
	struct sign signs[6];
	const char *setting, *value;
	struct fake_answer dns[4];
	enum spf_result spf; /* of example.net */
	unsigned exemptions;
	enum result result;
	const char *reply, *evidence;
};

static const struct row rows[] = {
	{.what = "no signs", .result = RESULT_PASS, .evidence = "0 signs from 0 policies (none)"},
	{.what = "two signs",
		.signs = {SIGN(policy_a, 0, SCOPE_CONNECTION), SIGN(policy_b, 0, SCOPE_GREETING)},
		.result = RESULT_PASS,
		.evidence = "2 signs from 2 policies (a.one, b.one); it takes 3 from 2"},
	{.what = "three signs from one policy",
		.signs = {SIGN(policy_a, 0, SCOPE_CONNECTION), SIGN(policy_a, 1, SCOPE_CONNECTION),
			SIGN(policy_a, 2, SCOPE_CONNECTION)},
		.result = RESULT_PASS},
	{.what = "three signs from two policies in three scopes",
		.signs = {SIGN(policy_a, 0, SCOPE_CONNECTION), SIGN(policy_b, 1, SCOPE_GREETING),
			SIGN(policy_b, 2, SCOPE_TRANSACTION)},
		.result = RESULT_FAIL,
		.reply = "a.one, b.two, b.three",
		.evidence = "signs a.one, b.two, b.three, and 192.0.2.7 is not registered for "
			    "example.net: SPF none, "},
	{.what = "other results and actions are no signs",
		.signs = {SIGN(policy_a, 0, SCOPE_CONNECTION), SIGN(policy_b, 0, SCOPE_GREETING),
			{&policy_a, 1, SCOPE_CONNECTION, RESULT_TEMPERROR, ACTION_SUSPECT},
			{&policy_a, 2, SCOPE_CONNECTION, RESULT_FAIL, ACTION_MONITOR},
			{&policy_b, 2, SCOPE_TRANSACTION, RESULT_PASS, ACTION_SUSPECT}},
		.result = RESULT_PASS},
	{.what = "a lower threshold",
		.setting = "signs",
		.value = "2",
		.signs = {SIGN(policy_a, 0, SCOPE_CONNECTION), SIGN(policy_b, 0, SCOPE_GREETING)},
		.result = RESULT_FAIL},
	{.what = "one policy is enough on wish",
		.setting = "policies",
		.value = "1",
		.signs = {SIGN(policy_a, 0, SCOPE_CONNECTION), SIGN(policy_a, 1, SCOPE_CONNECTION),
			SIGN(policy_a, 2, SCOPE_CONNECTION)},
		.result = RESULT_FAIL},
#define THREE                                                                                      \
	{SIGN(policy_a, 0, SCOPE_CONNECTION), SIGN(policy_b, 1, SCOPE_GREETING),                   \
		SIGN(policy_b, 2, SCOPE_TRANSACTION)}
	{.what = "SPF is a proof",
		.signs = THREE,
		.spf = SPF_PASS,
		.result = RESULT_PASS,
		.evidence = "but SPF of example.net passes 192.0.2.7"},
	{.what = "the MX is a proof",
		.signs = THREE,
		.dns = {{"example.net", DNS_MX, "10:mx.example.net", 0},
			{"mx.example.net", DNS_A, CLIENT, 0}},
		.result = RESULT_PASS},
	{.what = "the address is a proof",
		.signs = THREE,
		.dns = {{"example.net", DNS_A, CLIENT, 0}},
		.result = RESULT_PASS},
	{.what = "the confirmed name is a proof",
		.signs = THREE,
		.dns = {{"7.2.0.192.in-addr.arpa", DNS_PTR, "out.example.net", 0},
			{"out.example.net", DNS_A, CLIENT, 0}},
		.result = RESULT_PASS},
	{.what = "trust is a proof",
		.signs = THREE,
		.exemptions = EXEMPT_AUTHENTICATED,
		.result = RESULT_PASS},
	{.what = "a trusted network is a proof",
		.signs = THREE,
		.exemptions = EXEMPT_TRUSTED,
		.result = RESULT_PASS},
	{.what = "a trusted certificate is a proof",
		.signs = THREE,
		.exemptions = EXEMPT_CERTIFIED,
		.result = RESULT_PASS},
	{.what = "being allowed is none",
		.signs = THREE,
		.exemptions = EXEMPT_ALLOWED | EXEMPT_FORWARDER,
		.result = RESULT_FAIL},
	{.what = "a proof not known now",
		.signs = THREE,
		.spf = SPF_TEMPERROR,
		.result = RESULT_TEMPERROR},
	{.what = "mail hosts not known now",
		.signs = THREE,
		.dns = {{"example.net", DNS_MX, NULL, DNS_SERVFAIL}},
		.result = RESULT_TEMPERROR},
};

static void add_signs(struct policy_case *c, const struct sign *signs)
{
	for (; signs->policy != NULL; signs++) {
		struct finding *finding = session_add_finding(&c->session, signs->scope);

		finding->policy = signs->policy;
		finding->check = &signs->policy->checks[signs->check];
		finding->result = signs->result;
		finding->action = finding->would = signs->action;
	}
}

static void start(struct policy_case *c, const struct row *row)
{
	fake_dns_clear();
	fake_spf_clear();
	fake_dns_rows(row->dns);
	if (row->spf != SPF_NONE)
		fake_spf("example.net", row->spf);
	policy_case_start(c, &policy_impostor);
	if (row->setting != NULL)
		policy_case_set(c, row->setting, row->value);
	policy_case_connect(c, CLIENT);
	policy_case_helo(c, "mail.example.com");
	policy_case_mail(c, "<a@example.net>");
	c->session.exemptions = row->exemptions;
	add_signs(c, row->signs);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct row *row = &rows[i];
		const struct finding *finding;
		struct policy_case c;

		start(&c, row);
		policy_case_run(&c, STAGE_MAIL);
		finding = policy_case_finding(&c, "corroborated");
		assert_non_null(finding);
		if (finding->result != row->result)
			fail_msg("%s: %s: %s", row->what, result_name(finding->result),
				finding->evidence);
		if (finding->result == RESULT_FAIL &&
			strstr(finding->evidence, " would be right") == NULL)
			fail_msg("%s: %s", row->what, finding->evidence);
		if (row->evidence != NULL && strstr(finding->evidence, row->evidence) == NULL)
			fail_msg("%s: %s", row->what, finding->evidence);
		if (row->reply != NULL)
			assert_string_equal(finding->reply, row->reply);
		if (row->result == RESULT_FAIL)
			assert_int_equal(finding->action, ACTION_TEMPFAIL);
		policy_case_end(&c);
	}
	fake_dns_clear();
}

/* The hard reading: registered for the HELO name and for the sender's domain. */
static void test_unregistered(void **state)
{
	static const struct {
		const char *helo_address, *sender_address;
		enum result result;
	} cases[] = {
		{CLIENT, CLIENT, RESULT_PASS},
		{"192.0.2.9", CLIENT, RESULT_FAIL},
		{CLIENT, "192.0.2.9", RESULT_FAIL},
		{"192.0.2.9", "192.0.2.9", RESULT_FAIL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		static const struct row row = {.what = "hard reading"};
		struct policy_case c;

		start(&c, &row);
		fake_dns("mail.example.com", DNS_A, cases[i].helo_address);
		fake_dns("example.net", DNS_A, cases[i].sender_address);
		policy_case_run(&c, STAGE_MAIL);
		assert_null(policy_case_finding(&c, "unregistered"));
		policy_case_set(&c, "unregistered", "reject");
		policy_case_run(&c, STAGE_MAIL);
		assert_int_equal(policy_case_result(&c, "unregistered"), cases[i].result);
		policy_case_end(&c);
	}
	fake_dns_clear();
}

static void test_trouble_never_refuses(void **state)
{
	static const enum dns_status troubles[] = {DNS_SERVFAIL, DNS_TIMEOUT};

	(void)state;
	for (size_t i = 0; i <= ARRAY_COUNT(troubles); i++) {
		static const struct row row = {.what = "trouble", .signs = THREE};
		struct policy_case c;

		start(&c, &row);
		fake_inquiry_hangs(i == ARRAY_COUNT(troubles));
		if (i < ARRAY_COUNT(troubles))
			fake_dns_default(troubles[i]);
		policy_case_set(&c, "corroborated", "reject");
		policy_case_set(&c, "unregistered", "reject");
		policy_case_run(&c, STAGE_MAIL);
		assert_int_equal(policy_case_result(&c, "corroborated"), RESULT_TEMPERROR);
		assert_int_equal(policy_case_result(&c, "unregistered"), RESULT_TEMPERROR);
		policy_case_end(&c);
	}
	fake_dns_clear();
}

/* Local submission, and a path that the sender policy refuses already. */
static void test_nobody_to_judge(void **state)
{
	static const struct row row = {.what = "nobody", .signs = THREE};
	struct policy_case c;

	(void)state;
	start(&c, &row);
	policy_case_connect(&c, "");
	policy_case_run(&c, STAGE_MAIL);
	assert_null(policy_case_finding(&c, "corroborated"));
	policy_case_connect(&c, CLIENT);
	policy_case_mail(&c, "<a");
	policy_case_run(&c, STAGE_MAIL);
	assert_null(policy_case_finding(&c, "corroborated"));
	policy_case_end(&c);
}

static void note_warning(void *context, const char *setting, const char *text)
{
	assert_non_null(strstr(text, "policies = 5"));
	strcat(context, setting);
}

static void test_signs_below_policies(void **state)
{
	struct policy_case c;
	char warned[100] = "";
	static const struct row row = {.what = "no signs"};

	(void)state;
	start(&c, &row);
	policy_impostor.advise(&c.call, &c.site, note_warning, warned);
	assert_string_equal(warned, "");
	policy_case_set(&c, "policies", "5");
	policy_impostor.advise(&c.call, &c.site, note_warning, warned);
	assert_string_equal(warned, "signs");
	policy_case_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_unregistered),
		cmocka_unit_test(test_trouble_never_refuses),
		cmocka_unit_test(test_nobody_to_judge),
		cmocka_unit_test(test_signs_below_policies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
