/* SPDX-License-Identifier: BSD-2-Clause */
#include "slowest.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lock.h"
#include "mem.h"
#include "text.h"

struct slowest {
	struct lock lock;
	struct slowest_entry entries[SLOWEST_COUNT] GUARDED_BY(lock); /* us 0: free */
	/* What is faster than all of a full table is let go without the lock, but not for so long that
	 * the table grows old. */
	_Atomic uint64_t at_least_us, until_ms;
};

struct slowest *slowest_create(void)
{
	struct slowest *slowest = mem_alloc(sizeof(*slowest));

	lock_init(&slowest->lock);
	return slowest;
}

void slowest_free(struct slowest **slowest_p)
{
	if (*slowest_p == NULL)
		return;
	lock_destroy(&(*slowest_p)->lock);
	mem_free(*slowest_p);
	*slowest_p = NULL;
}

static bool is_old(const struct slowest_entry *entry, uint64_t now_ms)
{
	return entry->us == 0 || entry->at_ms + SLOWEST_KEEP_MS < now_ms;
}

/* The place for what took US: its own, a free or old one, or that of the fastest. */
static struct slowest_entry *place_for(struct slowest *slowest, const char *name, uint64_t now_ms)
	REQUIRES(slowest->lock)
{
	struct slowest_entry *place = &slowest->entries[0];

	for (size_t i = 0; i < SLOWEST_COUNT; i++) {
		struct slowest_entry *entry = &slowest->entries[i];

		if (is_old(entry, now_ms))
			entry->us = 0;
		else if (strcmp(entry->name, name) == 0)
			return entry;
		if (entry->us < place->us)
			place = entry;
	}
	return place;
}

static void raise_bar(struct slowest *slowest, uint64_t now_ms) REQUIRES(slowest->lock)
{
	uint64_t least = slowest->entries[0].us, oldest = slowest->entries[0].at_ms;

	for (size_t i = 1; i < SLOWEST_COUNT; i++) {
		if (slowest->entries[i].us < least)
			least = slowest->entries[i].us;
		if (slowest->entries[i].at_ms < oldest)
			oldest = slowest->entries[i].at_ms;
	}
	atomic_store_explicit(&slowest->at_least_us, least, memory_order_relaxed);
	atomic_store_explicit(&slowest->until_ms, least == 0 ? now_ms : oldest + SLOWEST_KEEP_MS,
		memory_order_relaxed);
}

void slowest_note(struct slowest *slowest, const char *name, uint64_t us, uint64_t now_ms)
{
	char shown[SLOWEST_NAME_SIZE];
	struct slowest_entry *place;
	struct text text;

	if (us == 0 ||
		(us <= atomic_load_explicit(&slowest->at_least_us, memory_order_relaxed) &&
			now_ms <= atomic_load_explicit(&slowest->until_ms, memory_order_relaxed)))
		return;
	text_init(&text, shown, sizeof(shown));
	text_add_escaped(&text, name, strlen(name), sizeof(shown) - sizeof("..."));
	lock_take(&slowest->lock);
	place = place_for(slowest, shown, now_ms);
	if (us > place->us) {
		memcpy(place->name, shown, sizeof(shown));
		place->us = us;
		place->at_ms = now_ms;
	}
	raise_bar(slowest, now_ms);
	lock_give(&slowest->lock);
}

static int slower_first(const void *a_given, const void *b_given)
{
	const struct slowest_entry *a = a_given, *b = b_given;

	return (a->us < b->us) - (a->us > b->us);
}

size_t slowest_read(
	struct slowest *slowest, struct slowest_entry entries_r[SLOWEST_COUNT], uint64_t now_ms)
{
	size_t count = 0;

	lock_take(&slowest->lock);
	for (size_t i = 0; i < SLOWEST_COUNT; i++)
		if (!is_old(&slowest->entries[i], now_ms))
			entries_r[count++] = slowest->entries[i];
	lock_give(&slowest->lock);
	qsort(entries_r, count, sizeof(entries_r[0]), slower_first);
	return count;
}
