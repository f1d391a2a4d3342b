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
	uint64_t now, before; /* units of this period and of the last one */
	uint64_t refused_now, refused_before;
	const char *group;
	char name[BUSIEST_NAME_SIZE]; /* as given, cut */
};

/* What every search reads stands apart, so that a search is quick. */
struct busiest {
	struct lock lock;
	struct siphash_key key;
	uint64_t period GUARDED_BY(lock); /* number of the present one */
	uint64_t hashes[BUSIEST_COUNT] GUARDED_BY(lock); /* of name and group; 0: free */
	uint64_t units[BUSIEST_COUNT] GUARDED_BY(lock); /* of both periods */
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
		busiest->units[i] = counter->before;
		if (counter->before == 0)
			busiest->hashes[i] = 0;
	}
	busiest->period = period;
}

/* The counter of HASH, or the one with the least, whose units the new key takes over: so it may be
 * shown with too many, but never with too few. */
static size_t find(const struct busiest *busiest, uint64_t hash) REQUIRES(busiest->lock)
{
	size_t least = 0;

	for (size_t i = 0; i < BUSIEST_COUNT; i++)
		if (busiest->hashes[i] == hash)
			return i;
	for (size_t i = 1; i < BUSIEST_COUNT; i++)
		if (busiest->units[i] < busiest->units[least])
			least = i;
	return least;
}

void busiest_note(struct busiest *busiest, const char *group, const char *name, uint64_t units,
	uint64_t refused, uint64_t now_ms)
{
	size_t length = strnlen(name, BUSIEST_NAME_SIZE - 1), at;
	uint64_t hash = siphash(&busiest->key, name, length, 0) ^
			siphash(&busiest->key, &group, sizeof(group), 1);
	struct counter *counter;

	hash += hash == 0;
	lock_take(&busiest->lock);
	turn_page(busiest, now_ms);
	at = find(busiest, hash);
	counter = &busiest->counters[at];
	if (busiest->hashes[at] != hash) {
		busiest->hashes[at] = hash;
		counter->refused_now = 0;
		counter->refused_before = 0;
		counter->group = group;
		memcpy(counter->name, name, length);
		counter->name[length] = '\0';
	}
	counter->now += units;
	counter->refused_now += refused;
	busiest->units[at] += units;
	lock_give(&busiest->lock);
}

static void set_text(char buffer[BUSIEST_NAME_SIZE], const char *value)
{
	struct text text;

	text_init(&text, buffer, BUSIEST_NAME_SIZE);
	text_add_escaped(&text, value, strlen(value), BUSIEST_NAME_SIZE - sizeof("..."));
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

		if (busiest->hashes[i] == 0)
			continue;
		set_text(all[count].name, counter->name);
		set_text(all[count].group, counter->group);
		all[count].units = busiest->units[i];
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
