/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/fake_inquiry.c"
#include "../tests/fake/fake_spf.c"
#include "../tests/lib/policy_case.h"

extern const struct policy policy_spf;

struct row {
	const char *what;
	enum spf_result result;
	bool over_broad, no_mail;
	const char *explanation;
	const char *failed_mail; /* check that fails at MAIL, or NULL */
	const char *failed_helo;
	enum result main_result; /* of fail, where it is not the one that fails */
	enum action action; /* by default, at MAIL */
	enum action helo_action;
};

static const struct row rows[] = {
	{.what = "pass", .result = SPF_PASS, .main_result = RESULT_PASS},
	{.what = "pass of everybody",
		.result = SPF_PASS,
		.over_broad = true,
		.failed_mail = "none",
		.main_result = RESULT_NONE},
	{.what = "fail",
		.result = SPF_FAIL,
		.failed_mail = "fail",
		.failed_helo = "helo_fail",
		.action = ACTION_REJECT,
		.helo_action = ACTION_REJECT},
	{.what = "fail, explained",
		.result = SPF_FAIL,
		.explanation = "see https://example.net/spf",
		.failed_mail = "fail",
		.failed_helo = "helo_fail",
		.action = ACTION_REJECT,
		.helo_action = ACTION_REJECT},
	{.what = "sends no mail at all",
		.result = SPF_FAIL,
		.no_mail = true,
		.failed_mail = "no_mail",
		.failed_helo = "no_mail",
		.main_result = RESULT_NONE,
		.action = ACTION_REJECT,
		.helo_action = ACTION_REJECT},
	{.what = "softfail",
		.result = SPF_SOFTFAIL,
		.failed_mail = "softfail",
		.failed_helo = "helo_softfail",
		.main_result = RESULT_NONE,
		.action = ACTION_SUSPECT},
	{.what = "neutral",
		.result = SPF_NEUTRAL,
		.failed_mail = "neutral",
		.main_result = RESULT_NONE},
	{.what = "none", .result = SPF_NONE, .failed_mail = "none", .main_result = RESULT_NONE},
	{.what = "permerror",
		.result = SPF_PERMERROR,
		.failed_mail = "permerror",
		.main_result = RESULT_NONE},
	{.what = "temperror",
		.result = SPF_TEMPERROR,
		.main_result = RESULT_TEMPERROR,
		.action = ACTION_MONITOR,
		.helo_action = ACTION_MONITOR},
};

static void start(struct policy_case *c, const struct row *row, const char *domain)
{
	struct spf *spf;

	fake_dns_clear();
	fake_spf_clear();
	spf = fake_spf(domain, row->result);
	spf->over_broad = row->over_broad;
	spf->no_mail = row->no_mail;
	if (row->explanation != NULL)
		assert_true(
			text_copy(spf->explanation, sizeof(spf->explanation), row->explanation));
	policy_case_start(c, &policy_spf);
	policy_case_connect(c, "192.0.2.7");
	policy_case_helo(c, "mail.example.com");
}

/* The checks that are off by default are still named in the table. */
static void set_off_to_tag(struct policy_case *c)
{
	for (const struct check *check = policy_spf.checks; check->name != NULL; check++)
		if (check->fail == ACTION_OFF)
			policy_case_set(c, check->name, "tag");
}

static void expect_failed(const struct row *row, struct policy_case *c, const char *failed)
{
	for (const struct check *check = policy_spf.checks; check->name != NULL; check++) {
		const struct finding *finding = policy_case_finding(c, check->name);
		bool fails = finding != NULL && finding->result == RESULT_FAIL;

		if (fails != (failed != NULL && strcmp(check->name, failed) == 0))
			fail_msg("%s: %s: %s", row->what, check->name,
				finding == NULL ? "no finding" : finding->evidence);
		if (fails && strstr(finding->evidence, " would be right") == NULL)
			fail_msg("%s: %s does not say what would be right", row->what,
				finding->evidence);
	}
}

static void test_mail(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct policy_case c;

		start(&c, row, "example.net");
		policy_case_mail(&c, "<a@example.net>");
		policy_case_run(&c, STAGE_MAIL);
		if (policy_case_action(&c) != row->action)
			fail_msg("%s: %s by default", row->what,
				action_name(policy_case_action(&c)));
		set_off_to_tag(&c);
		policy_case_mail(&c, "<a@example.net>");
		policy_case_run(&c, STAGE_MAIL);
		expect_failed(row, &c, row->failed_mail);
		if (row->failed_mail == NULL || strcmp(row->failed_mail, "fail") != 0)
			assert_int_equal(policy_case_result(&c, "fail"), row->main_result);
		if (row->explanation != NULL)
			assert_string_equal(policy_case_finding(&c, "fail")->reply,
				"example.net explains: see https://example.net/spf");
		policy_case_end(&c);
	}
}

static void test_helo(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct policy_case c;

		start(&c, row, "mail.example.com");
		policy_case_run(&c, STAGE_HELO);
		if (policy_case_action(&c) != row->helo_action)
			fail_msg("%s: %s by default", row->what,
				action_name(policy_case_action(&c)));
		set_off_to_tag(&c);
		policy_case_helo(&c, "mail.example.com");
		policy_case_run(&c, STAGE_HELO);
		expect_failed(row, &c, row->failed_helo);
		policy_case_end(&c);
	}
}

static void test_nothing_to_ask(void **state)
{
	struct policy_case c;

	(void)state;
	start(&c, &rows[0], "example.net");
	policy_case_helo(&c, "[192.0.2.7]");
	policy_case_run(&c, STAGE_HELO);
	assert_int_equal(policy_case_result(&c, "helo_fail"), RESULT_NONE);
	policy_case_mail(&c, "<>");
	policy_case_run(&c, STAGE_MAIL);
	assert_int_equal(policy_case_result(&c, "fail"), RESULT_NONE);
	policy_case_mail(&c, "<not a path");
	policy_case_run(&c, STAGE_MAIL);
	assert_int_equal(policy_case_result(&c, "fail"), RESULT_NONE);
	assert_int_equal(fake_spf_asked(), 0);
	policy_case_connect(&c, "");
	policy_case_mail(&c, "<a@example.net>");
	policy_case_run(&c, STAGE_MAIL);
	assert_int_equal(policy_case_result(&c, "fail"), RESULT_NONE);
	policy_case_end(&c);
}

/* RFC 7208 2.4: postmaster@HELO. */
static void test_null_reverse_path(void **state)
{
	struct policy_case c;

	(void)state;
	start(&c, &(struct row){.result = SPF_FAIL}, "mail.example.com");
	policy_case_mail(&c, "<>");
	policy_case_run(&c, STAGE_MAIL);
	assert_int_equal(policy_case_result(&c, "fail"), RESULT_FAIL);
	policy_case_end(&c);
}

/* With every check set to reject, a temperror or a missing answer refuses nobody, nor does a neutral
 * that trouble of PTR names led to. */
static void test_trouble_never_refuses(void **state)
{
	enum { TEMPERROR, HANGS, UNCERTAIN, TROUBLES };

	(void)state;
	for (int trouble = 0; trouble < TROUBLES; trouble++) {
		struct policy_case c;

		start(&c, &(struct row){.result = SPF_TEMPERROR}, "example.net");
		fake_spf("mail.example.com", SPF_TEMPERROR);
		fake_inquiry_hangs(trouble == HANGS);
		if (trouble == UNCERTAIN) {
			fake_spf("example.net", SPF_NEUTRAL)->uncertain = true;
			fake_spf("mail.example.com", SPF_NEUTRAL)->uncertain = true;
		}
		for (const struct check *check = policy_spf.checks; check->name != NULL; check++)
			policy_case_set(&c, check->name, "reject");
		policy_case_run(&c, STAGE_HELO);
		policy_case_mail(&c, "<a@example.net>");
		policy_case_run(&c, STAGE_MAIL);
		assert_int_equal(policy_case_result(&c, "fail"), RESULT_TEMPERROR);
		assert_int_equal(policy_case_result(&c, "helo_fail"), RESULT_TEMPERROR);
		assert_int_equal(policy_case_action(&c), ACTION_MONITOR);
		policy_case_end(&c);
	}
	fake_dns_clear();
}

static void test_off_asks_nothing(void **state)
{
	struct policy_case c;

	(void)state;
	start(&c, &rows[2], "example.net");
	for (const struct check *check = policy_spf.checks; check->name != NULL; check++)
		policy_case_set(&c, check->name, "off");
	policy_case_run(&c, STAGE_HELO);
	policy_case_mail(&c, "<a@example.net>");
	policy_case_run(&c, STAGE_MAIL);
	assert_int_equal(fake_spf_asked(), 0);
	assert_null(policy_case_finding(&c, "fail"));
	policy_case_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_helo),
		cmocka_unit_test(test_nothing_to_ask),
		cmocka_unit_test(test_null_reverse_path),
		cmocka_unit_test(test_trouble_never_refuses),
		cmocka_unit_test(test_off_asks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
