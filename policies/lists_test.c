/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/fake_inquiry.c"
#include "../tests/fake/fake_spf.c"
#include "../tests/lib/policy_case.h"

extern const struct policy policy_lists;

#define PTR "7.2.0.192.in-addr.arpa"

static const struct row {
	const char *what;
	const char *deny;
	enum stage stage;
	const char *helo, *reverse_path, *forward_path; /* NULL: a harmless one */
	struct fake_answer dns[4];
	enum action want;
	const char *reply; /* a part of what the client reads */
} rows[] = {
	{.what = "another network", .deny = "198.51.100.0/24", .stage = STAGE_CONNECT},
	{.what = "client network",
		.deny = "192.0.2.0/24",
		.stage = STAGE_CONNECT,
		.want = ACTION_REJECT,
		.reply = "client 192.0.2.7"},
	{.what = "confirmed name",
		.deny = ".example.net",
		.stage = STAGE_CONNECT,
		.dns = {{PTR, DNS_PTR, "mail.example.net", 0},
			{"mail.example.net", DNS_A, "192.0.2.7", 0}},
		.want = ACTION_REJECT,
		.reply = "client mail.example.net"},
	{.what = "unconfirmed name",
		.deny = ".example.net",
		.stage = STAGE_CONNECT,
		.dns = {{PTR, DNS_PTR, "mail.example.net", 0},
			{"mail.example.net", DNS_A, "192.0.2.8", 0}}},
	{.what = "no name", .deny = ".example.net", .stage = STAGE_CONNECT},
	{.what = "name not known for now",
		.deny = ".example.net",
		.stage = STAGE_CONNECT,
		.dns = {{PTR, DNS_PTR, NULL, DNS_SERVFAIL}},
		.want = ACTION_MONITOR},
	{.what = "HELO",
		.deny = "spam.example",
		.stage = STAGE_HELO,
		.helo = "SPAM.example",
		.want = ACTION_REJECT,
		.reply = "HELO spam.example"},
	{.what = "HELO literal",
		.deny = "203.0.113.0/24",
		.stage = STAGE_HELO,
		.helo = "[203.0.113.9]",
		.want = ACTION_REJECT},
	{.what = "another HELO", .deny = "spam.example", .stage = STAGE_HELO},
	{.what = "sender",
		.deny = "evil@example.com",
		.stage = STAGE_MAIL,
		.reverse_path = "<Evil@Example.com>",
		.want = ACTION_REJECT,
		.reply = "sender Evil@example.com"},
	{.what = "sender domain",
		.deny = "example.com",
		.stage = STAGE_MAIL,
		.reverse_path = "<a@example.com>",
		.want = ACTION_REJECT},
	{.what = "sender routed through a denied domain",
		.deny = "example.com",
		.stage = STAGE_MAIL,
		.reverse_path = "<a%example.com@example.net>",
		.want = ACTION_REJECT},
	{.what = "null sender", .deny = "example.com", .stage = STAGE_MAIL, .reverse_path = "<>"},
	{.what = "recipient",
		.deny = "example.com",
		.stage = STAGE_RCPT,
		.forward_path = "<a@example.com>",
		.want = ACTION_REJECT,
		.reply = "recipient a@example.com"},
	{.what = "recipient literal",
		.deny = "203.0.113.0/24",
		.stage = STAGE_RCPT,
		.forward_path = "<a@[203.0.113.4]>",
		.want = ACTION_REJECT},
	{.what = "another recipient", .deny = "example.com", .stage = STAGE_RCPT},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct row *row = &rows[i];
		const struct finding *finding;
		struct policy_case policy_case;

		fake_dns_clear();
		fake_dns_rows(row->dns);
		policy_case_start(&policy_case, &policy_lists);
		policy_case_list(&policy_case.site.deny, row->deny);
		policy_case_connect(&policy_case, "192.0.2.7");
		policy_case_helo(&policy_case, row->helo == NULL ? "mail.example.net" : row->helo);
		policy_case_mail(&policy_case,
			row->reverse_path == NULL ? "<a@example.net>" : row->reverse_path);
		policy_case_rcpt(&policy_case,
			row->forward_path == NULL ? "<b@example.org>" : row->forward_path);
		policy_case_run(&policy_case, row->stage);
		if (policy_case_action(&policy_case) != row->want)
			fail_msg(
				"%s: %s", row->what, action_name(policy_case_action(&policy_case)));
		finding = policy_case_finding(&policy_case, "denied");
		if (row->reply != NULL && strcmp(finding->reply, row->reply) != 0)
			fail_msg("%s: %s", row->what, finding->reply);
		if (row->want == ACTION_REJECT && strstr(finding->evidence, "(test)") == NULL)
			fail_msg("%s: %s", row->what, finding->evidence);
		policy_case_end(&policy_case);
	}
}

/* No list, nothing asked, nothing said. */
static void test_empty(void **state)
{
	struct policy_case policy_case;

	(void)state;
	fake_dns_clear();
	policy_case_start(&policy_case, &policy_lists);
	policy_case_connect(&policy_case, "192.0.2.7");
	policy_case_helo(&policy_case, "mail.example.net");
	policy_case_mail(&policy_case, "<a@example.net>");
	policy_case_rcpt(&policy_case, "<b@example.org>");
	for (int stage = STAGE_CONNECT; stage <= STAGE_RCPT; stage++)
		policy_case_run(&policy_case, (enum stage)stage);
	assert_int_equal(policy_case_action(&policy_case), ACTION_OFF);
	assert_int_equal(fake_dns_asked(NULL, DNS_PTR), 0);
	policy_case_end(&policy_case);
}

/* The name is asked for as soon as any list could need it, the allow list and forwarders too. */
static void test_announces(void **state)
{
	struct policy_case policy_case;

	(void)state;
	fake_dns_clear();
	policy_case_start(&policy_case, &policy_lists);
	policy_case_list(&policy_case.site.forwarders, ".example.net");
	policy_case_connect(&policy_case, "192.0.2.7");
	policy_lists.announce[STAGE_CONNECT](&policy_case.call);
	assert_non_null(policy_case.session.iprev);
	policy_case_end(&policy_case);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_announces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
