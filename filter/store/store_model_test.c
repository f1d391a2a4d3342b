/* SPDX-License-Identifier: BSD-2-Clause */
/* The window, in C alone, in the memory half and in Redis, against a model that keeps each reserve
 * call as an event of its own: random operations under a clock that jumps, and a check of every
 * rolling window over what was accepted. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/lib/model_time.h"
#include "../../tests/lib/plain_windows.h"
#include "../../tests/lib/private_redis.h"
#include "../../tests/lib/random_below.h"
#include "store_backend.h"

enum {
	KEYS = 3,
	IDS = 10,
	OPERATIONS = 100000,
	SOAK_OPERATIONS = 1000000,
	ROUND = 250,
	EVENTS_MAX = KEYS * ROUND
};

/* The units that one reserve call took under one key. */
struct event {
	size_t id;
	unsigned sequence;
	int64_t slot, units;
	int64_t at_ms;
	bool live; /* can be given back */
};

struct model_key {
	char key[STORE_KEY_SIZE];
	struct model_time time;
	int64_t limit;
	struct event events[ROUND];
	size_t count;
	unsigned last[IDS]; /* sequence of the last reserve call; 0: no reservation */
	int64_t last_slot[IDS];
};

struct model {
	struct model_key keys[KEYS];
	unsigned char ids[IDS][STORE_ID_SIZE];
	unsigned next[IDS]; /* sequence of the next reserve call */
};

static struct private_redis redis;
static uint64_t now;
static uint64_t random_state;
static bool may_go_back;
static struct store *store;
static struct model model;
static struct {
	uint64_t accepted, refused, left_out, repeated, given_back, committed, windows;
} total;

static uint64_t fake_clock(void)
{
	return now;
}

static uint32_t below(uint32_t bound)
{
	return random_below(&random_state, bound);
}

static int64_t used_at(const struct model_key *key, int64_t at)
{
	int64_t oldest = model_slot(&key->time, at) - 60;
	int64_t sum = 0;

	for (size_t i = 0; i < key->count; i++)
		if (key->events[i].slot >= oldest)
			sum += key->events[i].units;
	return sum;
}

static void model_take(struct model_key *key, size_t id, unsigned sequence, int64_t units)
{
	int64_t at = model_effective_ms(&key->time, (int64_t)now);
	int64_t current = model_slot(&key->time, (int64_t)now);

	for (size_t i = 0; i < key->count; i++) {
		struct event *event = &key->events[i];

		if (event->slot < current - 60)
			event->units = 0;
		if (event->slot <= current)
			continue;
		event->slot = current;
		event->at_ms = at;
	}
	for (size_t i = 0; i < IDS; i++) {
		if (key->last_slot[i] > current)
			key->last_slot[i] = current;
		if (key->last_slot[i] < current - 60)
			key->last[i] = 0;
	}
	for (size_t i = 0; i < key->count; i++)
		if (key->last[key->events[i].id] == 0)
			key->events[i].live = false;
	key->time.last = current;
	key->last[id] = sequence;
	key->last_slot[id] = current;
	key->events[key->count++] = (struct event){id, sequence, current, units, at, true};
}

static void give_back_event(struct event *event, int64_t units)
{
	event->units -= units < event->units ? units : event->units;
	event->live = false;
}

static void model_give_back(struct model_key *key, size_t id, unsigned sequence, int64_t units)
{
	for (size_t i = 0; i < key->count; i++) {
		struct event *event = &key->events[i];

		if (event->id != id || !event->live)
			continue;
		if (sequence == 0)
			give_back_event(event, event->units);
		else if (event->sequence == sequence)
			give_back_event(event, units);
	}
	if (sequence == 0)
		key->last[id] = 0;
}

static void model_commit(struct model_key *key, size_t id)
{
	for (size_t i = 0; i < key->count; i++)
		if (key->events[i].id == id)
			key->events[i].live = false;
	key->last[id] = 0;
}

/* A step over some of the keys. */
static size_t choose_charges(
	struct store_charge *charges, size_t *chosen, struct store_watch *watches)
{
	size_t count = 0;

	for (size_t k = 0; k < KEYS; k++) {
		struct model_key *key = &model.keys[k];

		if (below(3) == 0)
			continue;
		chosen[count] = k;
		charges[count++] = (struct store_charge){.key = key->key,
			.label = "label",
			.window_ms = key->time.window_ms,
			.limit = key->limit,
			.units = below(8),
			.watch = watches != NULL && below(3) == 0 ? &watches[k] : NULL};
	}
	return count;
}

/* The wait is right when there is room after it and none a millisecond earlier. */
static void check_wait(const struct model_key *key, int64_t units, int64_t wait)
{
	int64_t at = (int64_t)now + wait;

	if (units > key->limit) {
		assert_int_equal(wait, 60 * key->time.step_ms);
		return;
	}
	if (model_time_is_wrong(&key->time, (int64_t)now))
		return;
	assert_true(used_at(key, at) + units <= key->limit);
	assert_true(used_at(key, at - 1) + units > key->limit);
}

/* A window that has passed may be forgotten, and what was reserved in it; whether a repetition then
 * counts depends on when the store swept. */
static bool repeats_the_forgotten(const struct store_charge *charges, const size_t *chosen,
	size_t count, size_t id, unsigned sequence)
{
	for (size_t i = 0; i < count; i++) {
		const struct model_key *key = &model.keys[chosen[i]];

		if (charges[i].units > 0 && sequence <= key->last[id] &&
			(int64_t)now >= (key->time.last + 61) * key->time.step_ms)
			return true;
	}
	return false;
}

/* A charge that only looks on says that it does not fit, and how. */
static void check_watch(const struct store_charge *charge, const struct model_key *key, bool fits)
{
	assert_int_equal(charge->watch->over, !fits);
	if (fits)
		return;
	assert_int_equal(charge->watch->used, used_at(key, (int64_t)now));
	check_wait(key, charge->units, charge->watch->retry_after_ms);
	total.left_out++;
}

static void do_reserve(size_t id, unsigned sequence)
{
	struct store_charge charges[KEYS];
	struct store_watch watches[KEYS];
	size_t chosen[KEYS];
	size_t count = choose_charges(charges, chosen, watches);
	struct store_decision decision;
	enum store_status status;
	bool counted[KEYS], fit[KEYS];
	bool fits = true, one_fits = false;

	if (repeats_the_forgotten(charges, chosen, count, id, sequence))
		return;
	status = store_reserve(store, model.ids[id], sequence, charges, count, &decision);
	for (size_t i = 0; i < count; i++) {
		struct model_key *key = &model.keys[chosen[i]];
		int64_t units = charges[i].units;

		counted[i] = units > 0 && sequence <= key->last[id];
		total.repeated += counted[i];
		fit[i] = counted[i] || used_at(key, (int64_t)now) + units <= key->limit;
		one_fits = one_fits || fit[i];
		if (charges[i].watch != NULL)
			check_watch(&charges[i], key, fit[i]);
		else
			fits = fits && fit[i];
	}
	assert_int_equal(status, fits ? STORE_OK : STORE_OVER);
	if (!fits) {
		struct model_key *key = &model.keys[chosen[decision.over]];

		total.refused++;
		assert_false(fit[decision.over]);
		assert_null(charges[decision.over].watch);
		assert_int_equal(decision.used, used_at(key, (int64_t)now));
		check_wait(key, charges[decision.over].units, decision.retry_after_ms);
		return;
	}
	for (size_t i = 0; i < count; i++)
		if (charges[i].units > 0 && fit[i] && !counted[i]) {
			model_take(&model.keys[chosen[i]], id, sequence, charges[i].units);
			total.accepted++;
		}
	if (one_fits)
		assert_int_equal(
			decision.used, used_at(&model.keys[chosen[decision.over]], (int64_t)now));
	model.next[id] = sequence >= model.next[id] ? sequence + 1 : model.next[id];
}

static void do_end(size_t id)
{
	struct store_charge charges[KEYS];
	size_t chosen[KEYS];
	size_t count = choose_charges(charges, chosen, NULL);
	bool commit = below(3) == 0;
	unsigned sequence = below(2) == 0 ? 0 : 1 + below(model.next[id]);

	if (commit)
		store_commit(store, model.ids[id], charges, count);
	else
		assert_int_equal(
			store_give_back(store, model.ids[id], sequence, charges, count), STORE_OK);
	total.committed += commit;
	total.given_back += !commit;
	for (size_t i = 0; i < count; i++) {
		if (commit)
			model_commit(&model.keys[chosen[i]], id);
		else
			model_give_back(&model.keys[chosen[i]], id, sequence, charges[i].units);
	}
}

static void do_peek(void)
{
	struct store_charge charges[KEYS];
	int64_t used[KEYS];

	for (size_t k = 0; k < KEYS; k++)
		charges[k] = (struct store_charge){
			.key = model.keys[k].key, .window_ms = model.keys[k].time.window_ms};
	assert_int_equal(store_peek(store, charges, KEYS, used), STORE_OK);
	for (size_t k = 0; k < KEYS; k++)
		assert_int_equal(used[k], used_at(&model.keys[k], (int64_t)now));
}

static void move_clock(void)
{
	int64_t window = model.keys[below(KEYS)].time.window_ms;
	uint32_t length = (uint32_t)window;

	switch (below(may_go_back ? 10 : 7)) {
	case 0:
		now += below(length);
		break;
	case 1:
		now += length / 60 - now % (length / 60); /* the edge of a slot */
		break;
	case 2:
		now += below(20) == 0 ? 50 * (uint64_t)window : 1;
		break;
	case 7:
		now -= below(length / 10);
		break;
	case 8:
		now -= below(2 * length);
		break;
	case 9:
		now -= below(10) == 0 ? 10 * (uint64_t)length : 1;
		break;
	default:
		now += below(length / 30);
	}
}

/* No rolling window ever held more than the limit. */
static void check_history(const struct model_key *key)
{
	for (size_t i = 0; i < key->count; i++) {
		int64_t end = key->events[i].at_ms;
		int64_t sum = 0;

		for (size_t j = 0; j < key->count; j++)
			if (key->events[j].at_ms <= end &&
				key->events[j].at_ms > end - key->time.window_ms)
				sum += key->events[j].units;
		assert_true(sum <= key->limit);
		total.windows++;
	}
}

static void new_round(void)
{
	memset(&model, 0, sizeof(model));
	for (size_t k = 0; k < KEYS; k++) {
		struct model_key *key = &model.keys[k];
		char name[32];
		const char *parts[] = {name};

		snprintf(name, sizeof(name), "%" PRIu32 "%" PRIu32, below(UINT32_MAX),
			below(UINT32_MAX));
		store_key(key->key, parts, 1);
		key->time =
			model_time_of(60000 * (1 + below(3) * below(100)) - below(2) * below(59));
		key->limit = 1 + below(60);
	}
	for (size_t i = 0; i < IDS; i++) {
		store_id(model.ids[i]);
		model.next[i] = 1;
	}
}

static void run_model(const char *what)
{
	int operations = getenv("MAILREEVE_SOAK") != NULL ? SOAK_OPERATIONS : OPERATIONS;

	memset(&total, 0, sizeof(total));
	random_state = 88172645463325252;
	now = 1700000000000;
	store->clock = fake_clock;
	for (int i = 0; i < operations; i++) {
		size_t id = below(IDS);

		if (i % ROUND == 0)
			new_round();
		if (below(4) == 0)
			move_clock();
		switch (below(8)) {
		case 0:
			do_peek();
			break;
		case 1:
		case 2:
			do_end(id);
			break;
		case 3:
			do_reserve(id, 1 + below(model.next[id]));
			break;
		default:
			do_reserve(id, model.next[id]);
		}
		if (i % ROUND == ROUND - 1)
			for (size_t k = 0; k < KEYS; k++)
				check_history(&model.keys[k]);
	}
	print_message("%s: %d operations: %" PRIu64 " charges, %" PRIu64 " repeated, %" PRIu64
		      " refused, %" PRIu64 " left out, %" PRIu64 " given back, %" PRIu64
		      " committed, %" PRIu64 " rolling windows\n",
		what, operations, total.accepted, total.repeated, total.refused, total.left_out,
		total.given_back, total.committed, total.windows);
}

static void window_equals_the_model(void **state)
{
	struct store own = {.backend = &plain_windows, .half = &now};

	(void)state;
	store = &own;
	may_go_back = true;
	run_model("window");
	plain_clear();
}

static void run_on(char *url)
{
	static char prefix[] = "mailreeve:";
	struct store_options options = {
		.url = url,
		.prefix = prefix,
		.connect_timeout_ms = 10000,
		.timeout_ms = 20000,
		.connections = 2,
		.memory_bytes = 16 * 1024 * 1024,
	};
	char why[128];

	store = store_open(&options, why, sizeof(why));
	assert_non_null(store);
	run_model(url == NULL ? "memory" : "redis");
	store_close(&store);
}

static void memory_equals_the_model(void **state)
{
	(void)state;
	may_go_back = false;
	run_on(NULL);
}

static void redis_equals_the_model(void **state)
{
	(void)state;
	may_go_back = true;
	run_on(redis.url);
}

static int start(void **state)
{
	(void)state;
	private_redis_start(&redis, NULL);
	return 0;
}

static int remove_all(void **state)
{
	(void)state;
	private_redis_remove(&redis);
	return 0;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(window_equals_the_model),
		cmocka_unit_test(memory_equals_the_model),
		cmocka_unit_test_setup_teardown(redis_equals_the_model, start, remove_all),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
