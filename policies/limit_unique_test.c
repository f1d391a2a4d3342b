/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits of different recipients, and limits that are raised while the filter runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/limit_case.c"
#include "clock.h"
#include "limit_options.h"
#include "limit_raise.h"

enum { HOUR_MS = 3600 * 1000 };

static const struct row unique[] = {{"key", "sender"}, {"count", "unique_recipients"},
	{"rate", "3 / 1h"}, {"extension", "+"}, {0}};

static void stop(struct policy_case *policy_case)
{
	end_message(policy_case, OUTCOME_DROPPED);
	mem_free(*(char **)policy_case->options);
	policy_case_end(policy_case);
}

/* One RCPT; another policy has ELSEWHERE to say after ours. */
static enum verdict rcpt_answered(
	struct policy_case *policy_case, const char *recipient, enum verdict elsewhere)
{
	struct call *call = &policy_case->call;

	policy_case_rcpt(policy_case, recipient);
	call->stage = STAGE_RCPT;
	policy_limit.before_recipient(call);
	policy_case_run(policy_case, STAGE_RCPT);
	call->verdict = verdict_of_action(policy_case_action(policy_case));
	if (verdict_overrides(call->verdict, elsewhere))
		call->verdict = elsewhere;
	policy_limit.recipient_answered(call);
	return call->verdict;
}

static bool rcpt(struct policy_case *policy_case, const char *recipient)
{
	return rcpt_answered(policy_case, recipient, VERDICT_CONTINUE) == VERDICT_CONTINUE;
}

static int64_t sum(void)
{
	return flaky_store_sum(services.store);
}

/* However it is spelt, and in whatever message it comes, a recipient is one. */
static void test_a_known_one_costs_nothing(void **state)
{
	struct policy_case one;

	(void)state;
	start(&one, unique);
	assert_true(rcpt(&one, "<bob@example.org>"));
	assert_true(rcpt(&one, "<BOB@Example.ORG>"));
	assert_true(rcpt(&one, "<\"bob\"@example.org>"));
	assert_true(rcpt(&one, "<bob+list@example.org>"));
	assert_int_equal(sum(), 1);
	end_message(&one, OUTCOME_ACCEPTED);
	for (int i = 0; i < 10; i++) {
		assert_true(rcpt(&one, "<bob@example.org>"));
		assert_true(rcpt(&one, "<carol@example.org>"));
		assert_true(rcpt(&one, "<dave@example.org>"));
		/* Only those beyond the limit are refused, and the message goes on. */
		assert_false(rcpt(&one, "<erin@example.org>"));
		end_message(&one, OUTCOME_ACCEPTED);
	}
	assert_int_equal(sum(), 3);
	assert_false(rcpt(&one, "<erin@example.org>"));
	assert_non_null(strstr(policy_case_finding(&one, "rate")->reply,
		"3 unique recipients per hour reached, try again in"));
	stop(&one);
}

static void test_given_back(void **state)
{
	struct policy_case one;

	(void)state;
	start(&one, unique);
	assert_true(rcpt(&one, "<bob@example.org>"));
	end_message(&one, OUTCOME_ACCEPTED);
	/* One that was counted before stays so when a message to it is dropped. */
	assert_true(rcpt(&one, "<bob@example.org>"));
	assert_true(rcpt(&one, "<carol@example.org>"));
	assert_int_equal(sum(), 2);
	end_message(&one, OUTCOME_DROPPED);
	assert_int_equal(sum(), 1);
	/* Another policy's refusal: what the recipient took, and no more. */
	assert_true(rcpt(&one, "<carol@example.org>"));
	assert_int_equal(rcpt_answered(&one, "<dave@example.org>", VERDICT_REJECT), VERDICT_REJECT);
	assert_int_equal(
		rcpt_answered(&one, "<carol@example.org>", VERDICT_REJECT), VERDICT_REJECT);
	assert_int_equal(sum(), 2);
	assert_true(rcpt(&one, "<dave@example.org>"));
	assert_int_equal(sum(), 3);
	end_message(&one, OUTCOME_DROPPED);
	assert_int_equal(sum(), 1);
	stop(&one);
}

/* More recipients than a call to the store takes, all given back, or all kept. */
static void test_many(void **state)
{
	static const struct row many[] = {
		{"key", "sender"}, {"count", "unique_recipients"}, {"rate", "1000 / 1h"}, {0}};
	struct policy_case one;

	(void)state;
	start(&one, many);
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 150; i++) {
			char recipient[64];

			snprintf(recipient, sizeof(recipient), "<r%d@example.org>", i);
			assert_true(rcpt(&one, recipient));
		}
		assert_int_equal(sum(), 150);
		end_message(&one, round < 2 ? OUTCOME_DROPPED : OUTCOME_ACCEPTED);
		assert_int_equal(sum(), round < 2 ? 0 : 150);
	}
	stop(&one);
}

/* While the store is down the local window counts them in the same way. */
static void test_outage(void **state)
{
	struct policy_case one;

	(void)state;
	start(&one, unique);
	assert_true(rcpt(&one, "<bob@example.org>"));
	end_message(&one, OUTCOME_ACCEPTED);
	flaky_store_set(services.store, FLAKY_DOWN);
	assert_true(rcpt(&one, "<bob@example.org>"));
	assert_true(rcpt(&one, "<carol@example.org>"));
	assert_true(rcpt(&one, "<dave@example.org>"));
	assert_false(rcpt(&one, "<erin@example.org>"));
	end_message(&one, OUTCOME_DROPPED);
	assert_int_equal(flaky_store_sum(services.local), 1);
	stop(&one);
}

static bool fits(const char *key, const char *rate, char *why)
{
	struct limit_options options = {.title = mem_text("test"),
		.key_text = mem_text(key),
		.count = COUNT_UNIQUE_RECIPIENTS};
	const char *setting;
	bool good;

	assert_true(parse_rate(rate, &options.rate));
	good = policy_limit.verify(&options, NULL, &setting, why, 200);
	mem_free(options.title);
	mem_free(options.key_text);
	return good;
}

static void test_what_cannot_be(void **state)
{
	char why[200];

	(void)state;
	assert_true(fits("sender + recipient_domain", "10000 / 1h", why));
	assert_false(fits("sender", "10001 / 1h", why));
	assert_non_null(strstr(why, "more than 10000 unique recipients"));
	assert_false(fits("sender + recipient", "10 / 1h", why));
	assert_non_null(strstr(why, "leave recipient out of the key"));
}

/* Raises. -------------------------------------------------------------------------------------- */

static const struct row plain[] = {
	{"key", "sender"}, {"count", "recipients"}, {"rate", "2 / 1h"}, {0}};

static void put(const char *title, const char *key, const char *rate, int64_t keep_ms)
{
	const struct limit_raise raise = {title, key, rate, (int64_t)clock_wall_ms() + keep_ms};
	char why[200];

	if (!limit_raise_check(&raise, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(limit_raise_put(services.raises, &raise), STORE_OK);
}

static int accepted_of(struct policy_case *policy_case, int count)
{
	int accepted = 0;

	for (int i = 0; i < count; i++)
		accepted += rcpt(policy_case, "<bob@example.org>");
	end_message(policy_case, OUTCOME_ACCEPTED);
	return accepted;
}

static void test_raised(void **state)
{
	bool found = false;
	struct policy_case one;

	(void)state;
	services.raises = limit_raises_start(services.store);
	assert_non_null(services.raises);
	start(&one, plain);
	assert_int_equal(accepted_of(&one, 5), 2);
	put("other", "anna@example.com", "50 / 1h", HOUR_MS);
	put("test", "anna@example.org", "50 / 1h", HOUR_MS);
	assert_int_equal(accepted_of(&one, 5), 0);
	/* The most particular one counts, and what was used stays counted. */
	put("test", "example.com", "3 / 1h", HOUR_MS);
	assert_int_equal(accepted_of(&one, 5), 1);
	put("test", "anna@example.com", "10 / 1h", HOUR_MS);
	assert_int_equal(accepted_of(&one, 20), 7);
	put("test", "anna@example.com", "unlimited", HOUR_MS);
	assert_int_equal(accepted_of(&one, 20), 20);
	put("test", "anna@example.com", "0 / 1h", HOUR_MS);
	assert_int_equal(accepted_of(&one, 1), 0);
	/* One that has ended is none, and the next by its key is in force again. */
	put("test", "anna@example.com", "unlimited", -1);
	assert_int_equal(accepted_of(&one, 1), 0);
	assert_int_equal(
		limit_raise_remove(services.raises, "test", "example.com", &found), STORE_OK);
	assert_true(found);
	flaky_store_pass(2 * HOUR_MS);
	assert_int_equal(accepted_of(&one, 5), 2);
	stop(&one);
	limit_raises_stop(&services.raises);
}

/* A host that has just asked for raises does not ask again at once. */
static void until_it_may_be_learnt(void)
{
	for (uint64_t start_ms = clock_monotonic_ms(); clock_monotonic_ms() - start_ms < 101;)
		continue;
}

/* Set on another host: this one learns of it when the limit is reached; and it stays in force while the
 * store is down. */
static void test_raised_elsewhere(void **state)
{
	struct services here = {.store = services.store,
		.local = services.local,
		.raises = limit_raises_start(services.store)};
	struct policy_case one;

	(void)state;
	services.raises = limit_raises_start(services.store);
	start(&one, plain);
	one.services = here;
	assert_int_equal(accepted_of(&one, 2), 2);
	put("test", "anna@example.com", "5 / 1h", HOUR_MS);
	until_it_may_be_learnt();
	assert_int_equal(accepted_of(&one, 2), 2);
	flaky_store_set(services.store, FLAKY_DOWN);
	assert_int_equal(accepted_of(&one, 9), 1);
	one.services = services;
	stop(&one);
	limit_raises_stop(&here.raises);
	limit_raises_stop(&services.raises);
}

static const struct row strict[] = {
	{"key", "sender"}, {"count", "recipients"}, {"rate", "2 / 1h"}, {"strict", "yes"}, {0}};

/* The attempt that makes this host learn of a raise is one attempt, and has all the room it brings. */
static void test_strict_raised_elsewhere(void **state)
{
	struct services here = {.store = services.store,
		.local = services.local,
		.raises = limit_raises_start(services.store)};
	struct policy_case one;

	(void)state;
	services.raises = limit_raises_start(services.store);
	start(&one, strict);
	one.services = here;
	assert_int_equal(accepted_of(&one, 2), 2);
	put("test", "anna@example.com", "3 / 1h", HOUR_MS);
	until_it_may_be_learnt();
	assert_int_equal(accepted_of(&one, 2), 1);
	put("test", "anna@example.com", "5 / 1h", HOUR_MS);
	until_it_may_be_learnt();
	/* Three were let through and one was refused. */
	assert_int_equal(accepted_of(&one, 2), 1);
	one.services = services;
	stop(&one);
	limit_raises_stop(&here.raises);
	limit_raises_stop(&services.raises);
}

static void test_bad_raises(void **state)
{
	static const struct {
		struct limit_raise raise;
		const char *why;
	} rows[] = {
		{{"test", "anna@example.com", "many", 1}, "write \"KEY 200 / 1h\""},
		{{"test", "anna@example.com", "", 1}, "a rate is missing"},
		{{"test", "", "5 / 1h", 1}, "empty"},
		{{"test", "a\tb", "5 / 1h", 1}, "tab"},
		{{"test", "a\nb", "5 / 1h", 1}, "line end"},
		{{"test", "192.0.2.0/99", "5 / 1h", 1}, ""},
	};
	char why[200], longest[STORE_FIELD_SIZE];
	struct limit_raise raise = {"test", longest, "5 / 1h", 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (limit_raise_check(&rows[i].raise, why, sizeof(why)))
			fail_msg("%s %s", rows[i].raise.key, rows[i].raise.rate);
		if (strstr(why, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].raise.rate, why);
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_false(limit_raise_check(&raise, why, sizeof(why)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_known_one_costs_nothing, begin, finish),
		cmocka_unit_test_setup_teardown(test_given_back, begin, finish),
		cmocka_unit_test_setup_teardown(test_many, begin, finish),
		cmocka_unit_test_setup_teardown(test_outage, begin, finish),
		cmocka_unit_test(test_what_cannot_be),
		cmocka_unit_test_setup_teardown(test_raised, begin, finish),
		cmocka_unit_test_setup_teardown(test_raised_elsewhere, begin, finish),
		cmocka_unit_test_setup_teardown(test_strict_raised_elsewhere, begin, finish),
		cmocka_unit_test(test_bad_raises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
