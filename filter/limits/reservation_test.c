/* SPDX-License-Identifier: BSD-2-Clause */
#include "reservation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/fake/flaky_store.c"

enum { HOUR_MS = 3600000 };

static struct services services;

static int begin(void **state)
{
	(void)state;
	services.store = flaky_store_open();
	services.local = flaky_store_open();
	return 0;
}

static int finish(void **state)
{
	(void)state;
	flaky_store_close(&services.store);
	flaky_store_close(&services.local);
	return 0;
}

static struct reservation_charge charge(const char *key, int64_t limit, int64_t units)
{
	struct reservation_charge result = {
		.window_ms = HOUR_MS, .limit = limit, .local_limit = limit, .units = units};

	strcpy(result.key, key);
	strcpy(result.label, key);
	return result;
}

static enum reservation_result take(
	struct reservation *reservation, struct reservation_charge *charges, size_t count)
{
	struct reservation_answer answer = reservation_take(reservation, &services, charges, count);

	reservation_count_attempts(reservation, &services, charges, count, &answer);
	return answer.result;
}

static int64_t used(const char *key)
{
	return flaky_store_used(services.store, key, HOUR_MS);
}

static int64_t used_here(const char *key)
{
	return flaky_store_used(services.local, key, HOUR_MS);
}

static void test_all_or_nothing(void **state)
{
	struct reservation reservation = {0};
	struct reservation_charge charges[] = {charge("a", 10, 3), charge("b", 2, 3)};
	struct reservation_answer answer;

	(void)state;
	answer = reservation_take(&reservation, &services, charges, 2);
	assert_int_equal(answer.result, RESERVATION_OVER);
	assert_int_equal(answer.over, 1);
	assert_int_equal(answer.limit, 2);
	assert_int_equal(used("a"), 0);
	assert_int_equal(used_here("a"), 0);
	assert_false(reservation_holds(&reservation, "a"));
	charges[1].limit = 3;
	assert_int_equal(take(&reservation, charges, 2), RESERVATION_TAKEN);
	assert_int_equal(used("a"), 3);
	assert_int_equal(used("b"), 3);
	assert_true(reservation_holds(&reservation, "b"));
	reservation_give_back(&reservation, &services);
	assert_int_equal(used("a"), 0);
	assert_int_equal(used("b"), 0);
	assert_int_equal(reservation.sequence, 0);
}

static void test_commit(void **state)
{
	struct reservation reservation = {0};
	struct reservation_charge one = charge("a", 3, 1);

	(void)state;
	assert_int_equal(take(&reservation, &one, 1), RESERVATION_TAKEN);
	assert_int_equal(take(&reservation, &one, 1), RESERVATION_TAKEN);
	reservation_commit(&reservation, &services);
	reservation_commit(&reservation, &services);
	reservation_give_back(&reservation, &services);
	assert_int_equal(used("a"), 2);
	assert_int_equal(take(&reservation, &one, 1), RESERVATION_TAKEN);
	assert_int_equal(take(&reservation, &one, 1), RESERVATION_OVER);
	reservation_give_back(&reservation, &services);
	assert_int_equal(used("a"), 2);
}

static void test_last_step(void **state)
{
	struct reservation reservation = {0};
	struct reservation_charge first[] = {charge("message", 9, 1), charge("a", 9, 1)};
	struct reservation_charge second[] = {charge("a", 9, 1), charge("b", 9, 5)};
	unsigned before;

	(void)state;
	assert_int_equal(take(&reservation, first, 2), RESERVATION_TAKEN);
	before = reservation.sequence;
	assert_int_equal(take(&reservation, second, 2), RESERVATION_TAKEN);
	reservation_give_back_after(&reservation, &services, before);
	reservation_give_back_after(&reservation, &services, before);
	assert_int_equal(used("a"), 1);
	assert_int_equal(used("b"), 0);
	assert_int_equal(used("message"), 1);
	assert_true(reservation_holds(&reservation, "message"));
	assert_false(reservation_holds(&reservation, "b"));
	reservation_commit(&reservation, &services);
	assert_int_equal(used("a"), 1);
	assert_int_equal(used("message"), 1);
	assert_int_equal(used("b"), 0);
	assert_int_equal(take(&reservation, first, 2), RESERVATION_TAKEN);
	assert_int_equal(take(&reservation, second + 1, 1), RESERVATION_TAKEN);
	reservation_give_back_after(&reservation, &services, 0);
	assert_int_equal(flaky_store_sum(services.store), 2);
	assert_int_equal(flaky_store_sum(services.local), 2);
	assert_false(reservation_holds(&reservation, "message"));
	assert_int_equal(take(&reservation, first, 2), RESERVATION_TAKEN);
	reservation_commit(&reservation, &services);
	assert_int_equal(used("message"), 2);
}

/* More keys than one call to the store takes. */
static void test_many_keys(void **state)
{
	struct reservation reservation = {0};
	char key[STORE_KEY_SIZE];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		struct reservation_charge one = charge(key, 1, 1);

		assert_int_equal(take(&reservation, &one, 1), RESERVATION_TAKEN);
	}
	assert_int_equal(flaky_store_sum(services.store), 100);
	assert_int_equal(flaky_store_sum(services.local), 100);
	reservation_give_back(&reservation, &services);
	assert_int_equal(flaky_store_sum(services.store), 0);
	assert_int_equal(flaky_store_sum(services.local), 0);
}

static void test_one_trip(void **state)
{
	struct reservation reservation = {0};
	enum { MANY = 200 };
	struct reservation_charge charges[MANY];
	char key[STORE_KEY_SIZE];
	unsigned before = flaky_store_trips(services.store);

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "key%zu", i);
		charges[i] = charge(key, 5, 1);
	}
	assert_int_equal(take(&reservation, charges, MANY), RESERVATION_TAKEN);
	assert_int_equal(flaky_store_trips(services.store), before + 1);
	reservation_commit(&reservation, &services);
	assert_int_equal(flaky_store_trips(services.store), before + 2);
}

/* Step by step it answers as if it took them, and no store hears of it. */
static void test_pretended(void **state)
{
	struct reservation reservation = {0};
	struct reservation_answer answer;

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct reservation_charge charges[] = {charge("a", 3, 1), charge("b", 2, 1)};

		charges[1].watched = true;
		answer = reservation_pretend(&reservation, &services, charges, 2);
		assert_int_equal(answer.result, i < 3 ? RESERVATION_TAKEN : RESERVATION_OVER);
		assert_int_equal(
			charges[1].answer.result, i < 2 ? RESERVATION_TAKEN : RESERVATION_OVER);
		assert_int_equal(charges[0].pretended, i);
	}
	assert_int_equal(answer.used, 3);
	assert_true(reservation_holds(&reservation, "a"));
	assert_int_equal(used("a") + used("b"), 0);
	reservation_give_back_after(&reservation, &services, 2);
	reservation_commit(&reservation, &services);
	assert_int_equal(used("a") + used("b"), 0);
}

static void test_strict(void **state)
{
	struct reservation reservation = {0};
	struct reservation_charge charges[] = {charge("strict", 2, 1), charge("lenient", 2, 1)};

	(void)state;
	charges[0].strict = true;
	assert_int_equal(take(&reservation, charges, 2), RESERVATION_TAKEN);
	reservation_give_back(&reservation, &services);
	assert_int_equal(used("strict"), 1);
	assert_int_equal(used("lenient"), 0);
	assert_int_equal(take(&reservation, charges, 2), RESERVATION_TAKEN);
	assert_int_equal(take(&reservation, charges, 2), RESERVATION_OVER);
	assert_int_equal(take(&reservation, charges, 2), RESERVATION_OVER);
	assert_int_equal(used("strict"), 4);
	assert_int_equal(used("lenient"), 1);
	reservation_give_back_after(&reservation, &services, 0);
	assert_int_equal(used("strict"), 4);
	assert_int_equal(used("lenient"), 0);
	reservation_give_back(&reservation, &services);
	assert_int_equal(used("strict"), 4);
	assert_int_equal(used("lenient"), 0);
}

/* The local window knows what was let through before the store went, and holds to its share. */
static void test_outage_local(void **state)
{
	struct reservation reservation = {0};
	struct reservation_charge one = charge("a", 10, 1);
	struct reservation_answer answer;

	(void)state;
	one.local_limit = 4;
	for (int i = 0; i < 3; i++)
		assert_int_equal(take(&reservation, &one, 1), RESERVATION_TAKEN);
	reservation_commit(&reservation, &services);
	flaky_store_set(services.store, FLAKY_DOWN);
	answer = reservation_take(&reservation, &services, &one, 1);
	assert_int_equal(answer.result, RESERVATION_TAKEN);
	assert_true(answer.local);
	answer = reservation_take(&reservation, &services, &one, 1);
	assert_int_equal(answer.result, RESERVATION_OVER);
	assert_true(answer.local);
	assert_int_equal(answer.limit, 4);
	assert_int_equal(answer.used, 4);
	reservation_give_back(&reservation, &services);
	assert_int_equal(used_here("a"), 3);
	flaky_store_set(services.store, FLAKY_UP);
	assert_int_equal(used("a"), 3);
	assert_int_equal(take(&reservation, &one, 1), RESERVATION_TAKEN);
	reservation_commit(&reservation, &services);
	assert_int_equal(used("a"), 4);
}

static void test_outage_rules(void **state)
{
	struct reservation reservation = {0};
	struct reservation_charge charges[] = {charge("a", 1, 1), charge("b", 1, 1)};
	struct reservation_answer answer;

	(void)state;
	flaky_store_set(services.store, FLAKY_DOWN);
	charges[0].outage = OUTAGE_ACCEPT;
	charges[1].outage = OUTAGE_ACCEPT;
	for (int i = 0; i < 5; i++)
		assert_int_equal(take(&reservation, charges, 2), RESERVATION_TAKEN);
	reservation_commit(&reservation, &services);
	charges[1].outage = OUTAGE_TEMPFAIL;
	charges[0].outage = OUTAGE_LOCAL;
	answer = reservation_take(&reservation, &services, charges, 2);
	assert_int_equal(answer.result, RESERVATION_DOWN);
	assert_int_equal(answer.over, 1);
	assert_int_equal(used_here("a"), 0);
	reservation_give_back(&reservation, &services);
	/* No local window, nothing to stand in. */
	struct services alone = {.store = services.store, .local = services.store};

	answer = reservation_take(&reservation, &alone, charges, 1);
	assert_int_equal(answer.result, RESERVATION_DOWN);
	reservation_give_back(&reservation, &alone);
}

/* A lost answer is charged once: let through it stays, refused it is taken back. */
static void test_answer_lost(void **state)
{
	struct reservation reservation = {0};
	struct reservation_charge one = charge("a", 10, 1);

	(void)state;
	one.local_limit = 1;
	flaky_store_set(services.store, FLAKY_ANSWERS_LOST);
	assert_int_equal(take(&reservation, &one, 1), RESERVATION_TAKEN);
	assert_int_equal(used("a"), 1);
	assert_int_equal(take(&reservation, &one, 1), RESERVATION_OVER);
	assert_int_equal(used("a"), 1);
	flaky_store_set(services.store, FLAKY_UP);
	reservation_give_back(&reservation, &services);
	assert_int_equal(used("a"), 0);
	assert_int_equal(used_here("a"), 0);
}

static void test_look(void **state)
{
	struct reservation reservation = {0};
	struct reservation_charge one = charge("a", 2, 1);
	struct reservation_answer answer;

	(void)state;
	assert_int_equal(reservation_look(&services, &one, 1).result, RESERVATION_TAKEN);
	assert_int_equal(used("a"), 0);
	assert_int_equal(take(&reservation, &one, 1), RESERVATION_TAKEN);
	assert_int_equal(take(&reservation, &one, 1), RESERVATION_TAKEN);
	answer = reservation_look(&services, &one, 1);
	assert_int_equal(answer.result, RESERVATION_OVER);
	assert_int_equal(answer.used, 2);
	flaky_store_set(services.store, FLAKY_DOWN);
	answer = reservation_look(&services, &one, 1);
	assert_int_equal(answer.result, RESERVATION_OVER);
	assert_true(answer.local);
	one.outage = OUTAGE_TEMPFAIL;
	assert_int_equal(reservation_look(&services, &one, 1).result, RESERVATION_DOWN);
	one.outage = OUTAGE_ACCEPT;
	assert_int_equal(reservation_look(&services, &one, 1).result, RESERVATION_TAKEN);
	flaky_store_set(services.store, FLAKY_UP);
	reservation_give_back(&reservation, &services);
}

static void test_watched(void **state)
{
	struct reservation reservation = {0};
	struct reservation_charge charges[] = {
		charge("a", 2, 1), charge("full", 0, 1), charge("b", 1, 1)};
	struct reservation_answer answer;

	(void)state;
	charges[1].watched = true;
	charges[2].watched = true;
	answer = reservation_take(&reservation, &services, charges, 3);
	assert_int_equal(answer.result, RESERVATION_TAKEN);
	assert_int_equal(charges[1].answer.result, RESERVATION_OVER);
	assert_int_equal(charges[1].answer.over, 1);
	assert_int_equal(charges[1].answer.limit, 0);
	assert_int_equal(charges[1].answer.used, 0);
	assert_true(charges[1].answer.retry_after_ms > 0);
	assert_int_equal(charges[2].answer.result, RESERVATION_TAKEN);
	assert_false(reservation_holds(&reservation, "full"));
	assert_int_equal(used("b"), 1);
	assert_int_equal(used_here("b"), 1);
	assert_int_equal(used_here("full"), 0);
	assert_int_equal(take(&reservation, charges, 3), RESERVATION_TAKEN);
	assert_int_equal(charges[2].answer.result, RESERVATION_OVER);
	assert_int_equal(charges[2].answer.used, 1);
	assert_int_equal(take(&reservation, charges, 3), RESERVATION_OVER);
	assert_int_equal(used("a"), 2);
	assert_int_equal(take(&reservation, charges + 1, 2), RESERVATION_TAKEN);
	assert_int_equal(reservation_look(&services, charges + 1, 2).result, RESERVATION_TAKEN);
	assert_int_equal(charges[2].answer.result, RESERVATION_OVER);
	reservation_give_back(&reservation, &services);
	assert_int_equal(flaky_store_sum(services.store), 0);
	assert_int_equal(flaky_store_sum(services.local), 0);
}

static void test_watched_in_an_outage(void **state)
{
	struct reservation reservation = {0};
	struct reservation_charge charges[] = {
		charge("a", 9, 1), charge("waits", 9, 1), charge("b", 9, 1), charge("c", 9, 1)};
	struct services alone = {.store = services.store, .local = services.store};

	(void)state;
	flaky_store_set(services.store, FLAKY_DOWN);
	for (size_t i = 0; i < ARRAY_COUNT(charges); i++)
		charges[i].watched = i > 0;
	charges[1].outage = OUTAGE_TEMPFAIL;
	charges[2].local_limit = 0;
	assert_int_equal(take(&reservation, charges, 4), RESERVATION_TAKEN);
	assert_int_equal(charges[1].answer.result, RESERVATION_DOWN);
	assert_int_equal(charges[2].answer.result, RESERVATION_OVER);
	assert_true(charges[2].answer.local);
	assert_int_equal(charges[3].answer.result, RESERVATION_TAKEN);
	assert_int_equal(flaky_store_sum(services.local), 2);
	reservation_give_back(&reservation, &services);
	assert_int_equal(flaky_store_sum(services.local), 0);
	/* Nothing stands in: those that are watched cannot be counted, and refuse nothing. */
	assert_int_equal(
		reservation_take(&reservation, &alone, charges + 1, 3).result, RESERVATION_TAKEN);
	assert_int_equal(charges[3].answer.result, RESERVATION_DOWN);
	assert_false(reservation_holds(&reservation, "c"));
	assert_int_equal(
		reservation_take(&reservation, &alone, charges, 4).result, RESERVATION_DOWN);
	reservation_give_back(&reservation, &alone);
}

static void test_parts(void **state)
{
	struct reservation reservation = {0};
	struct reservation_charge charges[] = {charge("stays", 9, 1), charge("probe", 9, 1)};

	(void)state;
	charges[1].part = 2;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(take(&reservation, charges, 2), RESERVATION_TAKEN);
		assert_true(reservation_holds(&reservation, "probe"));
		if (i == 1)
			reservation_commit_part(&reservation, &services, 2);
		else
			reservation_give_back_part(&reservation, &services, 2);
		assert_false(reservation_holds(&reservation, "probe"));
		assert_int_equal(used("stays"), i + 1);
		assert_int_equal(used("probe"), i > 0);
	}
	reservation_give_back(&reservation, &services);
	assert_int_equal(used("stays"), 0);
	assert_int_equal(used("probe"), 1);
	assert_int_equal(used_here("probe"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_or_nothing, begin, finish),
		cmocka_unit_test_setup_teardown(test_commit, begin, finish),
		cmocka_unit_test_setup_teardown(test_last_step, begin, finish),
		cmocka_unit_test_setup_teardown(test_many_keys, begin, finish),
		cmocka_unit_test_setup_teardown(test_one_trip, begin, finish),
		cmocka_unit_test_setup_teardown(test_pretended, begin, finish),
		cmocka_unit_test_setup_teardown(test_strict, begin, finish),
		cmocka_unit_test_setup_teardown(test_outage_local, begin, finish),
		cmocka_unit_test_setup_teardown(test_outage_rules, begin, finish),
		cmocka_unit_test_setup_teardown(test_answer_lost, begin, finish),
		cmocka_unit_test_setup_teardown(test_look, begin, finish),
		cmocka_unit_test_setup_teardown(test_watched, begin, finish),
		cmocka_unit_test_setup_teardown(test_watched_in_an_outage, begin, finish),
		cmocka_unit_test_setup_teardown(test_parts, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
