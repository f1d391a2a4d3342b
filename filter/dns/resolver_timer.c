/* SPDX-License-Identifier: BSD-2-Clause */
#include "resolver_timer.h"

#include <limits.h>

#include "mem.h"

static void put(struct resolver_timers *timers, size_t place, struct resolver_timer *timer)
{
	timers->heap[place] = timer;
	timer->place = place;
}

static void move_up(struct resolver_timers *timers, struct resolver_timer *timer)
{
	size_t place = timer->place;

	while (place > 1 && timers->heap[place / 2]->due_ms > timer->due_ms) {
		put(timers, place, timers->heap[place / 2]);
		place /= 2;
	}
	put(timers, place, timer);
}

static void move_down(struct resolver_timers *timers, struct resolver_timer *timer)
{
	size_t place = timer->place;

	for (;;) {
		size_t child = place * 2;

		if (child > timers->count)
			break;
		if (child < timers->count &&
			timers->heap[child + 1]->due_ms < timers->heap[child]->due_ms)
			child++;
		if (timers->heap[child]->due_ms >= timer->due_ms)
			break;
		put(timers, place, timers->heap[child]);
		place = child;
	}
	put(timers, place, timer);
}

void resolver_timer_set(
	struct resolver_timers *timers, struct resolver_timer *timer, uint64_t due_ms)
{
	if (timer->place == 0) {
		if (timers->count + 1 >= timers->room) {
			timers->room = timers->room == 0 ? 64 : timers->room * 2;
			timers->heap = mem_resize(
				timers->heap, timers->room, sizeof(struct resolver_timer *));
		}
		timers->count++;
		put(timers, timers->count, timer);
	}
	timer->due_ms = due_ms;
	move_up(timers, timer);
	move_down(timers, timer);
}

void resolver_timer_cancel(struct resolver_timers *timers, struct resolver_timer *timer)
{
	size_t place = timer->place;
	struct resolver_timer *last;

	if (place == 0)
		return;
	timer->place = 0;
	last = timers->heap[timers->count--];
	if (last == timer)
		return;
	put(timers, place, last);
	move_up(timers, last);
	move_down(timers, last);
}

void resolver_timer_run(struct resolver_timers *timers, uint64_t now_ms)
{
	while (timers->count > 0 && timers->heap[1]->due_ms <= now_ms) {
		struct resolver_timer *timer = timers->heap[1];

		resolver_timer_cancel(timers, timer);
		timer->expired(timer);
	}
}

int resolver_timer_wait(const struct resolver_timers *timers, uint64_t now_ms)
{
	uint64_t left;

	if (timers->count == 0)
		return -1;
	if (timers->heap[1]->due_ms <= now_ms)
		return 0;
	left = timers->heap[1]->due_ms - now_ms;
	return left > INT_MAX ? INT_MAX : (int)left;
}

void resolver_timer_clear(struct resolver_timers *timers)
{
	mem_free(timers->heap);
	*timers = (struct resolver_timers){.count = 0};
}
