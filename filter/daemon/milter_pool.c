/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_pool.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "clock.h"
#include "milter_threads.h"

typedef int destroy_function(pthread_mutex_t *mutex);

/* Names of the system's, bodies of ours; and those of sanitizers, which must know of all threads and
 * locks. */
milter_threads_create milter_pool_thread __asm__("pthread_create");
destroy_function milter_pool_destroy __asm__("pthread_mutex_destroy");
milter_threads_create sanitizer_thread __asm__("__interceptor_pthread_create")
	__attribute__((weak));
destroy_function sanitizer_destroy __asm__("__interceptor_pthread_mutex_destroy")
	__attribute__((weak));

static _Thread_local bool starts_sessions;
static atomic_bool starting, ending;

static uintptr_t system_function(_Atomic uintptr_t *found, const char *name)
{
	if (*found == 0)
		*found = (uintptr_t)dlsym(RTLD_NEXT, name);
	return *found;
}

static int system_thread(
	pthread_t *thread_r, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	static _Atomic uintptr_t found;
	milter_threads_create *create = sanitizer_thread;

	if (create == NULL)
		create = (milter_threads_create *)system_function(&found, "pthread_create");
	return create(thread_r, attributes, run, argument);
}

static int system_destroy(pthread_mutex_t *mutex)
{
	static _Atomic uintptr_t found;
	destroy_function *destroy = sanitizer_destroy;

	if (destroy == NULL)
		destroy = (destroy_function *)system_function(&found, "pthread_mutex_destroy");
	return destroy(mutex);
}

void milter_pool_begin(void)
{
	milter_threads_begin(system_thread);
}

void milter_pool_starts_sessions(void)
{
	starts_sessions = true;
}

bool milter_pool_start(void)
{
	atomic_store(&starting, true);
	if (!atomic_load(&ending))
		return true;
	atomic_store(&starting, false);
	return false;
}

void milter_pool_started(void)
{
	atomic_store(&starting, false);
}

void milter_pool_end(void)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	uint64_t until_ms = clock_monotonic_ms() + MILTER_POOL_END_MS;

	atomic_store(&ending, true);
	while (atomic_load(&starting) && clock_monotonic_ms() < until_ms)
		nanosleep(&moment, NULL);
}

int milter_pool_thread(
	pthread_t *thread_r, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	if (attributes != NULL || !starts_sessions)
		return system_thread(thread_r, attributes, run, argument);
	return milter_threads_start(thread_r, run, argument);
}

int milter_pool_destroy(pthread_mutex_t *mutex)
{
	return atomic_load(&ending) ? 0 : system_destroy(mutex);
}
