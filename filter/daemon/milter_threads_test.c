/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_threads.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MANY = 100 };

static int room; /* threads that the system gives */
static int error_of_system = EAGAIN;
static int started[MANY + 1], count; /* in this order */

/* Runs nothing. */
static int create(
	pthread_t *thread_r, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	assert_null(attributes);
	if (room == 0)
		return error_of_system;
	room--;
	*thread_r = pthread_self();
	run(argument);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	milter_threads_begin(create);
	return 0;
}

static int no_room(void **state)
{
	(void)state;
	room = 0;
	count = 0;
	return 0;
}

static void *serve(void *session)
{
	started[count++] = (int)(intptr_t)session;
	return NULL;
}

static int start(int session)
{
	pthread_t thread;

	return milter_threads_start(&thread, serve, (void *)(intptr_t)session);
}

static void with_room_it_runs_at_once(void **state)
{
	(void)state;
	room = 1;
	assert_int_equal(start(7), 0);
	assert_int_equal(count, 1);
	assert_int_equal(started[0], 7);
	assert_int_equal(milter_threads_owed(), 0);
	milter_threads_pay();
	assert_int_equal(count, 1);
}

static void without_room_it_runs_later(void **state)
{
	(void)state;
	for (int i = 0; i < MANY; i++)
		assert_int_equal(start(i), 0);
	assert_int_equal(milter_threads_owed(), MANY);
	milter_threads_pay();
	assert_int_equal(count, 0);
	for (int paid = 0; paid < MANY; paid += 4) {
		room = 4;
		milter_threads_pay();
		assert_int_equal(milter_threads_owed(), MANY - paid - 4);
	}
	assert_int_equal(count, MANY);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(started[i], i);
	/* And again. */
	assert_int_equal(start(5), 0);
	assert_int_equal(milter_threads_owed(), 1);
	room = 2;
	milter_threads_pay();
	assert_int_equal(started[MANY], 5);
	assert_int_equal(milter_threads_owed(), 0);
	assert_int_equal(room, 1);
}

static void what_is_wrong_is_told(void **state)
{
	(void)state;
	error_of_system = EINVAL;
	assert_int_equal(start(1), EINVAL);
	assert_int_equal(milter_threads_owed(), 0);
	error_of_system = EAGAIN;
}

#define test(function) cmocka_unit_test_setup(function, no_room)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(with_room_it_runs_at_once),
		test(without_room_it_runs_later),
		test(what_is_wrong_is_told),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
