/* SPDX-License-Identifier: BSD-2-Clause */
/* defer_to_dmarc: a fail of SPF that is held back until DMARC is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/fake_inquiry.c"
#include "../tests/fake/fake_spf.c"
#include "../tests/lib/policy_case.h"

extern const struct policy policy_spf;

#define VERIFIED " dkim.example.org; dkim=pass header.d=author.example"

struct row {
	const char *what;
	const char *defer; /* NULL: yes */
	const char *results; /* an Authentication-Results field */
	const char *record; /* of author.example; NULL: p=none */
	enum dns_status trouble; /* of it */
	bool no_mail;
	const char *setting, *value;
	enum action at_mail, at_end;
	enum result result; /* of the last finding */
};

static const struct row rows[] = {
	{.what = "not deferred",
		.defer = "no",
		.results = VERIFIED,
		.at_mail = ACTION_REJECT,
		.result = RESULT_FAIL},
	{.what = "DMARC passes by a signature",
		.results = VERIFIED,
		.at_mail = ACTION_MONITOR,
		.at_end = ACTION_MONITOR,
		.result = RESULT_PASS},
	{.what = "a domain that sends no mail, too",
		.results = VERIFIED,
		.no_mail = true,
		.at_mail = ACTION_MONITOR,
		.at_end = ACTION_MONITOR,
		.result = RESULT_PASS},
	{.what = "DMARC fails",
		.at_mail = ACTION_MONITOR,
		.at_end = ACTION_REJECT,
		.result = RESULT_FAIL},
	{.what = "a signature of somebody else",
		.results = " dkim.example.org; dkim=pass header.d=other.example",
		.at_mail = ACTION_MONITOR,
		.at_end = ACTION_REJECT,
		.result = RESULT_FAIL},
	{.what = "no DMARC record",
		.results = VERIFIED,
		.record = "v=spf1 -all",
		.at_mail = ACTION_MONITOR,
		.at_end = ACTION_REJECT,
		.result = RESULT_FAIL},
	{.what = "DMARC is not known now",
		.results = VERIFIED,
		.trouble = DNS_SERVFAIL,
		.at_mail = ACTION_MONITOR,
		.at_end = ACTION_TEMPFAIL,
		.result = RESULT_TEMPERROR},
	{.what = "what does nothing is not held back",
		.setting = "fail",
		.value = "monitor",
		.at_mail = ACTION_MONITOR,
		.result = RESULT_FAIL},
	{.what = "a tag is",
		.setting = "fail",
		.value = "tag",
		.at_mail = ACTION_MONITOR,
		.at_end = ACTION_TAG,
		.result = RESULT_FAIL},
};

static enum action act(struct policy_case *c, enum stage stage)
{
	enum scope scope = SCOPE_TRANSACTION;
	size_t before = c->session.findings[scope].count;
	enum action hardest = ACTION_OFF;

	policy_case_run(c, stage);
	for (size_t i = before; i < c->session.findings[scope].count; i++)
		if (c->session.findings[scope].items[i]->action > hardest)
			hardest = c->session.findings[scope].items[i]->action;
	return hardest;
}

static void start(struct policy_case *c, const struct row *row)
{
	static char id[] = "dkim.example.org";
	static char *ids[] = {id, NULL};

	fake_dns_clear();
	fake_spf_clear();
	if (row->trouble != DNS_OK)
		fake_dns_status("_dmarc.author.example", DNS_TXT, row->trouble);
	else
		fake_dns("_dmarc.author.example", DNS_TXT,
			row->record == NULL ? "v=DMARC1; p=none" : row->record);
	fake_spf("forwarded.example", SPF_FAIL)->no_mail = row->no_mail;
	policy_case_start(c, &policy_spf);
	c->site.trusted_authserv_ids = ids;
	policy_case_set(c, "defer_to_dmarc", row->defer == NULL ? "yes" : row->defer);
	if (row->setting != NULL)
		policy_case_set(c, row->setting, row->value);
	policy_case_connect(c, "192.0.2.7");
	policy_case_helo(c, "helo.example");
	policy_case_mail(c, "<x@forwarded.example>");
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct row *row = &rows[i];
		enum action at_mail, at_end;
		struct policy_case c;

		start(&c, row);
		at_mail = act(&c, STAGE_MAIL);
		if (row->results != NULL)
			policy_case_field(&c, "Authentication-Results", row->results);
		policy_case_field(&c, "From", " a@author.example");
		at_end = act(&c, STAGE_EOM);
		if (at_mail != row->at_mail || at_end != row->at_end)
			fail_msg("%s: %s at MAIL, %s at the end", row->what, action_name(at_mail),
				action_name(at_end));
		assert_int_equal(
			policy_case_result(&c, row->no_mail ? "no_mail" : "fail"), row->result);
		c.site.trusted_authserv_ids = NULL;
		policy_case_end(&c);
	}
}

/* The next message of the session is judged anew. */
static void test_next_message(void **state)
{
	const struct row row = {0};
	struct policy_case c;

	(void)state;
	start(&c, &row);
	assert_int_equal(act(&c, STAGE_MAIL), ACTION_MONITOR);
	policy_case_mail(&c, "<x@other.example>");
	assert_int_equal(act(&c, STAGE_MAIL), ACTION_OFF);
	policy_case_field(&c, "From", " a@author.example");
	assert_int_equal(act(&c, STAGE_EOM), ACTION_OFF);
	c.site.trusted_authserv_ids = NULL;
	policy_case_end(&c);
}

/* Header section and end of message are asked for by who defers only. */
static void test_wants(void **state)
{
	const struct row off = {.defer = "no"}, on = {0};
	struct policy_case c;

	(void)state;
	start(&c, &off);
	assert_true(policy_spf.wants(c.options, 1, STAGE_MAIL));
	assert_false(policy_spf.wants(c.options, 1, STAGE_HEADER));
	c.site.trusted_authserv_ids = NULL;
	policy_case_end(&c);
	start(&c, &on);
	assert_true(policy_spf.wants(c.options, 1, STAGE_HEADER));
	c.site.trusted_authserv_ids = NULL;
	policy_case_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_next_message),
		cmocka_unit_test(test_wants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
