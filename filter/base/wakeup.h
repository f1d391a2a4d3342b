/* SPDX-License-Identifier: BSD-2-Clause */
/* One thread waits until another tells it that something is done. Unlike a condition it needs no lock, so
 * the thread that wakes up does not run into the lock of the one that woke it: where many are told at
 * once, that is a switch of threads less for each. */
#ifndef MAILREEVE_WAKEUP_H
#define MAILREEVE_WAKEUP_H

#include <assert.h>
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct wakeup {
	sem_t semaphore;
	atomic_bool told; /* says to tools that know no sem_clockwait what came before what */
};

static inline void wakeup_init(struct wakeup *wakeup)
{
	int failed = sem_init(&wakeup->semaphore, 0, 0);

	assert(failed == 0);
	(void)failed;
	atomic_init(&wakeup->told, false);
}

static inline void wakeup_destroy(struct wakeup *wakeup)
{
	sem_destroy(&wakeup->semaphore);
}

/* At most once. What the caller wrote before, the waiter reads; it may end WAKEUP at once. */
static inline void wakeup_tell(struct wakeup *wakeup)
{
	atomic_store_explicit(&wakeup->told, true, memory_order_release);
	sem_post(&wakeup->semaphore);
}

/* Sleeps until it is told; false when DEADLINE_MS of clock_monotonic_ms passed before. */
static inline bool wakeup_wait_until(struct wakeup *wakeup, uint64_t deadline_ms)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline_ms / 1000U),
		.tv_nsec = (long)(deadline_ms % 1000U) * 1000000L,
	};

	while (sem_clockwait(&wakeup->semaphore, CLOCK_MONOTONIC, &until) != 0) {
		if (errno == ETIMEDOUT)
			return false;
		assert(errno == EINTR);
	}
	return atomic_load_explicit(&wakeup->told, memory_order_acquire);
}

/* The same without a deadline, for a waiter that will be told soon. */
static inline void wakeup_wait(struct wakeup *wakeup)
{
	while (sem_wait(&wakeup->semaphore) != 0)
		assert(errno == EINTR);
	(void)atomic_load_explicit(&wakeup->told, memory_order_acquire);
}

#endif
