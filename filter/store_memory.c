/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory half: one table of windows and values behind one lock. A call holds it for about a
 * microsecond, and a step over several keys is all or nothing without a second lock. The number of
 * chains is fixed by the memory bound, so no call ever pays for a growing table; each call looks at
 * a few chains for what has expired. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "lock.h"
#include "mem.h"
#include "store_backend.h"
#include "window.h"

enum {
	BYTES_PER_CHAIN = 512, /* about one key */
	SWEEP_CHAINS = 4, /* looked at by each call that changes something */
	SWEEP_CHAINS_FULL = 2048, /* the same when there is no room */
	NAME_SIZE = 128,
	HEAP_OVERHEAD = 16
};

/* A window, or a small value. */
struct entry {
	struct entry *next;
	char *name; /* owned */
	char *label; /* owned; NULL for a value */
	uint64_t hash;
	struct window window;
	char *value; /* owned; NULL for a window */
	size_t length;
	uint64_t end_ms;
	size_t bytes; /* as counted against the bound */
};

struct memory {
	struct store *store;
	struct lock lock;
	struct entry **chains GUARDED_BY(lock);
	size_t chain_count; /* a power of two */
	size_t swept GUARDED_BY(lock); /* the next chain to look at */
	uint64_t keys GUARDED_BY(lock), bytes GUARDED_BY(lock), value_bytes GUARDED_BY(lock);
	uint64_t bytes_max;
	uint64_t refused GUARDED_BY(lock); /* keys for which there was no room */
	uint64_t seed;
};

static uint64_t now_ms(const struct memory *memory)
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
	mem_free(entry->value);
	mem_free(entry);
}

static void count_bytes(struct memory *memory, struct entry *entry) REQUIRES(memory->lock)
{
	size_t bytes = sizeof(*entry) + strlen(entry->name) + entry->length +
		       window_bytes(&entry->window) + 4 * HEAP_OVERHEAD;

	if (entry->label != NULL)
		bytes += strlen(entry->label);
	memory->bytes = memory->bytes + bytes - entry->bytes;
	if (entry->value != NULL)
		memory->value_bytes = memory->value_bytes + bytes - entry->bytes;
	entry->bytes = bytes;
}

static void sweep(struct memory *memory, size_t chains, uint64_t now) REQUIRES(memory->lock)
{
	for (; chains > 0; chains--) {
		struct entry **at = &memory->chains[memory->swept];

		memory->swept = (memory->swept + 1) & (memory->chain_count - 1);
		while (*at != NULL) {
			struct entry *entry = *at;

			if (entry->end_ms > now) {
				at = &entry->next;
				continue;
			}
			*at = entry->next;
			memory->keys--;
			memory->bytes -= entry->bytes;
			if (entry->value != NULL)
				memory->value_bytes -= entry->bytes;
			free_entry(entry);
		}
	}
}

static struct entry *find(struct memory *memory, const char *name) REQUIRES(memory->lock)
{
	uint64_t hash = hash_name(memory, name);
	struct entry *entry = *chain_of(memory, hash);

	while (entry != NULL && (entry->hash != hash || strcmp(entry->name, name) != 0))
		entry = entry->next;
	return entry;
}

static struct entry *add(struct memory *memory, const char *name) REQUIRES(memory->lock)
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

/* Room for COUNT new entries of about SIZE bytes more each? */
static bool has_room(struct memory *memory, size_t count, size_t size, uint64_t now)
	REQUIRES(memory->lock)
{
	uint64_t needed = count * (sizeof(struct entry) + NAME_SIZE + size);

	sweep(memory, SWEEP_CHAINS, now);
	if (count == 0 || memory->bytes + needed <= memory->bytes_max)
		return true;
	sweep(memory,
		memory->chain_count < SWEEP_CHAINS_FULL ? memory->chain_count : SWEEP_CHAINS_FULL,
		now);
	if (memory->bytes + needed <= memory->bytes_max)
		return true;
	memory->refused += count;
	return false;
}

static void window_name(const struct store_charge *charge, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "w:%s:%" PRId64, charge->key, charge->window_ms);
}

static struct entry *find_window(struct memory *memory, const struct store_charge *charge)
	REQUIRES(memory->lock)
{
	char name[NAME_SIZE];

	window_name(charge, name);
	return find(memory, name);
}

static struct window_ask ask_of(const struct store_step *step, size_t i)
{
	return (struct window_ask){
		.id = step->id,
		.sequence = step->sequence,
		.limit = step->charges[i].limit,
		.units = step->charges[i].units,
	};
}

/* What one charge of a step came to. */
struct finding {
	struct entry *entry; /* NULL: nothing kept under this key yet */
	struct window_answer answer;
};

static struct finding look(struct memory *memory, const struct store_step *step, size_t i,
	uint64_t now) REQUIRES(memory->lock)
{
	struct finding finding = {.entry = find_window(memory, &step->charges[i])};
	struct window_ask ask = ask_of(step, i);
	struct window empty;

	window_init(&empty, step->charges[i].window_ms);
	finding.answer = window_ask(
		finding.entry != NULL ? &finding.entry->window : &empty, &ask, (int64_t)now);
	return finding;
}

static void take(struct memory *memory, const struct store_step *step, size_t i,
	struct entry *entry, uint64_t now) REQUIRES(memory->lock)
{
	const struct store_charge *charge = &step->charges[i];
	struct window_ask ask = ask_of(step, i);
	char name[NAME_SIZE];

	if (entry == NULL) {
		window_name(charge, name);
		entry = add(memory, name);
		entry->label = mem_text_n(
			charge->label == NULL ? "" : charge->label, STORE_LABEL_SIZE - 1);
		window_init(&entry->window, charge->window_ms);
	}
	window_take(&entry->window, &ask, (int64_t)now);
	entry->end_ms = (uint64_t)window_end_ms(&entry->window);
	count_bytes(memory, entry);
}

static enum store_status judge(const struct store_step *step, const struct finding *findings,
	struct store_decision *decision)
{
	enum store_status status = STORE_OK;
	double largest = -1;

	for (size_t i = 0; i < step->count; i++) {
		const struct window_answer *answer = &findings[i].answer;
		int64_t limit = step->charges[i].limit;
		int64_t used = answer->used + (answer->counted ? 0 : step->charges[i].units);
		double share = limit > 0 ? (double)used / (double)limit : 1e300;

		if (!answer->fits &&
			(status == STORE_OK || answer->retry_after_ms > decision->retry_after_ms)) {
			status = STORE_OVER;
			*decision =
				(struct store_decision){i, answer->used, answer->retry_after_ms};
		}
		if (status == STORE_OK && share > largest) {
			largest = share;
			*decision = (struct store_decision){i, used, 0};
		}
	}
	return status;
}

static enum store_status reserve(
	void *half, const struct store_step *step, struct store_decision *decision_r)
{
	struct memory *memory = half;
	struct finding findings[STORE_CHARGES_MAX];
	enum store_status status;
	size_t missing = 0;
	uint64_t now = now_ms(memory);

	lock_take(&memory->lock);
	for (size_t i = 0; i < step->count; i++)
		missing += find_window(memory, &step->charges[i]) == NULL &&
			   step->charges[i].units > 0;
	/* Before anything is looked up for good: making room frees entries. */
	if (!has_room(memory, missing, sizeof(struct window_slot), now)) {
		lock_give(&memory->lock);
		return STORE_DOWN;
	}
	for (size_t i = 0; i < step->count; i++)
		findings[i] = look(memory, step, i, now);
	status = judge(step, findings, decision_r);
	for (size_t i = 0; i < step->count && status == STORE_OK; i++)
		if (step->charges[i].units > 0 && !findings[i].answer.counted)
			take(memory, step, i, findings[i].entry, now);
	lock_give(&memory->lock);
	return status;
}

static void commit(void *half, const struct store_step *step)
{
	struct memory *memory = half;

	lock_take(&memory->lock);
	for (size_t i = 0; i < step->count; i++) {
		struct entry *entry = find_window(memory, &step->charges[i]);

		if (entry == NULL)
			continue;
		window_commit(&entry->window, step->id);
		count_bytes(memory, entry);
	}
	lock_give(&memory->lock);
}

static enum store_status give_back(void *half, const struct store_step *step)
{
	struct memory *memory = half;

	lock_take(&memory->lock);
	for (size_t i = 0; i < step->count; i++) {
		struct entry *entry = find_window(memory, &step->charges[i]);
		struct window_ask ask = ask_of(step, i);

		if (entry == NULL)
			continue;
		window_give_back(&entry->window, &ask);
		count_bytes(memory, entry);
	}
	lock_give(&memory->lock);
	return STORE_OK;
}

static enum store_status peek(void *half, const struct store_step *step, int64_t *used_r)
{
	struct memory *memory = half;
	uint64_t now = now_ms(memory);

	lock_take(&memory->lock);
	for (size_t i = 0; i < step->count; i++) {
		struct entry *entry = find_window(memory, &step->charges[i]);

		used_r[i] = entry == NULL ? 0 : window_used(&entry->window, (int64_t)now);
	}
	lock_give(&memory->lock);
	return STORE_OK;
}

static enum store_status put(void *half, const struct store_value *value)
{
	struct memory *memory = half;
	char *name = mem_format("v:%s", value->name);
	char *copy = mem_alloc(value->length);
	enum store_status status = STORE_DOWN;
	uint64_t now = now_ms(memory);
	struct entry *entry;

	memcpy(copy, value->bytes, value->length);
	lock_take(&memory->lock);
	/* Values may use half of the memory at most, so that they never crowd out the limits. */
	if (has_room(memory, 1, value->length, now) &&
		memory->value_bytes + value->length <= memory->bytes_max / 2) {
		entry = find(memory, name);
		entry = entry != NULL ? entry : add(memory, name);
		mem_free(entry->value);
		entry->value = copy;
		entry->length = value->length;
		entry->end_ms = now + (uint64_t)value->keep_ms;
		count_bytes(memory, entry);
		copy = NULL;
		status = STORE_OK;
	}
	lock_give(&memory->lock);
	mem_free(copy);
	mem_free(name);
	return status;
}

static enum store_status get(void *half, const char *value_name, void **value_r, size_t *length_r)
{
	struct memory *memory = half;
	char *name = mem_format("v:%s", value_name);
	uint64_t now = now_ms(memory);
	struct entry *entry;

	lock_take(&memory->lock);
	entry = find(memory, name);
	if (entry != NULL && entry->value != NULL && entry->end_ms > now) {
		*value_r = mem_alloc(entry->length);
		memcpy(*value_r, entry->value, entry->length);
		*length_r = entry->length;
	}
	lock_give(&memory->lock);
	mem_free(name);
	return STORE_OK;
}

static enum store_status set_has(
	void *half, const char *key, const char *const *members, size_t count, bool *has_r)
{
	(void)half;
	(void)key;
	(void)members;
	(void)count;
	*has_r = false;
	return STORE_OK;
}

static void *open_half(
	struct store *store, const struct store_options *options, const struct store_url *url)
{
	struct memory *memory = mem_alloc(sizeof(*memory));
	unsigned char seed[STORE_ID_SIZE];

	(void)url;
	memory->store = store;
	memory->bytes_max = (uint64_t)options->memory_bytes;
	memory->chain_count = 64;
	while (memory->chain_count < memory->bytes_max / BYTES_PER_CHAIN)
		memory->chain_count *= 2;
	memory->chains = mem_array(memory->chain_count, sizeof(*memory->chains));
	store_id(seed);
	memcpy(&memory->seed, seed, sizeof(memory->seed));
	lock_init(&memory->lock);
	return memory;
}

static void close_half(void *half)
{
	struct memory *memory = half;

	lock_take(&memory->lock);
	sweep(memory, memory->chain_count, UINT64_MAX);
	lock_give(&memory->lock);
	lock_destroy(&memory->lock);
	mem_free(memory->chains);
	mem_free(memory);
}

static void state(void *half, struct store_state *state_r)
{
	struct memory *memory = half;

	state_r->up = true;
	lock_take(&memory->lock);
	state_r->keys = memory->keys;
	state_r->bytes = memory->bytes;
	if (memory->refused > 0)
		snprintf(state_r->detail, sizeof(state_r->detail),
			"no room for %" PRIu64 " new keys so far", memory->refused);
	lock_give(&memory->lock);
}

const struct store_backend store_memory = {
	.kind = "memory",
	.open = open_half,
	.close = close_half,
	.reserve = reserve,
	.commit = commit,
	.give_back = give_back,
	.peek = peek,
	.put = put,
	.get = get,
	.set_has = set_has,
	.state = state,
};
