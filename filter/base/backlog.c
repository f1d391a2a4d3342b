/* SPDX-License-Identifier: BSD-2-Clause */
#include "backlog.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "lock.h"
#include "mem.h"

struct backlog {
	struct backlog_options options;
	struct lock lock;
	struct condition changed; /* for the thread: an item came, or the end */
	struct condition ended;
	struct backlog_item *first GUARDED_BY(lock), **last GUARDED_BY(lock);
	size_t items GUARDED_BY(lock), bytes GUARDED_BY(lock);
	bool stopping GUARDED_BY(lock), done GUARDED_BY(lock);
	_Atomic uint64_t dropped;
	pthread_t thread;
};

static void free_items(struct backlog_item *item)
{
	while (item != NULL) {
		struct backlog_item *next = item->next;

		mem_free(item);
		item = next;
	}
}

/* Waits for the first item, then a little for those that come with it. */
static struct backlog_item *take_all(struct backlog *backlog)
{
	enum { LONG_MS = 3600000 };
	struct backlog_item *taken;
	uint64_t until_ms;

	lock_take(&backlog->lock);
	while (backlog->first == NULL && !backlog->stopping)
		condition_wait(&backlog->changed, &backlog->lock, clock_monotonic_ms() + LONG_MS);
	until_ms = clock_monotonic_ms() + (uint64_t)backlog->options.gather_ms;
	while (!backlog->stopping && backlog->items < backlog->options.max_items / 2 &&
		condition_wait(&backlog->changed, &backlog->lock, until_ms))
		continue;
	taken = backlog->first;
	backlog->first = NULL;
	backlog->last = &backlog->first;
	backlog->items = 0;
	backlog->bytes = 0;
	lock_give(&backlog->lock);
	return taken;
}

static void *run(void *argument)
{
	struct backlog *backlog = argument;
	struct backlog_item *taken;

	while ((taken = take_all(backlog)) != NULL) {
		backlog->options.work(backlog->options.context, taken);
		free_items(taken);
	}
	lock_take(&backlog->lock);
	backlog->done = true;
	condition_signal(&backlog->ended);
	lock_give(&backlog->lock);
	return NULL;
}

struct backlog *backlog_start(const struct backlog_options *options)
{
	struct backlog *backlog = mem_alloc(sizeof(*backlog));

	backlog->options = *options;
	backlog->last = &backlog->first;
	lock_init(&backlog->lock);
	condition_init(&backlog->changed);
	condition_init(&backlog->ended);
	if (pthread_create(&backlog->thread, NULL, run, backlog) != 0)
		abort();
	return backlog;
}

bool backlog_add(struct backlog *backlog, const char *text, size_t length)
{
	struct backlog_item *item = mem_alloc(sizeof(*item) + length + 1);
	bool fits, wake;

	memcpy(item->text, text, length);
	item->length = length;
	lock_take(&backlog->lock);
	fits = !backlog->stopping && backlog->items < backlog->options.max_items &&
	       backlog->bytes + length <= backlog->options.max_bytes;
	if (fits) {
		*backlog->last = item;
		backlog->last = &item->next;
		backlog->items++;
		backlog->bytes += length;
	}
	/* Between them the thread gathers. */
	wake = fits && (backlog->items == 1 || backlog->items == backlog->options.max_items / 2);
	lock_give(&backlog->lock);
	if (wake)
		condition_signal(&backlog->changed);
	if (!fits) {
		mem_free(item);
		atomic_fetch_add_explicit(&backlog->dropped, 1, memory_order_relaxed);
	}
	return fits;
}

uint64_t backlog_dropped(const struct backlog *backlog)
{
	return atomic_load_explicit(&backlog->dropped, memory_order_relaxed);
}

bool backlog_stop(struct backlog **backlog_ptr, int64_t wait_ms)
{
	struct backlog *backlog = *backlog_ptr;
	uint64_t until_ms = clock_monotonic_ms() + (uint64_t)wait_ms;
	bool in_time = true;
	bool done;

	if (backlog == NULL)
		return true;
	*backlog_ptr = NULL;
	lock_take(&backlog->lock);
	backlog->stopping = true;
	condition_signal(&backlog->changed);
	while (in_time && !backlog->done)
		in_time = condition_wait(&backlog->ended, &backlog->lock, until_ms);
	done = backlog->done;
	lock_give(&backlog->lock);
	if (!done) {
		pthread_detach(backlog->thread);
		return false;
	}
	pthread_join(backlog->thread, NULL);
	condition_destroy(&backlog->changed);
	condition_destroy(&backlog->ended);
	lock_destroy(&backlog->lock);
	mem_free(backlog);
	return true;
}
