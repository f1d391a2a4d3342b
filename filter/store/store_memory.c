/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory half: one table of windows and values behind one lock. A call holds it for about a
 * microsecond, and a step over several keys is all or nothing without a second lock. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"
#include "store_memory_private.h"

enum { BYTES_PER_CHAIN = 512 /* about one key */ };

static struct window_ask ask_of(const struct store_step *step, size_t i)
{
	return (struct window_ask){
		.id = step->id,
		.sequence = step->sequence,
		.limit = step->charges[i].limit,
		.units = step->charges[i].units,
		.member = step->charges[i].members,
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
	struct finding finding = {.entry = memory_find_window(memory, &step->charges[i])};
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
	struct window_ask ask = ask_of(step, i);

	if (entry == NULL)
		entry = memory_add_window(memory, &step->charges[i]);
	window_take(&entry->window, &ask, (int64_t)now);
	entry->end_ms = (uint64_t)window_end_ms(&entry->window);
	memory_count_bytes(memory, entry);
}

static bool takes_something(const struct store_charge *charge)
{
	return charge->units > 0 || charge->members != NULL;
}

/* Is it more than the decision so far: of those that do not fit, the one that waits longest, or else of
 * those that fit, the one whose window is the fullest? */
static void judge_one(const struct store_charge *charge, size_t i,
	const struct window_answer *answer, enum store_status *status, double *largest,
	struct store_decision *decision)
{
	int64_t used = answer->used + answer->cost;
	double share = charge->limit > 0 ? (double)used / (double)charge->limit : 1e300;

	if (!answer->fits &&
		(*status == STORE_OK || answer->retry_after_ms > decision->retry_after_ms)) {
		*status = STORE_OVER;
		*decision = (struct store_decision){i, answer->used, answer->retry_after_ms};
	}
	if (*status == STORE_OK && share > *largest) {
		*largest = share;
		*decision = (struct store_decision){i, used, 0};
	}
}

static enum store_status judge(const struct store_step *step, const struct finding *findings,
	struct store_decision *decision)
{
	enum store_status status = STORE_OK;
	double largest = -1;

	for (size_t i = 0; i < step->count; i++) {
		const struct window_answer *answer = &findings[i].answer;
		struct store_watch *watch = step->charges[i].watch;

		if (watch != NULL && !answer->fits)
			*watch = (struct store_watch){true, answer->used, answer->retry_after_ms};
		else
			judge_one(&step->charges[i], i, answer, &status, &largest, decision);
	}
	return status;
}

/* Looks at all; how many a new key, or a window that gets a new member, needs room for. */
static size_t look_at_all(struct memory *memory, const struct store_step *step,
	struct finding *findings, uint64_t now) REQUIRES(memory->lock)
{
	size_t missing = 0;

	for (size_t i = 0; i < step->count; i++) {
		const struct store_charge *charge = &step->charges[i];

		findings[i] = look(memory, step, i, now);
		missing += charge->members != NULL ? findings[i].answer.cost > 0
						   : charge->units > 0 && findings[i].entry == NULL;
	}
	return missing;
}

static enum store_status reserve_locked(struct memory *memory, const struct store_step *step,
	struct finding *findings, struct store_decision *decision_r) REQUIRES(memory->lock)
{
	uint64_t now = memory_now_ms(memory);
	enum store_status status;
	size_t missing;

	/* Before anything is looked up: this frees entries. */
	if (!step->look)
		memory_sweep_some(memory, now);
	missing = look_at_all(memory, step, findings, now);
	if (!step->look && !memory_fits(memory, missing, sizeof(struct window_slot))) {
		if (!memory_has_room(memory, missing, sizeof(struct window_slot), now))
			return STORE_DOWN;
		look_at_all(memory, step, findings, now);
	}
	status = judge(step, findings, decision_r);
	for (size_t i = 0; i < step->count && status == STORE_OK && !step->look; i++)
		if (takes_something(&step->charges[i]) && findings[i].answer.fits &&
			!findings[i].answer.counted)
			take(memory, step, i, findings[i].entry, now);
	return status;
}

static enum store_status reserve(
	void *half, const struct store_step *step, struct store_decision *decision_r)
{
	struct memory *memory = half;
	struct finding *findings = mem_array(step->count, sizeof(*findings));
	enum store_status status;

	lock_take(&memory->lock);
	status = reserve_locked(memory, step, findings, decision_r);
	lock_give(&memory->lock);
	mem_free(findings);
	return status;
}

static size_t member_count(const struct store_charge *charge)
{
	return charge->members == NULL ? 0 : charge->member_count;
}

static const unsigned char *member(const struct store_charge *charge, size_t number)
{
	return charge->members + number * STORE_MEMBER_SIZE;
}

static void commit(void *half, const struct store_step *step)
{
	struct memory *memory = half;

	lock_take(&memory->lock);
	for (size_t i = 0; i < step->count; i++) {
		struct entry *entry = memory_find_window(memory, &step->charges[i]);

		if (entry == NULL)
			continue;
		window_commit(&entry->window, step->id);
		for (size_t j = 0; j < member_count(&step->charges[i]); j++)
			window_commit_member(
				&entry->window, step->id, member(&step->charges[i], j));
		memory_count_bytes(memory, entry);
	}
	lock_give(&memory->lock);
}

static enum store_status give_back(void *half, const struct store_step *step)
{
	struct memory *memory = half;

	lock_take(&memory->lock);
	for (size_t i = 0; i < step->count; i++) {
		struct entry *entry = memory_find_window(memory, &step->charges[i]);
		struct window_ask ask = ask_of(step, i);

		if (entry == NULL)
			continue;
		for (size_t j = 0; j < member_count(&step->charges[i]); j++)
			window_give_back_member(
				&entry->window, step->id, member(&step->charges[i], j));
		if (step->charges[i].members == NULL)
			window_give_back(&entry->window, &ask);
		memory_count_bytes(memory, entry);
	}
	lock_give(&memory->lock);
	return STORE_OK;
}

static enum store_status peek(void *half, const struct store_step *step, int64_t *used_r)
{
	struct memory *memory = half;
	uint64_t now = memory_now_ms(memory);

	lock_take(&memory->lock);
	for (size_t i = 0; i < step->count; i++) {
		struct entry *entry = memory_find_window(memory, &step->charges[i]);

		used_r[i] = entry == NULL ? 0 : window_used(&entry->window, (int64_t)now);
	}
	lock_give(&memory->lock);
	return STORE_OK;
}

static enum store_status put(void *half, const struct store_value *value)
{
	struct memory *memory = half;
	char *name = mem_format("v:%s", value->name);
	bool done;

	lock_take(&memory->lock);
	done = memory_put(memory, name, value->bytes, value->length,
		memory_now_ms(memory) + (uint64_t)value->keep_ms);
	lock_give(&memory->lock);
	mem_free(name);
	return done ? STORE_OK : STORE_DOWN;
}

static enum store_status get(void *half, const char *value_name, void **value_r, size_t *length_r)
{
	struct memory *memory = half;
	char *name = mem_format("v:%s", value_name);
	uint64_t now = memory_now_ms(memory);
	struct entry *entry;

	lock_take(&memory->lock);
	entry = memory_find(memory, name);
	if (entry != NULL && entry->value != NULL && entry->end_ms > now) {
		*value_r = mem_alloc(entry->length);
		memcpy(*value_r, entry->value, entry->length);
		*length_r = entry->length;
	}
	lock_give(&memory->lock);
	mem_free(name);
	return STORE_OK;
}

static enum store_status set_has(void *half, const char *key, const char *const *members,
	size_t count, enum store_set *set_r)
{
	(void)half;
	(void)key;
	(void)members;
	(void)count;
	*set_r = STORE_SET_MISSING;
	return STORE_OK;
}

static void *open_half(struct store *store, const struct store_options *options,
	const struct store_url *url, char *why, size_t why_size)
{
	struct memory *memory = mem_alloc(sizeof(*memory));
	unsigned char seed[STORE_ID_SIZE];

	(void)url;
	(void)why;
	(void)why_size;
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
	memory_sweep(memory, memory->chain_count, UINT64_MAX);
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
	.forget = memory_forget,
	.list = memory_list,
	.put = put,
	.get = get,
	.claim = memory_claim,
	.table_set = memory_table_set,
	.table_delete = memory_table_delete,
	.table_read = memory_table_read,
	.set_has = set_has,
	.state = state,
};
