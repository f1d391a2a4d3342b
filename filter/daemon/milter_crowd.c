/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_crowd.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "clock.h"
#include "lock.h"
#include "milter_descriptors.h"

static atomic_bool served[MILTER_DESCRIPTORS];
static atomic_int count; /* of those */
static atomic_int waiting; /* threads */
static struct lock lock; /* of nothing but the condition */
static struct condition left;

void milter_crowd_begin(void)
{
	lock_init(&lock);
	condition_init(&left);
}

void milter_crowd_enter(int fd)
{
	if (fd >= 0 && fd < MILTER_DESCRIPTORS && !atomic_exchange(&served[fd], true))
		atomic_fetch_add(&count, 1);
}

void milter_crowd_leave(int fd)
{
	if (fd < 0 || fd >= MILTER_DESCRIPTORS || !atomic_exchange(&served[fd], false))
		return;
	if (atomic_fetch_sub(&count, 1) != MILTER_CROWD_MAX || atomic_load(&waiting) == 0)
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

size_t milter_crowd_room(void)
{
	int now = atomic_load(&count);
	uint64_t until, used_us;

	if (now < MILTER_CROWD_MAX)
		return (size_t)(MILTER_CROWD_MAX - now);
	used_us = processor_us();
	until = clock_monotonic_ms() + MILTER_CROWD_WAIT_MS;
	atomic_fetch_add(&waiting, 1);
	lock_take(&lock);
	while ((now = atomic_load(&count)) >= MILTER_CROWD_MAX &&
		condition_wait(&left, &lock, until))
		continue;
	lock_give(&lock);
	atomic_fetch_sub(&waiting, 1);
	if (now < MILTER_CROWD_MAX)
		return (size_t)(MILTER_CROWD_MAX - now);
	return processor_us() < used_us + MILTER_CROWD_IDLE_US ? MILTER_CROWD_MAX
							       : MILTER_CROWD_MORE;
}
