/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_crowd.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "clock.h"
#include "lock.h"
#include "milter_descriptors.h"

/* Who entered in this turn and in the one before counts. A turn ends when those inside were waited for in
 * vain: who stays for two is stuck, and nobody waits for him. */
static struct {
	struct lock lock;
	struct condition left;
	size_t waiting GUARDED_BY(lock); /* threads */
	size_t entered[2] GUARDED_BY(lock); /* and are inside: in this turn, in the one before */
	uint64_t turn GUARDED_BY(lock), turned_ms GUARDED_BY(lock);
	uint64_t turn_of[MILTER_DESCRIPTORS] GUARDED_BY(lock); /* 0: not inside */
} crowd;

void milter_crowd_begin(void)
{
	lock_init(&crowd.lock);
	condition_init(&crowd.left);
	crowd.turn = 1;
}

void milter_crowd_enter(int fd)
{
	if (fd < 0 || fd >= MILTER_DESCRIPTORS)
		return;
	lock_take(&crowd.lock);
	if (crowd.turn_of[fd] == 0) {
		crowd.turn_of[fd] = crowd.turn;
		crowd.entered[0]++;
	}
	lock_give(&crowd.lock);
}

static size_t counted(void) REQUIRES(crowd.lock)
{
	return crowd.entered[0] + crowd.entered[1];
}

void milter_crowd_leave(int fd)
{
	uint64_t turns;

	if (fd < 0 || fd >= MILTER_DESCRIPTORS)
		return;
	lock_take(&crowd.lock);
	turns = crowd.turn - crowd.turn_of[fd];
	if (crowd.turn_of[fd] != 0 && turns < 2) {
		crowd.entered[turns]--;
		if (crowd.waiting > 0 && counted() == MILTER_CROWD_MAX - 1)
			condition_broadcast(&crowd.left);
	}
	crowd.turn_of[fd] = 0;
	lock_give(&crowd.lock);
}

static uint64_t processor_us(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000000 + (uint64_t)used.tv_nsec / 1000;
}

static void end_turn(uint64_t now_ms) REQUIRES(crowd.lock)
{
	crowd.entered[1] = crowd.entered[0];
	crowd.entered[0] = 0;
	crowd.turn++;
	crowd.turned_ms = now_ms;
}

/* The house is full, and nobody leaves for a moment. */
static size_t room_in_vain(bool asleep) REQUIRES(crowd.lock)
{
	uint64_t now_ms = clock_monotonic_ms();

	if (asleep) {
		end_turn(now_ms);
		end_turn(now_ms);
		return MILTER_CROWD_MAX;
	}
	if (now_ms >= crowd.turned_ms + MILTER_CROWD_STUCK_MS)
		end_turn(now_ms);
	return MILTER_CROWD_MORE;
}

static bool wait_for_room(uint64_t until_ms) REQUIRES(crowd.lock)
{
	bool in_time = true;

	crowd.waiting++;
	while (counted() >= MILTER_CROWD_MAX && in_time)
		in_time = condition_wait(&crowd.left, &crowd.lock, until_ms);
	crowd.waiting--;
	return counted() < MILTER_CROWD_MAX;
}

size_t milter_crowd_room(void)
{
	size_t room;

	lock_take(&crowd.lock);
	if (counted() >= MILTER_CROWD_MAX) {
		uint64_t used_us = processor_us();

		if (!wait_for_room(clock_monotonic_ms() + MILTER_CROWD_WAIT_MS)) {
			room = room_in_vain(processor_us() < used_us + MILTER_CROWD_IDLE_US);
			lock_give(&crowd.lock);
			return room;
		}
	}
	room = MILTER_CROWD_MAX - counted();
	lock_give(&crowd.lock);
	return room;
}
