/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_threads.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "lock.h"
#include "log.h"
#include "mem.h"

struct owed {
	struct owed *next;
	void *(*run)(void *);
	void *argument;
};

static struct {
	milter_threads_create *create; /* set before threads start */
	struct lock lock;
	struct owed *first GUARDED_BY(lock), *last GUARDED_BY(lock);
} threads;

static atomic_size_t owed_count;
static _Atomic uint64_t warn_ms; /* not before */

void milter_threads_begin(milter_threads_create *create)
{
	lock_init(&threads.lock);
	threads.create = create;
}

size_t milter_threads_owed(void)
{
	return atomic_load(&owed_count);
}

static void warn(void)
{
	uint64_t before = atomic_load(&warn_ms), now_ms = clock_monotonic_ms();

	if (now_ms >= before &&
		atomic_compare_exchange_strong(&warn_ms, &before, now_ms + MILTER_THREADS_WARN_MS))
		log_warning("no thread is left for a session of an MTA, it must wait: "
			    "TasksMax of the unit, ulimit -u or memory");
}

static void owe(void *(*run)(void *), void *argument)
{
	struct owed *owed = mem_alloc(sizeof(*owed));

	owed->run = run;
	owed->argument = argument;
	lock_take(&threads.lock);
	if (threads.first == NULL)
		threads.first = owed;
	else
		threads.last->next = owed;
	threads.last = owed;
	lock_give(&threads.lock);
	atomic_fetch_add(&owed_count, 1);
}

int milter_threads_start(pthread_t *thread_r, void *(*run)(void *), void *argument)
{
	int failed = threads.create(thread_r, NULL, run, argument);

	if (failed != EAGAIN && failed != ENOMEM)
		return failed;
	owe(run, argument);
	warn();
	return 0;
}

static struct owed *take_first(void)
{
	struct owed *first;

	lock_take(&threads.lock);
	first = threads.first;
	if (first != NULL)
		threads.first = first->next;
	lock_give(&threads.lock);
	return first;
}

static void put_back(struct owed *first)
{
	lock_take(&threads.lock);
	if (threads.first == NULL)
		threads.last = first;
	first->next = threads.first;
	threads.first = first;
	lock_give(&threads.lock);
}

void milter_threads_pay(void)
{
	struct owed *owed;

	while (milter_threads_owed() > 0 && (owed = take_first()) != NULL) {
		pthread_t thread;

		if (threads.create(&thread, NULL, owed->run, owed->argument) != 0) {
			put_back(owed);
			return;
		}
		atomic_fetch_sub(&owed_count, 1);
		mem_free(owed);
	}
}
