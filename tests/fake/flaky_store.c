/* SPDX-License-Identifier: BSD-2-Clause */
#include "flaky_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"
#include "store_backend.h"

enum { FLAKY_KEYS_MAX = 4096 };

struct flaky_half {
	struct store *inner;
	enum flaky flaky;
	unsigned trips;
	size_t key_count;
	struct {
		char key[STORE_KEY_SIZE];
		int64_t window_ms;
	} keys[FLAKY_KEYS_MAX];
};

static uint64_t flaky_now_ms = 1000000000;

static uint64_t flaky_clock(void)
{
	return flaky_now_ms;
}

void flaky_store_pass(uint64_t ms)
{
	flaky_now_ms += ms;
}

static void note_keys(struct flaky_half *half, const struct store_step *step)
{
	for (size_t i = 0; i < step->count; i++) {
		bool known = false;

		for (size_t k = 0; k < half->key_count && !known; k++)
			known = strcmp(half->keys[k].key, step->charges[i].key) == 0;
		if (known)
			continue;
		assert_true(half->key_count < FLAKY_KEYS_MAX);
		strcpy(half->keys[half->key_count].key, step->charges[i].key);
		half->keys[half->key_count++].window_ms = step->charges[i].window_ms;
	}
}

static enum store_status flaky_reserve(
	void *half_given, const struct store_step *step, struct store_decision *decision)
{
	struct flaky_half *half = half_given;
	enum store_status status;

	half->trips++;
	if (half->flaky == FLAKY_DOWN)
		return STORE_DOWN;
	note_keys(half, step);
	status = step->look ? store_look(half->inner, step->charges, step->count, decision)
			    : store_reserve(half->inner, step->id, step->sequence, step->charges,
				      step->count, decision);
	return half->flaky == FLAKY_ANSWERS_LOST ? STORE_DOWN : status;
}

static void flaky_commit(void *half_given, const struct store_step *step)
{
	struct flaky_half *half = half_given;

	half->trips++;
	if (half->flaky != FLAKY_DOWN)
		store_commit(half->inner, step->id, step->charges, step->count);
}

static enum store_status flaky_give_back(void *half_given, const struct store_step *step)
{
	struct flaky_half *half = half_given;
	enum store_status status;

	half->trips++;
	if (half->flaky == FLAKY_DOWN)
		return STORE_DOWN;
	status = store_give_back(half->inner, step->id, step->sequence, step->charges, step->count);
	return half->flaky == FLAKY_ANSWERS_LOST ? STORE_DOWN : status;
}

static enum store_status flaky_peek(
	void *half_given, const struct store_step *step, int64_t *used_r)
{
	struct flaky_half *half = half_given;

	half->trips++;
	if (half->flaky != FLAKY_UP)
		return STORE_DOWN;
	return store_peek(half->inner, step->charges, step->count, used_r);
}

static enum store_status flaky_forget(void *half_given, const struct store_step *step)
{
	struct flaky_half *half = half_given;

	return half->flaky != FLAKY_UP ? STORE_DOWN
				       : store_forget(half->inner, step->charges, step->count);
}

static enum store_status flaky_list(void *half_given, store_visit *visit, void *context)
{
	struct flaky_half *half = half_given;

	return half->flaky != FLAKY_UP ? STORE_DOWN : store_list(half->inner, visit, context);
}

static enum store_status flaky_claim(
	void *half_given, const char *name, int64_t keep_ms, bool *claimed_r)
{
	struct flaky_half *half = half_given;

	return half->flaky != FLAKY_UP ? STORE_DOWN
				       : store_claim(half->inner, name, keep_ms, claimed_r);
}

static void flaky_state(void *half_given, struct store_state *state_r)
{
	const struct flaky_half *half = half_given;

	state_r->up = half->flaky == FLAKY_UP;
}

static enum store_status flaky_table_set(
	void *half_given, const char *table, const struct store_row *row)
{
	struct flaky_half *half = half_given;

	return half->flaky != FLAKY_UP ? STORE_DOWN : store_table_set(half->inner, table, row);
}

static enum store_status flaky_table_delete(
	void *half_given, const char *table, const char *name, bool *found_r)
{
	struct flaky_half *half = half_given;

	return half->flaky != FLAKY_UP ? STORE_DOWN
				       : store_table_delete(half->inner, table, name, found_r);
}

static enum store_status flaky_table_read(void *half_given, const char *table, char **text_r)
{
	struct flaky_half *half = half_given;

	if (half->flaky != FLAKY_UP)
		return STORE_DOWN;
	return half->inner->backend->table_read(half->inner->half, table, text_r);
}

static const struct store_backend flaky_backend = {
	.kind = "flaky",
	.reserve = flaky_reserve,
	.commit = flaky_commit,
	.give_back = flaky_give_back,
	.peek = flaky_peek,
	.forget = flaky_forget,
	.list = flaky_list,
	.claim = flaky_claim,
	.state = flaky_state,
	.table_set = flaky_table_set,
	.table_delete = flaky_table_delete,
	.table_read = flaky_table_read,
};

struct store *flaky_store_open(void)
{
	static const struct store_options options = {.prefix = (char *)"test:",
		.connect_timeout_ms = 100,
		.timeout_ms = 50,
		.connections = 1,
		.memory_bytes = 1 << 24};
	struct store *store = mem_alloc(sizeof(*store));
	struct flaky_half *half = mem_alloc(sizeof(*half));
	char why[200] = "";

	half->inner = store_open(&options, why, sizeof(why));
	if (half->inner == NULL)
		fail_msg("%s", why);
	half->inner->clock = flaky_clock;
	store->backend = &flaky_backend;
	store->half = half;
	return store;
}

void flaky_store_close(struct store **store_ptr)
{
	struct flaky_half *half = (*store_ptr)->half;

	store_close(&half->inner);
	mem_free(half);
	mem_free(*store_ptr);
	*store_ptr = NULL;
}

void flaky_store_set(struct store *store, enum flaky flaky)
{
	((struct flaky_half *)store->half)->flaky = flaky;
}

unsigned flaky_store_trips(const struct store *store)
{
	return ((const struct flaky_half *)store->half)->trips;
}

int64_t flaky_store_used(struct store *store, const char *key, int64_t window_ms)
{
	struct flaky_half *half = store->half;
	struct store_charge charge = {.key = key, .label = "", .window_ms = window_ms};
	int64_t used = 0;

	assert_int_equal(store_peek(half->inner, &charge, 1, &used), STORE_OK);
	return used;
}

int64_t flaky_store_sum(struct store *store)
{
	const struct flaky_half *half = store->half;
	int64_t sum = 0;

	for (size_t i = 0; i < half->key_count; i++)
		sum += flaky_store_used(store, half->keys[i].key, half->keys[i].window_ms);
	return sum;
}
