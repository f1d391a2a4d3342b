/* SPDX-License-Identifier: BSD-2-Clause */
/* Ways past a limit, each tried; the numbers are those of the project's list of attacks. What needs two
 * hosts, a Redis or a clock is tried in the tests of the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/limit_case.c"
#include "limit_key.h"

static void stop(struct policy_case *policy_case)
{
	end_message(policy_case, OUTCOME_DROPPED);
	mem_free(*(char **)policy_case->options);
	policy_case_end(policy_case);
}

/* Of COUNT recipients asked for by SENDER, how many are let through. */
static int ask(
	struct policy_case *policy_case, const char *sender, const char *recipient, int count)
{
	struct call *call = &policy_case->call;
	int accepted = 0;

	policy_case_mail(policy_case, sender);
	for (int i = 0; i < count; i++) {
		policy_case_rcpt(policy_case, recipient);
		call->stage = STAGE_RCPT;
		policy_limit.before_recipient(call);
		policy_case_run(policy_case, STAGE_RCPT);
		call->verdict = verdict_of_action(policy_case_action(policy_case));
		policy_limit.recipient_answered(call);
		accepted += call->verdict == VERDICT_CONTINUE;
	}
	end_message(policy_case, OUTCOME_ACCEPTED);
	return accepted;
}

static const struct row by_sender[] = {
	{"key", "sender"}, {"count", "recipients"}, {"rate", "5 / 1h"}, {"extension", "+"}, {0}};

/* A1: the null reverse-path is nobody's, so it counts for the client's network. */
static void test_null_sender(void **state)
{
	struct policy_case one;

	(void)state;
	start(&one, by_sender);
	assert_int_equal(ask(&one, "<>", "<bob@example.org>", 10), 5);
	assert_int_equal(ask(&one, "<>", "<carol@example.org>", 10), 0);
	assert_int_equal(ask(&one, "<anna@example.com>", "<bob@example.org>", 10), 5);
	stop(&one);
}

/* A2, A3: the same sender spelt otherwise, in capital A-labels. */
static void test_spellings(void **state)
{
	static const struct {
		const char *domain, *spellings[6];
	} rows[] = {
		{"example.com", {"<anna@example.com>", "<ANNA@EXAMPLE.COM>",
					"<\"anna\"@example.com>", "<anna+1@example.com>"}},
		{"xn--bcher-kva.example", {"<a@xn--bcher-kva.example>", "<a@XN--BCHER-KVA.example>",
						  "<a@Xn--bcher-kva.EXAMPLE>"}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy_case one;
		int accepted = 0;

		start(&one, by_sender);
		fake_spf(rows[i].domain, SPF_PASS);
		for (size_t j = 0; rows[i].spellings[j] != NULL; j++)
			accepted += ask(&one, rows[i].spellings[j], "<bob@example.org>", 3);
		if (accepted != 5)
			fail_msg("%s: %d", rows[i].domain, accepted);
		stop(&one);
	}
}

/* A5: routes, comments and what is no path at all, where nothing else refuses them. */
static void test_odd_paths(void **state)
{
	static const char *const senders[] = {"<@relay.example.net:anna@example.com>",
		"<anna(x)@example.com>", "<anna@example.com(x)>", "<anna@@example.com>", "<anna@>",
		"anna example"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(senders); i++) {
		struct policy_case one;
		int accepted;

		begin(state);
		start(&one, by_sender);
		accepted = ask(&one, senders[i], "<bob@example.org>", 20);
		if (accepted != 5)
			fail_msg("%s: %d", senders[i], accepted);
		stop(&one);
		finish(state);
	}
}

/* A6, A7: all at once on a fresh key, and always the same recipient. */
static void test_first_message(void **state)
{
	struct policy_case one;

	(void)state;
	start(&one, by_sender);
	assert_int_equal(ask(&one, "<anna@example.com>", "<bob@example.org>", 10000), 5);
	assert_int_equal(flaky_store_sum(services.store), 5);
	stop(&one);
}

/* A13: a hundred thousand forged senders of one network make a bounded number of keys, each limited. */
static void test_key_flood(void **state)
{
	static const struct row rows[] = {
		{"key", "sender"}, {"count", "messages"}, {"rate", "2 / 1h"}, {0}};
	struct policy_case one;
	int accepted = 0;

	(void)state;
	start(&one, rows);
	for (int i = 0; i < 100000; i++) {
		char sender[60];

		snprintf(sender, sizeof(sender), "<u%d@d%d.example.net>", i, i);
		accepted += ask(&one, sender, "<bob@example.org>", 1);
	}
	assert_int_equal(accepted, 2 * LIMIT_UNPROVEN_PLACES);
	stop(&one);
}

/* A14, A15: nothing of the wire reaches the key. */
static void test_keys_are_ours(void **state)
{
	static const char *const senders[] = {"<{x}@example.com>", "<\"a b\"@example.com>",
		"<\"a\\\"\"@example.com>", "<'*3$3^SET'@example.com>", "<%s%n@example.com>"};
	struct limit_key key;
	char why[200];

	(void)state;
	assert_true(limit_key_parse("sender", &key, why, sizeof(why)));
	for (size_t i = 0; i < ARRAY_COUNT(senders); i++) {
		const struct limit_key_options options = {
			.title = "test", .prefix_v4 = 32, .prefix_v6 = 64};
		struct limit_identity identity = {.key = ""};
		struct limit_proof proof = {{0}, {0}};
		struct policy_case one;

		start(&one, by_sender);
		policy_case_mail(&one, senders[i]);
		assert_true(limit_key_make(
			&key, &options, &one.session, &proof, one.call.deadline_ms, &identity));
		assert_int_equal(strlen(identity.key), STORE_KEY_SIZE - 1);
		assert_int_equal(strspn(identity.key, "0123456789abcdef"), STORE_KEY_SIZE - 1);
		for (const char *c = identity.label; *c != '\0'; c++)
			assert_true(*c >= 0x20 && *c < 0x7f && *c != '"');
		stop(&one);
	}
}

/* A18: whoever names another as sender uses up nothing of his. */
static void test_forged_victim(void **state)
{
	struct policy_case forger, anna;

	(void)state;
	start(&forger, by_sender);
	fake_spf_clear();
	policy_case_connect(&forger, "203.0.113.66");
	assert_int_equal(ask(&forger, "<anna@example.com>", "<bob@example.org>", 100), 5);
	start(&anna, by_sender);
	assert_int_equal(ask(&anna, "<anna@example.com>", "<bob@example.org>", 100), 5);
	stop(&anna);
	stop(&forger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_null_sender, begin, finish),
		cmocka_unit_test_setup_teardown(test_spellings, begin, finish),
		cmocka_unit_test(test_odd_paths),
		cmocka_unit_test_setup_teardown(test_first_message, begin, finish),
		cmocka_unit_test_setup_teardown(test_key_flood, begin, finish),
		cmocka_unit_test_setup_teardown(test_keys_are_ours, begin, finish),
		cmocka_unit_test_setup_teardown(test_forged_victim, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
