/* SPDX-License-Identifier: BSD-2-Clause */
/* One set of cases for both halves: what store.h promises holds whatever stands behind it. */
#include "../../tests/lib/store_case.h"
#include "mem.h"

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

/* A hundred limits with the longest label; a growing reservation of 2,000 recipients; sums near the
 * bounds of what is counted. */
static void large_steps(void **state)
{
	struct store *store = open_still();
	struct store_decision decision;
	unsigned char id[STORE_ID_SIZE];
	enum { MANY = 100 };
	char keys[MANY][STORE_KEY_SIZE];
	struct store_charge charges[MANY];
	char label[400];

	(void)state;
	memset(label, 'x', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	store_id(id);
	for (size_t i = 0; i < MANY; i++) {
		new_key(keys[i]);
		charges[i] = charge(keys[i], 2000, 1);
		charges[i].label = label;
		charges[i].window_ms = INT64_MAX;
	}
	for (unsigned sequence = 1; sequence <= 2000; sequence++)
		assert_int_equal(store_reserve(store, id, sequence, charges,
					 sequence > 20 ? 1 : MANY, &decision),
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
	assert_int_equal(store_give_back(store, id, 0, charges, MANY), STORE_OK);
	for (size_t i = 0; i < MANY; i++) {
		int64_t units = -1;

		assert_int_equal(store_peek(store, &charges[i], 1, &units), STORE_OK);
		assert_int_equal(units, 0);
	}
	store_close(&store);
}

/* Charges that only look on: each is taken where it fits, and says so where it does not; none refuses. */
static void watched_charges(void **state)
{
	enum { MANY = 40, OVER = 7, REFUSES = 3 };
	struct store *store = open_still();
	struct store_decision decision;
	unsigned char id[STORE_ID_SIZE];
	char keys[MANY][STORE_KEY_SIZE];
	struct store_charge charges[MANY];
	struct store_watch watches[MANY];

	(void)state;
	store_id(id);
	for (size_t i = 0; i < MANY; i++) {
		new_key(keys[i]);
		charges[i] = charge(keys[i], i % OVER == 1 ? 1 : 9, 2);
		charges[i].watch = i == REFUSES ? NULL : &watches[i];
	}
	for (unsigned sequence = 1; sequence <= 6; sequence++) {
		bool refused = sequence > 4;
		int64_t want = 2 * (refused ? 4 : sequence);

		memset(watches, 0xff, sizeof(watches));
		assert_int_equal(store_reserve(store, id, sequence, charges, MANY, &decision),
			refused ? STORE_OVER : STORE_OK);
		if (refused)
			assert_int_equal(decision.over, REFUSES);
		assert_int_equal(decision.used, want);
		for (size_t i = 0; i < MANY; i++) {
			bool over = i % OVER == 1;

			assert_int_equal(used(store, keys[i]), over ? 0 : want);
			if (i == REFUSES)
				continue;
			assert_int_equal(watches[i].over, over || refused);
			assert_int_equal(watches[i].used, watches[i].over && !over ? want : 0);
			assert_int_equal(watches[i].retry_after_ms > 0, watches[i].over);
		}
	}
	/* None is left that refuses. */
	charges[REFUSES] = charges[1];
	assert_int_equal(store_look(store, charges, 3, &decision), STORE_OK);
	assert_true(watches[0].over && watches[1].over && watches[2].over);
	assert_int_equal(store_give_back(store, id, 0, charges, MANY - 1), STORE_DOWN);
	assert_int_equal(store_give_back(store, id, 0, charges, REFUSES), STORE_OK);
	assert_int_equal(used(store, keys[0]), 0);
	assert_int_equal(used(store, keys[4]), 8);
	store_close(&store);
}

/* Of a reservation 32 runs of calls are kept apart, so that its key stays small; what is older is given
 * back with the whole, to the last unit. */
static void reservation_in_many_pieces(void **state)
{
	struct store *store = open_still();
	unsigned char id[STORE_ID_SIZE];
	char key[STORE_KEY_SIZE];
	struct store_charge one;

	(void)state;
	new_key(key);
	store_id(id);
	for (unsigned sequence = 1; sequence <= 300; sequence++)
		assert_int_equal(
			reserve(store, id, sequence, key, 1000, 1 + sequence % 2), STORE_OK);
	assert_int_equal(used(store, key), 450);
	one = charge(key, 1000, 2);
	assert_int_equal(store_give_back(store, id, 269, &one, 1), STORE_OK);
	assert_int_equal(used(store, key), 450);
	assert_int_equal(store_give_back(store, id, 271, &one, 1), STORE_OK);
	assert_int_equal(used(store, key), 448);
	assert_int_equal(reserve(store, id, 301, key, 1000, 5), STORE_OK);
	assert_int_equal(store_give_back(store, id, 0, &one, 1), STORE_OK);
	assert_int_equal(used(store, key), 0);
	store_close(&store);
}

/* Holes: every second call given back at once, the rest at the end. */
static void reservation_with_holes(void **state)
{
	struct store *store = open_still();
	unsigned char id[STORE_ID_SIZE];
	char key[STORE_KEY_SIZE];
	struct store_charge one;

	(void)state;
	new_key(key);
	store_id(id);
	one = charge(key, 1000, 1);
	for (unsigned sequence = 1; sequence <= 500; sequence++)
		assert_int_equal(reserve(store, id, sequence, key, 1000, 1), STORE_OK);
	for (unsigned sequence = 2; sequence <= 500; sequence += 2)
		assert_int_equal(store_give_back(store, id, sequence, &one, 1), STORE_OK);
	assert_int_equal(used(store, key), 250);
	for (unsigned sequence = 500; sequence > 0; sequence -= 2)
		assert_int_equal(store_give_back(store, id, sequence, &one, 1), STORE_OK);
	assert_int_equal(used(store, key), 250);
	assert_int_equal(store_give_back(store, id, 0, &one, 1), STORE_OK);
	assert_int_equal(used(store, key), 0);
	store_close(&store);
}

static void wrong_arguments(void **state)
{
	struct store *store = open_still();
	struct store_decision decision;
	unsigned char id[STORE_ID_SIZE];
	char key[STORE_KEY_SIZE];
	struct store_charge charges[2];

	(void)state;
	new_key(key);
	store_id(id);
	for (size_t i = 0; i < ARRAY_COUNT(charges); i++)
		charges[i] = charge(key, 10, -5);
	assert_int_equal(store_reserve(store, id, 1, charges, 2, &decision), STORE_DOWN);
	assert_int_equal(store_reserve(store, id, 0, charges, 1, &decision), STORE_DOWN);
	assert_int_equal(store_reserve(store, id, 1, charges, 1, &decision), STORE_OK);
	assert_int_equal(store_reserve(store, id, 1, charges, 0, &decision), STORE_OK);
	assert_int_equal(used(store, key), 0);
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

static enum store_set has_one(
	struct store *store, const char *key, const char *first, const char *second)
{
	const char *const members[] = {first, second};
	enum store_set set = STORE_SET_HAS;

	assert_int_equal(store_set_has(store, key, members, 2, &set), STORE_OK);
	return set;
}

static void sets_are_of_redis(void **state)
{
	struct store *store = open_store();
	enum store_set has = url != NULL ? STORE_SET_HAS : STORE_SET_MISSING;
	enum store_set lacks = url != NULL ? STORE_SET_LACKS : STORE_SET_MISSING;

	(void)state;
	if (url != NULL) {
		at_redis("SADD users a@example.net");
		at_redis("HSET fields a@example.net 1 n 0");
		at_redis("SET text a");
	}
	for (int i = 0; i < 2; i++) {
		const char *key = i == 0 ? "users" : "fields";

		assert_int_equal(has_one(store, key, "a@example.net", "b@example.net"), has);
		assert_int_equal(has_one(store, key, "b@example.net", "a@example.net"), has);
		assert_int_equal(has_one(store, key, "b@example.net\r\nDEL users", ""), lacks);
	}
	assert_int_equal(has_one(store, "nobody", "", "a@example.net"), STORE_SET_MISSING);
	if (url != NULL) {
		const char *const member[] = {"a"};

		/* Neither: nobody can say. */
		assert_int_equal(store_set_has(store, "text", member, 1, &has), STORE_DOWN);
		assert_int_equal(has, STORE_SET_MISSING);
	}
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
		cmocka_unit_test(watched_charges),
		cmocka_unit_test(reservation_in_many_pieces),
		cmocka_unit_test(reservation_with_holes),
		cmocka_unit_test(wrong_arguments),
		cmocka_unit_test(values_expire),
		cmocka_unit_test(sets_are_of_redis),
		cmocka_unit_test(keys_are_unambiguous),
	};

	return run_on_every_store(cases);
}
