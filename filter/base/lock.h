/* SPDX-License-Identifier: BSD-2-Clause */
/* Locks: pthread mutexes and conditions whose errors are bugs (assert), known to clang's
 * -Wthread-safety. House rules: no two locks at once, no lock across I/O or a callback.
 *
 * Every lock of the program, and what it guards:
 *   ttlcache shard        the cached DNS answers, or inquiries, of that shard
 *   resolver submit       the list of questions that wait for the resolver thread
 *   inquiry               the progress of one inquiry; the waiter sleeps on its condition
 *   store_memory          the windows and values
 *   redis_node            of one server: the idle connections, the calls in line, and the breaker
 *   redis_pool            which servers there are, and who serves what
 *   backlog               what waits for the thread of the journal, or of the kept refusals
 *   conf current          the pointer to the current configuration snapshot
 *   connection table      concurrent connections and rates by client network
 *   callahead             of one target: questions under way, the breaker
 *   callahead_pool        of one target: kept connections
 *   callahead_meter       the list of meters
 *   slowest               the slowest look-ups of the last minutes
 *   reload turn, lock     whose turn it is to read the configuration; what came of it
 *   limit_meter all       the list of meters
 *   busiest               the busiest keys of the last minutes
 *   notifier              the notices that wait to be sent
 *   limit raises          the pointer to the copy of what is raised
 *   milter_crowd          when its last turn ended; sessions that are ready sleep on its condition
 *   milter_threads        the list of threads that are owed
 * Counters are C11 atomics. */
#ifndef MAILREEVE_LOCK_H
#define MAILREEVE_LOCK_H

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "compiler.h"

struct CAPABILITY("mutex") lock {
	pthread_mutex_t mutex;
};

struct condition {
	pthread_cond_t cond;
};

static inline void lock_init(struct lock *lock)
{
	int failed = pthread_mutex_init(&lock->mutex, NULL);

	assert(failed == 0);
	(void)failed;
}

static inline void lock_destroy(struct lock *lock)
{
	int failed = pthread_mutex_destroy(&lock->mutex);

	assert(failed == 0);
	(void)failed;
}

static inline void lock_take(struct lock *lock) ACQUIRES(lock) NO_THREAD_ANALYSIS
{
	int failed = pthread_mutex_lock(&lock->mutex);

	assert(failed == 0);
	(void)failed;
}

static inline void lock_give(struct lock *lock) RELEASES(lock) NO_THREAD_ANALYSIS
{
	int failed = pthread_mutex_unlock(&lock->mutex);

	assert(failed == 0);
	(void)failed;
}

static inline void condition_init(struct condition *condition)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&condition->cond, &attr);
	pthread_condattr_destroy(&attr);
}

static inline void condition_destroy(struct condition *condition)
{
	pthread_cond_destroy(&condition->cond);
}

static inline void condition_signal(struct condition *condition)
{
	pthread_cond_signal(&condition->cond);
}

static inline void condition_broadcast(struct condition *condition)
{
	pthread_cond_broadcast(&condition->cond);
}

/* Sleeps until signalled or until DEADLINE_MS of clock_monotonic_ms; false when the deadline passed.
 * Wakes up without a reason too: call it in a loop over the condition itself. */
static inline bool condition_wait(
	struct condition *condition, struct lock *lock, uint64_t deadline_ms) REQUIRES(lock)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline_ms / 1000U),
		.tv_nsec = (long)(deadline_ms % 1000U) * 1000000L,
	};
	int failed = pthread_cond_timedwait(&condition->cond, &lock->mutex, &until);

	assert(failed == 0 || failed == ETIMEDOUT);
	return failed == 0;
}

#endif
