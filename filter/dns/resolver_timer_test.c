/* SPDX-License-Identifier: BSD-2-Clause */
#include "resolver_timer.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TIMERS = 500, ROUNDS = 20000, SEED = 4711 };

struct counted {
	struct resolver_timer timer; /* first */
	uint64_t want_ms; /* 0: not set */
	unsigned expired;
};

static void count(struct resolver_timer *timer)
{
	struct counted *counted = (struct counted *)timer;

	counted->expired++;
	counted->want_ms = 0;
}

/* Random settings and cancellations against a plain list of what should be due. */
static void test_against_a_list(void **state)
{
	static struct counted timers[TIMERS];
	struct resolver_timers heap = {.count = 0};
	unsigned seed = SEED;
	uint64_t now = 1;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct counted *one = &timers[(unsigned)rand_r(&seed) % TIMERS];
		uint64_t next = UINT64_MAX;

		if (rand_r(&seed) % 4 == 0) {
			resolver_timer_cancel(&heap, &one->timer);
			one->want_ms = 0;
		} else {
			one->timer.expired = count;
			one->want_ms = now + (unsigned)rand_r(&seed) % 400;
			resolver_timer_set(&heap, &one->timer, one->want_ms);
		}
		now += (unsigned)rand_r(&seed) % 2;
		resolver_timer_run(&heap, now);
		for (size_t i = 0; i < TIMERS; i++) {
			assert_true((timers[i].timer.place != 0) == (timers[i].want_ms != 0));
			assert_true(timers[i].want_ms == 0 || timers[i].want_ms > now);
			if (timers[i].want_ms != 0 && timers[i].want_ms < next)
				next = timers[i].want_ms;
		}
		assert_int_equal(resolver_timer_wait(&heap, now),
			next == UINT64_MAX ? -1 : (int)(next - now));
	}
	resolver_timer_clear(&heap);
}

static void test_wait(void **state)
{
	struct resolver_timers heap = {.count = 0};
	struct counted one = {.timer.expired = count};

	(void)state;
	assert_int_equal(resolver_timer_wait(&heap, 100), -1);
	resolver_timer_set(&heap, &one.timer, 50);
	assert_int_equal(resolver_timer_wait(&heap, 100), 0);
	resolver_timer_set(&heap, &one.timer, 130);
	assert_int_equal(resolver_timer_wait(&heap, 100), 30);
	resolver_timer_set(&heap, &one.timer, UINT64_MAX);
	assert_int_equal(resolver_timer_wait(&heap, 100), INT_MAX);
	resolver_timer_run(&heap, 1000);
	assert_int_equal(one.expired, 0);
	resolver_timer_set(&heap, &one.timer, 1000);
	resolver_timer_run(&heap, 1000);
	assert_int_equal(one.expired, 1);
	resolver_timer_cancel(&heap, &one.timer);
	resolver_timer_run(&heap, 2000);
	assert_int_equal(one.expired, 1);
	resolver_timer_clear(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_a_list),
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
