/* SPDX-License-Identifier: BSD-2-Clause */
/* What only the memory half does; store_test.c has what both do. */
#include "../../tests/lib/store_case.h"

/* Memory only: new keys are refused when there is no room, known ones go on, expired ones go. */
static void memory_is_bounded(void **state)
{
	struct store_options small = options();
	char why[128], key[STORE_KEY_SIZE], first[STORE_KEY_SIZE];
	unsigned char id[STORE_ID_SIZE];
	struct store_state now;
	struct store *store;
	size_t count = 0;

	(void)state;
	small.memory_bytes = 65536;
	store = store_open(&small, why, sizeof(why));
	assert_non_null(store);
	atomic_store(&fake_now, 1700000000000);
	store->clock = fake_clock;
	new_key(first);
	store_id(id);
	assert_int_equal(reserve(store, id, 1, first, 10, 1), STORE_OK);
	do {
		new_key(key);
		assert_true(++count < 10000);
	} while (reserve(store, id, 1, key, 10, 1) == STORE_OK);
	store_state(store, &now);
	assert_int_equal(now.keys, count);
	assert_in_range(now.bytes, 32768, 65536);
	assert_non_null(strstr(now.detail, "no room"));
	assert_int_equal(reserve(store, id, 2, first, 10, 1), STORE_OK);
	assert_int_equal(store_put(store, "name", "value", 5, HOUR_MS), STORE_DOWN);
	atomic_fetch_add(&fake_now, 2 * HOUR_MS);
	for (size_t i = 1; i < count; i++) {
		new_key(key);
		assert_int_equal(reserve(store, id, 1, key, 10, 1), STORE_OK);
	}
	store_state(store, &now);
	assert_in_range(now.bytes, 1, 65536);
	store_close(&store);
}

static void impossible_options(void **state)
{
	static char url_of_web[] = "http://x";
	static const struct {
		struct store_options options;
		const char *why;
	} rows[] = {
		{{.url = url_of_web}, "store URL"},
		{{.timeout_ms = 0}, "timeout"},
		{{.timeout_ms = -1}, "timeout"},
		{{.connect_timeout_ms = INT64_MAX}, "connect_timeout"},
		{{.connections = 0}, "connections"},
		{{.connections = INT64_MAX}, "connections"},
		{{.memory_bytes = 1}, "memory"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct store_options wrong = options();
		char why[128] = "";

		if (i == 0)
			wrong.url = rows[i].options.url;
		else if (i <= 2)
			wrong.timeout_ms = rows[i].options.timeout_ms;
		else if (i == 3)
			wrong.connect_timeout_ms = rows[i].options.connect_timeout_ms;
		else if (i <= 5)
			wrong.connections = rows[i].options.connections;
		else
			wrong.memory_bytes = rows[i].options.memory_bytes;
		assert_null(store_open(&wrong, why, sizeof(why)));
		if (strstr(why, rows[i].why) == NULL)
			fail_msg("%zu: %s", i, why);
	}
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(impossible_options),
	};

	return cmocka_run_group_tests(cases, use_memory, NULL);
}
