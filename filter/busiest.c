/* SPDX-License-Identifier: BSD-2-Clause */
#include "busiest.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lock.h"
#include "mem.h"
#include "siphash.h"
#include "text.h"

struct counter {
	uint64_t hash; /* of name and group as given; 0: free */
	uint64_t now, before; /* units of this period and of the last one */
	uint64_t refused_now, refused_before;
	char name[BUSIEST_NAME_SIZE], group[BUSIEST_NAME_SIZE];
};

struct busiest {
	struct lock lock;
	struct siphash_key key;
	uint64_t period GUARDED_BY(lock); /* number of the present one */
	struct counter counters[BUSIEST_COUNT] GUARDED_BY(lock);
};

struct busiest *busiest_create(void)
{
	struct busiest *busiest = mem_alloc(sizeof(*busiest));

	lock_init(&busiest->lock);
	busiest->key = siphash_random_key();
	return busiest;
}

void busiest_free(struct busiest **busiest_p)
{
	if (*busiest_p == NULL)
		return;
	lock_destroy(&(*busiest_p)->lock);
	mem_free(*busiest_p);
	*busiest_p = NULL;
}

static uint64_t units_of(const struct counter *counter)
{
	return counter->now + counter->before;
}

static void turn_page(struct busiest *busiest, uint64_t now_ms) REQUIRES(busiest->lock)
{
	uint64_t period = now_ms / BUSIEST_PERIOD_MS;
	bool next = period == busiest->period + 1;

	if (period == busiest->period)
		return;
	for (size_t i = 0; i < BUSIEST_COUNT; i++) {
		struct counter *counter = &busiest->counters[i];

		counter->before = next ? counter->now : 0;
		counter->refused_before = next ? counter->refused_now : 0;
		counter->now = 0;
		counter->refused_now = 0;
		if (units_of(counter) == 0)
			counter->hash = 0;
	}
	busiest->period = period;
}

static void set_text(char buffer[BUSIEST_NAME_SIZE], const char *value)
{
	struct text text;

	text_init(&text, buffer, BUSIEST_NAME_SIZE);
	text_add_escaped(&text, value, strlen(value), BUSIEST_NAME_SIZE - sizeof("..."));
}

/* The counter of HASH, or the one with the least, whose units the new key takes over: so it may be
 * shown with too many, but never with too few. */
static struct counter *find(struct busiest *busiest, uint64_t hash) REQUIRES(busiest->lock)
{
	struct counter *least = &busiest->counters[0];

	for (size_t i = 0; i < BUSIEST_COUNT; i++) {
		struct counter *counter = &busiest->counters[i];

		if (counter->hash == hash)
			return counter;
		if (units_of(counter) < units_of(least))
			least = counter;
	}
	return least;
}

void busiest_note(struct busiest *busiest, const char *group, const char *name, uint64_t units,
	uint64_t refused, uint64_t now_ms)
{
	uint64_t hash = siphash(&busiest->key, name, strlen(name), 0) ^
			siphash(&busiest->key, group, strlen(group), 1);
	struct counter *counter;

	hash += hash == 0;
	lock_take(&busiest->lock);
	turn_page(busiest, now_ms);
	counter = find(busiest, hash);
	if (counter->hash != hash) {
		counter->hash = hash;
		counter->refused_now = 0;
		counter->refused_before = 0;
		set_text(counter->name, name);
		set_text(counter->group, group);
	}
	counter->now += units;
	counter->refused_now += refused;
	lock_give(&busiest->lock);
}

static int busier_first(const void *a_given, const void *b_given)
{
	const struct busiest_entry *a = a_given, *b = b_given;

	if (a->units != b->units)
		return a->units < b->units ? 1 : -1;
	return strcmp(a->name, b->name);
}

size_t busiest_read(
	struct busiest *busiest, struct busiest_entry *entries_r, size_t capacity, uint64_t now_ms)
{
	struct busiest_entry *all = mem_array(BUSIEST_COUNT, sizeof(*all));
	size_t count = 0;

	lock_take(&busiest->lock);
	turn_page(busiest, now_ms);
	for (size_t i = 0; i < BUSIEST_COUNT; i++) {
		const struct counter *counter = &busiest->counters[i];

		if (counter->hash == 0)
			continue;
		memcpy(all[count].name, counter->name, BUSIEST_NAME_SIZE);
		memcpy(all[count].group, counter->group, BUSIEST_NAME_SIZE);
		all[count].units = units_of(counter);
		all[count++].refused = counter->refused_now + counter->refused_before;
	}
	lock_give(&busiest->lock);
	qsort(all, count, sizeof(all[0]), busier_first);
	if (count > capacity)
		count = capacity;
	if (count > 0)
		memcpy(entries_r, all, count * sizeof(all[0]));
	mem_free(all);
	return count;
}
