/* SPDX-License-Identifier: BSD-2-Clause */
#include "callahead_meter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "lock.h"
#include "mem.h"

struct callahead_meter {
	char *target;
	_Atomic uint64_t events[CALLAHEAD_EVENTS];
	atomic_bool up;
	unsigned users; /* guarded by all.lock */
};

static struct {
	struct lock lock;
	struct callahead_meter *meters[CALLAHEAD_METERS_MAX] GUARDED_BY(lock);
	size_t count GUARDED_BY(lock);
} all;

static void begin(void)
{
	lock_init(&all.lock);
}

static void begin_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, begin);
}

struct callahead_meter *callahead_meter_of(const char *target)
{
	struct callahead_meter *meter = NULL;

	begin_once();
	lock_take(&all.lock);
	for (size_t i = 0; i < all.count; i++)
		if (strcmp(all.meters[i]->target, target) == 0)
			meter = all.meters[i];
	if (meter == NULL && all.count < CALLAHEAD_METERS_MAX) {
		meter = mem_alloc(sizeof(*meter));
		meter->target =
			mem_text(all.count + 1 < CALLAHEAD_METERS_MAX ? target : "(others)");
		atomic_init(&meter->up, true);
		all.meters[all.count++] = meter;
	}
	if (meter == NULL)
		meter = all.meters[CALLAHEAD_METERS_MAX - 1];
	meter->users++;
	lock_give(&all.lock);
	return meter;
}

void callahead_meter_leave(struct callahead_meter *meter)
{
	lock_take(&all.lock);
	if (--meter->users == 0)
		callahead_meter_set(meter, true);
	lock_give(&all.lock);
}

void callahead_meter_count(struct callahead_meter *meter, enum callahead_event event)
{
	atomic_fetch_add_explicit(&meter->events[event], 1, memory_order_relaxed);
}

void callahead_meter_set(struct callahead_meter *meter, bool up)
{
	atomic_store_explicit(&meter->up, up, memory_order_relaxed);
}

const char *callahead_event_name(enum callahead_event event)
{
	static const char *const names[] = {
		[CALLAHEAD_EVENT_ASKED] = "asked",
		[CALLAHEAD_EVENT_CACHED] = "cached",
		[CALLAHEAD_EVENT_SHARED] = "shared",
		[CALLAHEAD_EVENT_FAILED] = "failed",
	};

	return names[event];
}

size_t callahead_meter_read(struct callahead_meter_state *states_r, size_t capacity)
{
	size_t count = 0;

	begin_once();
	lock_take(&all.lock);
	for (size_t i = 0; i < all.count && count < capacity; i++) {
		struct callahead_meter *meter = all.meters[i];
		struct callahead_meter_state *state = &states_r[count];

		if (meter->users == 0)
			continue;
		state->target = meter->target;
		for (int event = 0; event < CALLAHEAD_EVENTS; event++)
			state->events[event] =
				atomic_load_explicit(&meter->events[event], memory_order_relaxed);
		state->up = atomic_load_explicit(&meter->up, memory_order_relaxed);
		count++;
	}
	lock_give(&all.lock);
	return count;
}
