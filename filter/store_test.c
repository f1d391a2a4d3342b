/* SPDX-License-Identifier: BSD-2-Clause */
/* One set of cases for both halves: what store.h promises holds whatever stands behind it. */
#include "store.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/lib/private_redis.h"
#include "mem.h"
#include "store_backend.h"

enum { HOUR_MS = 3600 * 1000, MINUTE_MS = 60 * 1000, THREADS = 64 };

static struct private_redis redis;
static char *url; /* of the half under test; NULL: memory */
static _Atomic uint64_t fake_now;

static uint64_t fake_clock(void)
{
	return atomic_load(&fake_now);
}

static struct store_options options(void)
{
	return (struct store_options){
		.url = url,
		.prefix = (char *)(uintptr_t) "mailreeve:",
		.connect_timeout_ms = 10000,
		.timeout_ms = 20000,
		.connections = 8,
		.memory_bytes = 64 * 1024 * 1024,
	};
}

static struct store *open_store(void)
{
	struct store_options chosen = options();
	char why[128] = "";
	struct store *store = store_open(&chosen, why, sizeof(why));

	assert_non_null(store);
	return store;
}

/* With a clock that stands still, so that no slot ends in the middle of a case. */
static struct store *open_still(void)
{
	struct store *store = open_store();

	atomic_store(&fake_now, 1700000000000);
	store->clock = fake_clock;
	return store;
}

static void new_key(char key[STORE_KEY_SIZE])
{
	unsigned char id[STORE_ID_SIZE];
	char hex[2 * STORE_ID_SIZE + 1];
	const char *parts[] = {hex};

	store_id(id);
	for (size_t i = 0; i < STORE_ID_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
	store_key(key, parts, 1);
}

static struct store_charge charge(const char *key, int64_t limit, int64_t units)
{
	return (struct store_charge){key, "a@example.net", HOUR_MS, limit, units};
}

static int64_t used(struct store *store, const char *key)
{
	struct store_charge one = charge(key, 1, 0);
	int64_t units = -1;

	assert_int_equal(store_peek(store, &one, 1, &units), STORE_OK);
	return units;
}

static enum store_status reserve(struct store *store, const unsigned char *id, unsigned sequence,
	const char *key, int64_t limit, int64_t units)
{
	struct store_charge one = charge(key, limit, units);
	struct store_decision decision;

	return store_reserve(store, id, sequence, &one, 1, &decision);
}

static void up_to_the_limit(void **state)
{
	struct store *store = open_still();
	struct store_decision decision;
	unsigned char id[STORE_ID_SIZE];
	char key[STORE_KEY_SIZE];
	struct store_charge one;

	(void)state;
	new_key(key);
	one = charge(key, 3, 2);
	store_id(id);
	assert_int_equal(store_reserve(store, id, 1, &one, 1, &decision), STORE_OK);
	assert_int_equal(decision.used, 2);
	store_id(id);
	assert_int_equal(store_reserve(store, id, 1, &one, 1, &decision), STORE_OVER);
	assert_int_equal(decision.over, 0);
	assert_int_equal(decision.used, 2);
	assert_in_range(decision.retry_after_ms, HOUR_MS, HOUR_MS + MINUTE_MS);
	one.units = 1;
	assert_int_equal(store_reserve(store, id, 1, &one, 1, &decision), STORE_OK);
	one.limit = 0;
	assert_int_equal(store_reserve(store, id, 2, &one, 1, &decision), STORE_OVER);
	assert_int_equal(used(store, key), 3);
	store_close(&store);
}

static void room_comes_back_with_the_slot(void **state)
{
	struct store *store = open_still();
	unsigned char id[STORE_ID_SIZE];
	char key[STORE_KEY_SIZE];
	uint64_t start = atomic_load(&fake_now) / MINUTE_MS * MINUTE_MS;

	(void)state;
	new_key(key);
	store_id(id);
	atomic_store(&fake_now, start + 59999);
	assert_int_equal(reserve(store, id, 1, key, 1, 1), STORE_OK);
	/* A rolling hour later the slot is still partly in the window. */
	atomic_store(&fake_now, start + HOUR_MS + 59999);
	assert_int_equal(reserve(store, id, 2, key, 1, 1), STORE_OVER);
	atomic_store(&fake_now, start + HOUR_MS + MINUTE_MS);
	assert_int_equal(reserve(store, id, 2, key, 1, 1), STORE_OK);
	/* The clock goes back: nothing is forgotten for it. */
	atomic_store(&fake_now, start + 100);
	assert_int_equal(reserve(store, id, 3, key, 1, 1), STORE_OVER);
	assert_int_equal(used(store, key), 1);
	store_close(&store);
}

static void far_ahead_is_corrupt_but_still_counts(void **state)
{
	struct store *store = open_still();
	unsigned char id[STORE_ID_SIZE];
	char key[STORE_KEY_SIZE];
	uint64_t start = atomic_load(&fake_now);

	(void)state;
	new_key(key);
	store_id(id);
	atomic_store(&fake_now, start + 100 * (uint64_t)HOUR_MS);
	assert_int_equal(reserve(store, id, 1, key, 2, 1), STORE_OK);
	atomic_store(&fake_now, start);
	assert_int_equal(reserve(store, id, 2, key, 2, 1), STORE_OK);
	assert_int_equal(reserve(store, id, 3, key, 2, 1), STORE_OVER);
	atomic_store(&fake_now, start + HOUR_MS + MINUTE_MS);
	assert_int_equal(used(store, key), 0);
	store_close(&store);
}

static void all_or_nothing(void **state)
{
	struct store *store = open_still();
	struct store_decision decision;
	unsigned char id[STORE_ID_SIZE];
	char keys[3][STORE_KEY_SIZE];
	struct store_charge charges[3];

	(void)state;
	store_id(id);
	for (size_t i = 0; i < 3; i++) {
		new_key(keys[i]);
		charges[i] = charge(keys[i], i == 1 ? 4 : 100, 5);
	}
	assert_int_equal(store_reserve(store, id, 1, charges, 3, &decision), STORE_OVER);
	assert_int_equal(decision.over, 1);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(used(store, keys[i]), 0);
	charges[1].limit = 6;
	assert_int_equal(store_reserve(store, id, 1, charges, 3, &decision), STORE_OK);
	assert_int_equal(decision.over, 1);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(used(store, keys[i]), 5);
	store_close(&store);
}

static void repeating_charges_once(void **state)
{
	struct store *store = open_still();
	unsigned char id[STORE_ID_SIZE];
	char key[STORE_KEY_SIZE];

	(void)state;
	new_key(key);
	store_id(id);
	for (int i = 0; i < 3; i++)
		assert_int_equal(reserve(store, id, 1, key, 3, 2), STORE_OK);
	assert_int_equal(used(store, key), 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(reserve(store, id, 2, key, 3, 1), STORE_OK);
	assert_int_equal(used(store, key), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(reserve(store, id, 3, key, 3, 1), STORE_OVER);
	assert_int_equal(reserve(store, id, 2, key, 1, 1), STORE_OK);
	assert_int_equal(used(store, key), 3);
	store_close(&store);
}

static void give_back_is_exact(void **state)
{
	struct store *store = open_still();
	unsigned char id[STORE_ID_SIZE], other[STORE_ID_SIZE];
	char key[STORE_KEY_SIZE];
	struct store_charge one;

	(void)state;
	new_key(key);
	store_id(id);
	store_id(other);
	one = charge(key, 100, 3);
	assert_int_equal(reserve(store, other, 1, key, 100, 7), STORE_OK);
	for (unsigned sequence = 1; sequence <= 5; sequence++)
		assert_int_equal(reserve(store, id, sequence, key, 100, 3), STORE_OK);
	assert_int_equal(used(store, key), 22);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_give_back(store, id, 3, &one, 1), STORE_OK);
		assert_int_equal(used(store, key), 19);
	}
	assert_int_equal(store_give_back(store, id, 9, &one, 1), STORE_OK);
	assert_int_equal(used(store, key), 19);
	assert_int_equal(reserve(store, id, 6, key, 100, 3), STORE_OK);
	assert_int_equal(store_give_back(store, id, 1, &one, 1), STORE_OK);
	assert_int_equal(used(store, key), 19);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_give_back(store, id, 0, &one, 1), STORE_OK);
		assert_int_equal(used(store, key), 7);
	}
	store_close(&store);
}

static void committed_stays(void **state)
{
	struct store *store = open_still();
	unsigned char id[STORE_ID_SIZE];
	char key[STORE_KEY_SIZE];
	struct store_charge one;

	(void)state;
	new_key(key);
	store_id(id);
	one = charge(key, 100, 3);
	assert_int_equal(reserve(store, id, 1, key, 100, 3), STORE_OK);
	store_commit(store, id, &one, 1);
	assert_int_equal(used(store, key), 3);
	assert_int_equal(store_give_back(store, id, 0, &one, 1), STORE_OK);
	assert_int_equal(store_give_back(store, id, 1, &one, 1), STORE_OK);
	assert_int_equal(used(store, key), 3);
	store_close(&store);
}

/* Sixteen limits with the longest label; a growing reservation of 2,000 recipients; sums near the
 * bounds of what is counted. */
static void large_steps(void **state)
{
	struct store *store = open_still();
	struct store_decision decision;
	unsigned char id[STORE_ID_SIZE];
	char keys[STORE_CHARGES_MAX][STORE_KEY_SIZE];
	struct store_charge charges[STORE_CHARGES_MAX];
	char label[400];

	(void)state;
	memset(label, 'x', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	store_id(id);
	for (size_t i = 0; i < STORE_CHARGES_MAX; i++) {
		new_key(keys[i]);
		charges[i] = charge(keys[i], 2000, 1);
		charges[i].label = label;
		charges[i].window_ms = INT64_MAX;
	}
	for (unsigned sequence = 1; sequence <= 2000; sequence++)
		assert_int_equal(store_reserve(store, id, sequence, charges,
					 sequence > 100 ? 1 : 16, &decision),
			STORE_OK);
	assert_int_equal(store_reserve(store, id, 2001, charges, 1, &decision), STORE_OVER);
	charges[0].limit = INT64_MAX;
	charges[0].units = (INT64_C(1) << 52) - 2000;
	assert_int_equal(store_reserve(store, id, 2001, charges, 1, &decision), STORE_OK);
	assert_true(decision.used == INT64_C(1) << 52);
	charges[0].units = 1;
	assert_int_equal(store_reserve(store, id, 2002, charges, 1, &decision), STORE_OVER);
	charges[0].units = INT64_MAX;
	assert_int_equal(store_reserve(store, id, 2002, charges, 1, &decision), STORE_OVER);
	assert_int_equal(store_give_back(store, id, 0, charges, 16), STORE_OK);
	for (size_t i = 0; i < STORE_CHARGES_MAX; i++) {
		int64_t units = -1;

		assert_int_equal(store_peek(store, &charges[i], 1, &units), STORE_OK);
		assert_int_equal(units, 0);
	}
	store_close(&store);
}

static void wrong_arguments(void **state)
{
	struct store *store = open_still();
	struct store_decision decision;
	unsigned char id[STORE_ID_SIZE];
	char key[STORE_KEY_SIZE];
	struct store_charge charges[STORE_CHARGES_MAX + 1];

	(void)state;
	new_key(key);
	store_id(id);
	for (size_t i = 0; i <= STORE_CHARGES_MAX; i++)
		charges[i] = charge(key, 10, -5);
	assert_int_equal(store_reserve(store, id, 1, charges, 17, &decision), STORE_DOWN);
	assert_int_equal(store_reserve(store, id, 1, charges, 2, &decision), STORE_DOWN);
	assert_int_equal(store_reserve(store, id, 0, charges, 1, &decision), STORE_DOWN);
	assert_int_equal(store_reserve(store, id, 1, charges, 1, &decision), STORE_OK);
	assert_int_equal(store_reserve(store, id, 1, charges, 0, &decision), STORE_OK);
	assert_int_equal(used(store, key), 0);
	store_close(&store);
}

struct crowd {
	struct store *store;
	const char *key;
	int64_t limit;
	int attempts;
	int64_t cost_max;
	_Atomic int64_t accepted;
};

static void *attempt_often(void *argument)
{
	struct crowd *crowd = argument;

	for (int i = 0; i < crowd->attempts; i++) {
		unsigned char id[STORE_ID_SIZE];
		int64_t units;

		store_id(id);
		units = 1 + id[0] % crowd->cost_max;
		if (reserve(crowd->store, id, 1, crowd->key, crowd->limit, units) == STORE_OK)
			atomic_fetch_add(&crowd->accepted, units);
	}
	return NULL;
}

static int64_t accepted_of(struct store *store, int64_t limit, int64_t cost_max)
{
	struct crowd crowd = {.store = store, .limit = limit, .cost_max = cost_max};
	char key[STORE_KEY_SIZE];
	pthread_t threads[THREADS];

	new_key(key);
	crowd.key = key;
	crowd.attempts = (int)(10 * limit / THREADS / ((cost_max + 1) / 2)) + 1;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, attempt_often, &crowd), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(used(store, key), atomic_load(&crowd.accepted));
	return atomic_load(&crowd.accepted);
}

static void a_crowd_gets_exactly_the_limit(void **state)
{
	struct store *store = open_store();

	(void)state;
	for (int64_t limit = 1; limit <= 1000; limit *= 10) {
		int64_t accepted = accepted_of(store, limit, 1);
		int64_t sum = accepted_of(store, limit * 50, 50);

		assert_int_equal(accepted, limit);
		assert_in_range(sum, limit * 50 - 49, limit * 50);
	}
	store_close(&store);
}

static void *count_alone(void *argument)
{
	struct store *store = argument;
	struct store_decision decision;
	unsigned char id[STORE_ID_SIZE];
	char key[STORE_KEY_SIZE];
	struct store_charge one;

	new_key(key);
	one = charge(key, 1000, 1);
	store_id(id);
	for (unsigned sequence = 1; sequence <= 100; sequence++) {
		enum store_status status = store_reserve(store, id, sequence, &one, 1, &decision);

		if (status != STORE_OK || decision.used != sequence)
			return argument;
		if (sequence % 10 == 0)
			store_commit(store, id, &one, 1);
	}
	return NULL;
}

/* Calls of many threads travel together; each gets its own reply. */
static void nobody_gets_the_reply_of_another(void **state)
{
	struct store *store = open_still();
	pthread_t threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_alone, store), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *failed;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	store_close(&store);
}

static void values_expire(void **state)
{
	struct store *store = open_store();
	char name[STORE_KEY_SIZE], bytes[STORE_VALUE_MAX + 1];
	void *value;
	size_t length;

	(void)state;
	new_key(name);
	memset(bytes, '\n', sizeof(bytes));
	bytes[1] = '\0';
	assert_int_equal(store_get(store, name, &value, &length), STORE_OK);
	assert_null(value);
	assert_int_equal(store_put(store, name, bytes, STORE_VALUE_MAX, HOUR_MS), STORE_OK);
	assert_int_equal(store_get(store, name, &value, &length), STORE_OK);
	assert_int_equal(length, STORE_VALUE_MAX);
	assert_memory_equal(value, bytes, length);
	mem_free(value);
	assert_int_equal(store_put(store, name, "short", 5, 1), STORE_OK);
	do {
		assert_int_equal(store_get(store, name, &value, &length), STORE_OK);
		mem_free(value);
	} while (value != NULL);
	assert_int_equal(store_put(store, name, bytes, sizeof(bytes), 1), STORE_DOWN);
	assert_int_equal(store_put(store, name, bytes, 0, 1), STORE_DOWN);
	store_close(&store);
}

static void sets_are_of_redis(void **state)
{
	struct store *store = open_store();
	char reply[64];
	bool has = true;

	(void)state;
	if (url != NULL)
		private_redis_command(&redis, "SADD users a@example.net", reply, sizeof(reply));
	assert_int_equal(store_set_has(store, "users", "a@example.net", &has), STORE_OK);
	assert_int_equal(has, url != NULL);
	assert_int_equal(
		store_set_has(store, "users", "b@example.net\r\nDEL users", &has), STORE_OK);
	assert_false(has);
	assert_int_equal(store_set_has(store, "nobody", "", &has), STORE_OK);
	assert_false(has);
	store_close(&store);
}

static void keys_are_unambiguous(void **state)
{
	static const struct {
		const char *parts[3];
		size_t count;
	} rows[] = {
		{{"limit", "a@example.net"}, 2},
		{{"limita@example.net"}, 1},
		{{"limit", "", "a@example.net"}, 3},
		{{"limit", "a@example.net", ""}, 3},
		{{"limi", "ta@example.net"}, 2},
		{{""}, 0},
	};
	char keys[ARRAY_COUNT(rows)][STORE_KEY_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		store_key(keys[i], rows[i].parts, rows[i].count);
		assert_int_equal(strspn(keys[i], "0123456789abcdef"), STORE_KEY_SIZE - 1);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(keys[i], keys[j]);
	}
}

static int use_memory(void **state)
{
	(void)state;
	url = NULL;
	return 0;
}

static int use_redis(void **state)
{
	(void)state;
	private_redis_start(&redis, NULL);
	url = redis.url;
	return 0;
}

static int stop_redis(void **state)
{
	(void)state;
	private_redis_remove(&redis);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
		cmocka_unit_test(up_to_the_limit),
		cmocka_unit_test(room_comes_back_with_the_slot),
		cmocka_unit_test(far_ahead_is_corrupt_but_still_counts),
		cmocka_unit_test(all_or_nothing),
		cmocka_unit_test(repeating_charges_once),
		cmocka_unit_test(give_back_is_exact),
		cmocka_unit_test(committed_stays),
		cmocka_unit_test(large_steps),
		cmocka_unit_test(wrong_arguments),
		cmocka_unit_test(a_crowd_gets_exactly_the_limit),
		cmocka_unit_test(nobody_gets_the_reply_of_another),
		cmocka_unit_test(values_expire),
		cmocka_unit_test(sets_are_of_redis),
		cmocka_unit_test(keys_are_unambiguous),
	};
	int failed = cmocka_run_group_tests_name("store, memory", cases, use_memory, NULL);

	return failed + cmocka_run_group_tests_name("store, Redis", cases, use_redis, stop_redis);
}
