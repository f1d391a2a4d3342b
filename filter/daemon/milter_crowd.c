/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_crowd.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "clock.h"
#include "lock.h"
#include "milter_descriptors.h"

enum { TURNS = 4 }; /* the one before the next is nobody's any more when that begins */

/* Who entered in this turn and in the one before counts. A turn ends when those inside were waited for in
 * vain: who stays for two is stuck, and nobody waits for him. No lock for who comes and goes: who goes while
 * turns end may be counted wrong until they have passed. */
static _Atomic uint64_t turn = 1;
static _Atomic uint64_t turn_of[MILTER_DESCRIPTORS]; /* 0: not inside */
static atomic_int entered[TURNS]; /* in that turn, and are inside */
static atomic_int waiting; /* threads */
static struct lock lock;
static struct condition left;
static uint64_t turned_ms GUARDED_BY(lock);

void milter_crowd_begin(void)
{
	lock_init(&lock);
	condition_init(&left);
}

void milter_crowd_enter(int fd)
{
	uint64_t now = atomic_load(&turn), outside = 0;

	if (fd >= 0 && fd < MILTER_DESCRIPTORS &&
		atomic_compare_exchange_strong(&turn_of[fd], &outside, now))
		atomic_fetch_add(&entered[now % TURNS], 1);
}

static int counted(void)
{
	uint64_t now = atomic_load(&turn);

	return atomic_load(&entered[now % TURNS]) + atomic_load(&entered[(now - 1) % TURNS]);
}

static size_t room_now(void)
{
	int now = counted();

	if (now <= 0)
		return MILTER_CROWD_MAX;
	return now < MILTER_CROWD_MAX ? (size_t)(MILTER_CROWD_MAX - now) : 0;
}

void milter_crowd_leave(int fd)
{
	uint64_t since;

	if (fd < 0 || fd >= MILTER_DESCRIPTORS)
		return;
	since = atomic_exchange(&turn_of[fd], 0);
	if (since == 0 || atomic_load(&turn) - since > 1)
		return;
	atomic_fetch_sub(&entered[since % TURNS], 1);
	if (atomic_load(&waiting) == 0 || room_now() == 0)
		return;
	lock_take(&lock);
	condition_broadcast(&left);
	lock_give(&lock);
}

static uint64_t processor_us(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000000 + (uint64_t)used.tv_nsec / 1000;
}

static void end_turn(uint64_t now_ms) REQUIRES(lock)
{
	atomic_store(&entered[(turn + 1) % TURNS], 0);
	atomic_fetch_add(&turn, 1);
	turned_ms = now_ms;
}

/* The house is full, and nobody leaves for a moment. */
static size_t room_in_vain(bool asleep) REQUIRES(lock)
{
	uint64_t now_ms = clock_monotonic_ms();

	if (asleep) {
		end_turn(now_ms);
		end_turn(now_ms);
		return MILTER_CROWD_MAX;
	}
	if (now_ms >= turned_ms + MILTER_CROWD_STUCK_MS)
		end_turn(now_ms);
	return MILTER_CROWD_MORE;
}

static void wait_for_room(uint64_t until_ms) REQUIRES(lock)
{
	bool in_time = true;

	atomic_fetch_add(&waiting, 1);
	while (room_now() == 0 && in_time)
		in_time = condition_wait(&left, &lock, until_ms);
	atomic_fetch_sub(&waiting, 1);
}

size_t milter_crowd_room(void)
{
	size_t room = room_now();
	uint64_t used_us;

	if (room > 0)
		return room;
	used_us = processor_us();
	lock_take(&lock);
	wait_for_room(clock_monotonic_ms() + MILTER_CROWD_WAIT_MS);
	room = room_now();
	if (room == 0)
		room = room_in_vain(processor_us() < used_us + MILTER_CROWD_IDLE_US);
	lock_give(&lock);
	return room;
}
