/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_pool.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int begin(void **state)
{
	(void)state;
	milter_pool_begin();
	return 0;
}

static void *serve(void *argument)
{
	return argument;
}

static void threads_start_before_and_after(void **state)
{
	pthread_attr_t attributes;
	pthread_t thread;
	void *served;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&thread, NULL, serve, state), 0);
		pthread_join(thread, &served);
		assert_ptr_equal(served, state);
		milter_pool_starts_sessions();
	}
	pthread_attr_init(&attributes);
	assert_int_equal(pthread_create(&thread, &attributes, serve, state), 0);
	pthread_join(thread, &served);
	assert_ptr_equal(served, state);
	pthread_attr_destroy(&attributes);
}

static void a_lock_is_destroyed_before_the_end(void **state)
{
	pthread_mutex_t lock;

	(void)state;
	pthread_mutex_init(&lock, NULL);
	pthread_mutex_lock(&lock);
	assert_int_equal(pthread_mutex_unlock(&lock), 0);
	assert_int_equal(pthread_mutex_destroy(&lock), 0);
	pthread_mutex_init(&lock, NULL);
	assert_int_equal(pthread_mutex_destroy(&lock), 0);
}

static atomic_bool ended;

static void *end(void *argument)
{
	milter_pool_end();
	atomic_store(&ended, true);
	return argument;
}

static void the_end_waits_for_who_starts(void **state)
{
	pthread_t thread;

	(void)state;
	assert_true(milter_pool_start());
	milter_pool_started();
	assert_true(milter_pool_start());
	assert_int_equal(pthread_create(&thread, NULL, end, NULL), 0);
	poll(NULL, 0, 20);
	assert_false(ended);
	milter_pool_started();
	pthread_join(thread, NULL);
	assert_true(ended);
	assert_false(milter_pool_start());
	/* Again: there is nothing to wait for. */
	milter_pool_end();
}

/* Those who hold it or wait for it find it as it was. */
static void a_lock_outlives_the_end(void **state)
{
	pthread_mutex_t lock;

	(void)state;
	milter_pool_end();
	pthread_mutex_init(&lock, NULL);
	assert_int_equal(pthread_mutex_destroy(&lock), 0);
	assert_int_equal(pthread_mutex_lock(&lock), 0);
	assert_int_equal(pthread_mutex_destroy(&lock), 0);
	assert_int_equal(pthread_mutex_unlock(&lock), 0);
	assert_int_equal(pthread_mutex_trylock(&lock), 0);
	pthread_mutex_unlock(&lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_start_before_and_after),
		cmocka_unit_test(a_lock_is_destroyed_before_the_end),
		cmocka_unit_test(the_end_waits_for_who_starts),
		cmocka_unit_test(a_lock_outlives_the_end),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
