/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of the memory half. The number of chains is fixed by the memory bound, so no call ever
 * pays for a growing table; each call looks at a few chains for what has expired. */
#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "mem.h"
#include "store_memory_private.h"
#include "text.h"

enum {
	SWEEP_CHAINS = 4, /* looked at by each call that changes something */
	SWEEP_CHAINS_FULL = 2048, /* the same when there is no room */
	HEAP_OVERHEAD = 16
};

uint64_t memory_now_ms(const struct memory *memory)
{
	return memory->store->clock != NULL ? memory->store->clock() : clock_monotonic_ms();
}

static uint64_t hash_name(const struct memory *memory, const char *name)
{
	uint64_t hash = memory->seed ^ 14695981039346656037U;

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 1099511628211U;
	return hash ^ hash >> 32;
}

static struct entry **chain_of(struct memory *memory, uint64_t hash) REQUIRES(memory->lock)
{
	return &memory->chains[hash & (memory->chain_count - 1)];
}

static void free_entry(struct entry *entry)
{
	window_clear(&entry->window);
	mem_free(entry->name);
	mem_free(entry->label);
	mem_free(entry->title);
	mem_free(entry->value);
	mem_free(entry);
}

void memory_count_bytes(struct memory *memory, struct entry *entry)
{
	size_t bytes = sizeof(*entry) + strlen(entry->name) + entry->length +
		       window_bytes(&entry->window) + 4 * HEAP_OVERHEAD;

	if (entry->label != NULL)
		bytes += strlen(entry->label) + strlen(entry->title);
	memory->bytes = memory->bytes + bytes - entry->bytes;
	if (entry->value != NULL)
		memory->value_bytes = memory->value_bytes + bytes - entry->bytes;
	entry->bytes = bytes;
}

/* Takes the entry out of its chain. */
static void drop(struct memory *memory, struct entry **at) REQUIRES(memory->lock)
{
	struct entry *entry = *at;

	*at = entry->next;
	memory->keys--;
	memory->bytes -= entry->bytes;
	if (entry->value != NULL)
		memory->value_bytes -= entry->bytes;
	free_entry(entry);
}

void memory_remove(struct memory *memory, struct entry *entry)
{
	struct entry **at = chain_of(memory, entry->hash);

	while (*at != entry)
		at = &(*at)->next;
	drop(memory, at);
}

void memory_sweep(struct memory *memory, size_t chains, uint64_t now)
{
	for (; chains > 0; chains--) {
		struct entry **at = &memory->chains[memory->swept];

		memory->swept = (memory->swept + 1) & (memory->chain_count - 1);
		while (*at != NULL) {
			if ((*at)->end_ms > now)
				at = &(*at)->next;
			else
				drop(memory, at);
		}
	}
}

struct entry *memory_find(struct memory *memory, const char *name)
{
	uint64_t hash = hash_name(memory, name);
	struct entry *entry = *chain_of(memory, hash);

	while (entry != NULL && (entry->hash != hash || strcmp(entry->name, name) != 0))
		entry = entry->next;
	return entry;
}

struct entry *memory_add(struct memory *memory, const char *name)
{
	struct entry *entry = mem_alloc(sizeof(*entry));
	struct entry **chain;

	entry->name = mem_text(name);
	entry->hash = hash_name(memory, name);
	chain = chain_of(memory, entry->hash);
	entry->next = *chain;
	*chain = entry;
	memory->keys++;
	return entry;
}

void memory_sweep_some(struct memory *memory, uint64_t now)
{
	memory_sweep(memory, SWEEP_CHAINS, now);
}

bool memory_fits(const struct memory *memory, size_t count, size_t size)
{
	return count == 0 ||
	       memory->bytes + count * (sizeof(struct entry) + MEMORY_NAME_SIZE + size) <=
		       memory->bytes_max;
}

bool memory_has_room(struct memory *memory, size_t count, size_t size, uint64_t now)
{
	memory_sweep_some(memory, now);
	if (memory_fits(memory, count, size))
		return true;
	memory_sweep(memory,
		memory->chain_count < SWEEP_CHAINS_FULL ? memory->chain_count : SWEEP_CHAINS_FULL,
		now);
	if (memory_fits(memory, count, size))
		return true;
	memory->refused += count;
	return false;
}

static void window_name(const struct store_charge *charge, char name[MEMORY_NAME_SIZE])
{
	struct text text;

	text_init(&text, name, MEMORY_NAME_SIZE);
	text_addf(&text, "w:%s:%" PRId64, charge->key, charge->window_ms);
}

struct entry *memory_find_window(struct memory *memory, const struct store_charge *charge)
{
	char name[MEMORY_NAME_SIZE];

	window_name(charge, name);
	return memory_find(memory, name);
}

struct entry *memory_add_window(struct memory *memory, const struct store_charge *charge)
{
	char name[MEMORY_NAME_SIZE];
	struct entry *entry;

	window_name(charge, name);
	entry = memory_add(memory, name);
	entry->label = mem_text_n(charge->label == NULL ? "" : charge->label, STORE_LABEL_SIZE - 1);
	entry->title = mem_text_n(charge->title == NULL ? "" : charge->title, STORE_TITLE_SIZE - 1);
	entry->window_ms = charge->window_ms;
	window_init(&entry->window, charge->window_ms);
	return entry;
}

bool memory_put(
	struct memory *memory, const char *name, const void *bytes, size_t length, uint64_t end_ms)
{
	struct entry *entry;

	/* Values may use half of the memory at most, so that they never crowd out the limits. */
	if (!memory_has_room(memory, 1, length, memory_now_ms(memory)) ||
		memory->value_bytes + length > memory->bytes_max / 2)
		return false;
	entry = memory_find(memory, name);
	if (entry == NULL)
		entry = memory_add(memory, name);
	entry->value = mem_resize(entry->value, length + 1, 1);
	memcpy(entry->value, bytes, length);
	entry->value[length] = '\0';
	entry->length = length;
	entry->end_ms = end_ms;
	memory_count_bytes(memory, entry);
	return true;
}
