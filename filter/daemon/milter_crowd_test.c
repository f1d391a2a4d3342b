/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_crowd.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "milter_descriptors.h"

static int begin(void **state)
{
	(void)state;
	milter_crowd_begin();
	return 0;
}

static void leave_all(void)
{
	for (int fd = 0; fd < 2 * MILTER_CROWD_MAX; fd++)
		milter_crowd_leave(fd);
}

static void enter_again(void)
{
	leave_all();
	for (int fd = 0; fd < 2 * MILTER_CROWD_MAX; fd++)
		milter_crowd_enter(fd);
}

static void there_is_room_for_so_many(void **state)
{
	(void)state;
	for (int fd = 0; fd < MILTER_CROWD_MAX; fd++) {
		assert_int_equal(milter_crowd_room(), MILTER_CROWD_MAX - fd);
		milter_crowd_enter(fd);
		milter_crowd_enter(fd);
	}
	for (int fd = 0; fd < MILTER_CROWD_MAX; fd++) {
		milter_crowd_leave(fd);
		milter_crowd_leave(fd);
		assert_int_equal(milter_crowd_room(), fd + 1);
	}
}

static void *work(void *ended)
{
	while (!atomic_load((atomic_bool *)ended))
		continue;
	return NULL;
}

/* Those who are served are at work: some are let in all the same. */
static void a_house_at_work_lets_some_in(void **state)
{
	uint64_t give_up_ms = clock_monotonic_ms() + 60000;
	atomic_bool ended = false;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, work, &ended), 0);
	/* On a loaded machine it may not get a processor for a while. */
	do {
		assert_true(clock_monotonic_ms() < give_up_ms);
		enter_again();
	} while (milter_crowd_room() != MILTER_CROWD_MORE);
	/* Nobody leaves: who is inside is not waited for any more. */
	while (milter_crowd_room() != MILTER_CROWD_MAX)
		assert_true(clock_monotonic_ms() < give_up_ms);
	atomic_store(&ended, true);
	pthread_join(thread, NULL);
	leave_all();
}

/* Those who are served are waiting themselves: nobody waits for them. */
static void a_house_asleep_lets_many_in(void **state)
{
	uint64_t before;

	(void)state;
	enter_again();
	before = clock_monotonic_ms();
	assert_int_equal(milter_crowd_room(), MILTER_CROWD_MAX);
	assert_true(clock_monotonic_ms() >= before + MILTER_CROWD_WAIT_MS - 1);
	leave_all();
	assert_int_equal(milter_crowd_room(), MILTER_CROWD_MAX);
}

/* Who was waited for in vain is in nobody's way: there is room for as many others as without him. */
static void who_is_stuck_is_not_counted(void **state)
{
	enum { STUCK = 2 * MILTER_CROWD_MAX, OTHERS = MILTER_CROWD_MAX - 1 };

	(void)state;
	enter_again();
	assert_int_equal(milter_crowd_room(), MILTER_CROWD_MAX);
	for (int i = 0; i < OTHERS; i++) {
		milter_crowd_enter(STUCK + i);
		assert_int_equal(milter_crowd_room(), MILTER_CROWD_MAX - 1 - i);
	}
	for (int i = 0; i < OTHERS; i++) {
		milter_crowd_leave(STUCK + i);
		assert_int_equal(milter_crowd_room(), 2 + i);
	}
	/* He counts again when he comes again, and not before. */
	for (int fd = 0; fd < MILTER_CROWD_MAX; fd++) {
		milter_crowd_enter(fd);
		assert_int_equal(milter_crowd_room(), MILTER_CROWD_MAX);
	}
	for (int fd = 0; fd < MILTER_CROWD_MAX; fd++) {
		milter_crowd_leave(fd);
		assert_int_equal(milter_crowd_room(), MILTER_CROWD_MAX);
	}
	for (int fd = 0; fd < OTHERS; fd++) {
		milter_crowd_enter(fd);
		assert_int_equal(milter_crowd_room(), MILTER_CROWD_MAX - 1 - fd);
	}
	leave_all();
}

static void no_number_is_too_odd(void **state)
{
	(void)state;
	milter_crowd_enter(-1);
	milter_crowd_enter(MILTER_DESCRIPTORS);
	milter_crowd_leave(-1);
	milter_crowd_leave(MILTER_DESCRIPTORS);
	assert_int_equal(milter_crowd_room(), MILTER_CROWD_MAX);
}

enum { THREADS = 4, EACH = MILTER_CROWD_MAX / THREADS, ROUNDS = 20000 };

static void *come_and_go(void *argument)
{
	int first = (int)(intptr_t)argument * EACH;

	for (int i = 0; i < ROUNDS; i++) {
		int fd = first + i % EACH;

		if (milter_crowd_room() == 0)
			return argument;
		milter_crowd_enter(fd);
		milter_crowd_leave(first + (i + 1) % EACH);
	}
	return NULL;
}

static void many_come_and_go(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (intptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, (void *)i), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	leave_all();
	assert_int_equal(milter_crowd_room(), MILTER_CROWD_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_room_for_so_many),
		cmocka_unit_test(a_house_at_work_lets_some_in),
		cmocka_unit_test(a_house_asleep_lets_many_in),
		cmocka_unit_test(who_is_stuck_is_not_counted),
		cmocka_unit_test(no_number_is_too_odd),
		cmocka_unit_test(many_come_and_go),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
