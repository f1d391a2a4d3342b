/* SPDX-License-Identifier: BSD-2-Clause */
/* Ways past a limit, each tried; the numbers are those of the project's list of attacks. A8 is
 * in limit_counts_test.c; A16 and A17, which need a Redis, are in store_foreign_test.c. */
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

/* A4: one sub-domain after the other, each with a record that lets it send. */
static void test_subdomains(void **state)
{
	static const struct row rows[] = {
		{"key", "sender_organization"}, {"count", "messages"}, {"rate", "5 / 1h"}, {0}};
	struct policy_case one;
	int accepted = 0;

	(void)state;
	start(&one, rows);
	for (int i = 0; i < 20; i++) {
		char sender[64], domain[32];

		snprintf(domain, sizeof(domain), "a%d.b.example.com", i);
		snprintf(sender, sizeof(sender), "<anna@%s>", domain);
		fake_spf_clear();
		fake_spf(domain, SPF_PASS);
		accepted += ask(&one, sender, "<bob@example.org>", 1);
	}
	assert_int_equal(accepted, 5);
	assert_int_equal(flaky_store_sum(services.store), 5);
	stop(&one);
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

/* Sessions of one sender, each with what belongs to its connection. */
enum { SESSIONS = 64, HOSTS = 8 };

static struct policy_case crowd[SESSIONS];

static bool ask_one(struct policy_case *policy_case)
{
	struct call *call = &policy_case->call;

	policy_case_rcpt(policy_case, "<bob@example.org>");
	call->stage = STAGE_RCPT;
	policy_limit.before_recipient(call);
	policy_case_run(policy_case, STAGE_RCPT);
	call->verdict = verdict_of_action(policy_case_action(policy_case));
	policy_limit.recipient_answered(call);
	return call->verdict == VERDICT_CONTINUE;
}

/* A9: all of them ask before any of them commits. */
static void test_between_check_and_commit(void **state)
{
	int accepted = 0;

	(void)state;
	for (size_t i = 0; i < SESSIONS; i++)
		start(&crowd[i], by_sender);
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < SESSIONS; i++)
			accepted += ask_one(&crowd[i]);
	assert_int_equal(accepted, 5);
	for (size_t i = 0; i < SESSIONS; i++)
		end_message(&crowd[i], OUTCOME_ACCEPTED);
	for (size_t i = 0; i < SESSIONS; i++)
		accepted += ask_one(&crowd[i]);
	assert_int_equal(accepted, 5);
	assert_int_equal(flaky_store_sum(services.store), 5);
	for (size_t i = 0; i < SESSIONS; i++)
		stop(&crowd[i]);
}

/* A10, A12: spread over hosts that share the store; and when the store is made to be slow, so that none
 * of its answers comes in time, each host knows what it has let through itself. */
static void test_many_hosts_and_a_slow_store(void **state)
{
	static const struct row rows[] = {{"key", "sender"}, {"count", "recipients"},
		{"rate", "16 / 1h"}, {"hosts", "8"}, {0}};
	struct store *locals[HOSTS];
	int accepted = 0;

	(void)state;
	for (size_t i = 0; i < HOSTS; i++) {
		locals[i] = flaky_store_open();
		start(&crowd[i], rows);
		crowd[i].services.local = locals[i];
	}
	for (int i = 0; i < 100; i++)
		accepted += ask_one(&crowd[i % HOSTS]);
	assert_int_equal(accepted, 16);
	for (int slow = 0; slow < 2; slow++) {
		flaky_store_set(services.store, slow ? FLAKY_DOWN : FLAKY_ANSWERS_LOST);
		for (int i = 0; i < 100; i++)
			accepted += ask_one(&crowd[i % HOSTS]);
		assert_int_equal(accepted, 16);
	}
	flaky_store_set(services.store, FLAKY_UP);
	for (size_t i = 0; i < HOSTS; i++) {
		end_message(&crowd[i], OUTCOME_DROPPED);
		crowd[i].services.local = services.local;
		stop(&crowd[i]);
		flaky_store_close(&locals[i]);
	}
}

/* A11: who sends all at the end of one window and all at the start of the next. */
static void test_edge_of_a_window(void **state)
{
	enum { HOUR_MS = 3600 * 1000, STEP_MS = HOUR_MS / 60 };
	uint64_t times[1000] = {0}, now_ms = 0;
	struct policy_case one;
	size_t count = 0;

	(void)state;
	start(&one, by_sender);
	for (int i = 0; i < 500; i++) {
		uint64_t passed = i % 2 == 0;

		if (i % 3 == 0)
			passed = STEP_MS - 1;
		if (i % 7 == 0)
			passed = HOUR_MS - 1;
		flaky_store_pass(passed);
		now_ms += passed;
		for (int j = ask(&one, "<anna@example.com>", "<bob@example.org>", 10); j > 0; j--)
			times[count++] = now_ms;
	}
	assert_in_range(count, 50, 1000);
	for (size_t i = 5; i < count; i++)
		assert_true(times[i] - times[i - 5] >= HOUR_MS);
	stop(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_null_sender, begin, finish),
		cmocka_unit_test_setup_teardown(test_spellings, begin, finish),
		cmocka_unit_test_setup_teardown(test_subdomains, begin, finish),
		cmocka_unit_test(test_odd_paths),
		cmocka_unit_test_setup_teardown(test_first_message, begin, finish),
		cmocka_unit_test_setup_teardown(test_key_flood, begin, finish),
		cmocka_unit_test_setup_teardown(test_keys_are_ours, begin, finish),
		cmocka_unit_test_setup_teardown(test_forged_victim, begin, finish),
		cmocka_unit_test_setup_teardown(test_between_check_and_commit, begin, finish),
		cmocka_unit_test_setup_teardown(test_many_hosts_and_a_slow_store, begin, finish),
		cmocka_unit_test_setup_teardown(test_edge_of_a_window, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
