/* SPDX-License-Identifier: BSD-2-Clause */
#include "limit_meter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "clock.h"
#include "lock.h"
#include "mem.h"

struct limit_meter {
	char *title;
	_Atomic uint64_t charges[LIMIT_OUTCOMES];
	_Atomic uint64_t units;
};

static struct {
	struct lock lock;
	struct limit_meter *meters[LIMIT_METERS_MAX] GUARDED_BY(lock);
	size_t count GUARDED_BY(lock);
	struct busiest *busiest; /* set once */
} all;

static void begin(void)
{
	lock_init(&all.lock);
	all.busiest = busiest_create();
}

static void begin_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, begin);
}

struct limit_meter *limit_meter_of(const char *title)
{
	struct limit_meter *meter = NULL;

	begin_once();
	lock_take(&all.lock);
	for (size_t i = 0; i < all.count; i++)
		if (strcmp(all.meters[i]->title, title) == 0)
			meter = all.meters[i];
	if (meter == NULL && all.count < LIMIT_METERS_MAX) {
		meter = mem_alloc(sizeof(*meter));
		meter->title = mem_text(all.count + 1 < LIMIT_METERS_MAX ? title : "(others)");
		all.meters[all.count++] = meter;
	}
	if (meter == NULL)
		meter = all.meters[LIMIT_METERS_MAX - 1];
	lock_give(&all.lock);
	return meter;
}

void limit_meter_count(struct limit_meter *meter, enum limit_meter_outcome outcome,
	const char *label, int64_t units)
{
	uint64_t asked = units > 0 ? (uint64_t)units : 0;

	atomic_fetch_add_explicit(&meter->charges[outcome], 1, memory_order_relaxed);
	if (outcome == LIMIT_TAKEN)
		atomic_fetch_add_explicit(&meter->units, asked, memory_order_relaxed);
	busiest_note(all.busiest, meter->title, label, asked,
		outcome == LIMIT_OVER || outcome == LIMIT_WATCHED ? asked : 0,
		clock_monotonic_ms());
}

const char *limit_meter_outcome_name(enum limit_meter_outcome outcome)
{
	static const char *const names[] = {
		[LIMIT_TAKEN] = "taken",
		[LIMIT_OVER] = "over",
		[LIMIT_WATCHED] = "watched",
		[LIMIT_UNCOUNTED] = "uncounted",
	};

	return names[outcome];
}

size_t limit_meter_read(struct limit_meter_state *states_r, size_t capacity)
{
	size_t count;

	begin_once();
	lock_take(&all.lock);
	count = all.count;
	for (size_t i = 0; i < count && i < capacity; i++) {
		struct limit_meter *meter = all.meters[i];

		states_r[i].title = meter->title;
		for (int outcome = 0; outcome < LIMIT_OUTCOMES; outcome++)
			states_r[i].charges[outcome] = atomic_load_explicit(
				&meter->charges[outcome], memory_order_relaxed);
		states_r[i].units = atomic_load_explicit(&meter->units, memory_order_relaxed);
	}
	lock_give(&all.lock);
	return count;
}

size_t limit_meter_busiest(struct busiest_entry *entries_r, size_t capacity)
{
	begin_once();
	return busiest_read(all.busiest, entries_r, capacity, clock_monotonic_ms());
}
