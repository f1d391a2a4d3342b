/* SPDX-License-Identifier: BSD-2-Clause */
#include "wakeup.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "clock.h"

enum { ROUNDS = 2000 };

struct errand {
	struct wakeup done;
	int answer;
};

static void *answer(void *argument)
{
	struct errand *errand = argument;

	errand->answer = 42;
	wakeup_tell(&errand->done);
	return NULL;
}

/* What was written before is read behind it, and the place may be used anew at once. */
static void one_thread_tells_another(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct errand errand = {.answer = 0};
		pthread_t thread;

		wakeup_init(&errand.done);
		assert_int_equal(pthread_create(&thread, NULL, answer, &errand), 0);
		if (i % 2 == 0)
			wakeup_wait(&errand.done);
		else
			assert_true(wakeup_wait_until(&errand.done, clock_monotonic_ms() + 60000));
		wakeup_destroy(&errand.done);
		assert_int_equal(errand.answer, 42);
		pthread_join(thread, NULL);
	}
}

static void a_deadline_passes(void **state)
{
	struct wakeup wakeup;
	uint64_t deadline_ms = clock_monotonic_ms() + 5;

	(void)state;
	wakeup_init(&wakeup);
	assert_false(wakeup_wait_until(&wakeup, deadline_ms));
	assert_true(clock_monotonic_ms() >= deadline_ms);
	/* It may still be told, and what is told before it is waited for is not lost. */
	wakeup_tell(&wakeup);
	assert_true(wakeup_wait_until(&wakeup, deadline_ms));
	wakeup_destroy(&wakeup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thread_tells_another),
		cmocka_unit_test(a_deadline_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
