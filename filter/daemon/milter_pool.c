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

/* Name of the system's, body of ours; and that of sanitizers, which must know of all threads. */
milter_threads_create milter_pool_thread __asm__("pthread_create");
milter_threads_create sanitizer_thread __asm__("__interceptor_pthread_create")
	__attribute__((weak));

static _Thread_local bool starts_sessions;
static atomic_bool starting, ending;

static int system_thread(
	pthread_t *thread_r, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	static _Atomic uintptr_t found;
	milter_threads_create *create = sanitizer_thread;

	if (create == NULL && found == 0)
		found = (uintptr_t)dlsym(RTLD_NEXT, "pthread_create");
	if (create == NULL)
		create = (milter_threads_create *)found;
	return create(thread_r, attributes, run, argument);
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
