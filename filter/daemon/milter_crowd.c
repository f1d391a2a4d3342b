/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_crowd.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "clock.h"
#include "lock.h"

static atomic_bool served[MILTER_CROWD_DESCRIPTORS];
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
	if (fd >= 0 && fd < MILTER_CROWD_DESCRIPTORS && !atomic_exchange(&served[fd], true))
		atomic_fetch_add(&count, 1);
}

void milter_crowd_leave(int fd)
{
	if (fd < 0 || fd >= MILTER_CROWD_DESCRIPTORS || !atomic_exchange(&served[fd], false))
		return;
	if (atomic_fetch_sub(&count, 1) != MILTER_CROWD_MAX || atomic_load(&waiting) == 0)
		return;
	lock_take(&lock);
	condition_broadcast(&left);
	lock_give(&lock);
}

size_t milter_crowd_room(void)
{
	int now = atomic_load(&count);
	uint64_t until;

	if (now < MILTER_CROWD_MAX)
		return (size_t)(MILTER_CROWD_MAX - now);
	until = clock_monotonic_ms() + MILTER_CROWD_WAIT_MS;
	atomic_fetch_add(&waiting, 1);
	lock_take(&lock);
	while ((now = atomic_load(&count)) >= MILTER_CROWD_MAX &&
		condition_wait(&left, &lock, until))
		continue;
	lock_give(&lock);
	atomic_fetch_sub(&waiting, 1);
	return now < MILTER_CROWD_MAX ? (size_t)(MILTER_CROWD_MAX - now) : MILTER_CROWD_MORE;
}
